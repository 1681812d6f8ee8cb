"""Reach the server that acts: one elsewhere, or the one that runs on a data folder. Its API, asked as staff."""

import contextlib
import http.client
import json
import os
import re
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from hearing.config import is_loopback
from hearing.errors import Conflict, HearingError, NotFound, Refused, Unavailable
from hearing.home import check_own_log
from hearing.listen import presence

_TIMEOUT_S = 30
_STARTING_S = 10.0
_STRANGER = "What answers is not a server of this kind. Is the address right?"


class Wire(msgspec.Struct, frozen=True):
    """An error as the API sends it."""

    code: str = "error"
    text: str = "The server gave no reason."


class Target(msgspec.Struct, frozen=True):
    """Where staff acts go: a server's URL with a token, or a data folder."""

    data: Path
    server: str = ""
    token: str = ""


def target(data: Path, server: str, token_file: str, *, public: bool = False) -> Target:
    """Work out where to act. Raises Refused for a server without its token or over a readable line.

    What is `public` needs no token.
    """
    if not server:
        return Target(data)
    try:
        parts = urlsplit(server)
        scheme, host, _ = parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        scheme, host = "", ""
    if scheme not in {"http", "https"} or not host or not re.fullmatch(r"[!-~]+", server):
        raise Refused("--server takes an address such as https://hearing.example.org")
    if scheme == "http" and not is_loopback(host):
        raise Refused("--server must be https:// for another machine, or the token could be read on the way.")
    return Target(data, server.rstrip("/"), "" if public else _token(token_file))


def reach(where: Target) -> Target | None:
    """Return the server to ask, None where the folder is free. Waits for one that is starting or leaving.

    Raises Refused where none runs and the log lies in Redis.
    """
    if where.server:
        return where
    deadline = time.monotonic() + _STARTING_S
    while True:
        try:
            found = presence(where.data)
            if found is None:
                check_own_log(where.data)
            return Target(where.data, found.url, found.token) if found else None
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def server_of(where: Target) -> Target | None:
    """Return the server to ask for what everybody may read: without a token. None where the folder is free."""
    found = reach(where)
    return Target(found.data, found.server) if found else None


def at_meeting(meeting: str, rest: str = "") -> str:
    """Return where the API has a meeting, or something of it."""
    return f"/api/meetings/{quote(meeting, safe='')}{rest}"


def request(where: Target, method: str, path: str, body: bytes | None = None, *, timeout_s: float = _TIMEOUT_S) -> Any:  # noqa: ANN401 - JSON
    """Return what a server answers. Raises what it refused with, Unavailable where none answers."""
    try:
        return json.loads(fetch(where, method, path, body, timeout_s) or b"null")
    except ValueError as error:
        raise Unavailable(_STRANGER) from error


def fetch(where: Target, method: str, path: str, body: bytes | None = None, timeout_s: float = _TIMEOUT_S) -> bytes:
    """Return the bytes of what a server answers. Raises as `request`."""
    wanted = urllib.request.Request(where.server + path, body, method=method)  # noqa: S310 - scheme was checked
    if where.token:
        wanted.add_header("Authorization", f"Bearer {where.token}")
    if body is not None:
        wanted.add_header("Content-Type", "application/json")
    try:
        with _opener(where.server).open(wanted, timeout=timeout_s) as answered:
            return bytes(answered.read())
    except urllib.error.HTTPError as error:
        raise _refusal(error) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise Refused(
                "The server's certificate is not trusted here. For one of your own, name it in the environment: "
                "SSL_CERT_FILE=cert.pem"
            ) from error
        raise Unavailable("The server does not answer. Is it running, and is the address right?") from error
    except TimeoutError as error:
        raise Unavailable("The server does not answer in time. Is it busy, or stopped?") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unavailable(_STRANGER) from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token goes to the address that was given, and to no other."""

    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401 - urllib's
        return None


def _opener(server: str) -> urllib.request.OpenerDirector:
    """Make what asks. A proxy of the environment is not for this machine, and would be told the token."""
    proxies = urllib.request.ProxyHandler({}) if server.startswith("http:") else urllib.request.ProxyHandler()
    return urllib.request.build_opener(proxies, _NoRedirect())


def _refusal(error: urllib.error.HTTPError) -> HearingError:
    if 300 <= error.code < 400:
        return Refused("The server sends elsewhere. Give the address it sends to as --server, if you trust it.")
    wire = Wire()
    with contextlib.suppress(msgspec.DecodeError, OSError):
        wire = msgspec.json.decode(error.read(), type=Wire)
    kinds: dict[int, type[HearingError]] = {404: NotFound, 409: Conflict, 503: Unavailable}
    return kinds.get(error.code, Refused)(wire.text)


def _token(file: str) -> str:
    token = os.environ.get("HEARING_STAFF_TOKEN", "")
    if file or not token:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            token = Path(file).read_text("ascii")
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable():
        raise Refused(
            "--server needs a staff token, one line of text: --token-file FILE, or the environment variable "
            "HEARING_STAFF_TOKEN."
        )
    return token
