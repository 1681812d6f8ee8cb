"""The record as Markdown (CommonMark): a paragraph a passage, its time linked to its permanent address.

A speaker's name is a paragraph of its own, before the first passage that is theirs.
"""

import re
from html import escape

from hearing.archive.record import Channel, Entry, Release, Segment, path, shown
from hearing.archive.speakers import changes, label, spoken
from hearing.archive.wording import Wording
from hearing.lang import direction, name

# What is markup anywhere in a line (CommonMark, and GitHub's links, mathematics and names), and at its beginning.
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~!&$^@]|:(?=//)|(?<=www)\.)")
_FIRST = re.compile(r"^([-+=:]|\d+(?=[.)]))")


def write(release: Release, channel: Channel, wording: Wording) -> bytes:
    """Write UTF-8. Everything that was said is escaped: none of it is markup."""
    head = [f"# {_escape(wording.title)}", *(f"> {_escape(line)}  " for line in (*wording.about, *wording.status))]
    said: list[str] = []
    for entry, begins, turned in spoken(changes(shown(channel))):
        if turned:
            said.append(f"*{_escape(name(turned))}*")
        if begins and isinstance(entry, Segment):
            said.append(f"**{_escape(label(entry.speaker, entry.title, channel.language, wording.nobody))}**")
        said.append(_in_its_language(_paragraph(release.meeting, entry, wording), entry))
    blocks = [
        f'<div lang="{escape(channel.language)}" dir="{direction(channel.language)}">',
        head[0],
        "\n".join([*head[1:], f"> <{wording.page}>" if wording.address else f"> {_escape(wording.page)}"]),
        *said,
        "</div>",
    ]
    return ("\n\n".join(blocks) + "\n").encode()


def _in_its_language(paragraph: str, entry: Entry) -> str:
    """Say what a paragraph is in, where the channel has several languages."""
    if not isinstance(entry, Segment) or not entry.language or entry.hidden:
        return paragraph
    language = escape(entry.language)
    return f'<div lang="{language}" dir="{direction(entry.language)}">\n\n{paragraph}\n\n</div>'


def _paragraph(meeting: str, entry: Entry, wording: Wording) -> str:
    clock = wording.span(entry)
    if not isinstance(entry, Segment):
        return f"**{clock}** *{_escape(wording.wordless(entry))}*"
    link = f"**[{clock}]({wording.address}{path(meeting, entry.id)})**"
    if entry.hidden:
        return f"{link} *{_escape(wording.gone(entry.basis))}*"
    mark = wording.mark(entry.mark)
    said = f"{link} {_escape(entry.text)}"
    return f"{said} *{_escape(mark)}*" if mark else said


def _escape(text: str) -> str:
    """Escape by backslashes (CommonMark 2.4), a number at the beginning by what follows it."""
    escaped = _MARKUP.sub(r"\\\1", text)
    first = _FIRST.match(escaped)
    if first is None:
        return escaped
    at = first.end() if first[0].isdigit() else 0
    return f"{escaped[:at]}\\{escaped[at:]}"
