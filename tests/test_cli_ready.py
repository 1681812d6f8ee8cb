"""`hearing meeting check | rehearse | purge`, on a folder and through the server that runs on it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.serving import ROOT, Serving
from tests.stream.made import make

REHEARSAL = "one-rehearsal-1"


def hearing(*arguments: str, data: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "hearing", *arguments, "--data", str(data)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def create(source: Path, channels: str) -> tuple[str, ...]:
    return ("meeting", "create", "--id", "one", "--title", "One", "--channels", channels, "--source", str(source))


def test_a_folder_is_checked_and_the_exit_status_is_the_verdict(tmp_path: Path) -> None:
    hearing(*create(make(tmp_path / "a.mp4", seconds=(2.0, 2.0)), "en,fr"), data=tmp_path / "data")
    done = hearing("meeting", "check", "one", "--json", data=tmp_path / "data")
    found = json.loads(done.stdout)
    assert done.returncode == (found["verdict"] == "no-go")
    codes = [one["code"] for one in found["findings"]]
    assert codes[:2] == ["source-opens", "tracks-match"]
    assert "worker-unasked" in codes


def test_what_is_not_ready_says_so_first_with_its_mend(tmp_path: Path) -> None:
    hearing(*create(make(tmp_path / "a.mp4", seconds=(2.0,)), "en,fr"), data=tmp_path / "data")
    done = hearing("meeting", "check", "one", data=tmp_path / "data")
    assert (done.returncode, done.stderr) == (1, "")
    first, *rest = done.stdout.splitlines()
    assert first == "NO-GO"
    assert any(line.startswith("no-go") and "Remove a channel" in line for line in rest)
    assert hearing("meeting", "check", "two", data=tmp_path / "data").returncode == 1


def test_a_server_checks_rehearses_and_purges(tmp_path: Path) -> None:
    with Serving(tmp_path / "data", "--no-worker") as server:
        server.hearing(*create(make(tmp_path / "a.mp4", seconds=(2.0,)), "en"))
        found = json.loads(server.hearing("meeting", "check", "one", "--json"))
        assert "worker-off" in [one["code"] for one in found["findings"]]
        assert REHEARSAL in server.hearing("meeting", "rehearse", "one")
        assert REHEARSAL in server.hearing("meeting", "list")
        assert REHEARSAL not in json.dumps(server.get("/api/meetings"))
        server.hearing("meeting", "purge", REHEARSAL)
        assert REHEARSAL not in server.hearing("meeting", "list")
        assert not (tmp_path / "data" / "media" / REHEARSAL).exists()
        with pytest.raises(subprocess.CalledProcessError) as refused:
            server.hearing("meeting", "purge", "one")
        assert "Only rehearsals are purged" in refused.value.stderr
