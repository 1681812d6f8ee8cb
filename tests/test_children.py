"""Our own programs run nothing that lies about in the folder they are started in."""

import subprocess
from pathlib import Path

from hearing import children

ROOT = Path(__file__).parents[1]


def test_a_module_that_lies_in_the_folder_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "tomllib.py").write_text('print("RAN")')
    command = [*children.command("hearing"), "--version"]
    done = subprocess.run(
        command, cwd=tmp_path, env=children.environ(), capture_output=True, text=True, check=True, timeout=60
    )
    assert "RAN" not in done.stdout + done.stderr


def test_the_scripts_start_it_like_that() -> None:
    for name in ("hearing", "demo"):
        assert '.venv/bin/python" -P -m hearing' in (ROOT / "scripts" / name).read_text("utf-8")
