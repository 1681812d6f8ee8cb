"""Look up what is wanted in the index: hits to the second with their sentence, counts to narrow by, and a reason
where there is none.

Every language's table is asked, with the query in that language's terms, so that a reader learns where else the words
are. Closest first is bm25 of FTS5; of what is equally close, the newest first.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from heapq import nsmallest

import msgspec
from msgspec.structs import replace

from hearing.archive import query, tables
from hearing.archive.excerpt import Excerpt, around
from hearing.archive.finding_aid import MARKS
from hearing.archive.passages import Passage
from hearing.archive.query import Phrase
from hearing.archive.wanted import Count, Found, Hit, Reason, Wanted, committee
from hearing.lang import join, spaced
from hearing.meeting import Meeting
from hearing.transcript import Mark, ordinal, segment_id

_APART_MS = 5000
"""After so long a pause the next passage is another sentence."""

_TOLD_APART = 10_000

Asked = Mapping[str, list[Phrase]]


class _Known(msgspec.Struct, frozen=True):
    """A meeting as the index and the house know it."""

    number: int
    meeting: Meeting
    zero_ms: int


class _Some(msgspec.Struct, frozen=True):
    """So many hits in a meeting and a language."""

    known: _Known
    language: str
    hits: int


class _Place(msgspec.Struct, frozen=True, order=True):
    """Where a hit comes in the order, and its row."""

    rank: float
    older: int
    row: int
    language: str


def look_up(database: sqlite3.Connection, wanted: Wanted, meetings: Mapping[str, Meeting]) -> Found:
    """Search on the reading connection. Only these meetings are found."""
    parsed = {language: query.parse(wanted.text, language) for language in tables.TABLES}
    asked = {language: phrases for language, phrases in parsed.items() if phrases}
    if not asked:
        return Found([], 0, 0, [], [], [], reason=Reason("no-words"))
    known = {
        number: _Known(number, meetings[meeting], zero_ms)
        for number, meeting, zero_ms in database.execute(tables.MEETINGS)
        if meeting in meetings
    }
    anybodys = _count(database, asked, known)
    everything = _count(database, asked, known, wanted.speaker) if wanted.speaker else anybodys
    kept = [some for some in everything if _passes(some, wanted)]
    total = _total(kept)
    return Found(
        hits=_hits(database, asked, kept, wanted),
        total=total,
        meetings=len({some.known.number for some in kept}),
        languages=_by(everything, replace(wanted, language=""), lambda some: some.language),
        bodies=_by(everything, replace(wanted, body=""), lambda some: committee(some.known.meeting.created.body)),
        dialogues=_dialogues(everything, wanted),
        speakers=_speakers(database, asked, [some for some in anybodys if _passes(some, wanted)]),
        reason=None if total else _reason(database, asked, (everything, anybodys), wanted),
    )


def _count(database: sqlite3.Connection, asked: Asked, known: Mapping[int, _Known], speaker: str = "") -> list[_Some]:
    return [
        _Some(known[number], language, hits)
        for language, phrases in asked.items()
        for number, hits in database.execute(tables.COUNTED.format(language), (query.narrowed(phrases, speaker),))
        if number in known
    ]


def _passes(some: _Some, wanted: Wanted) -> bool:
    created = some.known.meeting.created
    return (
        wanted.language in {"", some.language}
        and wanted.body in {"", created.body, committee(created.body)}
        and wanted.dialogue in {"", created.dialogue}
        and wanted.meeting in {"", created.meeting}
        and (wanted.since is None or some.known.zero_ms >= wanted.since)
        and (wanted.until is None or some.known.zero_ms < wanted.until)
    )


def _by(everything: list[_Some], wanted: Wanted, key: Callable[[_Some], str]) -> list[Count]:
    counted = Counter[str]()
    for some in everything:
        if _passes(some, wanted):
            counted[key(some)] += some.hits
    return [Count(name, hits) for name, hits in counted.most_common() if name]


def _dialogues(everything: list[_Some], wanted: Wanted) -> list[Count]:
    created = [some.known.meeting.created for some in everything]
    labels = {one.dialogue: one.title.partition(",")[0].strip() for one in created}
    counts = _by(everything, replace(wanted, dialogue=""), lambda some: some.known.meeting.created.dialogue)
    return [replace(count, label=labels[count.key]) for count in counts]


def _speakers(database: sqlite3.Connection, asked: Asked, kept: list[_Some]) -> list[Count]:
    """Count the hits by speaker: a look into the passage of each, so of so many at the most."""
    counted = Counter[str]()
    for language in {some.language for some in kept} if _total(kept) <= _TOLD_APART else ():
        numbers = msgspec.json.encode([some.known.number for some in kept if some.language == language]).decode()
        counted.update(
            dict(database.execute(tables.SPEAKERS.format(language), (query.expression(asked[language]), numbers)))
        )
    return [Count(name, hits) for name, hits in counted.most_common()]


def _total(some: list[_Some]) -> int:
    return sum(one.hits for one in some)


def _hits(database: sqlite3.Connection, asked: Asked, kept: list[_Some], wanted: Wanted) -> list[Hit]:
    known = {some.known.number: some.known for some in kept}
    numbers = msgspec.json.encode(list(known)).decode()
    most = wanted.skip + wanted.limit
    sql = tables.NEWEST if wanted.order == "newest" else tables.CLOSEST
    places: list[_Place] = []
    for language in {some.language for some in kept}:
        expression = query.narrowed(asked[language], wanted.speaker)
        rows = database.execute(sql.format(language), (expression, numbers, most))
        for row, rank in rows:
            zero_ms = known[row >> tables.SHIFT].zero_ms
            places.append(_Place(0.0 if wanted.order == "newest" else rank, -zero_ms, -row, language))
    chosen = nsmallest(most, places)[wanted.skip :]
    return [_hit(database, known[-place.row >> tables.SHIFT], -place.row, asked[place.language]) for place in chosen]


def _hit(database: sqlite3.Connection, known: _Known, row: int, phrases: list[Phrase]) -> Hit:
    said = tables.passage_of(database.execute(tables.PASSAGE, (row,)).fetchone())
    table = tables.table_of(said.language)
    own = query.marks(said.text, table, phrases)
    before, after = (_neighbour(database, known.number, said, step) for step in (-1, 1))
    parts = [part.text for part in (before, said, after) if part]
    text = join(parts, said.language)
    begins = len(before.text) + int(spaced(said.language)) if before else 0
    excerpt = around(text, [(start + begins, end + begins) for start, end in own])
    shown = text[excerpt.start : excerpt.end].rstrip()
    return Hit(
        meeting=known.meeting,
        zero_ms=known.zero_ms,
        channel=said.channel,
        language=said.language,
        segment=said.segment,
        t=said.said_at(own[0][0]) if own else said.t0,
        text=shown,
        marks=query.marks(shown, table, phrases),
        cut_before=excerpt.cut_before,
        cut_after=excerpt.cut_after,
        speaker=said.speaker,
        state=_state([part for part in (before, said, after) if part], said.language, excerpt),
    )


def _state(parts: list[Passage], language: str, shown: Excerpt) -> Mark:
    """Return the least mark of the passages that the shown part of their joined text reaches into."""
    marks: list[Mark] = []
    start = 0
    for n, part in enumerate(parts):
        end = len(join([one.text for one in parts[: n + 1]], language))
        if start < shown.end and end > shown.start:
            marks.append(part.mark)
        start = end + int(spaced(language))
    return min(marks, key=MARKS.index, default="machine")


def _neighbour(database: sqlite3.Connection, number: int, said: Passage, step: int) -> Passage | None:
    """Return the passage before or after on the same channel, unless a pause parts them."""
    wanted = segment_id(said.channel, ordinal(said.segment) + step)
    row = database.execute(tables.SEGMENT, (number, wanted)).fetchone()
    if row is None:
        return None
    found = tables.passage_of(row)
    pause_ms = found.t0 - said.t1 if step > 0 else said.t0 - found.t1
    return found if pause_ms < _APART_MS and found.language == said.language else None


def _reason(
    database: sqlite3.Connection, asked: Asked, counted: tuple[list[_Some], list[_Some]], wanted: Wanted
) -> Reason:
    """Say why there is nothing: the first of these that is true is the one to mend.

    `counted`: what this speaker said, and what anybody did.
    """
    everything, anybodys = counted
    languages = [wanted.language] if wanted.language else list(tables.TABLES)
    elsewhere = _by(everything, replace(wanted, language=""), lambda some: some.language)
    if not any(database.execute(tables.ANY.format(language)).fetchone()[0] for language in languages):
        return Reason("no-text", languages=elsewhere)
    if elsewhere:
        return Reason("other-languages", languages=elsewhere)
    if anybodys:
        return Reason("filters", excluded=_total(anybodys))
    missing = _missing(database, asked, languages)
    return Reason("missing-words", missing=missing) if missing else Reason("words-apart")


def _missing(database: sqlite3.Connection, asked: Asked, languages: list[str]) -> list[str]:
    """Return which of the words and phrases stand nowhere."""
    there: dict[str, bool] = {}
    for language in languages:
        for phrase in asked.get(language, []):
            if not there.setdefault(phrase.said, False):
                found = database.execute(tables.THERE.format(language), (query.expression([phrase]),))
                there[phrase.said] = bool(found.fetchone()[0])
    return [said for said, known in there.items() if not known]
