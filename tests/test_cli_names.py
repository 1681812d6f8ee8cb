"""`hearing meeting names`: the list of who may speak, on a folder that nobody serves, and what a server then shows."""

import asyncio
from pathlib import Path

import pytest

from hearing.cli import main
from hearing.errors import Conflict, NotFound
from hearing.events import encode
from hearing.house_events import HOUSE
from hearing.log.sqlite import SqliteLog
from hearing.names import Name
from hearing.remote import lists
from hearing.remote.connection import Target
from tests.site.serving import MEETING, meeting

LIST = "Maria Rossi; Head of delegation; delegation\nمريم السالم\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a data folder with a meeting, and keep its key beside it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    data = tmp_path / "data"
    data.mkdir()

    async def create() -> None:
        async with SqliteLog(data / "log.db") as log:
            await log.append(HOUSE, [encode(meeting())])

    asyncio.run(create())
    return data


def test_a_list_is_written_from_a_file_and_printed_as_it_was_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder.parent / "names.txt"
    file.write_text(f"\ufeff{LIST}\n", "utf-8")
    main(["meeting", "names", MEETING, "--data", str(folder)])
    assert capsys.readouterr().out == ""
    main(["meeting", "names", MEETING, "--data", str(folder), "--file", str(file)])
    assert "Wrote 2 names" in capsys.readouterr().out
    main(["meeting", "names", MEETING, "--data", str(folder)])
    assert capsys.readouterr().out == LIST
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"Rossi" not in written
    with pytest.raises(Conflict):
        lists.write_names(Target(folder), MEETING, (Name("Awa Diallo"),), 0)
    with pytest.raises(NotFound):
        lists.names(Target(folder), "nowhere")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"Rossi\n; Head", "Line 2: write it as in"), ("Zürich".encode("latin-1"), "UTF-8"), (None, "--file")],
)
def test_a_file_that_is_no_list_is_refused_in_words(
    folder: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, said: str
) -> None:
    file = folder.parent / "names.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SystemExit) as left:
        main(["meeting", "names", MEETING, "--data", str(folder), "--file", str(file)])
    assert (left.value.code, said in capsys.readouterr().err) == (1, True)
    assert lists.names(Target(folder), MEETING).version == 0
