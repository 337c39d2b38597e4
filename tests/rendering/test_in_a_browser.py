"""E-mails as a browser draws them: on a phone and wide, by day and by night."""

from __future__ import annotations

from pathlib import Path

from digital_cs.rendering.render import render
from tests.console.browser import browsing
from tests.rendering.studio import CONTEXT, Studio, with_traits
from tests.rendering.test_shipped_emails import LIBRARY

# The contrast of every word with what is painted behind it, by the rule of WCAG 2.
FAINTEST = """
(() => {
  const parts = (color) => (color.match(/[0-9.]+/g) || []).map(Number);
  const light = (color) => {
    const [r, g, b] = parts(color).slice(0, 3).map((v) => v / 255)
      .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor;
      if (parts(color).length === 3 || parts(color)[3] > 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  let faintest = [99, ""];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const word = texts.currentNode.textContent.trim(), element = texts.currentNode.parentElement;
    if (!word || !element.checkVisibility() || !element.getClientRects().length) continue;
    if (getComputedStyle(element).opacity === "0") continue;
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < faintest[0]) faintest = [contrast, word];
  }
  return faintest;
})()
"""
EDGES = """
[...new Set([...document.querySelectorAll(".brand div, .body div, .action a, .line p")]
  .map((each) => Math.round(each.getBoundingClientRect().left)))]
"""
ALL_THERE_IS = """\
# A title that is long enough to need a second line on a phone

Hello {{ contact.first_name }}, a [link](https://a.example/x), `code` and **more**.

## Second

- one
- two

> A quote with a [link](https://a.example)

[A button](https://a.example "button")

---

| What | How much |
|---|---:|
| {% for row in account.traits.rows | default([]) %} |
| {{ row.what | default("") }} | {{ row.much | default("") }} |
| {% endfor %} |
| Total | **99.00** |
"""


def drawn(studio: Studio) -> dict[str, str]:
    """The HTML of one shipped e-mail of each kind, and of one with all that Markdown can do."""
    rows = [{"what": "A lamp of some length, with a cord", "much": "12.00"}] * 2
    messages = {
        name: render(LIBRARY.get(name), CONTEXT).html
        for name in ("welcome-trial-1", "renewal-30", "trial-ending")
    }
    messages["all"] = studio.email(ALL_THERE_IS).render(with_traits(rows=rows)).html
    return messages


async def test_emails_fit_a_phone_and_can_be_read_by_day_and_by_night(
    studio: Studio, tmp_path: Path
) -> None:
    found = []
    async with browsing() as tab:
        for name, text in drawn(studio).items():
            page = tmp_path / f"{name}.html"
            page.write_text(text, encoding="utf-8")
            for scheme in ("light", "dark"):
                media = [{"name": "prefers-color-scheme", "value": scheme}]
                await tab.call("Emulation.setEmulatedMedia", features=media)
                for width in (320, 600):
                    await tab.open(page.as_uri(), width)
                    over = await tab.ask("document.documentElement.scrollWidth - innerWidth")
                    contrast, word = await tab.ask(FAINTEST)
                    edges = await tab.ask(EDGES)
                    found.append((name, scheme, width, over <= 0, 4.5 < contrast < 25, len(edges)))
                    assert contrast > 4.5, (name, scheme, width, contrast, word)
        asked = [url for url in tab.asked_for if url.startswith("http")]
    assert asked == [], "an e-mail of words asks nobody for anything"
    assert [each for each in found if each[3:] != (True, True, 1)] == []
    assert len(found) == 16
