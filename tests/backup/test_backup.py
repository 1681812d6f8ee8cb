"""A backup is whole, grows by what is new, holds no key, and is left alone when something goes wrong."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from hearing.backup import copying, ledger, make, manifest
from hearing.backup.restore import restore, verify
from hearing.desk_events import decode_desk, desk_stream
from hearing.errors import NotFound, Refused, Unavailable
from hearing.log.sqlite import SqliteLog
from hearing.qa.office import Office
from hearing.store.folder import FolderStore
from tests.qa.support import NEEDLE, OPEN, Clock, holding, new_keys, office, question, records

NOW_MS = 1_800_000_000_000


class Folder:
    """A data folder in use, and a place for its backups."""

    def __init__(self, path: Path, office: Office, log: SqliteLog, store: FolderStore) -> None:
        self.data, self.place, self.new = path / "data", path / "out", path / "new"
        self.key_file = path / "state" / "kek"
        self.office, self.log, self.store = office, log, store

    def back_up(self, keep: int = 7, now_ms: int = NOW_MS) -> make.Made:
        return make.make(self.data, self.place, now_ms=now_ms, keep=keep)

    def bring_back(self, **how: object) -> Path:
        restore(self.place, self.new, now_ms=NOW_MS, vault=self.data / "vault.db", **how)  # type: ignore[arg-type]
        return self.new


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Folder]:
    async with office(tmp_path, Clock()) as (opened, log), FolderStore(tmp_path / "data" / "media") as store:
        await store.append("b1/en/0.m4s", b"one" * 1000)
        await store.append("b1/en/index.jsonl", b'{"msn":0}\n')
        await opened.submit(OPEN, new_keys(), question())
        yield Folder(tmp_path, opened, log, store)


def whole(place: Path) -> list[bool]:
    """Verify the backups; return which are whole."""
    said: list[str] = []
    verify(place, said.append)
    return ["  whole  " in line for line in said]


async def test_a_restored_folder_holds_the_same_records_and_the_same_media(folder: Folder) -> None:
    folder.back_up()
    before = {name: await records(folder.log, name) for name in ("house", desk_stream(OPEN))}
    new = folder.bring_back()
    async with SqliteLog(new / "log.db") as log, FolderStore(new / "media") as store:
        assert {name: await records(log, name) for name in before} == before
        assert await log.verify("house") is None
        assert await store.read("b1/en/0.m4s") == b"one" * 1000
        assert await store.names("") == await folder.store.names("")


async def test_every_stream_begins_anew_so_that_no_cursor_into_what_was_lost_means_anything(folder: Folder) -> None:
    folder.back_up()
    async with SqliteLog(folder.bring_back() / "log.db") as log:
        first = await log.epoch("house")
        assert first > await folder.log.epoch("house")
    restore(folder.place, folder.new.with_name("again"), now_ms=NOW_MS + 9000, vault=folder.data / "vault.db")
    async with SqliteLog(folder.new.with_name("again") / "log.db") as log:
        assert await log.epoch("house") > first


async def test_the_next_backup_copies_what_is_new_and_what_grew(folder: Folder) -> None:
    first = folder.back_up()
    await folder.store.append("b1/en/1.m4s", b"two" * 1000)
    await folder.store.append("b1/en/index.jsonl", b'{"msn":1}\n')
    second = folder.back_up()
    assert (first.files, first.copied_files) == (3, 3)
    assert (second.files, second.copied_files) == (4, 3)  # the log, a segment, the index
    assert second.id > first.id
    assert whole(folder.place) == [True, True]
    new = folder.bring_back(at=first.id)
    assert not (new / "media" / "b1" / "en" / "1.m4s").exists()
    assert (new / "media" / "b1" / "en" / "index.jsonl").read_bytes() == b'{"msn":0}\n'


async def test_no_key_and_no_text_of_a_participant_is_in_a_backup(folder: Folder) -> None:
    folder.back_up()
    with closing(sqlite3.connect(folder.data / "vault.db")) as vault:
        wrapped = [bytes(row[0]) for row in vault.execute("SELECT wrapped FROM keys")]
    kek = folder.key_file.read_text()
    assert wrapped
    needles = [NEEDLE.encode(), kek.encode(), bytes.fromhex(kek), *wrapped]
    assert [one for one in needles if holding(folder.place, one)] == []
    assert holding(folder.data, wrapped[0])


async def test_a_backup_is_for_its_owner_alone(folder: Folder) -> None:
    folder.back_up()
    assert [path for path in folder.place.rglob("*") if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("what", ["objects", "list", "gone"])
async def test_a_byte_that_changed_is_found_and_nothing_is_restored(folder: Folder, what: str) -> None:
    made = folder.back_up()
    kept = manifest.read(folder.place, made.id).file("media/b1/en/0.m4s")
    assert kept
    path = manifest.object_path(folder.place, kept.sha256)
    match what:
        case "objects":
            path.write_bytes(b"two" + path.read_bytes()[3:])
        case "gone":
            path.unlink()
        case _:
            found = next(folder.place.glob("*.backup"))
            found.write_bytes(found.read_bytes().replace(b"index.jsonl", b"index.jsonx"))
    assert whole(folder.place) == [False]
    with pytest.raises(Unavailable):
        folder.bring_back()
    assert not folder.new.exists()


async def test_a_damaged_log_makes_no_backup_and_leaves_those_there_are(folder: Folder) -> None:
    folder.back_up()
    with closing(sqlite3.connect(folder.data / "log.db")) as database:
        database.execute("UPDATE records SET body = x'7b7d' WHERE stream = 'house' AND position = 2")
        database.commit()
    with pytest.raises(Unavailable, match="house does not hold together at 2"):
        folder.back_up()
    assert whole(folder.place) == [True]


async def test_only_the_newest_are_kept_and_the_bytes_of_others_go(folder: Folder) -> None:
    made = [folder.back_up(keep=0).id]
    await folder.store.erase("b1/")
    made += [folder.back_up(keep=0).id for _ in range(2)]
    assert holding(folder.place, b"oneone")
    assert folder.back_up(keep=2).dropped == tuple(made[:2])
    assert len(manifest.ids(folder.place)) == 2
    assert not holding(folder.place, b"oneone")
    assert whole(folder.place) == [True, True]


async def test_a_damaged_list_stops_no_further_backup_and_costs_no_other_its_bytes(folder: Folder) -> None:
    folder.back_up()
    found = next(folder.place.glob("*.backup"))
    whole_list = found.read_bytes()
    found.write_bytes(b"damaged")
    await folder.store.erase("b1/")
    folder.back_up()
    assert whole(folder.place) == [False, True]
    found.write_bytes(whole_list)
    assert whole(folder.place) == [True, True]


async def test_what_cannot_be_is_refused_with_what_to_do(folder: Folder, tmp_path: Path) -> None:
    for place in (folder.data / "out", tmp_path):
        with pytest.raises(Refused, match="Name another"):
            make.make(folder.data, place, now_ms=NOW_MS, keep=1)
    with pytest.raises(Refused, match="something else"):
        make.make(folder.data, folder.key_file.parent, now_ms=NOW_MS, keep=1)
    with pytest.raises(NotFound, match="--data"):
        make.make(tmp_path / "nowhere", folder.place, now_ms=NOW_MS, keep=1)
    assert not folder.place.exists()
    with pytest.raises(Refused, match="Not a directory"):
        make.make(folder.data, folder.key_file, now_ms=NOW_MS, keep=1)
    with pytest.raises(NotFound):
        verify(folder.place, print)
    folder.back_up()
    with pytest.raises(Refused, match="not empty"):
        restore(folder.place, folder.data, now_ms=NOW_MS)
    with pytest.raises(Refused, match="--without-vault"):
        restore(folder.place, folder.new, now_ms=NOW_MS)
    with pytest.raises(NotFound, match="no backup 2"):
        folder.bring_back(at="2")
    assert not folder.new.exists()


async def test_a_list_of_another_leads_out_of_no_folder(folder: Folder) -> None:
    made = folder.back_up()
    found = manifest.read(folder.place, made.id)
    for name in ("media/../../../etc/cron.d/x", "vault.db", "/etc/passwd", "media/"):
        bad = manifest.Kept(name, 1, "0" * 64, 0)
        manifest.write(
            folder.place, "20300101T000000Z", manifest.Manifest(1, "", 0, (*found.files, bad), found.streams)
        )
        with pytest.raises(Unavailable, match="not one that hearing wrote"):
            folder.bring_back()


async def test_records_are_taken_in_while_a_backup_is_made(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server goes on between the log's copy and the media's: what came later is in neither or whole."""
    copy = copying.copy_database

    def copied(source: Path, target: Path) -> None:
        copy(source, target)
        (folder.data / "media" / "b1" / "en" / "0.m4s").unlink()  # erased in between

    monkeypatch.setattr(copying, "copy_database", copied)
    folder.back_up()
    monkeypatch.undo()
    await folder.office.submit(OPEN, new_keys(), question())
    assert whole(folder.place) == [True]
    async with SqliteLog(folder.bring_back() / "log.db") as log:
        assert len(await records(log, desk_stream(OPEN))) < len(await records(folder.log, desk_stream(OPEN)))


def test_nothing_that_takes_back_has_room_for_a_text() -> None:
    """The ledger holds these whole, and is kept for as long as the backups."""
    from hearing import desk_events, events, house_events

    fields: dict[str, set[str]] = {}
    for kind in [one for module in (events, house_events, desk_events) for one in vars(module).values()]:
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__struct_config__.tag:
            fields[str(kind.__struct_config__.tag)] = set(kind.__struct_fields__)
    room = {"text", "texts", "body", "words", "label", "title", "name", "theme"}
    assert {tag: fields[tag] & room for tag in ledger.TAKES_BACK if tag in fields and fields[tag] & room} == {}
    assert set(fields) >= {tag for tag in ledger.TAKES_BACK if "redacted" not in tag or tag == "redacted"}


async def test_a_ledger_is_read_as_it_was_written(folder: Folder) -> None:
    keys = new_keys()
    await folder.office.submit(OPEN, keys, question())
    await folder.office.withdraw(keys)
    noted = make.note(folder.data, folder.place, now_ms=NOW_MS)
    assert ledger.load(folder.place / manifest.LEDGER) == noted
    bodies = [decode_desk(record.body) for record in await records(folder.log, desk_stream(OPEN))]
    assert len([one for one in noted.taken.values() if one.body]) == 1
    assert bodies
    (folder.place / manifest.LEDGER).write_text("no list")
    with pytest.raises(Unavailable, match="could bring back"):
        folder.back_up()
