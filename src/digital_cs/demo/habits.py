"""What readers of the demo do with a message, how long after it came, and what they write."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from digital_cs.domain.programs.enrollment import share_of


class Habit(StrEnum):
    """One thing that a reader, or a machine on the way to one, does with a message."""

    SCAN = "scan"
    GONE = "gone"
    FULL = "full"
    AWAY = "away"
    WRITE_BACK = "write_back"
    UNSUBSCRIBE = "unsubscribe"
    TOPIC_OFF = "topic_off"
    PAUSE = "pause"
    FEWER = "fewer"
    CLICK = "click"
    COMPLAIN = "complain"


SHARES = {
    Habit.GONE: 0.008,
    Habit.FULL: 0.012,
    Habit.AWAY: 0.02,
    Habit.WRITE_BACK: 0.025,
    Habit.UNSUBSCRIBE: 0.012,
    Habit.TOPIC_OFF: 0.022,
    Habit.PAUSE: 0.01,
    Habit.FEWER: 0.008,
    Habit.CLICK: 0.25,
}
"""Of all messages; with the others nobody does anything."""

SCANNED = 0.04
"""The share of companies whose gateway follows every link of what comes in."""

_BY_MACHINES = {Habit.SCAN, Habit.GONE, Habit.FULL, Habit.AWAY}
_SOON, _LATE = timedelta(minutes=3), timedelta(hours=30)

WORDS = (
    "Thanks, that helps. Can two of us work on the same email at a time?",
    "We are moving house next week and will look at this after that. Is that early enough?",
    "I tried it and the last step says that I may not. Can somebody have a look, please?",
    "Could you call me about this? Mornings are best.",
    "Is this also for shops that sell in two languages?",
)


def habit_for(message_id: str, to: str) -> Habit | None:
    """What is done with this message; always the same for the same message."""
    if share_of(to.rpartition("@")[2], "scanned") < SCANNED:
        return Habit.SCAN
    left = share_of(message_id, "habit")
    for habit, share in SHARES.items():
        left -= share
        if left < 0:
            return habit
    return None


def wait_of(habit: Habit, message_id: str) -> timedelta:
    """How long after the message came: machines answer in minutes, people in a day or so."""
    if habit in _BY_MACHINES:
        return _SOON
    return timedelta(hours=1) + _LATE * share_of(message_id, "wait")


def words_for(message_id: str) -> str:
    """What somebody writes back."""
    return WORDS[int(share_of(message_id, "words") * len(WORDS))]
