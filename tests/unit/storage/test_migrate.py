from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from emberway.storage.migrate import upgrade

START = """
import sys
from pathlib import Path
from emberway.storage.migrate import upgrade

assert upgrade(Path(sys.argv[1])) is False
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"alembic", "mako", "psycopg"}))
"""


def test_a_start_with_nothing_to_migrate_loads_neither_alembic_nor_another_engines_driver(tmp_path: Path) -> None:
    upgrade(tmp_path / "control.db")

    command = [sys.executable, "-c", START, str(tmp_path / "control.db")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert said == "\n"
