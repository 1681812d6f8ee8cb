"""The command line: true exit codes, errors on stderr with the mend, JSON on stdout where asked."""

import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import pytest


def hearing(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "hearing", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


CREATE = ("meeting", "create", "--id", "one", "--title", "One", "--channels", "en,fr", "--source", "talk.mkv")


def test_a_typo_in_the_folder_makes_none(tmp_path: Path) -> None:
    done = hearing("meeting", "open", "one", "--data", "typo", cwd=tmp_path)
    assert (done.returncode, "--data" in done.stderr) == (1, True)
    assert not (tmp_path / "typo").exists()


def test_what_is_no_text_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes("port = 0 # Zürich".encode("latin-1"))
    assert "UTF-8" in hearing("serve", "--config", "latin.toml", cwd=tmp_path).stderr
    strange = os.fsdecode(b"caf\xe9.mkv")
    (tmp_path / strange).touch()
    done = hearing(*CREATE[:-1], strange, cwd=tmp_path)
    assert (done.returncode, "Rename the file" in done.stderr, "Traceback" in done.stderr) == (1, True, False)


def test_a_full_disk_under_the_events_is_said(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "talk.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(3200))
    done = hearing("transcribe", "talk.wav", "--events", "/dev/full", cwd=tmp_path)
    assert (done.returncode, "--events" in done.stderr, "Traceback" in done.stderr) == (1, True, False)


@pytest.mark.parametrize("channels", ["en,,fr", "", ","])
def test_an_empty_place_among_the_channels_is_refused(channels: str, tmp_path: Path) -> None:
    done = hearing(*CREATE[:-3], channels, "--source", "talk.mkv", cwd=tmp_path)
    assert (done.returncode, "empty place" in done.stderr) == (1, True)


def test_a_folder_without_a_server_is_used_directly(tmp_path: Path) -> None:
    assert hearing(*CREATE, "--floor", "en", cwd=tmp_path).returncode == 0
    assert hearing("meeting", "open", "one", cwd=tmp_path).returncode == 0
    listed = json.loads(hearing("meeting", "list", "--json", cwd=tmp_path).stdout)
    assert [(m["id"], m["phase"]) for m in listed["meetings"]] == [("one", "open")]
    assert [(c["id"], c["kind"]) for c in listed["meetings"][0]["channels"]] == [
        ("en", "floor"),
        ("fr", "interpretation"),
    ]
    assert hearing("meeting", "close", "one", cwd=tmp_path).returncode == 0
    assert "closed" in hearing("meeting", "list", cwd=tmp_path).stdout


def test_a_missing_source_is_said_at_once_and_is_no_error(tmp_path: Path) -> None:
    done = hearing(*CREATE, cwd=tmp_path)
    assert done.returncode == 0
    assert "no file at --source" in done.stderr


def test_a_refusal_exits_1_and_says_what_to_do(tmp_path: Path) -> None:
    hearing(*CREATE, cwd=tmp_path)
    again = hearing(*CREATE, cwd=tmp_path)
    assert (again.returncode, again.stdout) == (1, "")
    assert "Choose another --id" in again.stderr
    assert "hearing meeting list" in hearing("meeting", "open", "two", cwd=tmp_path).stderr


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (("--starts", "tomorrow"), "2026-11-24T10:00+01:00"),
        (("--starts", "2026-11-24T10:00"), "offset"),
        (("--floor", "ru"), "--floor names one of"),
    ],
)
def test_bad_values_are_refused_by_name(extra: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = hearing(*CREATE, *extra, cwd=tmp_path)
    assert done.returncode == 1
    assert said in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("meeting", "create", "--data", "file", *CREATE[2:-1], "demo:"), "--data"),
        (("serve", "--data", "file", "--port", "0"), "--data"),
        (("transcribe", "talk.wav", "--events", "no/such/folder/x.jsonl"), "--events"),
        (("meeting", "list", "--server", "http://[::1"), "--server takes an address"),
    ],
)
def test_what_the_machine_refuses_is_one_sentence(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with wave.open(str(tmp_path / "talk.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(3200))
    done = hearing(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_path_no_system_takes_is_a_source_that_is_not_there(tmp_path: Path) -> None:
    done = hearing(*CREATE[:-1], "x" * 1000, cwd=tmp_path)
    assert done.returncode == 0
    assert "no file at --source" in done.stderr


def test_a_reader_that_leaves_early_is_no_error_of_ours(tmp_path: Path) -> None:
    hearing(*CREATE, cwd=tmp_path)
    command = f"{sys.executable} -m hearing meeting list | true"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_an_open_address_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    done = hearing("serve", "--host", "0.0.0.0", "--data", "d", cwd=tmp_path)  # noqa: S104 - to be refused
    assert done.returncode == 1
    assert "--behind-proxy" in done.stderr
    assert not (tmp_path / "d").exists()


def test_a_token_is_not_sent_over_a_readable_line(tmp_path: Path) -> None:
    done = hearing("meeting", "list", "--server", "http://hearing.example.org", cwd=tmp_path)
    assert done.returncode == 1
    assert "https://" in done.stderr


def test_an_unknown_bench_names_those_there_are(tmp_path: Path) -> None:
    done = hearing("bench", "nothing", "--json", cwd=tmp_path)
    assert done.returncode in {1, 2}
    assert "log" in done.stderr


def test_a_source_that_cannot_be_relayed_is_refused_when_the_meeting_is_created(tmp_path: Path) -> None:
    done = hearing(*CREATE[:-1], "srt://example.org:9000", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("hearing: ")
    assert hearing("meeting", "list", cwd=tmp_path).stdout.startswith("No meetings yet")


def test_a_meeting_is_made_like_another_with_an_agenda_of_its_own(tmp_path: Path) -> None:
    agenda = ("--agenda", "Articles 6 and 7:40", "--agenda", "Article 9")
    assert hearing(*CREATE, "--body", "Committee", *agenda, cwd=tmp_path).returncode == 0
    done = hearing("meeting", "create", "--id", "two", "--from", "one", "--title", "Two", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert hearing("meeting", "create", "--id", "three", "--from", "one", "--agenda", "X", cwd=tmp_path).returncode == 0
    one, two, three = json.loads(hearing("meeting", "list", "--json", cwd=tmp_path).stdout)["meetings"]
    assert two["agenda"] == one["agenda"]
    assert [(block["id"], block["minutes"]) for block in two["agenda"]] == [("articles-6-and-7", 40), ("article-9", 0)]
    assert (two["title"], two["dialogue"], two["body"], two["channels"]) == ("Two", "one", "Committee", one["channels"])
    assert [block["title"] for block in three["agenda"]] == ["X"]
    missing = hearing("meeting", "create", "--id", "four", "--title", "Four", cwd=tmp_path)
    assert (missing.returncode, "--source and --channels" in missing.stderr) == (1, True)
    assert "no meeting with this id" in hearing("meeting", "create", "--id", "x", "--from", "y", cwd=tmp_path).stderr


def test_staff_are_invited_to_the_house_and_all_others_to_a_dialogue(tmp_path: Path) -> None:
    hearing(*CREATE, cwd=tmp_path)
    staff = hearing("invite", "staff", "--label", "Secretariat", cwd=tmp_path)
    assert staff.stdout.startswith("/staff/accept#")
    assert hearing("invite", "chair", "--dialogue", "one", cwd=tmp_path).stdout.startswith("/staff/one/accept#")
    for wrong in (("chair",), ("staff", "--dialogue", "one")):
        refused = hearing("invite", *wrong, cwd=tmp_path)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "--dialogue ID" in refused.stderr
