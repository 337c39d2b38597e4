"""A topic of support: what customers ask about, and the rules that say which tickets are of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from digital_cs.domain.grammar import Name
from digital_cs.domain.support.topic_words import Phrases, size, tag_key

TAG_SIZE = 2
"""A tag counts as much as a phrase of two words: somebody chose it."""
MOST_WORDS_TOLD = 6
SURE_ENOUGH = 0.85
"""By likeness alone a ticket gets a topic only if that is so sure. On the questions of a bank, of
whose topics every other one was known, nine of ten that got one then had the right one, and six of
ten that had one got it; at a half, only six of ten were right, for what belongs to no topic yet
looks like the next one."""


class By(StrEnum):
    """Who or what gave a ticket its topic, the weightiest first."""

    PERSON = "person"
    SOURCE = "source"
    RULE = "rule"
    PROPOSAL = "proposal"
    LEARNED = "learned"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Terms(_Part):
    """Tags and phrases of tickets."""

    tags: tuple[str, ...] = Field((), description="Tags of the ticket, as the help desk has them.")
    phrases: tuple[str, ...] = Field(
        (), description="Words that follow each other in the subject or the text. Endings do not"
        " count (import, imported); “…” leaves room for up to three words.",
    )  # fmt: skip

    def each(self) -> tuple[Term, ...]:
        """The tags, then the phrases."""
        tags = (Term(tag_key(tag), True, TAG_SIZE, f"tag {tag}") for tag in self.tags)
        phrases = (Term(text, False, size(text), f"“{text}”") for text in self.phrases)
        return (*tags, *phrases)


@dataclass(frozen=True, slots=True)
class Term:
    """One tag or phrase of a rule: how it is looked up, how many words it counts, and in words."""

    key: str
    is_tag: bool
    size: int
    words: str


class TopicRule(_Part):
    """One way to be of a topic: at least one of `any`, each of `all`, and nothing of `none`."""

    any: Terms = Field(Terms(), description="At least one of these.")
    all: Terms = Field(Terms(), description="Each of these.")
    none: Terms = Field(Terms(), description="And none of these.")

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not (self.any.each() or self.all.each()):
            raise ValueError("a rule needs 'any' or 'all': with 'none' alone it would catch all")
        return self


class Topic(_Part):
    """What customers ask about, as support keeps it."""

    topic: Name = Field(description="Id of the topic, as conditions and figures name it.")
    title: str = Field(description="What people call it.", min_length=1, max_length=100)
    about: str = Field("", description="What belongs here, for a colleague who never saw it.")
    owner: str = Field(description="Who answers for it, and writes what is missing.", min_length=1)
    area: str | None = Field(None, description="The area of the product that it is about.")
    bug: bool = Field(False, description="true: a fault of ours, which no newsletter explains.")
    known_as: tuple[str, ...] = Field(
        (), description="What help desks call it, where they name a topic themselves."
    )
    rules: tuple[TopicRule, ...] = Field(
        (), description="A ticket is of this topic if one of them holds."
    )


class Topics(_Part):
    """The topics of support. Where two ask for equally much, the upper one wins."""

    topics: tuple[Topic, ...] = Field(description="The most important first.")


@dataclass(frozen=True, slots=True)
class Assigned:
    """Why a ticket is of a topic. `rule` is counted from 1; `sure` is from 0 to 1.

    `words` are those of the rule or of what was learned, and of nothing else in the ticket. The
    topic is None where a person says that it is of none.
    """

    topic: str | None
    by: By
    rule: int | None = None
    words: tuple[str, ...] = ()
    sure: float | None = None
    proposal: int | None = None
    person: str | None = None


@dataclass(frozen=True, slots=True)
class TicketWords:
    """What of a ticket says what it is about. `text` is None where none is kept (any more).

    `called` is the topic that its help desk names itself.
    """

    text: str | None = None
    tags: Sequence[str] = ()
    called: str | None = None


@dataclass(frozen=True, slots=True)
class Caught:
    """A rule that holds, and how much it asks for."""

    topic: str
    rule: int
    words: tuple[str, ...]
    weight: int


@dataclass(frozen=True, slots=True)
class _Ready:
    """A rule, made ready to be asked."""

    topic: str
    number: int
    any: tuple[Term, ...]
    all: tuple[Term, ...]
    none: tuple[Term, ...]

    def caught(self, there: frozenset[tuple[bool, str]]) -> Caught | None:
        """What it says of a ticket with these tags and phrases."""
        some = [term for term in self.any if (term.is_tag, term.key) in there]
        if self.any and not some:
            return None
        if not all((term.is_tag, term.key) in there for term in self.all):
            return None
        if any((term.is_tag, term.key) in there for term in self.none):
            return None
        weight = sum(term.size for term in self.all) + max((t.size for t in some), default=0)
        told = dict.fromkeys(term.words for term in (*self.all, *some))
        return Caught(self.topic, self.number, tuple(told)[:MOST_WORDS_TOLD], weight)


class Sorter:
    """Says which topic a ticket is of, by the rules alone. Made once, asked often."""

    def __init__(self, topics: Iterable[Topic]) -> None:
        self.topics: Mapping[str, Topic] = {each.topic: each for each in topics}
        self._called: dict[str, str] = {}
        for name, topic in (
            *((each.topic, each.topic) for each in self.topics.values()),
            *((name, each.topic) for each in self.topics.values() for name in each.known_as),
        ):
            self._called.setdefault(tag_key(name), topic)
        self._rules = [
            _Ready(each.topic, number, rule.any.each(), rule.all.each(), rule.none.each())
            for each in self.topics.values()
            for number, rule in enumerate(each.rules, 1)
        ]
        terms = (term for rule in self._rules for term in (*rule.any, *rule.all, *rule.none))
        self._phrases = Phrases(term.key for term in terms if not term.is_tag)

    def caught(self, words: TicketWords) -> list[Caught]:
        """Every rule that holds, the one that asks for most first, then the upper one."""
        there = frozenset(
            [(False, phrase) for phrase in self._phrases.within(words.text or "")]
            + [(True, tag_key(tag)) for tag in words.tags]
        )
        found = (rule.caught(there) for rule in self._rules) if there else ()
        return sorted((each for each in found if each), key=lambda each: -each.weight)

    def assign(self, words: TicketWords, kept: Assigned | None = None) -> Assigned | None:
        """The topic of a ticket, as far as people, its help desk and rules say; else None.

        `kept` is what it was assigned before. A person's word stands. So does what was found in a
        text that is no longer kept, as long as there is such a topic: nobody can look again.
        """
        if kept is not None and kept.by is By.PERSON:
            return kept
        stands = kept if kept is not None and kept.topic in self.topics else None
        if words.text is None and stands is not None and stands.by is not By.SOURCE:
            return stands
        called = self._called.get(tag_key(words.called)) if words.called else None
        if called is not None and words.called is not None:
            return Assigned(called, By.SOURCE, words=(words.called,))
        for found in self.caught(words)[:1]:
            return Assigned(found.topic, By.RULE, found.rule, found.words)
        if words.called:
            # What conditions read so far goes on to hold, though nobody here keeps such a topic.
            return Assigned(words.called, By.SOURCE, words=(words.called,))
        return stands if stands is not None and stands.by is By.PROPOSAL else None
