"""Where a command gets its settings: flags, this process's environment, the current folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from emberway.cli.failure import SETTINGS_INVALID, CommandFailed
from emberway.hardening import wipe_initial_environment
from emberway.settings import SECRET_VARIABLES, Loaded, SettingsInvalid, load, take_environment


def settings_from(flags: Mapping[str, object]) -> Loaded:
    """The settings under ``flags``; afterwards the environment holds no secret of ours any more."""
    return environment_and_settings(flags)[1]


def environment_and_settings(flags: Mapping[str, object]) -> tuple[Mapping[str, str], Loaded]:
    """The same, with the environment as it was."""
    wipe_initial_environment(SECRET_VARIABLES)
    environ = take_environment()
    try:
        return environ, load(flags, environ, Path.cwd())
    except SettingsInvalid as error:
        raise CommandFailed(str(error), SETTINGS_INVALID) from None
