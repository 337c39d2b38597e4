"""One e-mail for many contacts: as `render` makes it for each, at a fraction of the cost."""

from __future__ import annotations

from digital_cs.rendering.compiler import EmailTemplate
from digital_cs.rendering.context import (
    AccountView,
    ContactView,
    LinksView,
    ProgramView,
    RenderContext,
    SenderView,
)
from digital_cs.rendering.links import Tracker
from digital_cs.rendering.mass_frame import filled
from digital_cs.rendering.mass_program import (
    Body,
    Read,
    UnansweredError,
    UnknownStepError,
    steps_of,
)
from digital_cs.rendering.mass_skeleton import Personal, Skeleton
from digital_cs.rendering.render import render

_SKELETONS_KEPT = 64


class _Question:
    """A question of a template, and what comes after no and after yes, as far as it is known."""

    __slots__ = ("after", "read")

    def __init__(self, read: Read) -> None:
        self.read = read
        self.after: list[_Question | Skeleton | None] = [None, None]


class MassTemplate:
    """Renders one e-mail of one sender again and again; not to be shared between threads.

    `links` are without the token that belongs behind `unsubscribe` and `preferences`. All messages
    for which the template's questions are answered alike share a skeleton, and only values are put
    into it.
    """

    def __init__(
        self, template: EmailTemplate, program: ProgramView, sender: SenderView, links: LinksView,
        tracker: Tracker,
    ) -> None:  # fmt: skip
        self._template = template
        self._links = links
        self._program = program
        self._sender = sender
        self._tracker = tracker
        self._begin = _Question(lambda _: True)
        self._kept = 0
        self._parts: tuple[Body, ...] = ()
        try:
            parts = (template.subject_part, template.text_part, template.html_part)
            self._parts = tuple(steps_of(part) for part in parts)
        except UnknownStepError:
            pass

    @property
    def quick(self) -> bool:
        """Whether messages are made of a skeleton."""
        return bool(self._parts)

    def personal(
        self, account: AccountView, contact: ContactView, token: str, message_id: str
    ) -> Personal:
        """The message for this contact, who has this token (letters, digits, and -_. only). Raises
        what `render` raises.

        Whatever cannot be done with a skeleton (loops, sums), and every contact for whom anything
        fails, is left to `render`: so the words, and the complaints, are always those.
        """
        own = self._links
        links = LinksView(own.unsubscribe + token, own.preferences + token, own.app)
        context = RenderContext(account, contact, self._program, links, self._sender)
        if self._parts:
            try:
                skeleton = self._skeleton(context)
                made = skeleton.personal(context, token, message_id, self._tracker)
            except Exception:  # whatever it is, `render` says it in its own words
                made = None
            if made is not None:
                return made
        rendered = self._tracker.tracked(render(self._template, context), message_id)
        return Personal(
            rendered.subject, filled(rendered.text), filled(rendered.html), rendered.content_hash
        )

    def _skeleton(self, context: RenderContext) -> Skeleton:
        at: _Question | Skeleton | None = self._begin
        while type(at) is _Question:
            at = at.after[bool(at.read(context))]
        return at if isinstance(at, Skeleton) else self._grown(context)

    def _grown(self, context: RenderContext) -> Skeleton:
        """A skeleton for answers that nobody gave before."""
        if self._kept == _SKELETONS_KEPT:
            self._begin.after, self._kept = [None, None], 0
        at, answer = self._begin, True
        answers: dict[str, bool] = {}
        while True:
            try:
                parts = [[*part.along(answers)] for part in self._parts]
            except UnansweredError as unanswered:
                question = unanswered.question
                following = at.after[answer]
                if not isinstance(following, _Question):
                    following = at.after[answer] = _Question(question.read)
                at, answer = following, bool(question.read(context))
                answers[question.name] = answer
            else:
                found = at.after[answer] = Skeleton(self._template, context, self._links, *parts)
                self._kept += 1
                return found
