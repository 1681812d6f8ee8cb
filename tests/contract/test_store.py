"""One contract, every store."""

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hearing.errors import NotFound, Refused, Unavailable
from hearing.store.base import Store
from hearing.store.folder import FolderStore


@pytest.fixture(params=["folder"])
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with FolderStore(tmp_path / "media") as opened:
        yield opened


async def test_appending_makes_the_name_and_tells_its_size(store: Store) -> None:
    assert await store.size("m/video/1.m4s") is None
    assert await store.append("m/video/1.m4s", b"abc") == 3
    assert await store.append("m/video/1.m4s", b"") == 3
    assert await store.append("m/video/1.m4s", b"de") == 5
    await store.sync("m/video/1.m4s")
    assert await store.size("m/video/1.m4s") == 5
    assert await store.read("m/video/1.m4s") == b"abcde"


@pytest.mark.parametrize(
    ("start", "end", "got"),
    [(0, None, b"abcde"), (2, None, b"cde"), (1, 3, b"bc"), (3, 99, b"de"), (5, None, b""), (9, 12, b""), (3, 2, b"")],
)
async def test_a_range_ends_before_its_end(store: Store, start: int, end: int | None, got: bytes) -> None:
    await store.append("a", b"abcde")
    assert await store.read("a", start, end) == got


@pytest.mark.parametrize(("start", "end"), [(-1, None), (0, -1), (-3, -1)])
async def test_a_range_before_the_beginning_is_refused(store: Store, start: int, end: int | None) -> None:
    await store.append("a", b"abcde")
    with pytest.raises(Refused):
        await store.read("a", start, end)


async def test_truncating_drops_the_end_and_never_adds_to_it(store: Store) -> None:
    await store.append("a", b"abcde")
    await store.truncate("a", 9)
    assert await store.read("a") == b"abcde"
    await store.truncate("a", 2)
    assert await store.append("a", b"x") == 3
    assert await store.read("a") == b"abx"
    with pytest.raises(Refused):
        await store.truncate("a", -1)


async def test_replacing_shows_the_old_or_the_new_and_nothing_else(store: Store) -> None:
    whole = {b"%d" % n * 20_000 for n in range(10)}
    await store.replace("m/tracks.json", b"0" * 20_000)
    seen: set[bytes] = set()

    async def watch(done: asyncio.Event) -> None:
        while not done.is_set():
            seen.add(await store.read("m/tracks.json"))

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        done = asyncio.Event()
        group.create_task(watch(done))
        for _ in range(3):
            await asyncio.gather(*(store.replace("m/tracks.json", content) for content in whole))
        done.set()
    assert seen <= whole
    assert await store.read("m/tracks.json") in whole
    assert await store.names("m/") == ["m/tracks.json"]


async def test_names_are_those_under_the_prefix_sorted(store: Store) -> None:
    for name in ("m/b", "m/a/2", "m/a/1", "mm/c", "d"):
        await store.append(name, b".")
    assert await store.names("m/") == ["m/a/1", "m/a/2", "m/b"]
    assert await store.names("m/a/") == ["m/a/1", "m/a/2"]
    assert await store.names("") == ["d", "m/a/1", "m/a/2", "m/b", "mm/c"]
    assert await store.names("nothing/") == []


async def test_a_deleted_name_is_gone_and_may_come_again(store: Store) -> None:
    await store.append("m/a", b"old")
    await store.delete("m/a")
    await store.delete("m/a")
    await store.delete("never/was")
    await store.delete("m/a/under/a/name")
    assert (await store.names("m/"), await store.size("m/a")) == ([], None)
    assert await store.append("m/a", b"new") == 3


async def test_what_is_not_there_is_not_found(store: Store) -> None:
    for asked in (store.read("a"), store.sync("a"), store.truncate("a", 0), store.read("a/b"), store.sync("m/a")):
        with pytest.raises(NotFound):
            await asked


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "/etc/passwd", "../a", "a/../b", "a/..", ".", "a/./b", "...", "a//b", "a/"),
        *("a\x00", "a b", "a~", "é", "a\\b", "a\n", "a" * 129, "/".join(["a"] * 300)),
    ],
)
async def test_a_name_that_could_lead_elsewhere_is_refused(store: Store, name: str) -> None:
    for asked in (
        store.append(name, b"x"),
        store.replace(name, b"x"),
        store.read(name),
        store.size(name),
        store.sync(name),
        store.truncate(name, 0),
        store.delete(name),
    ):
        with pytest.raises(Refused):
            await asked


@pytest.mark.parametrize("prefix", ["../", "/", "a/../", "./"])
async def test_a_prefix_that_could_lead_elsewhere_is_refused(store: Store, prefix: str) -> None:
    with pytest.raises(Refused):
        await store.names(prefix)


async def test_a_disk_that_refuses_is_unavailable(tmp_path: Path) -> None:
    async with FolderStore(tmp_path / "media") as store:
        (tmp_path / "media" / "a").mkdir()
        (tmp_path / "media" / "a" / "kept").write_bytes(b"kept")
        for asked in (store.append("a", b"x"), store.replace("a", b"x"), store.read("a"), store.delete("a")):
            with pytest.raises(Unavailable):
                await asked
        await store.append("b", b"x")
        with pytest.raises(Unavailable):
            await store.append("b/c", b"x")
        assert await store.read("a/kept") == b"kept"


async def test_an_append_the_disk_has_no_room_for_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    async with FolderStore(tmp_path / "media") as store:
        await store.append("a", b"whole")
        with no_file_grows_past(1000), pytest.raises(Unavailable):
            await store.append("a", b"x" * 5000)
        assert await store.read("a") == b"whole"
        assert await store.append("a", b"!") == 6


@contextmanager
def no_file_grows_past(size: int) -> Iterator[None]:
    """Stand in for a full disk: the kernel writes what fits, then refuses (setrlimit(2), RLIMIT_FSIZE)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


async def test_syncing_flushes_the_file_and_every_folder_its_name_lives_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        flushed.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    root = tmp_path / "media"
    async with FolderStore(root) as store:
        monkeypatch.setattr(os, "fsync", note)
        await store.append("m/video/1", b"x")
        assert flushed == []
        await store.sync("m/video/1")
        assert flushed == [str(root / "m/video/1"), str(root / "m/video"), str(root / "m"), str(root)]
        flushed.clear()
        await store.replace("n/tracks", b"x")
        assert flushed[1:] == [str(root / "n"), str(root)]
        flushed.clear()
        await store.delete("m/video/1")
        assert flushed == [str(root / "m/video")]


async def test_a_half_written_replacement_is_no_name(tmp_path: Path) -> None:
    async with FolderStore(tmp_path / "media") as store:
        await store.replace("a", b"old")
        (tmp_path / "media" / "a~").write_bytes(b"ne")
        assert (await store.names(""), await store.read("a")) == (["a"], b"old")
        await store.replace("a", b"new")
        assert await store.read("a") == b"new"


async def test_a_closed_store_is_unavailable(tmp_path: Path) -> None:
    async with FolderStore(tmp_path / "media") as store:
        await store.append("a", b"x")
    with pytest.raises(Unavailable):
        await store.read("a")


async def test_a_prefix_is_erased_whole_and_nothing_beside_it(store: Store, tmp_path: Path) -> None:
    for name in ("m/video/1.m4s", "m/audio-en/init-1.mp4", "m/tracks.json", "m2/tracks.json"):
        await store.append(name, b"abc")
    (tmp_path / "media" / "m" / "tracks.json~").write_bytes(b"half of it")
    await store.erase("m/")
    await store.erase("m/")
    await store.erase("never/")
    assert await store.names("") == ["m2/tracks.json"]
    assert not (tmp_path / "media" / "m").exists()
    with pytest.raises(Refused):
        await store.erase("../")
    with pytest.raises(Refused):
        await store.erase("")
