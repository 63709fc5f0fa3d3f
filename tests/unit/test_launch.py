from __future__ import annotations

import pickle

import pytest

from emberway.accounts.keys import record_of
from emberway.launch import EmulatorAt, Launch
from emberway.secret import Secret
from emberway.settings import Settings

PEPPER = bytes(range(32))
LAUNCH = Launch(
    Settings(),
    PEPPER,
    (record_of(PEPPER, "sesame-open-yourself", ""),),
    EmulatorAt("http://127.0.0.1:9", Secret("fw_x")),
)


def test_a_launch_reaches_a_worker_whole_where_workers_are_not_forked() -> None:
    arrived = pickle.loads(pickle.dumps(LAUNCH))

    assert (arrived.settings, arrived.pepper, arrived.key_records) == (
        LAUNCH.settings,
        LAUNCH.pepper,
        LAUNCH.key_records,
    )
    assert arrived.emulator.key.reveal() == "fw_x"


def test_a_launch_shows_no_secret() -> None:
    assert "fw_x" not in repr(LAUNCH)
    assert repr(PEPPER) not in repr(LAUNCH)


def test_a_key_of_the_operator_does_not_travel_to_a_worker() -> None:
    with pytest.raises(TypeError, match="a secret is not pickled"):
        pickle.dumps(Launch(Settings(api_key=Secret("sesame-open-yourself")), PEPPER, ()))
