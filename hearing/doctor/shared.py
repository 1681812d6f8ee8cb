"""The Redis that servers share: whether it keeps what it is given, and what it would survive."""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from hearing.config import Config
from hearing.doctor.report import Seen
from hearing.errors import HearingError
from hearing.home import check_own_log, marked
from hearing.redis_link import OLDEST, client, close, command, heeding
from hearing.seams import redis_url

_FULL = 0.8


def look(config: Config, environ: Mapping[str, str]) -> list[Seen]:
    """Look at the Redis that the settings name; at nothing where they name none."""
    if not config.redis:
        return _unnamed(config)
    found = [*_folder(config)]
    try:
        return found + asyncio.run(_looked(redis_url(config, environ), config.redis_replicas))
    except HearingError as error:
        return [*found, Seen("redis", "no-go", "redis-settings", str(error), "docs/settings.md")]


def _unnamed(config: Config) -> list[Seen]:
    try:
        check_own_log(config.folder)
    except HearingError as error:
        return [Seen("redis", "no-go", "redis-unnamed", str(error), "redis = the address, in the settings")]
    return []


def _folder(config: Config) -> Iterator[Seen]:
    if (config.folder / "log.db").exists() and not marked(config.folder):
        text = "this data folder holds a log of its own (log.db), and none is moved into Redis"
        yield Seen("redis", "no-go", "redis-folder", text, "--data a new folder, or serve this one without --redis")


async def _looked(url: str, replicas: int) -> list[Seen]:
    server = client(url, repeats=0, connections=1)
    try:
        return await _all(server, replicas)
    except AuthenticationError:
        return [_bad("redis-password", "it does not take this user with this password", "redis_password_file = FILE")]
    except NoPermissionError as error:
        return [_bad("redis-rights", f"its user lacks a right: {error}", "infra/redis/users.acl has the user's line")]
    except (RedisError, OSError) as error:
        text = f"it does not answer ({type(error).__name__})"
        return [_bad("redis-silent", text, "start it; check the address, and redis-cli PING")]
    finally:
        await close(server)


async def _all(server: Redis, replicas: int) -> list[Seen]:
    told: dict[str, Any] = {}
    for section in ("server", "persistence", "memory"):
        told |= await heeding(server.info(section))
    role = await heeding(command(server, "ROLE"))
    fsync = ""
    with contextlib.suppress(NoPermissionError):  # rented servers hide it
        fsync = str((await heeding(server.config_get("appendfsync"))).get("appendfsync", ""))
    primary = role[0] in {b"master", "master"}
    seen = [_version(told), _persistence(told, fsync), _eviction(told), *_memory(told)]
    return [*seen, _replicas(len(role[2]), replicas) if primary else _replica()]


def _version(told: Mapping[str, Any]) -> Seen:
    version = str(told["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        return _bad("redis-old", f"Redis {version} is too old", "install Redis 7 or later")
    return Seen("redis", "go", "redis-version", f"Redis {version}")


def _persistence(told: Mapping[str, Any], fsync: str) -> Seen:
    if not told["aof_enabled"]:
        return _bad("redis-forgets", "it keeps no append-only file: a restart loses the log", "appendonly yes")
    if fsync == "no":
        return _bad("redis-unsynced", "it never waits for its disk: a power cut loses the log", "appendfsync always")
    if told["aof_last_write_status"] != "ok":
        return _bad("redis-disk", "its last write to its file failed", "look at its disk, and its log")
    if fsync == "everysec":
        text = "it writes to its disk each second: a power cut takes up to two seconds"
        return Seen("redis", "warn", "redis-everysec", text, "appendfsync always")
    known = "what is acknowledged is on its disk" if fsync else "it keeps an append-only file; how often is not shown"
    return Seen("redis", "go", "redis-keeps", known)


def _eviction(told: Mapping[str, Any]) -> Seen:
    policy = told["maxmemory_policy"]
    if policy != "noeviction":
        return _bad(
            "redis-evicts", f"it may throw the log away when it is full ({policy})", "maxmemory-policy noeviction"
        )
    return Seen("redis", "go", "redis-full", "when it is full it refuses, and keeps what it has")


def _memory(told: Mapping[str, Any]) -> Iterator[Seen]:
    used, most = int(told["used_memory"]), int(told["maxmemory"])
    if most and used > _FULL * most:
        text = f"{used / 1e6:.0f} of {most / 1e6:.0f} MB of its memory are used"
        yield Seen("redis", "warn", "redis-tight", text, "maxmemory more; half of the machine stays free for rewriting")


def _replicas(found: int, wanted: int) -> Seen:
    if found < wanted:
        text = f"{found} of {wanted} replicas are there: nothing can be acknowledged"
        return _bad("redis-replicas", text, "start them, or redis_replicas = what is there")
    if not wanted and found:
        text = f"{found} replicas are there, and nobody waits for them: a failover loses what they had not got yet"
        return Seen("redis", "warn", "redis-unwaited", text, f"redis_replicas = {found}")
    if not wanted:
        return Seen("redis", "go", "redis-alone", "no replica: what is acknowledged lives and dies with its disk")
    return Seen("redis", "go", "redis-replicated", f"{found} replicas; {wanted} are waited for")


def _replica() -> Seen:
    return _bad("redis-replica", "this Redis is a replica, and takes no writes", "redis = the primary's address")


def _bad(code: str, text: str, mend: str) -> Seen:
    return Seen("redis", "no-go", code, text, mend)
