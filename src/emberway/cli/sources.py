"""Where a command gets its settings: flags, this process's environment, the current folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from emberway.cli.failure import SETTINGS_INVALID, CommandFailed
from emberway.hardening import wipe_initial_environment
from emberway.settings import SECRET_VARIABLES, Loaded, SettingsInvalid, load, take_environment


def settings_from(flags: Mapping[str, object]) -> Loaded:
    """The settings under ``flags``; afterwards the environment holds no secret of ours any more."""
    wipe_initial_environment(SECRET_VARIABLES)
    try:
        return load(flags, take_environment(), Path.cwd())
    except SettingsInvalid as error:
        raise CommandFailed(str(error), SETTINGS_INVALID) from None
