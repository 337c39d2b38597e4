"""The links of documents, with their lines."""

from __future__ import annotations

from digital_cs.domain.links.link_extract import WrittenLink, links_in

DOCUMENT = """\
# Title with [a link](https://a.test/1 "why")

See [one](https://a.test/2(x)), <https://a.test/3> and https://a.test/4. Also
![picture](/images/5.png) and [reference][6], or <a class="x" href='https://a.test/7?a=1&amp;b=2'>.

[6]: https://a.test/6
[^note]: https://a.test/note

```sh
curl https://code.test/1
```
`[no](https://code.test/2)` ~~~ (https://a.test/8).
<!-- [no](https://comment.test/
) --> [yes](<https://a.test/9 b>)
[anchor](#here) [mail](mailto:someone) [template]({{ url }}/x) [erb](<%= url %>)
"""


def test_links_are_found_with_their_lines() -> None:
    assert [(link.line, link.url) for link in links_in(DOCUMENT)] == [
        (1, "https://a.test/1"), (3, "https://a.test/2(x)"), (3, "https://a.test/3"),
        (3, "https://a.test/4"), (4, "/images/5.png"), (4, "https://a.test/7?a=1&b=2"),
        (6, "https://a.test/6"), (7, "https://a.test/note"), (12, "https://a.test/8"),
        (14, "https://a.test/9 b"),
    ]  # fmt: skip


def test_a_link_twice_on_a_line_is_one_place() -> None:
    assert links_in("[a](https://a.test/) <https://a.test/>\n\nhttps://a.test/") == [
        WrittenLink("https://a.test/", 1), WrittenLink("https://a.test/", 3),
    ]  # fmt: skip


def test_a_fence_that_is_not_closed_hides_the_rest_as_it_does_for_readers() -> None:
    assert links_in("````\n```\nhttps://a.test/\n") == []
