"""Letters: the message of a touch, written for one reader and ready to be handed over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from digital_cs.channels.mail import OutgoingMail, message_id_for, to_bytes
from digital_cs.domain.programs.enrollment import SendMessage
from digital_cs.domain.programs.program_graph import Graph
from digital_cs.domain.sending.eligibility import SERVICE
from digital_cs.rendering.compiler import EmailTemplate
from digital_cs.rendering.context import (
    AccountView,
    ContactView,
    LinksView,
    ProgramView,
    RenderContext,
    SenderView,
)
from digital_cs.rendering.links import tracked
from digital_cs.rendering.render import Rendered, render
from digital_cs.signing import Signer
from digital_cs.signing_links import LinkSigner
from digital_cs.store.programs import touch_facts

POSTMARK_ID = "X-PM-Metadata-message-id"
"""What Postmark tells back, with each delivery and bounce, as the metadata `message-id`."""


@dataclass(frozen=True)
class Sender:
    """Who writes: headers and links. `claim_seconds` bounds one dialogue, in real seconds.

    `postmark`: the server gives messages ids of its own, and tells ours back only if it is among
    the metadata.
    """

    mail_from: str
    mail_domain: str
    name: str
    footer: str
    public_url: str
    app_url: str
    claim_seconds: float
    clicks: bool = True
    opens: bool = False
    postmark: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """The message as it would be handed over, and the template that it was made with."""

    template: EmailTemplate
    content_hash: str
    message_id: str
    mail: bytes


class Letters:
    """Writes messages. What they say was decided before."""

    def __init__(self, sender: Sender, signer: Signer, links: LinkSigner) -> None:
        self._sender = sender
        self._signer = signer
        self._links = links

    def write(
        self, template: EmailTemplate, act: SendMessage, graph: Graph, loaded: touch_facts.Loaded,
        key: str, now: datetime,
    ) -> Letter:  # fmt: skip
        """The message of one touch. Raises a RenderError or MailError where it cannot be made."""
        recipient = loaded.recipients[act.contact_id]
        rendered = self._render(template, act, graph, loaded, recipient)
        message_id = message_id_for(key, self._sender.mail_domain)
        mail = self._mail(rendered, template, recipient, act, message_id, now)
        return Letter(template, rendered.content_hash, message_id, mail)

    def _render(
        self,
        template: EmailTemplate,
        act: SendMessage,
        graph: Graph,
        loaded: touch_facts.Loaded,
        recipient: touch_facts.Recipient,
    ) -> Rendered:
        account, sender = loaded.account, self._sender
        context = RenderContext(
            account=AccountView(
                account.id, _together(loaded, act), str(account.traits.get("plan", "")),
                account.stage or "", account.traits,
            ),
            contact=ContactView(
                recipient.first_name, recipient.full_name, recipient.role,
                recipient.language or "",
            ),
            program=ProgramView(graph.name, graph.id),
            links=LinksView(
                self._link("u", act.contact_id), self._link("p", act.contact_id), sender.app_url
            ),
            sender=SenderView(sender.name, sender.footer),
        )  # fmt: skip
        return render(template, context)

    def _link(self, page: str, contact_id: str) -> str:
        """A page of this recipient: u to unsubscribe, p for what they prefer."""
        return f"{self._sender.public_url}/{page}/{self._signer.sign_contact(contact_id)}"

    def _mail(
        self, rendered: Rendered, template: EmailTemplate, recipient: touch_facts.Recipient,
        act: SendMessage, message_id: str, now: datetime,
    ) -> bytes:  # fmt: skip
        sender = self._sender
        sent = tracked(
            rendered, message_id, self._links, sender.public_url, clicks=sender.clicks,
            opens=sender.opens,
        )  # fmt: skip
        return to_bytes(
            OutgoingMail(
                message_id=message_id,
                mail_from=sender.mail_from,
                envelope_from=f"bounce@{sender.mail_domain}",
                to=recipient.address,
                to_name=recipient.full_name,
                subject=sent.subject,
                text=sent.text,
                html=sent.html,
                date=now,
                reply_to=template.reply_to,
                unsubscribe_url=None if act.kind == SERVICE else self._link("u", act.contact_id),
                headers=((POSTMARK_ID, message_id.strip("<>")),) if sender.postmark else (),
            )
        )


def _together(loaded: touch_facts.Loaded, act: SendMessage) -> str:
    """The account's name, with those of the others that the same message is for (P2)."""
    *names, last = (loaded.account_name, *loaded.also_for.get((act.contact_id, act.email), ()))
    return f"{', '.join(names)} and {last}" if names else last
