"""`hearing worker`: a machine that turns the sound of relays elsewhere into words."""

import argparse
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hearing.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

_SETTINGS = ("model", "device", "compute_type")
_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_LEAST_TOKEN, _MOST_TOKEN = 32, 4096
_MOST_CHANNELS = 256


def add(commands: Any, command: "Callable[..., argparse.ArgumentParser]") -> None:  # noqa: ANN401 - argparse's type is private
    """Add the command."""
    text = "Transcribe for servers elsewhere: dial them, and carry their channels with one model."
    parser = command(commands, "worker", worker, text)
    parser.add_argument(
        "--relay", action="append", required=True, metavar="URL", help="a server's address; again for each more"
    )
    parser.add_argument("--token-file", default="", metavar="F", help="file with the servers' worker token, mode 0600")
    parser.add_argument("--config", type=Path, help="a TOML file with the settings model, device, worker_token_file")
    parser.add_argument("--model", help="speech model: a name (base) or the path of a folder")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), help="where it runs (default: auto)")
    parser.add_argument("--compute-type", metavar="T", help="its number format (default: auto)")
    parser.add_argument(
        "--channels", type=int, default=16, metavar="N", help="never carry more, for all servers together (default: 16)"
    )
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="look at so many at once (default: cores)")
    parser.add_argument(
        "--insecure-plain", action="store_true", help="allow http:// to another machine: something else protects it"
    )


def worker(options: argparse.Namespace) -> None:
    """Work until SIGTERM or SIGINT. Raises Refused for what is asked wrongly, Unavailable where there is no model."""
    from hearing import config
    from hearing.transcribe.models import ModelChoice
    from hearing.transcribe.worker import WorkerSettings, run

    given = {name: getattr(options, name) for name in _SETTINGS}
    settings = config.from_environ(options.config, given | {"worker_token_file": options.token_file or None})
    if not 1 <= options.channels <= _MOST_CHANNELS:
        raise Refused(f"--channels takes 1 to {_MOST_CHANNELS}.")
    if not 0 <= options.threads <= _MOST_CHANNELS:
        raise Refused("--threads takes the number of looks at once; 0 takes as many as there are cores.")
    first, *others = relays(options.relay, plain=options.insecure_plain)
    run(
        WorkerSettings(
            first,
            token(Path(settings.worker_token_file) if settings.worker_token_file else None),
            ModelChoice(settings.model, settings.device, settings.compute_type),
            options.channels,
            options.threads,
            tuple(others),
        )
    )


def relays(addresses: list[str], *, plain: bool) -> list[str]:
    """Return where to dial, each once. Raises Refused for what is no address, and for one that others could read."""
    from hearing.config import is_loopback
    from hearing.transcribe.worker import worker_url

    found: list[str] = []
    for address in addresses:
        scheme, host = _parts(address)
        if _SCHEMES[scheme] == "ws" and not is_loopback(host) and not plain:
            raise Refused(
                "--relay must be https:// for another machine, or the token and the sound could be read on the way. "
                "Say --insecure-plain if something else protects that way, as a tunnel does."
            )
        found.append(worker_url(address))
    return list(dict.fromkeys(found))


def _parts(address: str) -> tuple[str, str]:
    """Return scheme and host."""
    try:
        parts = urlsplit(address)
        scheme, host, _ = parts.scheme.lower(), parts.hostname or "", parts.port
    except ValueError:
        scheme, host = "", ""
    if scheme not in _SCHEMES or not host or not re.fullmatch(r"[!-~]+", address) or re.search(r"[@?#]", address):
        raise Refused("--relay takes the address of a server, such as https://hearing.example.org, without a password.")
    return scheme, host


def token(path: Path | None) -> str:
    """Return the token in the file. Raises Refused where others can read it, or it holds none."""
    if path is None:
        raise Refused("A worker needs --token-file: a file of mode 0600 with the token of the server's setting.")
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode) or (mode & 0o077 and not _is_credential(path)):
                raise Refused(
                    "Others on this machine can read the file of --token-file. Make it yours alone: chmod 600."
                )
            text = file.read(_MOST_TOKEN).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise Refused(f"The file of --token-file cannot be read ({why}).") from error
    if len(text) < _LEAST_TOKEN or not re.fullmatch(r"[!-~]+", text):
        raise Refused(f"The file of --token-file must hold one token of {_LEAST_TOKEN} or more characters.")
    return text


def _is_credential(path: Path) -> bool:
    """Tell whether the service manager gives it to this process alone: systemd.exec(5), LoadCredential=."""
    place = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return bool(place) and path.resolve().parent == Path(place).resolve()
