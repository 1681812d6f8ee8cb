"""Item keys: durable before use, useless without the key file, gone when destroyed."""

import sqlite3
from pathlib import Path

import pytest

from hearing.errors import Gone, NotFound, Refused, Unavailable
from hearing.qa.key_file import default_key_file, key_of
from hearing.qa.vault import Sealed, Vault
from tests.qa.support import NEEDLE, holding

BODY = f"text {NEEDLE}".encode()


def vault(folder: Path) -> Vault:
    (folder / "data").mkdir(exist_ok=True)
    return Vault(folder / "data" / "vault.db", folder / "state" / "kek")


def wrapped(folder: Path, name: str) -> bytes:
    with sqlite3.connect(folder / "data" / "vault.db") as database:
        found: bytes = database.execute("SELECT wrapped FROM keys WHERE name = ?", (name,)).fetchone()[0]
    database.close()
    return found


async def test_what_is_sealed_opens_again_also_after_a_restart(tmp_path: Path) -> None:
    async with vault(tmp_path) as opened:
        sealed = await opened.seal("d/i", BODY)
        assert NEEDLE not in sealed
        assert await opened.seal("d/i", BODY) != sealed
        secret = await opened.secret("d/publish")
    async with vault(tmp_path) as opened:
        assert await opened.open("d/i", sealed) == BODY
        assert await opened.secret("d/publish") == secret
        assert await opened.open_all([Sealed("d/i", sealed), Sealed("d/none", sealed), Sealed("d/i", "")]) == [
            BODY,
            None,
            None,
        ]
    assert holding(tmp_path, NEEDLE) == []
    assert holding(tmp_path, secret) == []


@pytest.mark.parametrize("body", [b"", b"\x80", b"\x00" * 300, b"x" * 255, b"x" * 256, b"\x80\x00"])
async def test_any_bytes_come_back_as_they_were(tmp_path: Path, body: bytes) -> None:
    async with vault(tmp_path) as opened:
        assert await opened.open("n", await opened.seal("n", body)) == body


async def test_the_length_of_a_text_does_not_show(tmp_path: Path) -> None:
    async with vault(tmp_path) as opened:
        assert len(await opened.seal("n", b"x")) == len(await opened.seal("n", b"x" * 200))


async def test_a_ciphertext_of_another_item_does_not_open(tmp_path: Path) -> None:
    async with vault(tmp_path) as opened:
        sealed = await opened.seal("one", BODY)
        await opened.seal("two", BODY)
        with pytest.raises(Unavailable, match="damaged"):
            await opened.open("two", sealed)
        with pytest.raises(NotFound):
            await opened.open("three", sealed)


async def test_a_destroyed_key_is_in_no_file_and_never_made_again(tmp_path: Path) -> None:
    async with vault(tmp_path) as opened:
        sealed = await opened.seal("d/i", BODY)
        for n in range(50):
            await opened.seal(f"d/{n}", BODY)
        key = wrapped(tmp_path, "d/i")
        assert holding(tmp_path, key) != []
        await opened.destroy("d/i")
        assert holding(tmp_path, key) == []
        assert await opened.destroyed("d/i")
        await opened.destroy("d/i")
        await opened.destroy("d/never-there")
        for name in ("d/i", "d/never-there"):
            with pytest.raises(Gone):
                await opened.seal(name, BODY)
        with pytest.raises(Gone):
            await opened.open("d/i", sealed)
        assert await opened.open_all([Sealed("d/i", sealed)]) == [None]
    assert holding(tmp_path, key) == []


async def test_while_somebody_reads_the_old_bytes_destroying_says_so_and_works_again_later(tmp_path: Path) -> None:
    async with vault(tmp_path) as opened:
        await opened.seal("d/i", BODY)
        key = wrapped(tmp_path, "d/i")
        reader = sqlite3.connect(tmp_path / "data" / "vault.db")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM keys").fetchone()
        with pytest.raises(Unavailable, match="Another program"):
            await opened.destroy("d/i")
        assert not await opened.destroyed("d/i")
        with pytest.raises(Gone):
            await opened.seal("d/i", BODY)
        reader.close()
        await opened.destroy("d/i")
        assert holding(tmp_path, key) == []


async def test_a_copy_of_the_data_folder_opens_nothing(tmp_path: Path) -> None:
    async with vault(tmp_path) as opened:
        await opened.seal("d/i", BODY)
    (tmp_path / "state" / "kek").rename(tmp_path / "kek-elsewhere")
    with pytest.raises(Unavailable, match="missing"):
        await vault(tmp_path).__aenter__()
    assert not (tmp_path / "state" / "kek").exists()
    (tmp_path / "state" / "kek").write_text("ab" * 32)
    (tmp_path / "state" / "kek").chmod(0o600)
    with pytest.raises(Unavailable, match="does not belong"):
        await vault(tmp_path).__aenter__()


async def test_a_closed_vault_says_so(tmp_path: Path) -> None:
    async with vault(tmp_path) as opened:
        pass
    with pytest.raises(Unavailable, match="closed"):
        await opened.seal("n", BODY)


async def test_a_vault_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    async with vault(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "data" / "vault.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(Unavailable, match="later release"):
        await vault(tmp_path).__aenter__()


def test_the_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    file, data = tmp_path / "a" / "b" / "kek", tmp_path / "data"
    key = key_of(file, data, may_make=True)
    assert key_of(file, data, may_make=True) == key
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["kek"]


def test_a_key_file_that_others_read_or_that_lies_with_the_data_is_refused(tmp_path: Path) -> None:
    file, data = tmp_path / "kek", tmp_path / "data"
    key_of(file, data, may_make=True)
    file.chmod(0o640)
    with pytest.raises(Refused, match="600"):
        key_of(file, data, may_make=False)
    with pytest.raises(Refused, match="data folder"):
        key_of(data / "kek", data, may_make=True)
    data.mkdir()
    (tmp_path / "link").symlink_to(data)
    with pytest.raises(Refused, match="data folder"):
        key_of(tmp_path / "link" / "kek", data, may_make=True)


@pytest.mark.parametrize("text", ["", "ab", "zz" * 32, "ab" * 33, "\xff" * 64])
def test_a_damaged_key_file_is_told_and_left_as_it_is(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kek"
    file.write_text(text, "latin-1")
    file.chmod(0o600)
    with pytest.raises(Unavailable, match="damaged"):
        key_of(file, tmp_path / "data", may_make=True)
    assert file.read_text("latin-1") == text


def test_a_key_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be"):
        key_of(tmp_path / "file" / "kek", tmp_path / "data", may_make=True)


def test_each_data_folder_has_a_key_file_of_its_own(tmp_path: Path) -> None:
    at = default_key_file(tmp_path / "data", {"XDG_STATE_HOME": "/state"})
    assert at.parts[:3] == ("/", "state", "hearing")
    assert at == default_key_file(tmp_path / "x" / ".." / "data", {"XDG_STATE_HOME": "/state"})
    assert at != default_key_file(tmp_path / "other", {"XDG_STATE_HOME": "/state"})
    assert default_key_file(tmp_path, {"HOME": "/home/a"}).is_relative_to("/home/a/.local/state/hearing")
    assert at.name == "kek"
