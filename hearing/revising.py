"""Hear the recording of a closed meeting once more, and hand in what was heard: to the server, or to the folder.

Piece by piece, cut between passages, so that hours need no more memory than minutes and a second try loses little.
What is hidden or taken out is silence to the model.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from urllib.parse import urlencode

import msgspec
import numpy as np

from hearing.archive.record import clean
from hearing.errors import NotFound, Refused
from hearing.events import SAMPLES_PER_MS
from hearing.house import HouseKeeper
from hearing.log.sqlite import SqliteLog
from hearing.now import utc_ms
from hearing.qa.revisions import Revisions
from hearing.remote.connection import Target, at_meeting, reach, request
from hearing.remote.folder import with_log
from hearing.revision import Span
from hearing.site.answers import (
    ChannelAnswer,
    MeetingAnswer,
    SegmentAnswer,
    SegmentsAnswer,
    meeting_answer,
    segment_answer,
)
from hearing.site.folds import Folds
from hearing.site.revising import MAX_MODEL, AskedPiece, AskedWord, RevisionAnswer, RevisionTaken, answer, piece_of
from hearing.store.folder import FolderStore
from hearing.stream.recording import Recording
from hearing.transcribe.engine import Pcm
from hearing.transcribe.models import ModelChoice, find
from hearing.transcribe.script import shown_script
from hearing.transcribe.whisper import Whisper

BEAM = 5
PIECE_MS = 300_000
"""A piece is about so long. Its words fit a request, its sound 20 MB."""

_PATH = "/revision"
_LEAD_MS = 500
_BESIDE_MS = 500

Progress = Callable[[str, int, int], None]
"""Is told a channel, how much of it was heard again, and how much there is, in ms."""


class ChannelHeard(msgspec.Struct, frozen=True):
    """What became of one channel. `heard` is false where the model knows no language that is spoken there."""

    channel: str
    heard: bool
    words: int
    proposed: int


class Revised(msgspec.Struct, frozen=True):
    """What became of a second pass."""

    meeting: str
    model: str
    channels: tuple[ChannelHeard, ...]
    open: int


def hear_again(where: Target, meeting: str, channel: str, model: ModelChoice, progress: Progress) -> Revised:
    """Hear a meeting again, or one channel of it, and hand in what was heard.

    Raises Refused where the meeting is not closed, NotFound where there is no such meeting or channel, or no sound of
    it in the data folder.
    """
    known = _meeting(where, meeting)
    if known.phase != "closed":
        raise Refused("This meeting is not closed. It is heard again once it is over.")
    channels = [one for one in known.channels if channel in ("", one.id)]
    if not channels:
        raise NotFound("This meeting has no such channel.")
    if not any((where.data / "media" / meeting).glob("*")):
        raise NotFound("There is no recording of this meeting in this folder. Name the data folder with --data FOLDER.")

    found = find(model, os.environ)
    engine = Whisper(found.folder, name=found.name, device=model.device, compute=model.compute_type)
    name = clean(found.name)[:MAX_MODEL]
    heard = tuple(_channel(where, meeting, one, (engine, name), progress) for one in channels)
    return Revised(meeting, name, heard, len(proposals(where, meeting).proposals))


def proposals(where: Target, meeting: str) -> RevisionAnswer:
    """Return what second passes heard, and what of it can be accepted."""
    found = reach(where)
    if found:
        return msgspec.convert(request(found, "GET", at_meeting(meeting, _PATH)), RevisionAnswer)

    async def read(log: SqliteLog) -> RevisionAnswer:
        known = (await HouseKeeper(log, utc_ms).start()).house().meeting(meeting)
        kept = Revisions(log, utc_ms)
        return answer(
            known.id, await kept.standing(known.id), await kept.open(known, await Folds(log, log).of(known.id))
        )

    return with_log(where.data, read)


def hand_in(where: Target, meeting: str, piece: AskedPiece) -> int:
    """Hand in what was heard of a piece; return how many proposals it made. The same again makes none."""
    found = reach(where)
    if found:
        told = request(found, "POST", at_meeting(meeting, _PATH), msgspec.json.encode(piece))
        return msgspec.convert(told, RevisionTaken).proposed

    async def take(log: SqliteLog) -> int:
        known = (await HouseKeeper(log, utc_ms).start()).house().meeting(meeting)
        folds = Folds(log, log)
        return await Revisions(log, utc_ms).take(known, piece_of(piece), lambda at: folds.past(known.id, at))

    return with_log(where.data, take)


def cuts(spans: Sequence[Span], most_ms: int = PIECE_MS) -> list[Span]:
    """Cut a channel between its passages, into pieces of `most_ms` or so; a passage is never cut, however long."""
    if not spans:
        return []
    ordered = sorted(spans)
    made: list[Span] = []
    start = max(0, ordered[0][0] - _LEAD_MS)
    end = ordered[0][1]
    for t0, t1 in ordered[1:]:
        if t0 >= end and t1 - start > most_ms:
            middle = (end + t0) // 2
            made.append((start, middle))
            start = middle
        end = max(end, t1)
    return [*made, (start, end + _LEAD_MS)]


def runs(segments: Sequence[SegmentAnswer]) -> list[tuple[str, list[Span]]]:
    """Return the passages of a channel as long as one language is spoken, each run with that; empty: the channel's."""
    made: list[tuple[str, list[Span]]] = []
    for one in segments:
        if one.closed and made and (one.hidden or made[-1][0] == one.language):
            made[-1][1].append((one.t0, one.t1))
        elif one.closed:
            made.append((one.language, [(one.t0, one.t1)]))
    return made


def silenced(pcm: Pcm, start_ms: int, hidden: Iterable[Span]) -> Pcm:
    """Return sound that begins at `start_ms` with silence where something is hidden, and a little beside it."""
    made = pcm.copy()
    for t0, t1 in hidden:
        first, last = (t0 - _BESIDE_MS - start_ms) * SAMPLES_PER_MS, (t1 + _BESIDE_MS - start_ms) * SAMPLES_PER_MS
        made[max(0, first) : max(0, last)] = 0
    return made


def _channel(
    where: Target, meeting: str, channel: ChannelAnswer, engine: tuple[Whisper, str], progress: Progress
) -> ChannelHeard:
    model, name = engine
    segments = _segments(where, meeting, channel.id)
    found = [(language, span) for language, spans in runs(segments) for span in cuts(spans)]
    pieces = [(language, span) for language, span in found if model.hears(language or channel.language)]
    words = proposed = 0
    whole = max((one.t1 for one in segments), default=0)
    for language, (t0, t1) in pieces:
        progress(channel.id, t0, whole)
        hidden = [(one.t0, one.t1) for one in _segments(where, meeting, channel.id) if one.hidden]
        pcm = silenced(asyncio.run(_sound(where.data, meeting, channel.id, (t0, t1))), t0, hidden)
        heard = _words(model, pcm, language or channel.language, (t0, t1))
        words += len(heard)
        proposed += hand_in(where, meeting, AskedPiece(channel.id, t0, t1, name, heard, language))
    progress(channel.id, whole, whole)
    return ChannelHeard(channel.id, bool(pieces) or not found, words, proposed)


def _words(model: Whisper, pcm: Pcm, language: str, span: Span) -> tuple[AskedWord, ...]:
    """Hear a piece, and return its words in media time."""
    convert, (start, end) = shown_script(language), span
    heard = (word for passage in model.whole(pcm, language, beam=BEAM, words=True) for word in passage.words)
    return tuple(
        AskedWord(clean(convert(one.text)), min(start + one.t0, end), min(start + one.t1, end)) for one in heard
    )


async def _sound(data: Path, meeting: str, channel: str, span: Span) -> Pcm:
    """Return what was recorded of a channel; what was not is silence."""
    first, last = span[0] * SAMPLES_PER_MS, span[1] * SAMPLES_PER_MS
    made = np.zeros(last - first, np.float32)
    async with FolderStore(data / "media") as store:
        async for _, sample, chunk in Recording(store, meeting).pcm(channel, first, last):
            part = np.frombuffer(chunk, "<i2").astype(np.float32) / 32768
            made[sample - first : sample - first + len(part)] = part
    return made


def _meeting(where: Target, meeting: str) -> MeetingAnswer:
    found = reach(where)
    if found:
        return msgspec.convert(request(found, "GET", at_meeting(meeting)), MeetingAnswer)

    async def read(log: SqliteLog) -> MeetingAnswer:
        known = (await HouseKeeper(log, utc_ms).start()).house().meeting(meeting)
        return meeting_answer(known, await Folds(log, log).glance(known.id))

    return with_log(where.data, read)


def _segments(where: Target, meeting: str, channel: str) -> list[SegmentAnswer]:
    found = reach(where)
    if found:
        path = at_meeting(meeting, f"/segments?{urlencode({'channel': channel})}")
        return msgspec.convert(request(found, "GET", path), SegmentsAnswer).segments

    async def read(log: SqliteLog) -> list[SegmentAnswer]:
        known = (await HouseKeeper(log, utc_ms).start()).house().meeting(meeting)
        said = (await Folds(log, log).of(known.id)).transcript.channel(channel).segments
        return [segment_answer(one, known.channel(channel).language) for one in said]

    return with_log(where.data, read)
