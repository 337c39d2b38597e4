"""The texts of broadcasts: compiled, told apart by what an approval is bound to, and written."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection

from activities.letters import Sender
from activities.mass_writing import MassWriter
from digital_cs.domain.content.content_policy import WhenStale
from digital_cs.domain.content.stale_rule import Doubt, Resolved, Swaps, Wait, resolve
from digital_cs.domain.newsletters.variants import without_messages
from digital_cs.domain.sending.broadcast import Broadcast, approval_hash
from digital_cs.errors import DigitalCsError
from digital_cs.rendering.compiler import EmailTemplate
from digital_cs.rendering.context import ProgramView
from digital_cs.rendering.errors import TemplateInvalidError
from digital_cs.rendering.library import EmailLibrary
from digital_cs.signing import Signer
from digital_cs.signing_links import LinkSigner
from digital_cs.store.broadcasts import broadcasts
from digital_cs.store.content import doubts

Connection = AsyncConnection[Any]

MOST_COMPILED = 200
"""Texts that are no files and are kept compiled: each takes some hundred kilobytes."""

MOST_WRITERS = 100


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one broadcast as they are now, by variant; `hash` is what an approval is
    bound to. Without a hash they cannot be used, for the reason `fault`."""

    hash: str | None
    templates: Mapping[str, EmailTemplate] = field(default_factory=dict)
    fault: str = ""

    @property
    def topic(self) -> str | None:
        """What they are about, as they say themselves."""
        return next((each.topic for each in self.templates.values() if each.topic), None)

    def resolved(
        self, found: Mapping[str, Doubt], default: WhenStale, *, due_at: datetime,
        useful_until: datetime, now: datetime,
    ) -> dict[str, Resolved]:  # fmt: skip
        """How each variant is to be shown at this moment (P25)."""
        return {
            variant: resolve(
                template.content, found, default, due_at=due_at, useful_until=useful_until, now=now
            )
            for variant, template in self.templates.items()
        }


def waits(resolved: Mapping[str, Resolved]) -> Wait | None:
    """What the whole broadcast waits for: one variant that may not go holds all of them, but for
    those that can go without what goes along."""
    spared = fallbacks(resolved)
    found = (each.wait for variant, each in resolved.items() if variant not in spared)
    return next((wait for wait in found if wait is not None and not wait.skip), None)


def fallbacks(resolved: Mapping[str, Resolved]) -> dict[str, str]:
    """The variants that may not go for what goes along with them (P17), each with the one that may:
    nobody's newsletter waits for another e-mail."""
    found: dict[str, str] = {}
    for variant, each in resolved.items():
        base = without_messages(variant)
        if each.wait is None or base is None or base not in resolved:
            continue
        if resolved[base].wait is None:
            found[variant] = base
    return found


class BroadcastTexts:
    """Compiles the texts of broadcasts, and keeps what was compiled."""

    def __init__(self, library: EmailLibrary) -> None:
        self._library = library
        self._compiled: OrderedDict[tuple[str, str, int], EmailTemplate] = OrderedDict()

    async def of(self, connection: Connection, broadcast: Broadcast) -> Texts:
        """The texts of a broadcast; those that are kept with it win over an e-mail by name."""
        kept = await broadcasts.texts(connection, broadcast.id)
        try:
            templates = self._templates(broadcast, kept)
        except DigitalCsError as error:
            return Texts(None, fault=str(error))
        if not templates:
            return Texts(None, fault="It has no text: name an e-mail of the content folder.")
        sources = {variant: each.source_hash for variant, each in templates.items()}
        return Texts(approval_hash(broadcast.plan, sources), templates)

    def _templates(self, broadcast: Broadcast, kept: Mapping[str, str]) -> dict[str, EmailTemplate]:
        if kept:
            return {
                variant: self._compile(
                    f"{broadcast.id}/{variant}" if variant else broadcast.id, raw
                )
                for variant, raw in kept.items()
            }
        email = broadcast.plan.email
        return {"": self._library.get(email)} if email is not None else {}

    def _compile(self, name: str, raw: str) -> EmailTemplate:
        known = (name, hashlib.sha256(raw.encode()).hexdigest(), self._library.loads)
        found = self._compiled.get(known)
        if found is None:
            found, problems = self._library.compile_text(name, raw)
            if found is None:
                raise TemplateInvalidError(name, [p for p in problems if p.severity == "error"])
            self._compiled[known] = found
            if len(self._compiled) > MOST_COMPILED:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(known)
        return found

    async def doubts(self, connection: Connection, texts: Texts, on: date) -> dict[str, Doubt]:
        """What is stale or wrong of all that they show."""
        found: dict[str, Doubt] = {}
        for template in texts.templates.values():
            found |= await doubts.read(connection, template.content, on)
        return found


class Writers:
    """Writers of messages, one for each text as it is shown; they wait for nothing in between, so
    that all tasks of a process may share them."""

    def __init__(self, sender: Sender, signer: Signer, links: LinkSigner) -> None:
        self._sender = sender
        self._signer = signer
        self._links = links
        self._kept: OrderedDict[tuple[str, str, str, Swaps], MassWriter] = OrderedDict()

    def of(
        self, broadcast: Broadcast, variant: str, template: EmailTemplate, swaps: Swaps
    ) -> MassWriter:
        """The writer of a variant with these blocks swapped."""
        known = (broadcast.id, variant, template.source_hash, swaps)
        found = self._kept.get(known)
        if found is None:
            found = MassWriter(
                template.with_swaps(swaps), ProgramView(broadcast.name, broadcast.id),
                self._sender, self._signer, self._links, kind=broadcast.plan.kind.value,
            )  # fmt: skip
            self._kept[known] = found
            if len(self._kept) > MOST_WRITERS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(known)
        return found
