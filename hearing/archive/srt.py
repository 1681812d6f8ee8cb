"""The record as SubRip (SRT): captions for players and editors of video.

The format has no specification, no comments and no escapes. So the first caption says what the text is, and the
letters that players take for tags or times are written with those that look like them. A speaker's name stands on a
line of its own, where the speaker changes.
"""

import msgspec

from hearing.archive.captions import Caption, captions
from hearing.archive.record import Channel, Release
from hearing.archive.speakers import label
from hearing.archive.vtt import stamp
from hearing.archive.wording import Wording

_HEAD_MS = 5000
_LIKE = str.maketrans({"<": "‹", ">": "›", "{": "(", "}": ")"})


def write(_release: Release, channel: Channel, wording: Wording) -> bytes:
    """Write UTF-8, a number before each caption."""
    said = captions(channel, wording)
    if said and said[0].t0 == 0:
        said[0] = msgspec.structs.replace(said[0], t0=1, t1=max(2, said[0].t1))
    head = Caption("", 0, min(_HEAD_MS, said[0].t0) if said else _HEAD_MS, (wording.title, *wording.head))
    named = [_named(caption, channel.language, wording.nobody) for caption in said]
    return "\n".join(_block(n, caption) for n, caption in enumerate([head, *named], 1)).encode()


def _named(caption: Caption, language: str, nobody: str) -> Caption:
    if not caption.begins:
        return caption
    name = label(caption.speaker, "", language, nobody)
    return msgspec.structs.replace(caption, lines=(f"{name}:", *caption.lines))


def _block(n: int, caption: Caption) -> str:
    text = "\n".join(line.translate(_LIKE) for line in caption.lines)
    return f"{n}\n{stamp(caption.t0, ',')} --> {stamp(caption.t1, ',')}\n{text}\n"
