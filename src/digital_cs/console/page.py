"""The frame of a small page for recipients: no script, nothing from elsewhere, any screen."""

from __future__ import annotations

import base64
import hashlib

from fastapi.responses import HTMLResponse

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #566073; --paper: #fff;
  --ground: #f3f5f8; --line: #dfe4ea; --button: #1f5fd1; --label: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceff4; --soft: #aab3c2; --paper: #1d232d; --ground: #12161c;
    --line: #333b48; --button: #8ab4ff; --label: #0c1a33; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.25rem;
  background: var(--ground); color: var(--ink);
  font: 1.0625rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { width: 100%; max-width: 31rem; padding: 2rem; border: 1px solid var(--line);
  border-radius: 14px; background: var(--paper); overflow-wrap: anywhere; }
h1 { margin: 0 0 .75rem; font-size: 1.4rem; line-height: 1.25; text-wrap: balance; }
h2, legend { margin: 0; padding: 0; font-size: 1.0625rem; font-weight: 600; line-height: 1.4; }
p { margin: 0 0 1rem; color: var(--soft); }
p:last-child, form { margin-bottom: 0; }
a { color: var(--button); }
button { width: 100%; margin-top: .5rem; padding: .8rem 1rem; border: 1px solid var(--button);
  border-radius: 10px; background: var(--button); color: var(--label); font: inherit;
  font-weight: 600; cursor: pointer; }
button.quiet { background: transparent; color: var(--button); }
a:focus-visible, button:focus-visible, input:focus-visible { outline: 3px solid var(--ink);
  outline-offset: 3px; border-radius: 6px; }
fieldset { margin: 0 0 1.25rem; padding: 0; border: 0; min-width: 0; }
label { display: flex; gap: .8rem; align-items: flex-start; padding: .7rem 0;
  border-bottom: 1px solid var(--line); cursor: pointer; }
label:last-of-type { border-bottom: 0; }
label span, label small { display: block; }
label small { color: var(--soft); font-size: .9375rem; line-height: 1.4; }
input[type=checkbox] { flex: none; width: 1.3rem; height: 1.3rem; margin: .15rem 0 0;
  accent-color: var(--button); }
input[type=radio] { flex: none; width: 1.3rem; height: 1.3rem; margin: .15rem 0 0;
  accent-color: var(--button); }
label.field { display: block; padding: .7rem 0 .3rem; border: 0; font-weight: 600; }
textarea, select, input[type=date], input[type=email] { display: block; width: 100%;
  min-height: 2.9rem;
  padding: .6rem .7rem; border: 1px solid var(--soft); border-radius: 8px;
  background: var(--paper); color: var(--ink); font: inherit; }
textarea { resize: vertical; }
textarea:focus-visible, select:focus-visible { outline: 3px solid var(--ink);
  outline-offset: 3px; }
textarea + button, input[type=email] + button { margin-top: 1.1rem; }
ul { margin: .4rem 0 0; padding-left: 1.2rem; }
ul.links { padding: 0; list-style: none; }
ul.links a { display: block; padding: .6rem 0; }
section { margin-top: 1.75rem; padding-top: 1.25rem; border-top: 1px solid var(--line); }
section p { margin: .15rem 0 .5rem; }
summary { padding: .7rem 0; font-weight: 600; cursor: pointer; }
summary:focus-visible { outline: 3px solid var(--ink); outline-offset: 3px; border-radius: 6px; }
details + p { margin-top: .8rem; }
h2 + pre.text { margin-top: .5rem; }
h2 + form > fieldset:first-child { margin-top: .9rem; }
details { border-bottom: 1px solid var(--line); }
pre.text { margin: 0 0 1rem; padding: .8rem .9rem; border-radius: 8px; background: var(--ground);
  font: .9375rem/1.5 ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace;
  white-space: pre-wrap; overflow-wrap: anywhere; }
.said { padding: .7rem 1rem; border-left: 4px solid var(--button); border-radius: 6px;
  background: var(--ground); color: var(--ink); }
.more { margin: 1.1rem 0 0; }
@media (max-width: 26rem) { body { padding: 0; place-items: stretch; }
  main { padding: 1.5rem 1.15rem; border: 0; border-radius: 0; } }
"""

_FRAME = f"""<!doctype html>
<html lang="%(language)s">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%(head)s</title>
<style>{_STYLE.replace("%", "%%")}</style>
</head>
<body>
<main>
<h1>%(title)s</h1>
%(body)s
</main>
</body>
</html>
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


_AS_READER = {
    # The layout of e-mails brings its own styles; nothing else may come, and nothing may run.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


def as_reader(html: str) -> HTMLResponse:
    """An e-mail as its reader sees it, kept by nobody."""
    return HTMLResponse(html, headers=_AS_READER)


def page(
    title: str, body: str, status: int = 200, headers: dict[str, str] | None = None,
    *, language: str = "en", said: str = "",
) -> HTMLResponse:  # fmt: skip
    """A whole page. All texts are HTML: escape what is not written in the source.

    `said` is told first: what just happened, which a screen reader hears with the page's name.
    """
    notice = f'<p class="said" role="status">{said}</p>\n' if said else ""
    text = _FRAME % {
        "title": title, "head": f"{said} {title}".strip(), "body": notice + body,
        "language": language,
    }  # fmt: skip
    return HTMLResponse(text, status, {**_HEADERS, **(headers or {})})
