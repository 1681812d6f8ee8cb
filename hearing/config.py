"""Settings: one frozen struct, from a TOML file, the environment and the command line, in that order."""

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from hearing.errors import Refused

PREFIX = "HEARING_"

SCHEMES = frozenset({"https", "http", "rtmps", "rtmp", "rtsps", "rtsp", "udp"})
"""By which a source can come."""

PEER = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
"""How one server names another: scheme, host and port alone."""

_HOST = re.compile(r"\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[?[0-9A-Fa-f:]+:[0-9A-Fa-f:.]*\]?")


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything `hearing serve` can be told. docs/settings.md explains each; a test holds the two together."""

    data: str = "data"
    host: str = "127.0.0.1"
    port: int = 8080
    model: str = "base"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    compute_type: str = "auto"
    local_worker: bool = True
    key_file: str = ""
    staff_token_file: str = ""
    worker_token_file: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    behind_proxy: bool = False
    drain_s: float = 30.0
    caption_delay_s: float = 3.0
    caption_silence_s: float = 15.0
    source_schemes: tuple[str, ...] = ("https", "rtmps", "rtsps")
    source_hosts: tuple[str, ...] = ()
    source_private_hosts: tuple[str, ...] = ()
    source_height: int = 720
    source_kbps: int = 3000
    media_folder: str = ""
    redis: str = ""
    redis_password_file: str = ""
    redis_replicas: int = 0
    peer_url: str = ""
    standby: bool = False

    @property
    def folder(self) -> Path:
        return Path(self.data)

    @property
    def media(self) -> Path:
        """Where files lie that staff may name as sources from elsewhere; never a whole file system by default."""
        if self.media_folder:
            return Path(self.media_folder)
        data = self.folder.absolute()
        return data if data.parent == data.parent.parent else data.parent


def load(file: Path | None, environ: Mapping[str, str], given: Mapping[str, Any]) -> Config:
    """Join the three sources; later ones win. Raises Refused, naming the setting and what to do."""
    settings: dict[str, Any] = _from_toml(file) if file else {}
    settings |= _from_environment(environ)
    settings |= {name: value for name, value in given.items() if value is not None}
    try:
        config = msgspec.convert(settings, Config, strict=False)
    except msgspec.ValidationError as error:
        raise Refused(f"A setting is not usable: {error}. docs/settings.md lists them all.") from error
    check(config)
    return config


def check(config: Config) -> None:
    """Raise Refused for settings that would be unsafe or cannot work, with the mend."""
    if not 0 <= config.port <= 65535:
        raise Refused("The setting port must be 0 to 65535; 0 takes a free one.")
    if bool(config.tls_cert) != bool(config.tls_key):
        raise Refused("TLS needs both settings: tls_cert and tls_key, each the path of a PEM file.")
    _check_sources(config)
    if not 0 <= config.caption_delay_s <= 60 or not 1 <= config.caption_silence_s <= 3600:
        raise Refused("The setting caption_delay_s must be 0 to 60 seconds, caption_silence_s 1 to 3600.")
    _check_redis(config)
    for setting, path in (("tls_cert", config.tls_cert), ("tls_key", config.tls_key)):
        if path and not Path(path).is_file():
            raise Refused(f"The setting {setting} names no file. Give the path of a PEM file.")
    if not is_loopback(config.host) and not config.tls_cert and not config.behind_proxy:
        raise Refused(
            "The setting host is not a loopback address, so others could read what is sent on the way. Give --tls-cert "
            "and --tls-key, or say --behind-proxy if a proxy in front of it speaks TLS."
        )


def _check_sources(config: Config) -> None:
    if unknown := set(config.source_schemes) - SCHEMES:
        raise Refused(f"The setting source_schemes names {min(unknown)!r}. It takes {', '.join(sorted(SCHEMES))}.")
    for setting, hosts in (
        ("source_hosts", config.source_hosts),
        ("source_private_hosts", config.source_private_hosts),
    ):
        if wrong := [host for host in hosts if not _HOST.fullmatch(host)]:
            raise Refused(
                f"The setting {setting} names {wrong[0]!r}. It takes hosts alone, as in live.example.org, .example.org "
                "for all below it, or 10.1.2.3: no scheme, no port, no path."
            )
    if config.source_height < 1 or config.source_kbps < 1:
        raise Refused("The settings source_height (lines) and source_kbps (kbit/s) must be 1 or more.")


def _check_redis(config: Config) -> None:
    if config.redis:
        parts = urlsplit(config.redis)
        if parts.scheme not in {"redis", "rediss", "unix"} or not (parts.hostname or parts.path):
            raise Refused(
                "The setting redis takes redis://user@host:6379, rediss:// with TLS, or unix:///path of a socket."
            )
        if parts.password is not None or "password" in parts.query:
            raise Refused(
                "The setting redis holds a password, which others could see. Put it into a file that "
                "redis_password_file names, or into the environment: HEARING_REDIS_PASSWORD."
            )
    if config.redis_replicas < 0:
        raise Refused("The setting redis_replicas is a number of replicas: 0 or more.")
    if config.peer_url:
        peer = urlsplit(config.peer_url)
        if not PEER.fullmatch(config.peer_url) or (peer.scheme == "http" and not is_loopback(peer.hostname or "")):
            raise Refused(
                "The setting peer_url is where the other servers reach this one: https://host:port, nothing behind it; "
                "http:// for this machine alone."
            )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def from_environ(file: Path | None, given: Mapping[str, Any]) -> Config:
    """Load with this process's environment."""
    return load(file, os.environ, given)


def _from_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise Refused(f"The settings file cannot be read ({error.strerror}). Check --config.") from error
    except UnicodeDecodeError as error:
        raise Refused("The settings file is not text in UTF-8. Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"The settings file is not TOML: {error}.") from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Take HEARING_PORT and the like; names that are no setting belong to other programs (HEARING_REQUIRE)."""
    known = {PREFIX + field.upper(): field for field in Config.__struct_fields__}
    return {known[name]: _listed(known[name], value) for name, value in environ.items() if name in known}


def _listed(field: str, value: str) -> str | list[str]:
    """Split what is a list: a,b or a b."""
    return value.replace(",", " ").split() if isinstance(getattr(Config(), field), tuple) else value
