"""Where the pages' own files are, and how they are served: under a digest of all of them, so caches never go stale."""

import gzip
import hashlib
import re
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing.errors import NotFound, Unavailable

_PACKAGE = Path(__file__).resolve().parents[1]
_STYLES = ("tokens.css", "base.css", "page.css", "desk.css")
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".LICENSE": "text/plain; charset=utf-8",
}
# Types and reasons stay in the repository: comments that begin a line are half of what a weak link would carry.
_COMMENT = re.compile(rb"^[ ]*(?://.*|/\*\*(?:[^*]|\*(?!/))*\*/)\n", re.MULTILINE)
_YEAR_S = 31_536_000


class Asset(msgspec.Struct, frozen=True):
    """One file as it goes out, and the same packed."""

    content: bytes
    packed: bytes
    media_type: str


class Web(msgspec.Struct, frozen=True):
    """The files of the pages, in memory. `version` names this set of them: it is part of every address."""

    folder: Path
    version: str
    assets: dict[str, Asset]

    @property
    def has_player(self) -> bool:
        """Whether the video player was fetched."""
        return "vendor/hls.min.js" in self.assets

    def address(self, name: str) -> str:
        """Return the path a page asks for."""
        return f"/static/{self.version}/{name}"


def load() -> Web:
    """Read the files, beside the package or inside its wheel. Raises Unavailable where there are none."""
    folder = next((place for place in (_PACKAGE.parent / "web", _PACKAGE / "_web") if place.is_dir()), None)
    if folder is None:
        raise Unavailable("The pages' files are missing. Install hearing again, or run it from its repository.")
    assets = {name: _asset(content, name) for name, content in _contents(folder).items()}
    digest = hashlib.sha256()
    for name in sorted(assets):
        digest.update(name.encode() + b"\0" + assets[name].content)
    return Web(folder, digest.hexdigest()[:12], assets)


def routes(web: Web) -> list[Route]:
    """Serve the files. An old version's address gets the new file, uncached: a page that was open lives on."""

    async def static(request: Request) -> Response:
        name, version = request.path_params["name"], request.path_params["version"]
        asset = web.assets.get(name)
        if asset is None:
            raise NotFound("There is no such file.")
        fresh = version == web.version
        headers = {
            "Cache-Control": f"public, max-age={_YEAR_S}, immutable" if fresh else "no-cache",
            "Vary": "Accept-Encoding",
        }
        content = asset.content
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            content = asset.packed
        return Response(content, media_type=asset.media_type, headers=headers)

    async def icon(_request: Request) -> Response:
        asset = web.assets["mark.svg"]
        return Response(asset.content, media_type=asset.media_type, headers={"Cache-Control": "max-age=86400"})

    return [Route("/static/{version}/{name:path}", static), Route("/favicon.ico", icon)]


def script(path: Path) -> bytes:
    """Read a module as it goes out: without its comments."""
    return _COMMENT.sub(b"", path.read_bytes())


def _contents(folder: Path) -> dict[str, bytes]:
    """Collect what is public. The style sheets go out as one: a weak link asks once."""
    contents = {path.name: path.read_bytes() for path in folder.glob("*.svg")}
    contents |= {path.name: script(path) for path in (folder / "src").glob("*.js")}
    contents |= {f"vendor/{path.name}": path.read_bytes() for path in (folder / "vendor").glob("hls*")}
    contents["hearing.css"] = b"\n".join((folder / "src" / name).read_bytes() for name in _STYLES)
    return contents


def _asset(content: bytes, name: str) -> Asset:
    return Asset(content, gzip.compress(content, 9, mtime=0), _TYPES[Path(name).suffix])
