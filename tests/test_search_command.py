"""`hearing search`: on a folder, through a server, for people and for programs."""

import asyncio
import json
import signal
from pathlib import Path

import pytest

from hearing.cli import main
from hearing.errors import NotFound, Refused
from hearing.events import TurnBegan, encode
from hearing.house_events import HOUSE, Channel, MeetingCreated, MeetingOpened
from hearing.log.sqlite import SqliteLog
from hearing.remote import connection, reading
from hearing.remote.connection import Target
from tests.e2e.serving import Serving, until
from tests.site.serving import ZERO_MS, Speaker
from tests.test_cli import hearing


async def _speak(folder: Path) -> None:
    async with SqliteLog(folder / "log.db") as log:
        channels = (Channel("en", "en", 0, "floor"), Channel("fr", "fr", 1))
        created = MeetingCreated(
            "one", "arl", "Arlandia, first meeting", "treaty-body", channels, "-", body="CCPR, 148th"
        )
        await log.append(HOUSE, [encode(created), encode(MeetingOpened("one", ZERO_MS))])
        speaker = Speaker(log, "one")  # type: ignore[arg-type]
        await speaker.begin()
        await speaker.words("en", "The prisons are full. Nobody was heard.")
        await speaker.words("fr", "Les prisons sont pleines.")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    asyncio.run(_speak(tmp_path / "data"))
    return tmp_path


def test_a_folder_without_a_server_is_searched_directly(folder: Path) -> None:
    done = hearing("search", "prison", "--language", "en", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 found in 1 meetings (English 1, Français 1)" in done.stdout
    assert "The [prisons] are full." in done.stdout
    assert "/m/one?channel=en&all=1#en.0" in done.stdout


def test_a_speaker_is_named_and_narrows_the_search(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def name() -> None:
        async with SqliteLog(folder / "data" / "log.db") as log:
            await log.append("public:one", [encode(TurnBegan("a", 0, "Maria Rossi"))])

    asyncio.run(name())
    main(["search", "prisons", "--speaker", "rossi", "--data", str(folder / "data")])
    assert "Arlandia, first meeting, en, Maria Rossi\n" in capsys.readouterr().out
    main(["search", "prisons", "--speaker", "diallo", "--data", str(folder / "data")])
    assert "Your choice of speaker, committee, review, language or day leaves out 2 moments." in capsys.readouterr().out


def test_json_is_what_the_api_gives(folder: Path) -> None:
    answer = json.loads(hearing("search", "prisons", "--json", "--limit", "1", cwd=folder).stdout)
    assert (answer["query"], answer["total"], len(answer["hits"])) == ("prisons", 2, 1)
    assert answer["dialogues"] == [{"key": "arl", "hits": 2, "label": "Arlandia"}]
    nothing = json.loads(hearing("search", "prisons", "--json", "--language", "ru", cwd=folder).stdout)
    assert nothing["reason"]["code"] == "no-text"


def test_nothing_found_is_said_and_is_no_error(folder: Path) -> None:
    done = hearing("search", "zebra", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "These words were not found in any meeting: “zebra”.\n")


def test_a_server_is_asked_and_finds_again_after_it_was_killed_or_lost_its_index(folder: Path) -> None:
    with Serving(folder / "data", "--no-worker") as server:

        def total() -> int:
            return int(server.get("/api/search?q=prisons")["total"])

        until(lambda: total() == 2, 20, "the words to be found")
        assert json.loads(server.hearing("search", "prisons", "--json"))["total"] == 2
        server.kill()
        server.start()
        until(lambda: total() == 2, 20, "the words to be found after a kill")
        assert server.leave(signal.SIGTERM) == 0
        for file in (folder / "data").glob("index.db*"):
            file.unlink()
        server.start()
        until(lambda: total() == 2, 20, "the index to be made anew")
    assert "Traceback" not in server.errors.read_text()
    assert "prisons" not in server.errors.read_text(), "what people look for is in no log"


def test_what_cannot_be_asked_is_refused(folder: Path) -> None:
    for wrong in (
        ("--limit", "99"),
        ("--from", "yesterday"),
        ("--data", "nowhere"),
        ("--server", "http://example.org"),
    ):
        done = hearing("search", "prisons", *wrong, cwd=folder)
        assert (done.returncode, done.stdout) == (1, ""), wrong
        assert done.stderr.startswith("hearing: "), wrong


def test_a_search_needs_no_token_and_tells_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARING_STAFF_TOKEN", "t" * 40)
    assert connection.target(Path("data"), "https://hearing.example.org", "", public=True).token == ""
    monkeypatch.delenv("HEARING_STAFF_TOKEN")
    with pytest.raises(Refused):
        connection.target(Path("data"), "https://hearing.example.org", "")


def test_an_empty_folder_is_told_apart_from_one_without_hits(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no data"):
        reading.search(Target(tmp_path), {"q": "prisons"})
