"""The doctor sees what a Redis would lose, and what of that is a setting."""

import contextlib
from pathlib import Path

import pytest

from hearing.config import Config
from hearing.doctor import shared
from hearing.doctor.report import Seen
from hearing.home import mark
from hearing.listen import hold
from tests.redis_server import follows, redis_server


def look(url: str, data: Path, replicas: int = 0) -> dict[str, Seen]:
    found = shared.look(Config(data=str(data), redis=url, redis_replicas=replicas), {})
    assert [one.code for one in found if (one.verdict != "go") is not bool(one.mend)] == []
    return {one.code: one for one in found}


def test_a_redis_that_keeps_what_it_is_given_is_good(tmp_path: Path) -> None:
    with redis_server(tmp_path / "one", fsync="always") as server:
        found = look(server.url, tmp_path / "data")
    assert set(found) == {"redis-version", "redis-keeps", "redis-full", "redis-alone"}
    assert {one.verdict for one in found.values()} == {"go"}
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("settings", "code", "verdict"),
    [
        (("--appendonly", "no"), "redis-forgets", "no-go"),
        (("--appendfsync", "no"), "redis-unsynced", "no-go"),
        (("--appendfsync", "everysec"), "redis-everysec", "warn"),
        (("--maxmemory-policy", "allkeys-lru"), "redis-evicts", "no-go"),
        (("--maxmemory", "1mb"), "redis-tight", "warn"),
        (("--replicaof", "127.0.0.1 1"), "redis-replica", "no-go"),
        (("--requirepass", "one-of-its-own"), "redis-password", "no-go"),
    ],
)
def test_a_setting_by_which_records_are_lost_is_named(
    tmp_path: Path, settings: tuple[str, ...], code: str, verdict: str
) -> None:
    with contextlib.ExitStack() as stack:
        if "--requirepass" in settings:
            server = _with_password(tmp_path, stack, settings[1])
        else:
            server = stack.enter_context(redis_server(tmp_path / "one", *settings)).url
        assert look(server, tmp_path / "data")[code].verdict == verdict


def _with_password(tmp_path: Path, stack: contextlib.ExitStack, password: str) -> str:
    server = stack.enter_context(redis_server(tmp_path / "one"))
    with server.client() as owner:
        owner.config_set("requirepass", password)
    return server.url


def test_replicas_are_counted_against_the_setting(tmp_path: Path) -> None:
    with redis_server(tmp_path / "one", fsync="always") as server:
        assert look(server.url, tmp_path / "data", 1)["redis-replicas"].verdict == "no-go"
        with redis_server(tmp_path / "two", "--replicaof", f"127.0.0.1 {server.port}") as replica:
            follows(replica)
            assert look(server.url, tmp_path / "data", 0)["redis-unwaited"].mend == "redis_replicas = 1"
            assert look(server.url, tmp_path / "data", 1)["redis-replicated"].verdict == "go"


def test_a_redis_that_is_not_there_and_folders_that_do_not_fit_are_said(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert shared.look(Config(data=str(data)), {}) == []
    assert look("redis://127.0.0.1:1", data)["redis-silent"].verdict == "no-go"
    with hold(data):
        mark(data)
    assert [one.code for one in shared.look(Config(data=str(data)), {})] == ["redis-unnamed"]
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "log.db").touch()
    assert look("redis://127.0.0.1:1", tmp_path / "own")["redis-folder"].verdict == "no-go"


def test_a_password_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    config = Config(data=str(tmp_path), redis="redis://127.0.0.1:1", redis_password_file=str(tmp_path / "none"))
    assert [one.code for one in shared.look(config, {})] == ["redis-settings"]
