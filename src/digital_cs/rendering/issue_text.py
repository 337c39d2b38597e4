"""The text of an issue: its sections put together to the source of one e-mail."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from digital_cs.domain.newsletters.newsletter import Newsletter
from digital_cs.rendering.compiler import ARCHIVE
from digital_cs.rendering.source import SourceFile
from digital_cs.rendering.text_parts import (
    MARK,
    item_part,
    message_part,
    section_part,
    unmarked,
)

MOST_SUMMARY = 220
_INCLUDED_END = re.compile(r"^{%-?\s*include\s+[\"']blocks/signature\.md[\"']\s*-?%}\s*$", re.M)
_MEANT_FOR_MACHINES = str.maketrans({"{": "(", "}": ")", "<": "‹", ">": "›", "\n": " ", MARK: ""})
_TOPIC = re.compile(r"^topic: .*$", re.M)
_WEB_VIEW = re.compile(r"^\[Read it in a browser\]\(\S+\)\n+", re.M)
_MARKDOWN = re.compile(r"([\\`*_\[\]#!|~])")


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing that a section shows. `summary` is what it says in short, "" if nobody knows;
    `item` its id in the library, by which it is left out if it turns out to be wrong (P25)."""

    title: str
    url: str | None = None
    summary: str = ""
    item: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One filled section: Markdown that somebody wrote, or what it shows."""

    title: str = ""
    text: str = ""
    items: tuple[Shown, ...] = ()


def web_view(page: str) -> Part:
    """Where it can be read by who cannot read it as it came."""
    return Part(text=f"[Read it in a browser]({page})")


_MERGED = f"{MARK}merged{MARK}"
MERGED_HERE = Part(text=_MERGED)
"""Where each reader's own messages come, which are known only when the issue is sent."""


def with_merged(source: str, written: str) -> str:
    """The source of a variant with the messages of a reader, "" without any."""
    return source.replace(f"{_MERGED}\n\n", f"{written}\n\n" if written else "")


def issue_source(
    newsletter: Newsletter, parts: Sequence[Part], *, subject: str, preview: str,
    ending: str = "signature.md",
) -> str:  # fmt: skip
    """The source of an e-mail, as a file of content/emails would be. Empty parts are left out.

    What somebody wrote for the issue may have tags, and is checked as any e-mail is. Titles and
    summaries come from elsewhere: nothing in them is taken for Markdown, HTML or a tag.
    """
    front = {
        "subject": subject, "preview": preview or subject, "topic": newsletter.topic,
        "owner": newsletter.owner,
    }  # fmt: skip
    if newsletter.backup:
        front["backup"] = newsletter.backup
    # JSON's texts are YAML's, whatever is in them.
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items()]
    body = [written for part in parts if (written := _written(part))]
    body.append(f'{{% include "blocks/{ending}" %}}')
    return "\n".join(["---", *lines, "---", ""]) + "\n\n".join(body) + "\n"


def merged_text(title: str, emails: Mapping[str, SourceFile]) -> str:
    """Messages that wait for the issue, by the names of their e-mails, under their subjects."""
    texts = [f"## {plain(title)}"] if title else []
    for name, email in emails.items():
        body = _INCLUDED_END.sub("", email.body).strip()
        text = f"### {email.front['subject'].text}\n\n{body}"
        texts.append(message_part(name, email, text))
    return "\n\n".join(texts)


def texts_hash(hashes: Mapping[str, str]) -> str:
    """What an approval of an issue is bound to (P21): the source hash of each variant's text, which
    changes with its blocks and the layout, too."""
    return hashlib.sha256(json.dumps(dict(hashes), sort_keys=True).encode()).hexdigest()


def archived(source: str) -> str:
    """The source of a variant as anybody may read it: nobody's own messages, no own footer, and no
    link to where they are."""
    here = _WEB_VIEW.sub("", with_merged(source, ""))
    return _TOPIC.sub(f'topic: "{ARCHIVE}"', here, count=1)


def legible(source: str) -> str:
    """The source of a variant for people, without what is only marked in it for us."""
    return unmarked(with_merged(source, ""))


def summary_of(body: str, headings: Collection[str] = ()) -> str:
    """How a text begins below its first heading: whole sentences, in at most a few lines.

    `body` is as the library keeps it: plain, with a line for each line, headings among them.
    """
    said: list[str] = []
    for line in filter(None, map(str.strip, body.splitlines())):
        if line in headings:
            if said:
                break
        elif said or (line[0].isalpha() and not line.startswith(("import ", "export "))):
            said.append(line)
    return _short(" ".join(said))


def _short(text: str) -> str:
    """Whole sentences as far as they fit; else as many words."""
    if len(text) <= MOST_SUMMARY:
        return text
    cut = text[: MOST_SUMMARY + 1]
    sentence = max(cut.rfind(mark) for mark in (". ", "! ", "? "))
    if sentence > MOST_SUMMARY // 3:
        return cut[: sentence + 1]
    return cut.rsplit(" ", 1)[0].rstrip(",;:") + " …"


def _written(part: Part) -> str:
    if part is MERGED_HERE:
        return part.text
    said = [text for text in (_typed(part.text), *map(_item, part.items)) if text]
    if not said:
        return ""
    heading = [f"## {plain(part.title)}"] if part.title else []
    text = "\n\n".join([*heading, *said])
    return section_part(text) if part.items and all(each.item for each in part.items) else text


def _typed(text: str) -> str:
    return text.replace(MARK, "").strip()


def _item(item: Shown) -> str:
    title = plain(item.title)
    named = f"[{title}](<{item.url}>)" if item.url else title
    text = f"**{named}**" + (f"\\\n{plain(item.summary)}" if item.summary else "")
    return item_part(item.item, text) if item.item else text


def plain(text: str) -> str:
    """A text of which nothing is Markdown, HTML or a tag."""
    return _MARKDOWN.sub(r"\\\1", text.translate(_MEANT_FOR_MACHINES)).strip()
