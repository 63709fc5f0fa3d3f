"""Column types that hold the same values, and sort them the same way, on every engine."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Dialect, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def folded(text: str) -> str:
    """``text`` as it counts when two names are compared: without case and without compatibility forms of letters.

    NFKC and case folding undo some of each other's work, so both are done until nothing changes any more; twice is
    enough (Unicode Standard, D146).
    """
    for _ in range(2):
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return text


class Key(TypeDecorator[str]):
    """Text that identifies a row. It sorts by code point: PostgreSQL is told to, SQLite knows no other way."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """What each engine makes of it."""
        return Text(collation="C" if dialect.name == "postgresql" else None)


class Folded(Key):
    """A name as it counts for uniqueness: what is stored here, or compared with it, is :func:`folded` on the way."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Fold."""
        return None if value is None else folded(value)


class Moment(TypeDecorator[datetime]):
    """A point in time: microseconds since 1970 in UTC, an aware ``datetime`` in Python. A naive one is refused."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Count."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return (value - EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """In UTC."""
        return None if value is None else EPOCH + value * _MICROSECOND


class Json(TypeDecorator[Any]):
    """Anything that JSON can hold, kept as its text; Python's ``None`` is SQL's NULL, not JSON's ``null``."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write."""
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read."""
        return None if value is None else msgspec.json.decode(value)
