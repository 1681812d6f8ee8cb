"""The record as WebVTT (W3C): captions for the web. A cue's identifier is its segment's, its voice the speaker's."""

from hearing.archive.captions import Caption, captions
from hearing.archive.record import Channel, Release
from hearing.archive.wording import Wording


def write(_release: Release, channel: Channel, wording: Wording) -> bytes:
    """Write UTF-8. What the text holds of `-->`, `&`, `<` and `>` is escaped, so that no text ends a cue."""
    note = "\n".join(_escape(line) for line in (wording.title, *wording.head))
    blocks = [f"WEBVTT\n\nNOTE\n{note}\n", *map(_cue, captions(channel, wording))]
    return "\n".join(blocks).encode()


def stamp(t: int, point: str = ".") -> str:
    """Write media time as hh:mm:ss.mmm."""
    seconds, milliseconds = divmod(max(0, t), 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{milliseconds:03d}"


def _cue(caption: Caption) -> str:
    voice = f"<v {_escape(caption.speaker)}>" if caption.speaker else ""
    said = "\n".join(map(_escape, caption.lines))
    text = voice + (f"<lang {caption.language}>{said}</lang>" if caption.language else said)
    return f"{caption.id}\n{stamp(caption.t0)} --> {stamp(caption.t1)}\n{text}\n"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
