"""Addresses of sources, pure: what may be opened by the rules of a deployment, and how one is shown without its secret.

A name is judged here and nothing is looked up; `gate` resolves it, judges every address it leads to by `may_dial`, and
connects to that very address.
"""

import hashlib
import hmac
import ipaddress
import re
from typing import Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

from hearing.errors import Refused

PORTS = {"https": 443, "http": 80, "rtmps": 443, "rtmp": 1935, "rtsps": 322, "rtsp": 554, "udp": 0}
"""What can be received, and its usual port; a port of 0 must be given."""

TLS = frozenset({"https", "rtmps", "rtsps"})
WEB = frozenset({"https", "http"})

_MOST = 4096
_CLEAN = re.compile(r"[!-\[\]^-z|~]+")  # visible ASCII but \, { and }
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_HIDDEN = "…"
_ENDINGS = (".m3u8", ".mpd", ".ts", ".m2ts", ".mp4", ".aac", ".mp3", ".isml")
_WORD = re.compile(
    r"[a-z0-9]{1,3}|(app|audio|broadcast|channel|chunklist|event|hls|hlslive|index|ingest|live|main|manifest|master|media"
    r"|origin|playlist|program|public|radio|stream|streams|video|webcast|webtv)[-_]?[0-9]{0,2}"
)
"""What tells nobody's secret: up to three signs, or a usual word with a number of up to two digits."""
_SCHEME = re.compile(rf"({'|'.join(PORTS)}):", re.IGNORECASE)

_SPECIAL = [
    ipaddress.ip_network(net)
    for net in (
        "0.0.0.0/8",
        "168.63.129.16/32",  # a cloud's own services, at a public address
        "192.0.0.0/24",
        "192.88.99.0/24",
        "2001::/23",  # Teredo and others of the IETF
        "2001:db8::/32",
        "2002::/16",  # 6to4: leads to the IPv4 address inside
        "3fff::/20",
    )
]
_GLOBAL_6 = ipaddress.ip_network("2000::/3")
"""All that IANA has given out as global unicast: no mapped, NAT64, local or other address with another one inside."""

_NEVER = [
    ipaddress.ip_network(net)
    for net in (
        "0.0.0.0/8",
        "100.100.100.200/32",  # what clouds tell their machines about themselves, keys among it
        "168.63.129.16/32",
        "169.254.0.0/16",
        "192.0.0.192/32",
        "2002::/16",  # 6to4: may lead to any of these
        "fd00:ec2::/32",
        "fd20:ce::/32",
        "fe80::/10",
    )
]
_LOCAL_6 = [ipaddress.ip_network(net) for net in ("::1/128", "fc00::/7", "2000::/3")]

AnyIp = ipaddress.IPv4Address | ipaddress.IPv6Address
Why = Literal["malformed", "unknown", "scheme", "host", "private", "folder"]


class NotAdmitted(Refused):
    """The rules do not let this address be opened. `why` is stable."""

    code = "source"

    def __init__(self, why: Why, text: str) -> None:
        super().__init__(text)
        self.why = why


class Rules(msgspec.Struct, frozen=True):
    """What a deployment lets its sources be, and how large a picture it takes. docs/settings.md explains each."""

    schemes: tuple[str, ...] = ("https", "rtmps", "rtsps")
    hosts: tuple[str, ...] = ()
    private_hosts: tuple[str, ...] = ()
    height: int = 720
    kbps: int = 3000


class Address(msgspec.Struct, frozen=True):
    """An address whose scheme and host the rules allow. `path` includes the query; `private` hosts may be near."""

    scheme: str
    host: str
    port: int
    path: str
    user: str = ""
    password: str = ""
    private: bool = False

    @property
    def authority(self) -> str:
        """Return host and port as they stand in an address; the usual port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def is_address(source: str) -> bool:
    """Tell an address from the path of a file: one with a slash too few, too, so that its secret is kept."""
    return "://" in source or bool(_SCHEME.match(source))


def check_form(url: str) -> None:
    """Raise NotAdmitted for an address that no rules would let be opened."""
    _form(url)


def read(url: str, rules: Rules) -> Address:
    """Read an address that the rules allow. Raises NotAdmitted, whose text names no secret."""
    parts = _form(url)
    if parts.scheme not in rules.schemes:
        raise NotAdmitted(
            "scheme",
            f"Sources may not come by {parts.scheme} here. Use {', '.join(rules.schemes) or 'a file'}, or have whoever "
            "runs the server add it to the setting source_schemes.",
        )
    host, port = _host(parts), _port(parts)
    private = _listed(host, rules.private_hosts)
    if not private and not _listed(host, rules.hosts):
        raise NotAdmitted(
            "host",
            f"Sources may not come from {host[:100]} here. Have whoever runs the server add it to the setting "
            "source_hosts, or to source_private_hosts if it is in your own network.",
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(parts.scheme, host, port, path, parts.username or "", parts.password or "", private)


def may_dial(ip: str, *, private: bool) -> bool:
    """Tell whether a connection to an address may be made; `private`: its host may be in the deployment's network."""
    try:
        found = ipaddress.ip_address(ip)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.scope_id:
        return False
    if found.is_multicast or found.is_unspecified or _within(found, _NEVER):
        return False
    if private:
        return found.version == 4 or _within(found, _LOCAL_6)
    if found.version == 6 and found not in _GLOBAL_6:
        return False
    return found.is_global and not found.is_reserved and not _within(found, _SPECIAL)


def masked(source: str, key: bytes = b"") -> str:
    """Return a source as people may see it: its scheme, its host, and what of its path no secret looks like.

    Whoever makes addresses may put a token anywhere: into the query, a folder, the name of a playlist. So only what is
    short, or a word that streams are often called by, is shown. With a `key` what is hidden is replaced by a tag that
    only this key makes, so that two can be told apart.
    """
    if not is_address(source):
        return source
    try:
        parts = urlsplit(source)
        host, path = parts.netloc.rpartition("@")[2], parts.path
    except ValueError:
        return _HIDDEN
    tag = hmac.digest(key, source.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()[:8] if key else ""
    start = f"{parts.scheme}://{host}"
    names = [name for name in path.split("/") if name]
    keyed = parts.scheme.lower().startswith("rtmp") and bool(names)
    shown = names[:-1] if keyed else names
    if not all(_neutral(name) for name in shown):
        return f"{start}/{_HIDDEN}{tag}" + (f"/{shown[-1]}" if _neutral(shown[-1]) else "")
    if not (keyed or parts.query or parts.fragment or "@" in parts.netloc or not parts.netloc):
        return source
    return start + "".join(f"/{name}" for name in shown) + ("/" if keyed or not shown else "") + _HIDDEN + tag


def _neutral(name: str) -> bool:
    stem = name.lower().removesuffix(next((end for end in _ENDINGS if name.lower().endswith(end)), ""))
    return bool(_WORD.fullmatch(stem))


def _form(url: str) -> SplitResult:
    parts = _split(url)
    if parts.scheme not in PORTS:
        raise NotAdmitted(
            "unknown",
            "A source is a file, or an address that begins with https, rtmps or rtsps. What comes by SRT or WebRTC "
            "needs a gateway that makes one of these of it.",
        )
    return parts


def _split(url: str) -> SplitResult:
    malformed = NotAdmitted("malformed", "This is no address that can be opened. Copy it again: no spaces, only ASCII.")
    if len(url) > _MOST or not _CLEAN.fullmatch(url):
        raise malformed
    try:
        parts = urlsplit(url)
        _ = parts.port, parts.hostname
    except ValueError:
        raise malformed from None
    if not parts.netloc or "%" in parts.netloc.rpartition("@")[2]:
        raise malformed
    return parts


def _host(parts: SplitResult) -> str:
    """Return the host, in one spelling. Raises NotAdmitted for one that other programs may read differently."""
    host = (parts.hostname or "").removesuffix(".")
    if not host and parts.scheme == "udp":
        return "0.0.0.0"  # noqa: S104 - a place to hear from, which the rules must list
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        if not _NAME.fullmatch(host) or len(host) > 253 or _NUMBER.fullmatch(host.rpartition(".")[2]):
            raise NotAdmitted("malformed", "The host of this address is no name and no usual IP address.") from None
    return host


def _port(parts: SplitResult) -> int:
    port = PORTS[parts.scheme] if parts.port is None else parts.port
    if not port:
        raise NotAdmitted("malformed", "This address needs a port, as in udp://@239.1.2.3:5004.")
    return port


def _listed(host: str, names: tuple[str, ...]) -> bool:
    """Tell whether a host is listed: by itself, or by a suffix that begins with a dot."""
    for name in (name.lower().strip("[]").removesuffix(".") for name in names):
        if host == name or (name.startswith(".") and len(name) > 1 and host.endswith(name)):
            return True
    return False


def _within(found: AnyIp, nets: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    return any(found in net for net in nets if net.version == found.version)
