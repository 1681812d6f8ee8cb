"""A source is judged when a meeting takes it, and what is shown of it is taken back as the whole."""

import hashlib
from pathlib import Path

import msgspec
import pytest

from hearing.config import Config
from hearing.events import encode
from hearing.sources import Sources, rules_of
from hearing.stream.address import NotAdmitted, Rules
from tests.stream.relaying import house, meeting

URL = "rtmps://live.example.org/app/s3cr3t"
OTHER = "rtmps://live.example.org/app/0th3r"
RULES = Rules(hosts=("live.example.org",))


def test_what_is_shown_of_a_source_means_that_source_again() -> None:
    sources, known = Sources(RULES, Path("/films")), house(meeting(URL, "en"))
    shown = sources.masked(URL)
    assert shown.startswith("rtmps://live.example.org/app/…")
    assert shown != sources.masked(OTHER), "two keys are told apart"
    sent = msgspec.structs.replace(meeting(URL, "en").created, source=shown)
    assert sources.taken(sent, known).source == URL
    for strange in (Sources(RULES, Path("/films")), sources):  # of another server's life, or of no meeting
        with pytest.raises(NotAdmitted):
            strange.taken(sent, house() if strange is sources else known)


def test_a_source_that_is_not_allowed_is_refused_and_a_file_is_not_looked_at() -> None:
    sources = Sources(RULES, Path("/films"))
    with pytest.raises(NotAdmitted, match="source_hosts"):
        sources.taken(meeting("https://example.org/a", "en").created, house())
    assert sources.taken(meeting("/films/a.mp4", "en").created, house()).source == "/films/a.mp4"


def test_a_file_lies_in_the_media_folder_unless_who_names_it_is_on_the_machine_or_a_meeting_has_it(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "out").symlink_to(tmp_path)
    sources = Sources(RULES, folder)
    for inside in ("a.mp4", "deep/a.mp4", str(folder / "a.mp4")):
        taken = sources.taken(meeting(inside, "en").created, house()).source
        assert Path(taken) == folder / Path(inside).relative_to(folder if inside.startswith("/") else "")
    for outside in (
        "/etc/passwd",
        "../a.mp4",
        str(folder / "../a.mp4"),
        "out/a.mp4",
        str(tmp_path / "filmsy/a.mp4"),
        "",
    ):
        wanted = meeting(outside or str(tmp_path), "en").created
        with pytest.raises(NotAdmitted, match="media_folder"):
            sources.taken(wanted, house())
        assert sources.taken(wanted, house(), near=True).source == wanted.source
        assert sources.taken(wanted, house(meeting(wanted.source, "fr"))).source == wanted.source
    assert sources.taken(meeting("demo:", "en").created, house()).source == "demo:"


def test_no_whole_file_system_is_a_media_folder_unless_it_is_named() -> None:
    assert Config(data="/data").media == Path("/data")
    assert Config(data="/srv/hearing/data").media == Path("/srv/hearing")
    assert Config(data="/data", media_folder="/films").media == Path("/films")


def test_what_names_a_setup_tells_nothing_of_it_without_the_server_s_key() -> None:
    created = meeting(URL, "en").created
    sources = Sources(RULES, Path("/films"))
    assert sources.seen(created) == sources.seen(created)
    assert sources.seen(created) != sources.seen(meeting(OTHER, "en").created)
    assert sources.seen(created) != Sources(RULES, Path("/films")).seen(created), (
        "or whoever knows the rest could try secrets"
    )
    assert sources.seen(created) not in hashlib.sha256(encode(created)).hexdigest()


def test_the_rules_are_what_the_settings_say() -> None:
    config = Config(source_hosts=("a.org",), source_private_hosts=("b.lan",), source_height=360, source_kbps=900)
    assert rules_of(config) == Rules(("https", "rtmps", "rtsps"), ("a.org",), ("b.lan",), 360, 900)
