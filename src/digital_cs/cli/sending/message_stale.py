"""How an e-mail goes out when parts of it are stale: for `digital-cs message preview --stale`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digital_cs.domain.content.content_policy import WhenStale
    from digital_cs.domain.content.stale_rule import Content
    from digital_cs.rendering.compiler import EmailTemplate

_EVER = timedelta(days=20 * 366)


def as_if_stale(
    template: EmailTemplate, names: Sequence[str], default: WhenStale, now: datetime
) -> tuple[EmailTemplate, list[str]]:
    """The e-mail as it goes out while these are stale, and sentences about what becomes of it.

    What is held is shown as it goes out after its limit. `names` are blocks, or the e-mail itself.
    Raises UsageError for what it does not show.
    """
    from digital_cs.domain.content.stale_rule import Doubt, resolve

    content = template.content
    places = {_place(content, name) for name in names}
    doubts = {place: Doubt("", place.partition("/")[2], now.date()) for place in places}
    useful = now + _EVER
    found = resolve(content, doubts, default, due_at=now, useful_until=useful, now=now)
    words = []
    while found.wait is not None and not found.wait.skip and found.wait.until < useful:
        at = found.wait.until
        days = (at - now) / timedelta(days=1)
        words.append(f"It waits {days:g} days for a review of {found.wait.doubt.title}.")
        found = resolve(content, doubts, default, due_at=now, useful_until=useful, now=at)
    if found.wait is not None:
        words.append("Then it is left out." if words else "It is left out.")
    else:
        words += [f"{'Then it' if words else 'It'} goes {'; '.join(found.notes)}."]
    return template.with_swaps(found.swaps), words


def _place(content: Content, name: str) -> str:
    from digital_cs.errors import UsageError

    own = content.email.place
    if name in (own, own.removeprefix("emails/"), own.removeprefix("emails/").removesuffix(".md")):
        return own
    block = name.removeprefix("blocks/")
    if block in content.blocks:
        return f"blocks/{block}"
    shown = ", ".join(content.blocks)
    raise UsageError(f"{own} does not show '{name}'. It may show {shown}.")
