"""What the emulated models know of the world: plausible words and values, so that constrained answers read well."""

from __future__ import annotations

import random
import re
from collections.abc import Container, Mapping, Sequence

_WORD_LIST = """
    river garden silver morning quiet bright window paper letter summer market forest yellow island bridge simple
    gentle winter orange travel music harbor planet copper meadow story signal evening mountain coffee little
    open clear warm early green small round happy light stone cloud water field house train north lamp
    apple bread table chair ocean pilot robin maple cedar amber coral delta ember frost grove the a and of in to is
"""
WORDS = tuple(_WORD_LIST.split())
"""Lower-case ASCII; the short ones at the end let narrow length limits be met."""

_SENTENCES = (
    "The morning light fell over the quiet harbor",
    "A small garden grows beside the old stone bridge",
    "Rain is expected in the north this evening",
    "The train to the mountain village leaves early",
    "Fresh bread and coffee make a simple breakfast",
    "The forest was green and calm after the storm",
)

_STRINGS: dict[str, tuple[str, ...]] = {
    "name": ("Ada Lovelace", "Grace Hopper", "Alan Turing", "Mary Shelley", "Niels Bohr", "Ada", "Grace", "Alan"),
    "firstname": ("Ada", "Grace", "Alan", "Mary", "Niels"),
    "lastname": ("Lovelace", "Hopper", "Turing", "Shelley", "Bohr"),
    "username": ("ada", "ghopper", "alan_t", "mshelley"),
    "city": ("Paris", "Lisbon", "Kyoto", "San Francisco", "Nairobi"),
    "state": ("California", "Texas", "Bavaria", "Victoria", "CA", "TX"),
    "country": ("France", "Portugal", "Japan", "Canada", "Kenya", "FR", "JP"),
    "language": ("English", "French", "Japanese", "Portuguese", "en", "fr"),
    "location": ("Paris, France", "Lisbon, Portugal", "Kyoto, Japan", "San Francisco, CA", "Paris", "Lisbon"),
    "street": ("12 Harbor Street", "7 Maple Avenue", "31 Cedar Lane"),
    "postcode": ("75001", "94105", "10115", "60601"),
    "email": ("ada@example.com", "grace@example.org", "alan@example.net"),
    "phone": ("+1 555 0100", "555-0142", "+44 20 7946 0958", "5550100"),
    "url": ("https://example.com/docs", "https://example.org/news", "http://example.net"),
    "date": ("2026-03-14", "2025-11-02", "2024-07-21"),
    "time": ("09:30:00", "14:05:00", "21:45:00", "09:30"),
    "datetime": ("2026-03-14T09:30:00Z", "2025-11-02T14:05:00Z"),
    "day": ("Monday", "Wednesday", "Saturday"),
    "month": ("March", "July", "November"),
    "color": ("blue", "green", "amber", "crimson", "#3366cc"),
    "currency": ("EUR", "USD", "JPY"),
    "unit": ("celsius", "kg", "km"),
    "company": ("Northwind Traders", "Ember Works", "Blue Harbor", "Acme"),
    "job": ("engineer", "teacher", "architect", "nurse"),
    "animal": ("otter", "heron", "fox", "cat"),
    "food": ("apple", "bread", "risotto", "green tea"),
    "status": ("active", "pending", "done", "open"),
    "sentiment": ("positive", "neutral", "negative"),
    "category": ("travel", "science", "music", "food"),
    "tag": ("travel", "science", "music", "garden"),
    "title": ("The Quiet Harbor", "A Field Guide to Rivers", "Morning Light", "Letters"),
    "id": ("a1b2c3", "item-42", "7f3e", "42"),
    "uuid": ("3f2b8c1e-5a4d-4e6f-9b7a-1c2d3e4f5a6b", "9d8c7b6a-1e2f-4a3b-8c5d-6e7f8a9b0c1d"),
    "code": ("A42", "X7", "42"),
    "genre": ("mystery", "fantasy", "biography"),
    "gender": ("female", "male"),
    "version": ("1.4.2", "2.0.0"),
    "ip": ("192.0.2.10", "198.51.100.7"),
    "host": ("example.com", "example.org"),
    "path": ("/docs/readme.txt", "/notes/today.md"),
    "query": ("weather in Paris", "history of bridges", "trains to Lisbon"),
    "sentence": _SENTENCES,
    "word": WORDS[:60],
}

_ALSO: dict[str, str] = {
    "author": "name", "person": "name", "customer": "name", "owner": "name", "user": "username", "login": "username",
    "fullname": "name", "given": "firstname", "first": "firstname", "surname": "lastname", "family": "lastname",
    "last": "lastname", "town": "city", "capital": "city", "destination": "city", "origin": "city",
    "region": "state", "province": "state", "nation": "country", "nationality": "country", "place": "location",
    "address": "street", "zip": "postcode", "zipcode": "postcode", "postal": "postcode", "mail": "email",
    "telephone": "phone", "mobile": "phone", "uri": "url", "link": "url", "website": "url", "homepage": "url",
    "birthday": "date", "dob": "date", "deadline": "date", "timestamp": "datetime", "created": "datetime",
    "updated": "datetime", "weekday": "day", "colour": "color", "units": "unit", "organization": "company",
    "organisation": "company", "brand": "company", "employer": "company", "occupation": "job", "profession": "job",
    "role": "job", "pet": "animal", "species": "animal", "dish": "food", "ingredient": "food", "product": "food",
    "topic": "category", "type": "category", "kind": "category", "label": "tag", "tags": "tag", "headline": "title",
    "book": "title", "movie": "title", "key": "id", "identifier": "id", "guid": "uuid", "sku": "code",
    "hostname": "host", "domain": "host", "file": "path", "filename": "path", "search": "query",
    "question": "query", "description": "sentence", "summary": "sentence", "text": "sentence",
    "comment": "sentence", "message": "sentence", "content": "sentence", "explanation": "sentence",
    "reason": "sentence", "reasoning": "sentence", "answer": "sentence", "note": "sentence", "notes": "sentence",
    "bio": "sentence", "review": "sentence", "step": "sentence", "thought": "sentence", "term": "word",
    "noun": "word", "ident": "word",
}  # fmt: skip

FORMATS: dict[str, str] = {
    "date": "date", "time": "time", "date-time": "datetime", "email": "email", "idn-email": "email", "uri": "url",
    "uri-reference": "url", "iri": "url", "uuid": "uuid", "ipv4": "ip", "hostname": "host",
}  # fmt: skip
"""JSON Schema's ``format`` names by the kind of value that meets them."""

_NUMBERS: dict[str, tuple[int, int]] = {
    "age": (18, 79), "year": (1990, 2026), "month": (1, 12), "day": (1, 28), "hour": (0, 23), "minute": (0, 59),
    "rating": (1, 5), "stars": (1, 5), "score": (1, 10), "percent": (0, 100), "percentage": (0, 100),
    "confidence": (0, 1), "probability": (0, 1), "price": (5, 200), "cost": (5, 200), "amount": (5, 200),
    "total": (20, 400), "temperature": (-5, 32), "latitude": (-60, 60), "longitude": (-120, 120),
    "population": (10_000, 9_000_000), "height": (150, 195), "weight": (50, 95), "id": (1, 999), "port": (1024, 9999),
    "width": (100, 800), "quantity": (1, 9), "count": (1, 20), "duration": (5, 120), "days": (1, 14),
}  # fmt: skip


def strings(name: str) -> Sequence[str]:
    """Plausible texts for something called ``name`` (``firstName``, ``ship-to-city``); empty when nothing fits."""
    kind = _kind(name, _STRINGS, _ALSO)
    return _STRINGS[kind] if kind else ()


def number_range(name: str) -> tuple[int, int]:
    """Plausible inclusive bounds for a number called ``name``."""
    kind = _kind(name, _NUMBERS, {})
    return _NUMBERS[kind] if kind else (1, 100)


def sentence(rng: random.Random) -> str:
    """One readable sentence without its full stop."""
    return rng.choice(_SENTENCES)


def words(rng: random.Random, count: int) -> list[str]:
    """``count`` words, each different from its neighbour."""
    found: list[str] = []
    while len(found) < count:
        word = rng.choice(WORDS)
        if not found or found[-1] != word:
            found.append(word)
    return found


def _kind(name: str, known: Container[str], also: Mapping[str, str]) -> str | None:
    parts: list[str] = [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    for candidate in ("".join(parts), "".join(parts[-2:]), *reversed(parts)):
        for spelling in (candidate, candidate.removesuffix("s")):
            kind = also.get(spelling, spelling)
            if kind in known:
                return kind
    return None
