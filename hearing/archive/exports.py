"""The exports there are: one module each, and the only place that lists them."""

from collections.abc import Callable

import msgspec

from hearing.archive import docx, jsonl, md, srt, txt, vtt
from hearing.archive.record import Channel, Release
from hearing.archive.wording import Wording
from hearing.errors import NotFound


class Export(msgspec.Struct, frozen=True):
    """A kind of file: its type for HTTP, and what writes it. The same arguments give the same bytes."""

    media_type: str
    write: Callable[[Release, Channel, Wording], bytes]


EXPORTS = {
    "vtt": Export("text/vtt", vtt.write),
    "srt": Export("application/x-subrip", srt.write),
    "txt": Export("text/plain", txt.write),
    "md": Export("text/markdown", md.write),
    "docx": Export("application/vnd.openxmlformats-officedocument.wordprocessingml.document", docx.write),
    "jsonl": Export("application/jsonl", jsonl.write),
}


def export(name: str) -> Export:
    """Return a kind of file by its suffix. Raises NotFound, naming those that exist."""
    if name not in EXPORTS:
        raise NotFound(f"What was said can be had as one of: {', '.join(EXPORTS)}. There is no {name[:20]!r}.")
    return EXPORTS[name]
