"""The team: whose names content states as its owners, how to reach them, and who is not there."""

from __future__ import annotations

import re
from datetime import date
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Person(BaseModel):
    """Somebody, or a group with one mailbox, whom content may name as its owner."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field("", max_length=100, description="As colleagues call them.")
    address: str | None = Field(None, description="Where they get mail.")
    also: tuple[str, ...] = Field((), description="Other names that content states for them.")
    zone: str | None = Field(None, description="Their time zone, else the workspace's.")
    gone: date | None = Field(None, description="The first day on which they are not there.")

    def there(self, day: date) -> bool:
        """Whether they work here on a day."""
        return self.gone is None or day < self.gone


class Team(BaseModel):
    """The people of content/team.yaml, by the name that content states."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    manager: str | None = Field(
        None, description="Who is asked last, and for what nobody owns: the program manager."
    )
    people: dict[str, Person] = Field({}, description="By the name that content states as owner.")

    def find(self, owner: str | None) -> Person | None:
        """Who an owner is, in any capitals; an address that nobody has is a person by itself."""
        words = (owner or "").strip()
        found = self._known.get(words.casefold())
        if found is None and _ADDRESS.fullmatch(words):
            return Person(name=words, address=words)
        return found

    @cached_property
    def _known(self) -> dict[str, Person]:
        known: dict[str, Person] = {}
        for key, person in self.people.items():
            named = person if person.name else person.model_copy(update={"name": key})
            for name in (key, *person.also, person.address or key):
                known.setdefault(name.casefold(), named)
        return known
