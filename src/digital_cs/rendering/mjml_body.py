"""Turns Markdown tokens into the MJML components of one column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from markdown_it.token import Token

from digital_cs.rendering.link_marks import html_address
from digital_cs.rendering.markdown import BUTTON, alignment, asks, attribute, only_child
from digital_cs.rendering.mjml_rows import is_rows, rows

# Written into each element, because several clients drop the style sheet in the head. The
# layout's style sheet adds what only a style sheet can: small screens and dark mode.
_STYLES = {
    "p": "margin:0 0 16px",
    "h1": "margin:8px 0 16px;font-size:24px;line-height:1.3",
    "h2": "margin:8px 0 12px;font-size:19px;line-height:1.3",
    "h3": "margin:8px 0 8px;font-size:16px;line-height:1.4",
    "ul": "margin:0 0 16px;padding-left:22px",
    "ol": "margin:0 0 16px;padding-left:22px",
    "li": "margin:0 0 6px",
    "blockquote": "margin:0 0 16px;padding-left:14px;border-left:3px solid #d9d2c5",
    "pre": "margin:0 0 16px;white-space:pre-wrap;font-family:monospace;font-size:14px",
    "code": "font-family:monospace;font-size:14px",
    "a": "color:#0b6e4f;text-decoration:underline",
    "img": "max-width:100%;border:0",
    "table": "width:100%;margin:0 0 16px;border-collapse:collapse",
    "th": "padding:8px 12px 8px 0;border-bottom:2px solid #d9d2c5;font-size:14px",
    "td": "padding:8px 12px 8px 0;border-bottom:1px solid #e3ddd2;vertical-align:top",
}


# What authors write in MJML of their own looks like what is written in Markdown.
_UNSTYLED = re.compile(rf"<({'|'.join(_STYLES)})(?=[\s/>])(?![^>]*\sstyle=)")


def _open(tag: str, attributes: str = "") -> str:
    style = f' style="{_STYLES[tag]}"' if tag in _STYLES else ""
    return f"<{tag}{attributes}{style}>"


def inline_html(children: Sequence[Token]) -> str:
    """The HTML of one line of Markdown, styles in place. Text is escaped; tokens stay."""
    parts: list[str] = []
    for child in children:
        match child.type:
            case "text":
                parts.append(escape(child.content))
            case "softbreak":
                parts.append("\n")
            case "hardbreak":
                parts.append("<br />")
            case "code_inline":
                parts.append(f"{_open('code')}{escape(child.content)}</code>")
            case "link_open":
                parts.append(_open("a", f' href="{html_address(child)}"'))
            case "image":
                source = escape(attribute(child, "src"))
                parts.append(
                    f'<img src="{source}" alt="{escape(child.content)}" style="{_STYLES["img"]}" />'
                )
            case _:
                parts.append(_open(child.tag) if child.nesting == 1 else f"</{child.tag}>")
    return "".join(parts)


class MjmlBody:
    """Collects text into `mj-text`; what needs its own row (button, image, rule) closes it."""

    def __init__(self, css_class: str) -> None:
        self._class = css_class
        self._rows: list[str] = []
        self._text: list[str] = []

    def render(self, tokens: Sequence[Token]) -> str:
        """The rows for `tokens`, which are a whole document."""
        depth = 0
        position = 0
        while position < len(tokens):
            token = tokens[position]
            if token.type == "thead_open" and _empty(tokens, position):
                position = next(
                    i for i in range(position, len(tokens)) if tokens[i].type == "thead_close"
                )
                position += 1
                continue
            if depth == 0 and (row := self._own_row(tokens, position)):
                self._flush()
                self._rows.append(row)
                position += 3 if token.type == "paragraph_open" else 1
                continue
            self._add(token)
            depth += token.nesting
            position += 1
        self._flush()
        return "\n".join(self._rows)

    def _flush(self) -> None:
        if self._text:
            text = "".join(self._text)
            self._rows.append(
                f'<mj-text mj-class="{self._class}" css-class="{self._class}">{text}</mj-text>'
            )
            self._text = []

    def _own_row(self, tokens: Sequence[Token], position: int) -> str | None:
        token = tokens[position]
        if token.type == "jinja":
            # Between rows, so that a condition takes whole table rows with it.
            return f"<mj-raw>{token.content}</mj-raw>"
        if is_rows(token):
            return _UNSTYLED.sub(lambda tag: _open(tag[1]).rstrip(">"), rows(token))
        if token.type == "hr":
            return "<mj-divider />"
        if token.type != "paragraph_open":
            return None
        inline = tokens[position + 1]
        only = only_child(inline)
        if only is not None and only.type == "image":
            source, alt = escape(attribute(only, "src")), escape(only.content)
            return f'<mj-image src="{source}" alt="{alt}" />'
        if only is not None and asks(only, BUTTON):
            label = inline_html((inline.children or [])[1:-1])
            return f'<mj-button href="{html_address(only)}">{label}</mj-button>'
        return None

    def _add(self, token: Token) -> None:
        match token.type:
            case "inline":
                self._text.append(inline_html(token.children or []))
            case "jinja":
                self._text.append(token.content)
            case "fence":
                self._text.append(f"{_open('pre')}{escape(token.content.rstrip())}</pre>")
            case "hr":
                self._text.append("<hr />")
            case "ordered_list_open":
                start = attribute(token, "start")
                self._text.append(_open("ol", f' start="{start}"' if start else ""))
            case "table_open":
                self._text.append(_open("table", ' width="100%" cellpadding="0" cellspacing="0"'))
            case "th_open" | "td_open":
                self._text.append(_cell(token))
            case _ if token.hidden:
                pass  # the paragraph of a tight list item
            case _:
                opened = token.nesting == 1
                self._text.append(_open(token.tag) if opened else f"</{token.tag}>")


def _cell(token: Token) -> str:
    """A cell's opening tag; its outer edge is that of the text around the table."""
    align = alignment(token) or "left"
    opened = _open(token.tag, f' align="{align}"')
    return opened.replace("8px 12px 8px 0", "8px 0 8px 12px") if align == "right" else opened


def _empty(tokens: Sequence[Token], head: int) -> bool:
    """Whether the head of a table, which begins at `head`, has no word in it."""
    for token in tokens[head:]:
        if token.type == "thead_close":
            return True
        if token.type == "inline" and token.content:
            return False
    return True
