from __future__ import annotations

import pytest

from emberway.exchange import Headers
from emberway.pipeline.retry_after import retry_after

NOW = 784_111_777.0
"""Sun, 06 Nov 1994 08:49:37 GMT."""

MS, X_MS, PLAIN = b"retry-after-ms", b"x-ms-retry-after-ms", b"retry-after"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], None),
        ([(PLAIN, b"7")], 7.0),
        ([(PLAIN, b" 0 ")], 0.0),
        ([(PLAIN, b"1.5")], 1.5),
        ([(MS, b"250")], 0.25),
        ([(X_MS, b"1500")], 1.5),
        ([(PLAIN, b"9"), (X_MS, b"2000"), (MS, b"1000")], 1.0),
        ([(PLAIN, b"9"), (X_MS, b"2000"), (MS, b"soon")], 2.0),
        ([(PLAIN, b"9"), (X_MS, b"-1"), (MS, b"")], 9.0),
        ([(PLAIN, b"1000000000")], 1e9),
        ([(PLAIN, b"Sun, 06 Nov 1994 08:49:57 GMT")], 20.0),
        ([(PLAIN, b"Sunday, 06-Nov-94 08:49:57 GMT")], 20.0),
        ([(PLAIN, b"Sun Nov  6 08:49:57 1994")], 20.0),
        ([(PLAIN, b"Sun, 06 Nov 1994 08:49:30 GMT")], 0.0),
        ([(PLAIN, b"Sun, 99 Nov 1994 08:49:57 GMT")], None),
        ([(PLAIN, b"tomorrow")], None),
        ([(PLAIN, b"-5")], None),
        ([(PLAIN, b"5 s")], None),
        ([(PLAIN, b"1e3")], None),
        ([(PLAIN, b"9" * 400)], None),
        ([(PLAIN, "\N{FULLWIDTH DIGIT FIVE}".encode())], None),
    ],
)  # fmt: skip
def test_a_provider_may_say_in_many_ways_how_long_to_wait(headers: Headers, seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds
