"""The few things that the emulated model knows."""

from __future__ import annotations

import re

_CAPITALS = {
    "argentina": "Buenos Aires",
    "australia": "Canberra",
    "austria": "Vienna",
    "belgium": "Brussels",
    "brazil": "Brasília",
    "canada": "Ottawa",
    "chile": "Santiago",
    "china": "Beijing",
    "colombia": "Bogotá",
    "croatia": "Zagreb",
    "czechia": "Prague",
    "denmark": "Copenhagen",
    "egypt": "Cairo",
    "england": "London",
    "estonia": "Tallinn",
    "finland": "Helsinki",
    "france": "Paris",
    "germany": "Berlin",
    "greece": "Athens",
    "hungary": "Budapest",
    "iceland": "Reykjavik",
    "india": "New Delhi",
    "indonesia": "Jakarta",
    "ireland": "Dublin",
    "italy": "Rome",
    "japan": "Tokyo",
    "kenya": "Nairobi",
    "mexico": "Mexico City",
    "morocco": "Rabat",
    "netherlands": "Amsterdam",
    "new zealand": "Wellington",
    "nigeria": "Abuja",
    "norway": "Oslo",
    "peru": "Lima",
    "poland": "Warsaw",
    "portugal": "Lisbon",
    "romania": "Bucharest",
    "south korea": "Seoul",
    "spain": "Madrid",
    "sweden": "Stockholm",
    "switzerland": "Bern",
    "thailand": "Bangkok",
    "turkey": "Ankara",
    "ukraine": "Kyiv",
    "united kingdom": "London",
    "united states": "Washington, D.C.",
    "vietnam": "Hanoi",
}
_COUNTRY = re.compile(r"capital(?: city)? of (?:the )?([a-z]+(?: [a-z]+)?)", re.IGNORECASE)
_SUM = re.compile(r"(?<![\w.])(-?\d{1,12})\s*([-+*×/])\s*(-?\d{1,12})(?![\w.])")
_COUNT = re.compile(r"\bcount (?:up )?(?:from (\d{1,4}) )?to (\d{1,4})\b", re.IGNORECASE)
_ECHO = re.compile(
    r"\b(?:say|repeat|echo|reply with|respond with|answer with)\b(?: exactly| only| just)?:?\s+(.+)",
    re.IGNORECASE | re.DOTALL,
)
_QUOTED = re.compile(r"""^["'“‘`](.+?)["'”’`]""", re.DOTALL)
_GREETING = re.compile(r"^\W*(?:hi|hello|hey|good (?:morning|evening|afternoon))\b", re.IGNORECASE)


def recall(question: str) -> str | None:
    """An answer to a question about a capital, a sum, counting or repeating; None for anything else."""
    for attempt in (_capital, _arithmetic, _counting, _echo, _greeting):
        if found := attempt(question):
            return found
    return None


def _capital(question: str) -> str | None:
    found = _COUNTRY.search(question)
    if not found:
        return None
    words = found[1].split()
    for name in (" ".join(words), words[0]):
        if city := _CAPITALS.get(name.lower()):
            return f"The capital of {name.title()} is {city.removesuffix('.')}."
    return None


def _arithmetic(question: str) -> str | None:
    found = _SUM.search(question)
    if not found:
        return None
    left, sign, right = int(found[1]), found[2].replace("×", "*"), int(found[3])
    if sign == "/":
        return f"{left} / {right} = {left / right:g}" if right else f"{left} / {right} has no value."
    value = {"+": left + right, "-": left - right, "*": left * right}[sign]
    return f"{left} {sign} {right} = {value}"


def _counting(question: str) -> str | None:
    found = _COUNT.search(question)
    if not found:
        return None
    first, last = int(found[1] or 1), int(found[2])
    return ", ".join(str(number) for number in range(first, last + 1)) or "There is nothing to count."


def _echo(question: str) -> str | None:
    found = _ECHO.search(question)
    if not found:
        return None
    quoted = _QUOTED.match(found[1])
    return quoted[1] if quoted else found[1].strip()


def _greeting(question: str) -> str | None:
    return "Hello! What would you like to try?" if _GREETING.match(question) else None
