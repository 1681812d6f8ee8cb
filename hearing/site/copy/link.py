"""Addresses inside a site of files: relative to the page they stand on, so that it works in any folder. Pure."""

from collections.abc import Mapping

from hearing.transcript import ordinal

PART = 250
"""So many passages stand on one page: its address is worked out from a passage's number, and stays."""


def home(language: str) -> str:
    """Return the file of the list of meetings."""
    return f"{language}/index.html"


def meeting(meeting_id: str) -> str:
    """Return the file of a meeting."""
    return f"m/{meeting_id}/index.html"


def text(meeting_id: str, channel: str, n: int = 0) -> str:
    """Return the file in which passage n of a channel stands with its neighbours."""
    part = n // PART
    return f"m/{meeting_id}/{channel}/{f'part-{part + 1}' if part else 'index'}.html"


def channel_of(segment: str) -> str:
    """Return the channel of a segment."""
    return segment.rpartition(".")[0]


def number_of(segment: str) -> int:
    """Return a segment's number in its channel."""
    return ordinal(segment)


def passage(meeting_id: str, segment: str) -> str:
    """Return the file of a passage alone: on a file server its address is the one that the server has for it."""
    return f"m/{meeting_id}/{channel_of(segment)}/{number_of(segment)}/index.html"


class Link:
    """Makes the addresses of one page, `here`. `others` are the files that say the same in other languages.

    It answers what the server's pages ask of theirs (hearing.site.look).
    """

    def __init__(self, here: str, language: str, others: Mapping[str, str]) -> None:
        self._here = here
        self._others = others
        self.language = language

    def file(self, name: str, anchor: str = "") -> str:
        """Return the address of another file of the site."""
        found = _relative(self._here.split("/")[:-1], name.split("/"))
        return f"{found}#{anchor}" if anchor else found

    def to(self, path: str, **_query: str | None) -> str:
        """Return the address of a page that every site has: `/`, `/search`."""
        return self.file(home(self.language) if path == "/" else f"{self.language}/search.html")

    def here(self, l: str | None = None, **_query: str | None) -> str:  # noqa: E741 - as addresses call it
        """Return this page's address in another language; where there is none, that language's first page."""
        return self.file(self._others.get(l or self.language) or home(l or self.language))


def _relative(folder: list[str], name: list[str]) -> str:
    """Lead from a folder to a file, up as little as possible."""
    same = 0
    while same < min(len(folder), len(name) - 1) and folder[same] == name[same]:
        same += 1
    return "/".join([*[".."] * (len(folder) - same), *name[same:]])
