"""A real Redis of one test: its own port, its own folder, and files that are not compressed, for tests grep them."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.needs import program


class RedisServer:
    """Start, stop, kill. It listens on a free port of 127.0.0.1; its files lie in `folder`."""

    def __init__(self, folder: Path, *settings: str, fsync: str = "everysec", conf: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = _free_port()
        kept = ["--appendonly", "yes", "--appendfsync", fsync, "--save", "", "--rdbcompression", "no"]
        self._command = [program("redis"), *([str(conf)] if conf else []), "--port", str(self.port)]
        self._command += ["--bind", "127.0.0.1", "--dir", str(folder), "--repl-diskless-sync-delay", "0"]
        self._command += [*([] if conf else kept), *settings]
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> "RedisServer":
        """Return once it answers."""
        with (self.folder.parent / f"{self.folder.name}.out").open("ab") as out:
            self._running = subprocess.Popen(self._command, stdout=out, stderr=out)
        until = time.monotonic() + 10
        while True:
            with suppress(redis.RedisError), self.client() as client:
                with suppress(redis.AuthenticationError):  # it answers
                    client.ping()
                return self
            assert self._running.poll() is None, "redis-server has left"
            assert time.monotonic() < until, "redis-server does not answer"
            time.sleep(0.01)

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, socket_timeout=5, retry=Retry(NoBackoff(), 0))

    def kill(self) -> None:
        """Kill it as a crash would: it writes nothing more."""
        assert self._running
        self._running.kill()
        self._running.wait()

    def freeze(self) -> None:
        assert self._running
        os.kill(self._running.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._running
        os.kill(self._running.pid, signal.SIGCONT)

    def stop(self) -> None:
        if self._running and self._running.poll() is None:
            self.thaw()
            self._running.kill()
            self._running.wait()


@contextmanager
def redis_server(folder: Path, *settings: str, fsync: str = "everysec") -> Iterator[RedisServer]:
    """Run one; it is gone afterwards."""
    server = RedisServer(folder, *settings, fsync=fsync)
    try:
        yield server.start()
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def follows(replica: RedisServer) -> None:
    """Return once a replica has all that its primary had, and the primary counts it, which comes a little later."""
    until = time.monotonic() + 20
    with replica.client() as client:
        while (told := client.info("replication")).get("master_link_status") != "up":
            assert time.monotonic() < until, "the replica does not follow"
            time.sleep(0.02)
    with redis.Redis(port=int(told["master_port"]), socket_timeout=5) as primary:
        while not any(int(one[1]) == replica.port for one in primary.role()[2]):
            assert time.monotonic() < until, "the primary does not count its replica"
            time.sleep(0.02)
