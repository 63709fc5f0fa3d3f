from __future__ import annotations

import sys
from pathlib import Path

import pytest

from emberway.secret import Secret
from emberway.storage.engine import SERVING
from emberway.storage.engines import ENGINES, EngineUnusable, find


def test_a_path_is_a_file_of_sqlite_whatever_it_is_called() -> None:
    make, url = find(Path("/srv/a folder/what?is=this#100%.db"))

    assert make.name == "sqlite"
    assert url.database == "/srv/a folder/what?is=this#100%.db"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("postgresql://ada:x@db:5433/emberway", "postgresql"),
        ("postgres://ada:x@db/emberway", "postgresql"),
        ("postgresql+psycopg://db/emberway", "postgresql"),
        ("sqlite:////srv/control.db", "sqlite"),
    ],
)
def test_a_url_is_of_the_engine_that_it_names(address: str, name: str) -> None:
    make, url = find(Secret(address))

    assert make is ENGINES[name]
    assert url.get_backend_name() == name


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("mysql://ada:sesame@db/x", "there is no engine mysql: there are sqlite, postgresql"),
        ("sqlite://", "SQLite needs the path of a file, and takes no options"),
        ("sqlite:///:memory:", "SQLite needs the path of a file, and takes no options"),
        ("sqlite:///x.db?mode=memory", "SQLite needs the path of a file, and takes no options"),
        ("what is this sesame", "the database's address is not a URL"),
    ],
)
def test_an_address_that_no_engine_takes_is_refused_in_a_sentence_without_its_secrets(address: str, why: str) -> None:
    with pytest.raises(EngineUnusable) as raised:
        find(Secret(address))

    assert str(raised.value) == why
    assert "sesame" not in repr(raised.value.__cause__)


def test_without_its_driver_postgresql_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    make, url = find(Secret("postgresql://db/emberway"))

    with pytest.raises(EngineUnusable, match=r"needs its driver: install `emberway\[postgres\]`"):
        make.pool(url, SERVING)
