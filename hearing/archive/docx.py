"""The record as a document to edit (DOCX, ISO/IEC 29500 transitional), by a small writer of our own.

Right to left is said three times, as Word wants it: of the section, of each paragraph (`w:bidi`) and of each run
(`w:rtl`, with the language in `w:lang w:bidi`). The parts are stored, not packed: packed bytes differ between builds
of zlib, and the same release must give the same bytes.
"""

import io
import unicodedata
import zipfile
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from hearing.archive import docx_parts as parts
from hearing.archive.record import Channel, Gap, Quiet, Release, Segment, path, shown
from hearing.archive.speakers import changes
from hearing.archive.wording import Wording
from hearing.lang import direction

_EPOCH = (1980, 1, 1, 0, 0, 0)
_SAID_INDENT = 964
"""Twentieths of a point: what the time in the margin needs."""


def write(release: Release, channel: Channel, wording: Wording) -> bytes:
    """Write the document: what it is, then a paragraph a passage, its time linked to its permanent address."""
    body = _Body(channel.language)
    body.paragraph("Heading1", _run(wording.title, wording.language))
    for line in wording.about:
        body.paragraph("About", _run(line, wording.language))
    for line in wording.status:
        body.paragraph("Status", _run(line, wording.language))
    body.paragraph("Source", body.link(wording.page if wording.address else "", _ltr(wording.page)))
    for entry, begins in changes(shown(channel)):
        if begins and isinstance(entry, Segment):
            body.paragraph("Speaker", _speaker(entry, channel.language, wording))
        time = _ltr(wording.clock(entry.t0), "Time")
        if isinstance(entry, Gap | Quiet):
            text = _wordless(entry, wording)
        else:
            address = f"{wording.address}{path(release.meeting, entry.id)}" if wording.address else ""
            time = body.link(address, time)
            tombstone = _run(f"[{wording.gone(entry.basis)}]", wording.language, "Missing")
            text = tombstone if entry.hidden else _run(entry.text, entry.spoken(channel.language))
            if mark := wording.mark(entry.mark):
                text += _run(f" [{mark}]", wording.language, "Missing")
        spoken = entry.language if isinstance(entry, Segment) else ""
        body.paragraph("Said", f"{time}<w:r><w:tab/></w:r>{text}", spoken)
    return _zip(
        {
            "[Content_Types].xml": parts.CONTENT_TYPES,
            "_rels/.rels": parts.RELATIONSHIPS,
            "docProps/core.xml": _core(release, channel, wording),
            "word/document.xml": parts.document("".join(body.paragraphs), rtl=body.rtl),
            "word/_rels/document.xml.rels": parts.document_relationships(body.links),
            "word/styles.xml": parts.styles(_language(channel.language), _SAID_INDENT),
            "word/settings.xml": parts.SETTINGS,
            "word/footer1.xml": _footer(wording, rtl=body.rtl),
        }
    )


def _wordless(entry: Gap | Quiet, wording: Wording) -> str:
    """Say that words are missing, or until when nobody spoke: the margin has no room for more than one time."""
    until = _ltr(f" ({wording.span(entry)})", "Missing") if isinstance(entry, Quiet) else ""
    return _run(f"[{wording.wordless(entry)}]", wording.language, "Missing") + until


def _speaker(entry: Segment, language: str, wording: Wording) -> str:
    if not entry.speaker:
        return _run(wording.nobody, wording.language)
    title = _run(entry.title, language) if entry.title else ""
    return _run(entry.speaker, language) + (f"{_run(' (', language)}{title}{_run(')', language)}" if title else "")


class _Body:
    """The paragraphs written so far, and the addresses they link to."""

    def __init__(self, language: str) -> None:
        self.rtl = direction(language) == "rtl"
        self.paragraphs: list[str] = []
        self.links: list[str] = []

    def paragraph(self, style: str, runs: str, language: str = "") -> None:
        """Add a paragraph, in a language of its own where it has one."""
        rtl = direction(language) == "rtl" if language else self.rtl
        self.paragraphs.append(_paragraph(style, runs, rtl=rtl))

    def link(self, address: str, runs: str) -> str:
        """Return the runs as a link, or as they are where there is no address."""
        if not address:
            return runs
        self.links.append(address)
        return f'<w:hyperlink r:id="link{len(self.links)}">{runs}</w:hyperlink>'


def _paragraph(style: str, runs: str, *, rtl: bool) -> str:
    bidi = "<w:bidi/>" if rtl else ""
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{bidi}</w:pPr>{runs}</w:p>'


def _run(text: str, language: str, style: str = "") -> str:
    """Return text that reads in its own direction: a Latin name in an Arabic document stays left to right."""
    strong = next((kind for kind in map(unicodedata.bidirectional, text) if kind in {"L", "R", "AL"}), "")
    rtl = strong in {"R", "AL"} if strong else direction(language) == "rtl"
    return _text(text, f"{'<w:rtl/>' if rtl else ''}{_language(language)}", style)


def _ltr(text: str, style: str = "") -> str:
    """Return an address or a time: left to right whatever is around it."""
    return _text(text, "<w:noProof/>", style)


def _text(text: str, properties: str, style: str) -> str:
    named = f'<w:rStyle w:val="{style}"/>' if style else ""
    return f'<w:r><w:rPr>{named}{properties}</w:rPr><w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def _language(language: str) -> str:
    tag = quoteattr(_TAGS.get(language, language))
    kind = {"ar": "bidi", "zh": "eastAsia"}.get(language, "bidi" if direction(language) == "rtl" else "val")
    return f"<w:lang w:{kind}={tag}/>"


_TAGS = {"ar": "ar-SA", "zh": "zh-CN", "en": "en-GB", "fr": "fr-FR", "ru": "ru-RU", "es": "es-ES"}
"""Word knows its dictionaries by language and country."""


def _footer(wording: Wording, *, rtl: bool) -> str:
    pages = f"{parts.field('PAGE')}{_ltr(' / ')}{parts.field('NUMPAGES')}"
    runs = f"{_run(wording.title, wording.language)}<w:r><w:tab/></w:r>{pages}"
    return parts.footer(
        _paragraph("Footer", _run(wording.status[0], wording.language), rtl=rtl) + _paragraph("Footer", runs, rtl=rtl)
    )


def _core(release: Release, channel: Channel, wording: Wording) -> str:
    zero = release.media_zero_utc_ms
    created = "" if zero is None else datetime.fromtimestamp(zero // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return parts.core(
        title=escape(wording.title),
        description=escape(" ".join(wording.status)),
        language=escape(channel.language),
        identifier=escape(f"{release.meeting}/{channel.id}/{release.id}"),
        created=created,
    )


def _zip(files: dict[str, str]) -> bytes:
    """Join the parts, each as it is, at no time of their own."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o600 << 16
            archive.writestr(entry, content.encode())
    return packed.getvalue()
