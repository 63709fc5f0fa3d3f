"""How a command ends when it cannot do what was asked: one sentence on stderr and a status that a script can read."""

from __future__ import annotations

from typing import Final

FAILED: Final = 1
USAGE: Final = 2
SETTINGS_INVALID: Final = 3
UNREACHABLE: Final = 4
KEY_PROBLEM: Final = 78
"""EX_CONFIG of sysexits.h: starting again will not help."""
INTERRUPTED: Final = 130


class CommandFailed(Exception):
    """Ends the command; the message is for its user."""

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status
