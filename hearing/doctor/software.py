"""Is everything there that the program needs: Python, its packages, the video player."""

import importlib.util
import platform
import sqlite3
from contextlib import closing
from importlib import metadata

from hearing import __version__
from hearing.doctor.report import Seen
from hearing.errors import HearingError
from hearing.site import web

PACKAGES = {
    "av": "av",
    "babel": "babel",
    "cryptography": "cryptography",
    "ctranslate2": "ctranslate2",
    "faster-whisper": "faster_whisper",
    "jinja2": "jinja2",
    "msgspec": "msgspec",
    "numpy": "numpy",
    "onnxruntime": "onnxruntime",
    "opencc-python-reimplemented": "opencc",
    "python-multipart": "python_multipart",
    "redis": "redis",
    "snowballstemmer": "snowballstemmer",
    "starlette": "starlette",
    "uvicorn": "uvicorn",
    "websockets": "websockets",
}
"""What must be installed, and how it is imported."""

_INSTALL = "./scripts/setup run"


def python() -> Seen:
    """Say which Python and SQLite run, and whether they can do what is asked of them."""
    text = f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}, hearing {__version__}"
    try:
        with closing(sqlite3.connect(":memory:")) as database:
            database.execute("CREATE VIRTUAL TABLE probe USING fts5 (terms)")
    except sqlite3.Error:
        return Seen(
            "python", "no-go", "sqlite-no-fts", f"{text}: SQLite without FTS5", "install a Python whose SQLite has it"
        )
    return Seen("python", "go", "python", text)


def packages() -> Seen:
    """Say whether every package can be imported."""
    missing = [name for name, module in PACKAGES.items() if importlib.util.find_spec(module) is None]
    if missing:
        return Seen("packages", "no-go", "packages-missing", f"missing: {', '.join(missing)}", _INSTALL)
    versions = {name: _version(name) for name in ("starlette", "uvicorn", "ctranslate2", "av")}
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Seen("packages", "go", "packages", f"all {len(PACKAGES)} are there ({told})")


def player() -> Seen:
    """Say whether browsers without HLS of their own have a player."""
    try:
        files = web.load()
    except HearingError as error:
        return Seen("player", "no-go", "pages-missing", str(error), _INSTALL)
    if not files.has_player:
        text = "not there: the picture plays in Safari only; sound and text everywhere"
        return Seen("player", "warn", "player-missing", text, "./scripts/web")
    return Seen("player", "go", "player", "there")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "?"
