"""The port and the address: free or ours, and such that browsers elsewhere may use it with all they can."""

import errno
import http.client
import os
import socket
import ssl
import time
import urllib.error
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from hearing.config import Config, is_loopback
from hearing.doctor.report import Seen
from hearing.errors import HearingError
from hearing.listen import presence

_TIMEOUT_S = 10
_SOON_DAYS = 14
_TRUSTED = "proxy_set_header X-Forwarded-Proto https; (infra/proxy has whole files)"


def port(config: Config) -> Seen:
    """Say whether the port can be listened on, or who has it."""
    try:
        running = presence(config.folder)
    except HearingError as error:
        return Seen("port", "warn", "port-unknown", str(error), "run this as the user who runs the server")
    if running:
        return Seen("port", "go", "port-ours", f"the server of this folder runs (process {running.pid})")
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
            probe.listen(1)
        except OSError as error:
            return _refused(config, error)
    return Seen("port", "go", "port-free", f"{config.port} on {config.host} is free")


def _refused(config: Config, error: OSError) -> Seen:
    if error.errno == errno.EADDRINUSE:
        who = holder(config.port)
        text = f"{config.port} on {config.host} is taken" + (f" by {who}" if who else "")
        return Seen("port", "no-go", "port-taken", text, "stop that, or --port N; 0 takes a free one")
    if error.errno == errno.EACCES:
        text = f"{config.port} is for the administrator alone"
        return Seen("port", "no-go", "port-refused", text, "--port 8080, and a proxy in front (infra/proxy)")
    text = f"{config.host} is no address of this machine ({error.strerror})"
    return Seen("port", "no-go", "host-unknown", text, "--host 127.0.0.1, or an address that `ip address` lists")


def holder(number: int) -> str:
    """Name the process that listens on a TCP port, as far as this user may see it; Linux only (proc(5))."""
    sockets = set[str]()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError, IndexError):
            rows = [line.split() for line in Path(table).read_text("ascii").splitlines()[1:]]
            sockets |= {
                f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == number
            }
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(os.readlink(one) in sockets for one in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text('utf-8').strip()} (process {process.name})"
    return ""


def address(config: Config, public: str) -> list[Seen]:
    """Say whether browsers get the pages in a secure context, and whether the proxy says so to the server."""
    found = [_origin(config, public)]
    if config.tls_cert:
        found.append(_certificate(Path(config.tls_cert), time.time()))
    if public:
        found += _proxied(public.rstrip("/"))
    return found


def _origin(config: Config, public: str) -> Seen:
    if public.startswith("http:") and not is_loopback(urlsplit(public).hostname or ""):
        text = f"{public} is an insecure origin: what people send could be read on the way, and no seat can be taken"
        return Seen("address", "no-go", "origin-insecure", text, "https: --tls-cert and --tls-key, or infra/proxy")
    if config.tls_cert:
        return Seen("address", "go", "origin-tls", f"https on {config.host}, by this server itself")
    if config.behind_proxy:
        return Seen("address", "go", "origin-proxy", "a proxy in front speaks TLS; check it with --address https://...")
    text = f"{config.host} is this machine alone; browsers elsewhere need https"
    return Seen("address", "go", "origin-local", text)


def _certificate(path: Path, now_s: float) -> Seen:
    try:
        ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return Seen("address", "no-go", "certificate-unreadable", f"{path} is no certificate", "tls_cert = a PEM file")
    days = (ends - datetime.fromtimestamp(now_s, UTC)).days
    text = f"the certificate is good until {ends:%Y-%m-%d}"
    if days < 0:
        return Seen(
            "address", "no-go", "certificate-over", f"the certificate ended {ends:%Y-%m-%d}", "renew it, and restart"
        )
    if days < _SOON_DAYS:
        return Seen("address", "warn", "certificate-ends", text, "renew it, and restart the server")
    return Seen("address", "go", "certificate", text)


def _proxied(public: str) -> list[Seen]:
    """Ask the server by its public address, as a browser would: it must see that the way there is https."""
    try:
        status, kind = _ask(f"{public}/api/meetings")
        seat = _ask(f"{public}/staff/accept", b"invite=none")[0] if public.startswith("https:") else 0
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLError):
            text = f"{public}: its certificate is not trusted ({error.reason.reason or 'TLS'})"
            return [Seen("address", "no-go", "address-untrusted", text, "give the proxy a certificate for this name")]
        text = f"{public} does not answer"
        return [
            Seen("address", "no-go", "address-silent", text, "start the server and the proxy; check the name in DNS")
        ]
    except (OSError, http.client.HTTPException, ValueError):
        return [Seen("address", "no-go", "address-silent", f"{public} does not answer as HTTP", "check the address")]
    if status != 200 or "json" not in kind:
        text = f"{public} is answered by something else (status {status})"
        return [Seen("address", "no-go", "address-other", text, "reverse_proxy 127.0.0.1:8080 (infra/proxy)")]
    if seat == 400:
        text = "the proxy does not say that it speaks https: nobody could take a seat"
        return [Seen("address", "no-go", "proxy-scheme", text, _TRUSTED)]
    return [Seen("address", "go", "address", f"{public} is answered by this kind of server")]


def _ask(url: str, form: bytes | None = None) -> tuple[int, str]:
    near = is_loopback(urlsplit(url).hostname or "")  # a proxy of the environment is not for this machine
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({} if near else None))
    request = urllib.request.Request(url, form)  # noqa: S310 - http or https, as the caller checked
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as answer:
            return answer.status, answer.headers.get("Content-Type", "")
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Content-Type", "")
