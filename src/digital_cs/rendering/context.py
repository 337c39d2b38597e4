"""What an e-mail may speak about: the declared views of account, contact, program and sender."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType


@dataclass(slots=True)
class AccountView:
    """The account. `traits` are the workspace's own facts; any of them may be missing."""

    id: str
    name: str
    plan: str
    stage: str
    traits: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class ContactView:
    """The recipient. Names may be empty: write `{{ contact.first_name or "there" }}`."""

    first_name: str
    full_name: str
    role: str
    language: str


@dataclass(frozen=True, slots=True)
class ProgramView:
    """The program (or broadcast) that sends."""

    name: str
    id: str


@dataclass(slots=True)
class LinksView:
    """`unsubscribe`, and `preferences` to choose what to get, belong to this recipient; `app` is
    the product's base address, no slash."""

    unsubscribe: str
    preferences: str
    app: str


@dataclass(frozen=True, slots=True)
class SenderView:
    """`name` signs the e-mail; `footer` is the company line that the law asks for."""

    name: str
    footer: str


@dataclass(slots=True)
class RenderContext:
    """Everything one rendering may read; the only data that reaches a template."""

    account: AccountView
    contact: ContactView
    program: ProgramView
    links: LinksView
    sender: SenderView

    def as_variables(self) -> dict[str, object]:
        """The template's top-level names and their views."""
        return {name: getattr(self, name) for name in DECLARED}


VIEWS: Mapping[type, frozenset[str]] = MappingProxyType(
    {
        view: frozenset(item.name for item in fields(view))
        for view in (AccountView, ContactView, ProgramView, LinksView, SenderView)
    }
)

# The names an author may write, by root. `account.traits.<anything>` is open by nature.
DECLARED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "account": VIEWS[AccountView],
        "contact": VIEWS[ContactView],
        "program": VIEWS[ProgramView],
        "links": VIEWS[LinksView],
        "sender": VIEWS[SenderView],
    }
)
