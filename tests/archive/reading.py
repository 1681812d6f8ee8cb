"""Readers that share nothing with our writers: FFmpeg's for captions, zipfile and expat for documents."""

import io
import re
import zipfile
from xml.etree import ElementTree

import av
import av.container

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_TIMES = re.compile(r"(\d\d+):(\d\d):(\d\d)[.,](\d{3}) --> (\d\d+):(\d\d):(\d\d)[.,](\d{3})")


def ffmpeg(content: bytes, kind: str) -> list[tuple[int, int, str]]:
    """Read captions (`webvtt`, `srt`) as FFmpeg does: (t0, t1, text)."""
    with av.open(io.BytesIO(content), format=kind) as container:
        assert isinstance(container, av.container.InputContainer)
        packets = [packet for packet in container.demux() if packet.size]
        return [
            (packet.pts or 0, (packet.pts or 0) + (packet.duration or 0), bytes(packet).decode()) for packet in packets
        ]


def strict(content: bytes, head: str) -> list[tuple[str, int, int, list[str]]]:
    """Read blocks (identifier, t0, t1, lines) and take nothing else. `head` is how the file must begin."""
    text = content.decode()
    assert text.startswith(head)
    assert "\r" not in text
    found: list[tuple[str, int, int, list[str]]] = []
    for block in re.split(r"\n\n+", text.removeprefix(head).strip("\n")):
        name, times, *lines = block.split("\n")
        if name == "NOTE":
            assert "-->" not in block
            continue
        match = _TIMES.fullmatch(times)
        assert match, times
        h0, m0, s0, f0, h1, m1, s1, f1 = map(int, match.groups())
        assert lines
        assert all("-->" not in line and line.strip() for line in lines)
        t0, t1 = ((h0 * 60 + m0) * 60 + s0) * 1000 + f0, ((h1 * 60 + m1) * 60 + s1) * 1000 + f1
        assert t0 < t1
        assert not found or found[-1][2] <= t0
        found.append((name, t0, t1, lines))
    return found


def document(content: bytes) -> tuple[ElementTree.Element, dict[str, ElementTree.Element]]:
    """Open a DOCX and parse every part of it: (word/document.xml, all parts)."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[0] == "[Content_Types].xml"
        parts = {name: ElementTree.fromstring(archive.read(name)) for name in archive.namelist()}  # noqa: S314 - ours
    return parts["word/document.xml"], parts


def paragraphs(body: ElementTree.Element, style: str) -> list[str]:
    """Return the text of the paragraphs of one style; a tab stands for a tab."""
    found = []
    for paragraph in body.iter(f"{W}p"):
        named = paragraph.find(f"{W}pPr/{W}pStyle")
        if named is not None and named.get(f"{W}val") == style:
            pieces = [
                node.text or "" if node.tag == f"{W}t" else "\t" for node in paragraph.iter() if node.tag in _TEXT
            ]
            found.append("".join(pieces))
    return found


_TEXT = {f"{W}t", f"{W}tab"}
