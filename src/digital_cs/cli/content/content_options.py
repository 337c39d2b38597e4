"""Options that say how the files of a source state owner and review."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.errors import UsageError

if TYPE_CHECKING:
    from digital_cs.domain.content.content_source import ContentSource, SourceKind

Preset = Annotated[
    str | None,
    typer.Option("--preset", show_default=False,
                 help="A known way of stating them: plain, gov-tech-docs, microsoft."),
]  # fmt: skip
Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="FIELD=KEY", show_default=False,
                 help="Where a field stands, say owner=team; may be given again."),
]  # fmt: skip
Dates = Annotated[
    str | None,
    typer.Option("--dates", metavar="FORM", show_default=False,
                 help="The form of days with the year last: MM/DD/YYYY or DD/MM/YYYY."),
]  # fmt: skip
DefaultOwner = Annotated[
    str | None,
    typer.Option("--default-owner", metavar="OWNER", show_default=False,
                 help="Who owns what names nobody."),
]  # fmt: skip
ReviewEvery = Annotated[
    str | None,
    typer.Option("--review-every", metavar="INTERVAL", show_default=False,
                 help='How often what states no interval is reviewed: "12 months".'),
]  # fmt: skip
BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", metavar="URL", show_default=False,
                 help="Where readers find the folder, to tell the address of each file."),
]  # fmt: skip
Tracked = Annotated[
    bool | None,
    typer.Option("--tracked-only/--all", show_default=False,
                 help="Leave out, or take in, files that state neither review nor interval."),
]  # fmt: skip


def source_of(
    name: str, kind: SourceKind, location: str, kept: ContentSource | None, *,
    preset: str | None, maps: Sequence[str] | None, dates: str | None, default_owner: str | None,
    review_every: str | None = None, base_url: str | None = None, tracked_only: bool | None = None,
) -> ContentSource:  # fmt: skip
    """The source with what was said now put over what is remembered; "" forgets a text.

    Another preset forgets the fields that were mapped for the one before. Raises UsageError and
    IntervalError.
    """
    from digital_cs.catalog.content_presets import keys_of
    from digital_cs.domain.content.content_source import ContentSource
    from digital_cs.domain.content.freshness import Interval
    from digital_cs.domain.timing.written_day import DayForm

    base = kept or ContentSource(name, kind, location)
    forms = {form.value: form for form in DayForm}
    if dates and dates.upper() not in forms:
        raise UsageError(f"'{dates}' is no form of dates. There are {' and '.join(forms)}.")
    every = base.review_every if review_every is None else None
    remembered = {} if preset is not None and preset != base.preset else dict(base.fields)
    found = ContentSource(
        name, kind, location,
        preset=base.preset if preset is None else preset or None,
        fields={**remembered, **_fields(maps or ())},
        dates=base.dates if dates is None else forms.get(dates.upper()),
        default_owner=base.default_owner if default_owner is None else default_owner or None,
        review_every=Interval.parse(review_every) if review_every else every,
        base_url=base.base_url if base_url is None else base_url or None,
        tracked_only=base.tracked_only if tracked_only is None else tracked_only,
    )  # fmt: skip
    keys_of(found)
    return found


def _fields(maps: Sequence[str]) -> dict[str, str]:
    found = {}
    for each in maps:
        name, equals, key = each.partition("=")
        if not equals or not name.strip() or not key.strip():
            raise UsageError(f"'{each}' maps nothing. Write --map FIELD=KEY, say owner=team.")
        found[name.strip()] = key.strip()
    return found
