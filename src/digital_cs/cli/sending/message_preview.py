"""`digital-cs message preview`: an e-mail as somebody would get it, shown and as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Content, Json

if TYPE_CHECKING:
    from digital_cs.clock import Clock
    from digital_cs.config import Settings
    from digital_cs.domain.problem import Problem
    from digital_cs.rendering.compiler import EmailTemplate
    from digital_cs.rendering.context import LinksView, ProgramView, RenderContext, SenderView
    from digital_cs.rendering.library import EmailLibrary
    from digital_cs.rendering.render import Rendered
    from digital_cs.store.people.correspondents import Connection, Correspondent

EXAMPLE = "Example: digital-cs message preview renewal-30 --account acme --out ./preview"


def preview(
    email: Annotated[
        str, typer.Argument(help="Its name: renewal-30 is content/emails/renewal-30.md.",
                            show_default=False),
    ],
    account: Annotated[
        str | None,
        typer.Option(help="With the facts of this account: its id, its name, or a part of it.",
                     show_default="one that is made up"),
    ] = None,
    contact: Annotated[
        str | None,
        typer.Option(help="To this contact of the account: an id or an e-mail address.",
                     show_default="the first"),
    ] = None,
    program: Annotated[str | None, typer.Option(help="As sent by this program: its id.")] = None,
    content: Content = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write .html, .txt and .eml into this folder.")
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Print the text part only.")] = False,
    stale: Annotated[
        list[str] | None,
        typer.Option("--stale", metavar="BLOCK", show_default=False,
                     help="As it goes out while this is stale: one of its blocks, such as"
                     " help.md, or the e-mail itself. Several times for several."),
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Show an e-mail as an account's contact would get it, how large it is, and what is wrong.

    Nothing is sent, and the links that belong to a recipient lead nowhere.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask_quickly, find_settings
    from digital_cs.errors import UsageError
    from digital_cs.rendering.library import EmailLibrary
    from digital_cs.rendering.render import render
    from digital_cs.rendering.size import MOST_BYTES, size_of
    from digital_cs.store.people import correspondents

    if contact is not None and account is None:
        raise UsageError("A contact is one of an account: name it with --account.")
    settings = find_settings().settings
    folder = content or settings.content_dir
    library = EmailLibrary(folder)
    template, becomes = library.get(email), list[str]()
    if stale:
        from digital_cs.catalog.policy import load_policy
        from digital_cs.cli.sending.message_stale import as_if_stale
        from digital_cs.domain.sending.policy import Policy

        policy = load_policy(folder).policy or Policy()
        now = settings.clock().now()
        template, becomes = as_if_stale(template, stale, policy.content.stale, now)
    person: Correspondent | None = None
    if account is not None:
        named = account

        async def question(connection: Connection, _clock: Clock) -> Correspondent:
            return await correspondents.find(connection, named, contact)

        person = ask_quickly(question)
    context = context_of(template, person, settings, _program(folder, program))
    message = render(template, context)
    size, problems = size_of(message), _problems(library, template)
    missing = _missing(template, context)
    files = _write(out, email, message, context, template, settings) if out is not None else []
    if as_json:
        output.emit({
            "email": email, "account": context.account.id, "contact": person and person.contact,
            "subject": message.subject, "text": message.text, "html_bytes": size,
            "too_large": size > MOST_BYTES, "defaults_for": missing, "problems": problems,
            "files": files, "while_stale": becomes,
        })  # fmt: skip
        return
    if text:
        output.say(message.text.rstrip("\n"))
        return
    whom = f"{context.contact.full_name} of {context.account.name}"
    output.say(f"From:     {settings.mail_from}\nTo:       {whom}{'' if person else ' (made up)'}")
    output.say(f"Subject:  {message.subject}\n\n{message.text}")
    output.say(f"HTML of {size:,} bytes, text of {len(message.text.encode()):,}.")
    if size > MOST_BYTES:
        output.say(f"That is too large: mailboxes cut off what is over {MOST_BYTES:,} bytes.")
    if missing:
        output.say(
            f"The account has no {', '.join(missing)}: what the e-mail says instead, stands."
        )
    from digital_cs.cli.check import show_problems

    if becomes:
        output.say(f"While {', '.join(stale or ())} is stale: {' '.join(becomes)}")
    show_problems(problems)
    for file in files:
        output.say(f"Written: {file}")


def _program(folder: Path, id: str | None) -> ProgramView:
    from digital_cs.catalog.programs import load_programs
    from digital_cs.errors import NotFoundError
    from digital_cs.rendering.context import ProgramView

    if id is None:
        return ProgramView("Preview", "preview")
    known = load_programs(folder).programs
    if id not in known:
        raise NotFoundError(f"There is no program '{id}'. There are: {', '.join(sorted(known))}.")
    return ProgramView(known[id].name, id)


def context_of(
    template: EmailTemplate, person: Correspondent | None, settings: Settings, program: ProgramView
) -> RenderContext:
    """What an e-mail prints for this person, or for one who is made up."""
    from digital_cs.rendering.context import (
        AccountView,
        ContactView,
        LinksView,
        RenderContext,
        SenderView,
    )
    from digital_cs.rendering.made_up import made_up

    # Not signed for anybody: whoever follows a link of a preview changes nothing.
    links: LinksView = LinksView(
        f"{settings.public_url}/u/preview", f"{settings.public_url}/p/preview", settings.app_url
    )
    sender: SenderView = SenderView(settings.mail_from.split("<")[0].strip(), settings.mail_footer)
    if person is None:
        return made_up(template.tags, program=program, links=links, sender=sender)
    return RenderContext(
        AccountView(
            person.account, person.account_name, str(person.traits.get("plan", "")),
            person.stage or "", person.traits,
        ),
        ContactView(person.first_name, person.full_name, person.role, person.language),
        program, links, sender,
    )  # fmt: skip


def _problems(library: EmailLibrary, template: EmailTemplate) -> list[Problem]:
    """The complaints about the e-mail and the blocks in it."""
    folder = template.file.rpartition("/")[0].rpartition("/")[0]
    own = {template.file, *(f"{folder}/blocks/{block}" for block in template.blocks)}
    return [problem for problem in library.check() if problem.file in own]


def _missing(template: EmailTemplate, context: RenderContext) -> list[str]:
    """The facts that the e-mail asks for and this account does not have."""
    asked = (name.removeprefix("account.traits.") for name in template.variables
             if name.startswith("account.traits."))  # fmt: skip
    return sorted(name for name in asked if context.account.traits.get(name) in (None, ""))


def _write(
    out: Path, email: str, message: Rendered, context: RenderContext, template: EmailTemplate,
    settings: Settings,
) -> list[Path]:  # fmt: skip
    from digital_cs.channels.mail import OutgoingMail, message_id_for, to_bytes

    mail = OutgoingMail(
        message_id=message_id_for(f"preview/{email}", settings.mail_domain),
        mail_from=settings.mail_from, envelope_from=f"bounce@{settings.mail_domain}",
        to=f"preview@{settings.mail_domain}", to_name=context.contact.full_name,
        subject=message.subject, text=message.text, html=message.html,
        date=settings.clock().now(),
        unsubscribe_url=None if template.topic == "service" else context.links.unsubscribe,
        reply_to=template.reply_to,
    )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    parts = {
        "html": message.html.encode(), "txt": message.text.encode(), "eml": to_bytes(mail),
    }  # fmt: skip
    files = [out / f"{email}.{ending}" for ending in parts]
    for file, data in zip(files, parts.values(), strict=True):
        file.write_bytes(data)
    return files
