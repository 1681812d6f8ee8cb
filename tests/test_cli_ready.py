"""`hearing meeting check | rehearse | purge`, on a folder and through the server that runs on it."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from hearing import creating
from hearing.errors import Refused
from hearing.remote import meetings
from hearing.remote.connection import Target
from tests.e2e.serving import ROOT, Serving
from tests.stream.made import make

REHEARSAL = "one-rehearsal-1"


def hearing(*arguments: str, data: Path, said: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "hearing", *arguments, "--data", str(data)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, input=said)


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


def test_a_check_without_a_server_goes_by_the_settings_that_it_is_given(tmp_path: Path) -> None:
    data, config = tmp_path / "data", tmp_path / "hearing.toml"
    address = "https://127.0.0.1:1/live/master.m3u8"
    made = hearing(*create(Path("-"), "en"), data=data, said=address + "\n")
    assert (made.returncode, made.stderr) == (0, "")
    config.write_text(f'data = "{data}"\nsource_private_hosts = ["127.0.0.1"]\n')
    found = [hearing("meeting", "check", "one", "--json", data=data)]
    command = [sys.executable, "-m", "hearing", "meeting", "check", "one", "--json", "--config", str(config)]
    found.append(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False))
    codes = [next(one["code"] for one in json.loads(done.stdout)["findings"]) for done in found]
    assert codes == ["source-refused", "source-unreachable"]


def test_a_source_with_a_secret_stands_in_no_command(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "source"
    common = ("meeting", "create", "--title", "One", "--channels", "en")
    file.write_text("https://live.example.org/live/K3yK3yK3y/master.m3u8\n")
    assert hearing(*common, "--id", "one", "--source-file", str(file), data=data).returncode == 0
    assert hearing(*common, "--id", "two", "--source", "-", data=data, said=file.read_text()).returncode == 0
    where = Target(data)
    expected = "https://live.example.org/live/K3yK3yK3y/master.m3u8"
    assert [meetings.setup(where, one).source for one in ("one", "two")] == [expected] * 2


@pytest.mark.parametrize("content", ["", "one\ntwo\n", "x" * 5000, None])
def test_a_source_file_that_is_not_one_line_is_refused(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "source"
    if content is not None:
        file.write_text(content)
    parser = argparse.ArgumentParser()
    creating.add_options(parser)
    given = ["--id", "one", "--title", "One", "--channels", "en", "--source-file", str(file)]
    with pytest.raises(Refused, match="one line" if content is not None else "--source-file"):
        creating.wanted(parser.parse_args(given), None)


def test_who_acts_on_the_machine_may_name_any_file_and_who_acts_from_elsewhere_one_of_the_media_folder(
    tmp_path: Path,
) -> None:
    outside, token = make(tmp_path / "a.mp4", seconds=(2.0,)), tmp_path / "token"
    token.write_text("t" * 40)
    films, config = tmp_path / "films", tmp_path / "hearing.toml"
    films.mkdir()
    config.write_text(f'media_folder = "{films}"\nstaff_token_file = "{token}"\n')
    with Serving(tmp_path / "data", "--no-worker", "--config", str(config)) as server:
        server.hearing(*create(outside, "en"))
        far = ("--server", server.url, "--token-file", str(token), "--id")
        common = ("meeting", "create", "--title", "Two", "--channels", "en", "--source")
        refused = hearing(*common, str(outside.with_name("b.mp4")), *far, "two", data=tmp_path / "none")
        assert (refused.returncode, "media_folder" in refused.stderr) == (1, True)
        assert hearing(*common, "b.mp4", *far, "three", data=tmp_path / "none").returncode == 0
        assert meetings.setup(Target(tmp_path, server.url, "t" * 40), "three").source == str(films / "b.mp4")


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
