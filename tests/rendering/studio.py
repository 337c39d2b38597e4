"""A content folder to write e-mails into, and a context to render them with."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from digital_cs.domain.problem import Problem
from digital_cs.rendering.context import (
    AccountView,
    ContactView,
    LinksView,
    ProgramView,
    RenderContext,
    SenderView,
)
from digital_cs.rendering.library import EmailLibrary
from digital_cs.rendering.render import Rendered, render

SHIPPED = Path(__file__).parents[2] / "content"
CONTEXT = RenderContext(
    account=AccountView(
        id="acc_1",
        name="Acme & Söhne",
        plan="growth",
        stage="adopting",
        traits={
            "seats": 3,
            "trial_ends_on": "2026-03-12",
            "renewal_on": "2026-09-01",
            "industry": "books",
            "country": "DE",
        },
    ),
    contact=ContactView(first_name="Zoë", full_name="Zoë Müller", role="admin", language="en"),
    program=ProgramView(name="Welcome", id="welcome"),
    links=LinksView(
        unsubscribe="https://app.lantern.example/u/abc?x=1&y=2",
        preferences="https://app.lantern.example/p/abc?x=1&y=2",
        app="https://app.lantern.example",
    ),
    sender=SenderView(name="Maya Okafor", footer="Lantern Ltd, 1 Harbour Row, Bristol"),
)


def with_name(first_name: str) -> RenderContext:
    return replace(CONTEXT, contact=replace(CONTEXT.contact, first_name=first_name))


def with_traits(**traits: object) -> RenderContext:
    return replace(CONTEXT, account=replace(CONTEXT.account, traits=traits))


class Studio:
    """Writes content files and asks the real library about them."""

    def __init__(self, root: Path) -> None:
        self.content = root / "content"
        for folder in ("emails", "blocks", "layouts"):
            (self.content / folder).mkdir(parents=True)
        for footer in ("footer.md", "footer-service.md"):
            shutil.copy(SHIPPED / "blocks" / footer, self.content / "blocks" / footer)
        shutil.copy(SHIPPED / "layouts/default.mjml", self.content / "layouts/default.mjml")
        self.library = EmailLibrary(self.content)

    def email(self, body: str, *, subject: str = "Hello", extra: str = "") -> Studio:
        """The e-mail `note`; its body begins on line 7 (8 and on with `extra` lines)."""
        front = f"---\nsubject: {subject}\npreview: A word\ntopic: tips\nowner: me\n{extra}---\n"
        return self.file("emails/note.md", front + body)

    def file(self, name: str, text: str) -> Studio:
        (self.content / name).write_text(text, encoding="utf-8")
        self.library.load()
        return self

    def render(self, context: RenderContext = CONTEXT) -> Rendered:
        return render(self.library.get("note"), context)

    def check(self) -> list[Problem]:
        return self.library.check()

    def only_problem(self) -> Problem:
        found = self.check()
        assert len(found) == 1, [str(problem) for problem in found]
        return found[0]
