"""How often a property is tried: every time in scripts/test, a fifth of that in scripts/check, which is waited for."""

from __future__ import annotations

import hypothesis

ALL, FEW = 100, 20
"""Examples of a property that names no number, in the profile ``repeatable`` and in ``quick``."""


def register_profiles() -> None:
    """Make both known, and ``repeatable`` the one that holds unless ``--hypothesis-profile`` names another."""
    hypothesis.settings.register_profile(
        "repeatable", derandomize=True, deadline=None, print_blob=False, max_examples=ALL
    )
    repeatable = hypothesis.settings.get_profile("repeatable")
    hypothesis.settings.register_profile("quick", repeatable, max_examples=FEW)
    hypothesis.settings.load_profile("repeatable")


def examples(count: int) -> int:
    """``count``, or the part of it that the profile in use leaves."""
    return max(1, count * hypothesis.settings().max_examples // ALL)
