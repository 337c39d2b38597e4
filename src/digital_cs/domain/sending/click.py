"""Which clicks on the links of a message are a person's, and which a scanner's of mail (P28)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

HIDDEN = 0
"""The number of the link that people do not see."""

AT_ONCE = timedelta(seconds=15)
"""Gateways follow links while they take a message in, or right after; people have to see it."""
BURST_GAP = timedelta(seconds=5)
"""Clicks with no longer pause between them are one burst."""
ALL_WITHIN = timedelta(seconds=10)
"""In which nobody reads a message and follows every one of its links."""
MANY_LINKS = 3
"""A message with fewer links says nothing by all of them being followed."""
TOGETHER = timedelta(seconds=1)
"""In which nobody follows two different links."""
MANY_REQUESTS = 5
"""So many requests for one link within that second are a machine's, too: a double click, and what
a browser fetches beforehand, are fewer."""
SAME_AGENT = timedelta(hours=1)
"""So long, who followed the hidden link is known again by the name of the program. Not longer:
scanners call themselves by the names of browsers that people use."""

# Names by which programs say that they are programs; CUBOT makes phones.
_MACHINE = re.compile(
    r"(?<!cu)bot\b|bot[/;-]|crawl|spider|preview|scan|headless|phantomjs|slurp|facebookexternalhit"
    r"|curl/|wget/|python|httpx|aiohttp|go-http|java/|okhttp|libwww|node-fetch|axios|undici"
    r"|powershell|existence discovery|barracuda|mimecast|proofpoint|symantec|trendmicro|fireeye",
    re.IGNORECASE,
)


class Why(StrEnum):
    """How it is known who clicked. `SENTENCES` says it in words."""

    PERSON = "person"
    HIDDEN_LINK = "hidden_link"
    HEAD_REQUEST = "head_request"
    MACHINE_AGENT = "machine_agent"
    AT_ONCE = "at_once"
    ALL_LINKS = "all_links"
    TOGETHER = "together"
    SAME_AGENT = "same_agent"
    SAME_BURST = "same_burst"

    @property
    def human(self) -> bool:
        """Whether the click counts as a person's."""
        return self is Why.PERSON


SENTENCES: Mapping[Why, str] = MappingProxyType(
    {
        Why.PERSON: "Nothing speaks against a person.",
        Why.HIDDEN_LINK: "It followed the link that people do not see.",
        Why.HEAD_REQUEST: "It asked only where the link leads, as browsers of people do not.",
        Why.MACHINE_AGENT: "It says itself that it is a program, or does not say what it is.",
        Why.AT_ONCE: "It came within 15 seconds of the message's being handed over.",
        Why.ALL_LINKS: "It belongs to a burst that followed every link within 10 seconds.",
        Why.TOGETHER: "It belongs to a burst with more within one second than a person can do.",
        Why.SAME_AGENT: "A program of this name followed the hidden link within the same hour.",
        Why.SAME_BURST: "It belongs to a burst of clicks in which others are a scanner's.",
    }
)

_OF_THE_BURST = frozenset({Why.HIDDEN_LINK, Why.AT_ONCE})
_OF_THE_AGENT = frozenset({Why.HEAD_REQUEST, Why.MACHINE_AGENT})


@dataclass(frozen=True, slots=True)
class Click:
    """One request for a link of a message; `nth` is `HIDDEN` or counts from 1."""

    nth: int
    at: datetime
    agent: str
    method: str = "GET"


def judge(clicks: Sequence[Click], links: int, handed_over: datetime | None) -> list[Why]:
    """Who made each of these clicks on one message, in their order.

    `links` is how many links the message has, `handed_over` when it was given to the mail server.
    Ask again with all clicks when another comes: what a burst was may show only at its end.
    """
    order = sorted(range(len(clicks)), key=lambda index: clicks[index].at)
    found = [_by_itself(click, handed_over) for click in clicks]
    hidden = [click for click in clicks if click.nth == HIDDEN]
    for burst in _bursts(clicks, order):
        _judge_burst(clicks, burst, links, found)
    for index, click in enumerate(clicks):
        if found[index] is Why.PERSON and any(
            each.agent == click.agent and abs(each.at - click.at) <= SAME_AGENT for each in hidden
        ):
            found[index] = Why.SAME_AGENT
    return found


def _by_itself(click: Click, handed_over: datetime | None) -> Why:
    if click.nth == HIDDEN:
        return Why.HIDDEN_LINK
    if click.method == "HEAD":
        return Why.HEAD_REQUEST
    if not click.agent.strip() or _MACHINE.search(click.agent):
        return Why.MACHINE_AGENT
    # Also a little before: two machines' clocks, and gateways that look before they accept.
    if handed_over is not None and abs(click.at - handed_over) < AT_ONCE:
        return Why.AT_ONCE
    return Why.PERSON


def _bursts(clicks: Sequence[Click], order: Sequence[int]) -> Iterator[list[int]]:
    burst: list[int] = []
    for index in order:
        if burst and clicks[index].at - clicks[burst[-1]].at > BURST_GAP:
            yield burst
            burst = []
        burst.append(index)
    if burst:
        yield burst


def _judge_burst(
    clicks: Sequence[Click], burst: Sequence[int], links: int, found: list[Why]
) -> None:
    """Add what only a burst as a whole shows.

    That holds for every agent in it, as scanners change theirs; an odd request speaks only for
    the agent that made it.
    """
    shown = _shown_by([clicks[index] for index in burst], links)
    if shown is None and any(found[index] in _OF_THE_BURST for index in burst):
        shown = Why.SAME_BURST
    odd = {clicks[index].agent for index in burst if found[index] in _OF_THE_AGENT}
    for index in burst:
        if found[index] is Why.PERSON:
            if shown is not None:
                found[index] = shown
            elif clicks[index].agent in odd:
                found[index] = Why.SAME_BURST


def _shown_by(burst: Sequence[Click], links: int) -> Why | None:
    """What in a burst, oldest click first, is more than a person can do."""
    for near in _windows(burst, TOGETHER):
        if len(near) >= MANY_REQUESTS or len({click.nth for click in near}) > 1:
            return Why.TOGETHER
    if links >= MANY_LINKS:
        for near in _windows(burst, ALL_WITHIN):
            if len({click.nth for click in near} - {HIDDEN}) >= links:
                return Why.ALL_LINKS
    return None


def _windows(burst: Sequence[Click], length: timedelta) -> Iterator[Sequence[Click]]:
    """For each click, it and those that follow within `length`."""
    end = 0
    for first, click in enumerate(burst):
        while end < len(burst) and burst[end].at - click.at <= length:
            end += 1
        yield burst[first:end]
