"""Hold a data folder, listen on its sockets, and say where: what makes one process the server of a folder."""

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import uvicorn
from starlette.types import ASGIApp

from hearing.bounded import bounded_protocol, bounded_socket
from hearing.config import Config, is_loopback
from hearing.errors import Refused, Unavailable
from hearing.site.leaving import Leaving

_LOCK = "serve.lock"
_PRESENCE = "serve.json"
_LEAVE_S = 3
_UPLINK_BYTES = 64 * 1024
_STARTING_S = 10
_BACKLOG = 128
"""Connections taken in at one go, and so how often it is logged when no more can be."""
_PROBED_S = 1.0
"""For so long a lock may be held by those who only look whether anybody serves."""


class Presence(msgspec.Struct, frozen=True):
    """How the command line finds the server of a folder: a 0600 file that lives as long as the server."""

    url: str
    token: str
    pid: int


class Addresses(msgspec.Struct, frozen=True):
    """`url` is what people open; `inner_url` is plain HTTP on loopback, for the worker and the command line."""

    url: str
    inner_url: str


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Be the only process that writes in the folder. Raises Unavailable while another is, or where nobody can."""
    os.umask(0o077)  # whoever made the folder: what is put into it is for its owner alone
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / _LOCK).open("w")
    except OSError as error:
        raise Unavailable(
            f"The data folder cannot be used ({error.strerror}). Choose one that you may write in, with --data."
        ) from error
    with lock:
        if not _locked(lock.fileno()):
            raise Unavailable(
                "Another server runs on this data folder. Stop it first, or choose another folder with --data."
            )
        with contextlib.suppress(OSError):  # a server that was killed left it; nobody may follow it
            (folder / _PRESENCE).unlink()
        yield


def presence(folder: Path) -> Presence | None:
    """Return how to reach the server that runs on the folder, None where none runs.

    Raises Unavailable while one starts or leaves, Refused where the folder is another user's.
    """
    try:
        with (folder / _LOCK).open("rb") as lock:
            if _shared(lock.fileno()):
                return None
        return msgspec.json.decode((folder / _PRESENCE).read_bytes(), type=Presence)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError) as error:
        if not (folder / _LOCK).exists():
            return None
        raise Unavailable("The server of this folder is starting or leaving. Try again in a moment.") from error
    except OSError as error:
        raise Refused(
            f"The data folder cannot be used ({error.strerror}). Act as the user who runs the server, or with --server."
        ) from error


def _locked(descriptor: int) -> bool:
    """Lock for good, waiting a moment for those who only look."""
    deadline = time.monotonic() + _PROBED_S
    while True:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)


def _shared(descriptor: int) -> bool:
    """Tell whether nobody holds the lock."""
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return True
    return False


@contextlib.asynccontextmanager
async def listening(config: Config, app: ASGIApp, token: str) -> AsyncIterator[Addresses]:
    """Serve the app while the context lives. Raises Unavailable where the port is taken, Refused for bad TLS files."""
    leaving = Leaving(app)
    with contextlib.ExitStack() as sockets:
        outer = sockets.enter_context(_bind(config.host, config.port))
        inner = outer
        if config.tls_cert or not is_loopback(config.host):
            inner = sockets.enter_context(_bind("127.0.0.1", 0))
        async with _serving(config, leaving, outer, inner, token) as addresses:
            yield addresses


@contextlib.asynccontextmanager
async def _serving(
    config: Config, leaving: Leaving, outer: socket.socket, inner: socket.socket, token: str
) -> AsyncIterator[Addresses]:
    addresses = Addresses(_url(config, outer), f"http://{_authority(inner)}")
    servers = [_server(leaving, outer, config.tls_cert, config.tls_key)]
    if inner is not outer:
        servers.append(_server(leaving, inner))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(server.serve(sockets=[sock])) for server, sock in servers]
        try:
            await _started(server for server, _ in servers)
            with _presence(config.folder, addresses, token):
                yield addresses
        finally:
            leaving.leave()
            for server, _ in servers:
                server.should_exit = True
            await asyncio.wait(tasks, timeout=2 * _LEAVE_S)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the app decides when to leave."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(app: ASGIApp, sock: socket.socket, cert: str = "", key: str = "") -> tuple[_Server, socket.socket]:
    settings = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws=bounded_socket(),
        ws_max_size=_UPLINK_BYTES,
        ws_per_message_deflate=False,
        http=bounded_protocol(),
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_LEAVE_S,
        ssl_certfile=cert or None,
        ssl_keyfile=key or None,
        ssl_keyfile_password="none",  # noqa: S106 - a wrong one: without it OpenSSL asks the terminal, and waits
    )
    try:
        settings.load()
    except (ssl.SSLError, OSError) as error:
        raise Refused(
            "The settings tls_cert and tls_key do not go together: give a PEM certificate and its PEM key, without a "
            "password, readable by this user."
        ) from error
    return _Server(settings), sock


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(2048)
    except OSError as error:
        sock.close()
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise Refused(f"The setting host is no address of this machine ({error.strerror}).") from error
        raise Unavailable(
            f"Port {port} cannot be used ({error.strerror}). Choose another with --port, or 0 for a free one."
        ) from error
    return sock


async def _started(servers: Iterator[_Server]) -> None:
    async with asyncio.timeout(_STARTING_S):
        for server in servers:
            while not server.started:  # noqa: ASYNC110 - uvicorn offers no event for it
                await asyncio.sleep(0.01)


@contextlib.contextmanager
def _presence(folder: Path, addresses: Addresses, token: str) -> Iterator[None]:
    path = folder / _PRESENCE
    fresh = folder / f"{_PRESENCE}.new"
    try:
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(Presence(addresses.inner_url, token, os.getpid())))
        fresh.replace(path)
    except OSError as error:
        raise Unavailable(f"The data folder cannot be written ({error.strerror}). Check its disk.") from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _authority(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _url(config: Config, sock: socket.socket) -> str:
    return f"{'https' if config.tls_cert else 'http'}://{_authority(sock)}"
