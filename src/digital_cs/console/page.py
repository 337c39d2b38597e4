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
main { width: 100%; max-width: 30rem; padding: 2rem; border: 1px solid var(--line);
  border-radius: 14px; background: var(--paper); overflow-wrap: anywhere; }
h1 { margin: 0 0 .75rem; font-size: 1.4rem; line-height: 1.25; text-wrap: balance; }
p { margin: 0 0 1rem; color: var(--soft); }
p:last-child, form { margin-bottom: 0; }
button { width: 100%; margin-top: .5rem; padding: .85rem 1rem; border: 0; border-radius: 10px;
  background: var(--button); color: var(--label); font: inherit; font-weight: 600;
  cursor: pointer; }
button:focus-visible { outline: 3px solid var(--ink); outline-offset: 3px; }
"""

_FRAME = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%(title)s</title>
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


def page(
    title: str, body: str, status: int = 200, headers: dict[str, str] | None = None
) -> HTMLResponse:
    """A whole page. `title` and `body` are HTML: escape what is not written in the source."""
    text = _FRAME % {"title": title, "body": body}
    return HTMLResponse(text, status, {**_HEADERS, **(headers or {})})
