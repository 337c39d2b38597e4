"""How documents of well-known houses state owner and review: mappings with a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from digital_cs.domain.content.content_source import FIELDS, ContentSource
from digital_cs.domain.timing.written_day import DayForm
from digital_cs.errors import UsageError


@dataclass(frozen=True, slots=True)
class Preset:
    """A mapping: field -> key. `site_file` states for the whole site what `site_keys` name.

    `needs_front`: a file without front matter is a fragment, and no item. `states_interval`: what
    states none is not reviewed at all by its publisher.
    """

    name: str
    about: str
    fields: Mapping[str, str]
    dates: DayForm | None = None
    needs_front: bool = False
    site_file: str | None = None
    site_keys: Mapping[str, str] = field(default_factory=dict)


PLAIN = Preset(
    "plain",
    "owner, backup, reviewed, review_every, …: the keys of our own content.",
    {**{name: name for name in FIELDS}, "reviewed_on": "reviewed"},
)
PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            PLAIN,
            Preset(
                "gov-tech-docs",
                "last_reviewed_on, review_in, owner_slack; the owner of the rest from"
                " config/tech-docs.yml.",
                {
                    "title": "title", "reviewed_on": "last_reviewed_on",
                    "review_every": "review_in", "owner": "owner_slack",
                },
                needs_front=True,
                site_file="config/tech-docs.yml",
                site_keys={"default_owner": "default_owner_slack", "base_url": "host"},
            ),
            Preset(
                "microsoft",
                "ms.date (month first), author, ms.reviewer, ms.service.",
                {
                    "title": "title", "reviewed_on": "ms.date", "owner": "author",
                    "backup": "ms.reviewer", "area": "ms.service",
                },
                dates=DayForm.MONTH_FIRST,
                needs_front=True,
            ),
        )
    }
)  # fmt: skip


def preset_of(source: ContentSource) -> Preset:
    """The preset that a source names, or the plain one. Raises UsageError."""
    if source.preset is None:
        return PLAIN
    if source.preset not in PRESETS:
        raise UsageError(
            f"There is no preset '{source.preset}'. There are {', '.join(sorted(PRESETS))}."
        )
    return PRESETS[source.preset]


def keys_of(source: ContentSource) -> dict[str, str]:
    """Field -> key: those of the preset, with those that the source maps itself put over them.

    Raises UsageError for a field that does not exist.
    """
    unknown = sorted(set(source.fields) - set(FIELDS))
    if unknown:
        raise UsageError(
            f"'{unknown[0]}' is no field that can be mapped. There are {', '.join(FIELDS)}."
        )
    return {**preset_of(source).fields, **source.fields}
