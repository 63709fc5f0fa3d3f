"""The emulated model's own words: they say that they are emulated, and take up what was asked."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from fireworks_emulator.facts import recall

QUOTE_LIMIT = 400
"""Characters of a question or a tool's result that an answer repeats."""

_STORY = re.compile(r"\b(story|tale|poem|essay|novel|article|long)\b", re.IGNORECASE)
_CLOSINGS = (
    "No model was asked: this text was put together by a program on this machine.",
    "This answer comes from the emulator, so take its form seriously and its content lightly.",
    "A real model would say more here; the emulator only shows how an answer travels.",
    "Nothing left this machine to produce these words.",
)
_HEROES = (
    "a lighthouse keeper",
    "a young cartographer",
    "the baker's daughter",
    "an old clockmaker",
    "a patient robot",
)
_PLACES = (
    "on a quiet island",
    "in a town of bridges",
    "at the edge of a forest",
    "under the northern lights",
    "by the harbour",
)
_EVENTS = (
    "found a letter without a sender",
    "heard the bells ring at the wrong hour",
    "counted one lamp too many",
    "followed a trail of paper boats",
    "lost the key to a door that was never locked",
    "drew a map of the morning fog",
    "repaired a radio that spoke only of rain",
    "shared bread with a stranger",
)
_TURNS = (
    "The next day",
    "Before long",
    "At noon",
    "Much later",
    "Nobody knows why, but then",
    "In the evening",
    "Once more",
)


@dataclass(frozen=True, slots=True)
class Situation:
    """What the emulated model reacts to."""

    slug: str
    question: str
    """The last thing the user said."""
    sights: tuple[str, ...] = ()
    """What its pictures show, in words."""
    results: tuple[tuple[str, str], ...] = ()
    """Tools and what they returned since the user last spoke."""


def speak(situation: Situation, dice: random.Random) -> str:
    """An answer of one to a few sentences, or a story of some hundred words where one was asked for."""
    if situation.slug == "echo":
        return situation.question
    head = f"Emulated answer from {situation.slug}: "
    if situation.slug == "story":
        return head + story(dice)
    return head + " ".join([*_body(situation, dice), dice.choice(_CLOSINGS)])


def think(situation: Situation, sentences: int, dice: random.Random) -> str:
    """Reasoning that leads to the answer, in this many sentences."""
    steps = [
        f"The user asks: {_quote(situation.question)}.",
        "I should answer briefly and say that I am emulated.",
        f"There are {len(situation.sights)} pictures and {len(situation.results)} tool results to consider.",
        "Checking the form of the answer once more before I begin.",
        "Nothing else seems to be needed.",
    ]
    further = (
        f"Weighing point {number}: {dice.choice(_EVENTS)} does not matter here." for number in range(1, sentences)
    )
    return " ".join([*steps, *further][:sentences])


def story(dice: random.Random, sentences: int = 24) -> str:
    """A story."""
    hero = dice.choice(_HEROES)
    opening = f"Once, {dice.choice(_PLACES)}, {hero} {dice.choice(_EVENTS)}."
    return " ".join([opening, *(_sentence(hero, dice) for _ in range(sentences - 1))])


def filler(dice: random.Random) -> Iterator[str]:
    """Sentences without end, each with its leading space."""
    hero = dice.choice(_HEROES)
    while True:
        yield " " + _sentence(hero, dice)


def _body(situation: Situation, dice: random.Random) -> list[str]:
    found = [f"The picture shows {sight}." if sight.startswith("a") else f"{sight}." for sight in situation.sights]
    if situation.results:
        return [*found, *(f"The tool {name} returned: {_quote(text)}." for name, text in situation.results)]
    known = recall(situation.question)
    if known:
        return [*found, known if known[-1] in ".!?" else f"{known}."]
    if _STORY.search(situation.question):
        return [*found, story(dice)]
    return [*found, f"You wrote {_quote(situation.question)}."]


def _sentence(hero: str, dice: random.Random) -> str:
    subject = hero if dice.random() < 0.5 else "someone else"
    return f"{dice.choice(_TURNS)}, {subject} {dice.choice(_EVENTS)} {dice.choice(_PLACES)}."


def _quote(text: str) -> str:
    text = " ".join(text.split())
    return f'"{text[:QUOTE_LIMIT]}…"' if len(text) > QUOTE_LIMIT else f'"{text}"'
