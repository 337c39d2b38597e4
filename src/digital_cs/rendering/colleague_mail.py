"""Mail to colleagues: Markdown to text and HTML, through the same steps as customers' e-mails."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from digital_cs.rendering.layout import compile_shell
from digital_cs.rendering.markdown import parse
from digital_cs.rendering.mjml_body import MjmlBody
from digital_cs.rendering.plain_text import TextTwin, finish, rule
from digital_cs.rendering.tags import TOKEN, Line, TagTable, tokenize

FILE = "the layout of mail to colleagues"

# Not the company's layout: that one is for customers, and a mistake in it must not keep those from
# being told who can mend it.
_LAYOUT = """<mjml lang="en">
  <mj-head>
    <mj-title>{{ subject }}</mj-title>
    <mj-preview>{{ preview }}</mj-preview>
    <mj-raw>
      <meta name="color-scheme" content="light dark" />
      <meta name="supported-color-schemes" content="light dark" />
    </mj-raw>
    <mj-attributes>
      <mj-all font-family="-apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif" />
      <mj-text padding="0 28px" font-size="16px" line-height="1.5" color="#1c2430" />
      <mj-class name="body" />
      <mj-class name="footer" font-size="13px" line-height="1.5" color="#566073" />
      <mj-button css-class="action" align="left" padding="0 28px 8px" inner-padding="9px 18px"
        border-radius="6px" background-color="#1f5fd1" color="#ffffff" font-size="15px" />
      <mj-divider css-class="line" padding="14px 28px 18px" border-width="1px"
        border-color="#dfe4ea" />
      <mj-section padding="0" />
    </mj-attributes>
    <mj-style>
      :root { color-scheme: light dark; supported-color-schemes: light dark; }
      @media (max-width: 479px) {
        .body, .footer, .action, .line { padding-left: 18px !important;
          padding-right: 18px !important; }
      }
      @media (prefers-color-scheme: dark) {
        body, .page { background-color: #12161c !important; }
        .card { background-color: #1d232d !important; }
        .card > table { background-color: #1d232d !important; }
        .body div { color: #eceff4 !important; }
        .footer div { color: #aab3c2 !important; }
        .body a, .footer a { color: #8ab4ff !important; }
        .line p { border-color: #333b48 !important; }
      }
      [data-ogsc] .body div { color: #eceff4 !important; }
      [data-ogsc] .body a { color: #8ab4ff !important; }
    </mj-style>
  </mj-head>
  <mj-body background-color="#f3f5f8" css-class="page">
    <mj-section css-class="card" background-color="#ffffff" padding="26px 0 14px">
      <mj-column>
        {{ content }}
      </mj-column>
    </mj-section>
    <mj-section padding="18px 0 28px">
      <mj-column>
        {{ footer }}
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+.!|~&-])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ue000-\ue00f]+")


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to a colleague: what it says."""

    subject: str
    text: str
    html: str


def literal(value: str) -> str:
    """A value in Markdown that is shown as it is, on one line, whatever it holds."""
    flat = " ".join(_CONTROL.sub(" ", value).split())
    flat = TOKEN.sub(lambda found: f"{found[0][:2]}\u200b{found[0][2:]}", flat)
    return _MARKUP.sub(r"\\\1", flat)


def letter(subject: str, preview: str, *, html: str, text: str, footer: str) -> Letter:
    """A mail of Markdown: `html` and `text` may say the same with more or fewer links.

    Values in them went through `literal`. The footer stands under both.
    """
    table = TagTable()
    shell, _ = tokenize(_LAYOUT, FILE, 1, table)
    slots = {
        "content": MjmlBody("body").render(parse(_lines(html))),
        "footer": MjmlBody("footer").render(parse(_lines(footer))),
        "subject": escape(subject),
        "preview": escape(preview),
    }
    page, problems = compile_shell(FILE, shell, slots, table)
    if problems:
        raise ValueError(f"a mail to a colleague cannot be made: {problems[0].message}")
    twin = TextTwin(table)
    plain = (
        twin.render(parse(_lines(text))) + rule() + TextTwin(table).render(parse(_lines(footer)))
    )
    return Letter(" ".join(_CONTROL.sub(" ", subject).split()), finish(plain), page)


def _lines(markdown: str) -> list[Line]:
    return [Line(text, FILE, n) for n, text in enumerate(markdown.split("\n"), 1)]
