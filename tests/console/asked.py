"""Colleagues who were asked about an issue: their mail, the links in it, and the pages behind."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from digital_cs.domain.newsletters.newsletter import Newsletter
from digital_cs.store.newsletters.issues import IssueRow
from tests.activities.house import StoppedClock
from tests.activities.issue_house import (
    LINK_KEY,
    OPENING,
    START,
    IssueHouse,
    day,
    letter,
    opened,
)
from tests.console.client import Face, face

PUBLIC = "https://mail.vendor.test"
SIGNED = [
    {"section": "opening", "required": True},
    {"section": "deep", "title": "In depth", "owner": "jonas", "sign_off": "support"},
]
"""Sections of which one has to be signed off."""


@dataclass
class Asked:
    """An issue, and the app that shows its pages to whoever was written to."""

    house: IssueHouse
    face: Face
    id: str

    async def issue(self) -> IssueRow:
        return await self.house.issue(self.id)

    def mail(self, subject: str) -> EmailMessage:
        """The latest mail whose subject begins so."""
        found = [m for m in self.house.mails() if str(m["Subject"]).startswith(subject)]
        assert found, [str(m["Subject"]) for m in self.house.mails()]
        return found[-1]

    def link(self, subject: str) -> str:
        """The path of the link in the latest mail whose subject begins so."""
        return link_in(self.mail(subject))

    async def get(self, link: str, status: int = 200) -> str:
        answer = await self.face.stranger.get(link)
        assert answer.status_code == status, answer.text
        return str(answer.text)

    async def post(self, link: str, form: dict[str, Any], status: int = 200) -> str:
        answer = await self.face.stranger.post(link, data=form)
        assert answer.status_code == status, answer.text
        return str(answer.text)

    async def click(self, link: str, act: str, status: int = 200, because: str = "") -> str:
        """Look at the page, and send the form of it that does this."""
        return await self.send(await self.get(link), link, act, status, because)

    async def send(
        self, text: str, link: str, act: str, status: int = 200, because: str = ""
    ) -> str:
        """Send a form of a page that was looked at before."""
        return await self.post(f"{link}/{act}", {**form_of(text, act), "because": because}, status)

    async def story(self) -> list[str]:
        return await self.house.story(self.id)

    async def everything(self) -> list[list[dict[str, Any]]]:
        """All that is kept of issues."""
        tables = ("newsletter_issues", "newsletter_texts", "newsletter_steps", "newsletter_notes",
                  "newsletter_variants", "broadcasts", "colleague_mails")  # fmt: skip
        return [await self.house.rows(f"select * from {each} order by 1, 2") for each in tables]


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    """The text or the HTML of a mail."""
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def link_in(mail: EmailMessage) -> str:
    """The path of the link of a mail, which is the same in its text and in its HTML."""
    [link] = set(re.findall(rf"{PUBLIC}(/i/[\w.-]+)", text_of(mail)))
    assert f'href="{PUBLIC}{link}"' in text_of(mail, "html")
    return str(link)


def form_of(text: str, act: str) -> dict[str, str]:
    """The hidden fields of the form that does something; fails if the page has none."""
    found = re.search(rf'<form method="post" action="[^"]*/{act}">(.*?)</form>', text, re.S)
    assert found is not None, f"no form to {act}: {text}"
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found[1]))


@contextlib.asynccontextmanager
async def asked(
    database: str, folder: Path, newsletter: Newsletter | None = None
) -> AsyncIterator[Asked]:
    """An issue that opened and was written; nobody is asked for its approval yet."""
    async with opened(database, folder, StoppedClock(START)) as house:
        await house.accounts(3)
        id = await house.publish(newsletter or letter())
        await house.advance(id, day(11, 10))
        await house.write(id, OPENING)
        async with face(
            house.pool, clock=house.clock, content_dir=house.content, signing_key=LINK_KEY
        ) as app:
            yield Asked(house, app, id)
