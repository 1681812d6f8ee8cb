"""What was said, as the public stream tells it: a fold to segments per channel, and to the state of the stream.

Words are appended as they are committed and never change; times come later, when alignment has given them.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from hearing import quiet, turns
from hearing.events import (
    SAMPLES_PER_MS,
    Basis,
    By,
    ClockStarted,
    Ended,
    GapMarked,
    HumanMark,
    Made,
    PassageRedacted,
    PublicEvent,
    QuietMarked,
    RecordCorrected,
    RunEnded,
    RunEndReason,
    RunStarted,
    SegmentClosed,
    SegmentCorrected,
    SegmentKept,
    TurnBegan,
    TurnChanged,
    TurnRemoved,
    WordsCommitted,
    WordsRedacted,
)
from hearing.realign import Kept, Said, timed
from hearing.turns import Turns

Mark = Literal["machine", "typed"] | HumanMark
"""Who answers for a text: nobody, a captioner, somebody who mended it, somebody who compared it with the floor."""

StreamState = Literal["waiting", "live", "interrupted", "ended", "closed"]
Wordless = GapMarked | QuietMarked
OfChannel = WordsCommitted | SegmentClosed | SegmentKept | SegmentCorrected | GapMarked | QuietMarked


class Segment(msgspec.Struct):
    """One stored caption unit. `t0`, `t1` and `times` are None until the segment is closed.

    `through_t` is the media time through which its words were heard; `after_t` where it is shown from until it has
    times. A `hidden` one is a tombstone: whoever reads for the public finds no words in it (hearing.hidden). A word
    that was taken out of the record is empty; `basis` says why.

    `language` is what was spoken, where the channel may have several; empty: the channel's.

    `words` are the machine's, or typed `by` a captioner, whatever was corrected: `said` and `shown` are what is read.
    `versions` are its corrections; `version` counts all there ever were, and `spare` is the first ordinal that no word
    ever had.
    """

    id: str
    channel: str
    words: list[str]
    after_t: int
    through_t: int
    t0: int | None = None
    t1: int | None = None
    times: tuple[tuple[int, int], ...] | None = None
    hidden: bool = False
    basis: Basis | Literal[""] = ""
    versions: list[SegmentCorrected] = []
    readings: list[tuple[Said, ...]] = []
    version: int = 0
    spare: int = 0
    by: By = ""
    language: str = ""

    @property
    def ordinal(self) -> int:
        return ordinal(self.id)

    @property
    def closed(self) -> bool:
        return self.t1 is not None

    @property
    def span(self) -> tuple[int, int]:
        """When it was said; without times yet, what bounds where it was heard."""
        return (
            self.after_t if self.t0 is None else self.t0,
            self.through_t if self.t1 is None else self.t1,
        )

    def spoken(self, language: str) -> str:
        """Return what it was said in; `language` is its channel's."""
        return self.language or language

    @property
    def edition(self) -> int:
        """Which text an editor saw: it grows with each correction, and with each word that is taken out."""
        return self.version + self.words.count("")

    @property
    def mark(self) -> Mark:
        """Who answers for what is read."""
        return self.versions[-1].mark if self.versions else self.first_mark

    @property
    def first_mark(self) -> Mark:
        """Who wrote it, whatever was corrected."""
        return "typed" if self.by else "machine"

    @property
    def said(self) -> tuple[Said, ...]:
        """The words as they are read: corrected where they were."""
        return self.readings[-1] if self.readings else self.heard

    @property
    def heard(self) -> tuple[Said, ...]:
        """The words as the machine heard them."""
        times = self.times or ()
        known = [times[n] if n < len(times) else (None, None) for n in range(len(self.words))]
        return tuple(Said(n, word, *known[n]) for n, word in enumerate(self.words))

    @property
    def shown(self) -> Sequence[str]:
        """The words as they are read, without their times."""
        return [word.text for word in self.readings[-1]] if self.readings else self.words

    def beneath(self, t0: int, t1: int) -> list[int]:
        """Return the machine's words, by ordinal, under what any version says from t0 to t1.

        Where a correction alone says something then, the nearest word that is there: what goes needs one to go by.
        """
        times = self.times or ()
        if len(times) != len(self.words):
            return list(range(len(self.words)))
        found = [n for n, (start, end) in enumerate(times) if start < t1 and max(end, start + 1) > t0]
        there = [n for n, word in enumerate(self.words) if word]
        if there and not any(self.words[n] for n in found) and any(self.says(t0, t1)):
            found.append(min(there, key=lambda n: max(t0 - times[n][1], times[n][0] - t1)))
        return sorted(found)

    def says(self, t0: int, t1: int) -> Iterator[str]:
        """Yield the words that corrections, the newest or one before, put between t0 and t1."""
        for word in {one for reading in self.readings for one in reading}:
            if word.t0 is not None and word.t1 is not None and word.t0 < t1 and max(word.t1, word.t0 + 1) > t0:
                yield word.text

    def blank(self) -> None:
        """Forget every word, the machine's and those of corrections."""
        self.words, self.versions, self.readings = [], [], []
        self.times = self.times and ()


class Spoken(msgspec.Struct):
    """One channel: its segments in order, where its audio was last heard through, and the last version of each.

    `quiets` are as they were marked; `taken` is what was taken out of the record, before or since, in ms.
    """

    segments: list[Segment] = []
    through_t: int = 0
    gaps: list[GapMarked] = []
    quiets: list[QuietMarked] = []
    taken: list[quiet.Span] = []
    made: dict[str, Made] = {}

    @property
    def wordless(self) -> list[Wordless]:
        """Return its gaps, and where nobody spoke."""
        return [*self.gaps, *self.still]

    @property
    def still(self) -> list[QuietMarked]:
        """Return where nobody spoke, without what was taken out: whether somebody spoke there is not to be told."""
        return [QuietMarked(one.channel, t0, t1) for one in self.quiets for t0, t1 in _left(one, self.taken)]

    def open_segments(self) -> list[Segment]:
        """Return the segments that have words but no times yet; they stand at the end, oldest first."""
        tail = []
        for segment in reversed(self.segments):
            if segment.closed:
                break
            tail.append(segment)
        return tail[::-1]

    def settled_t(self) -> int:
        """Return the media time up to which every word has its time: where a successor reads the audio again."""
        pending = self.open_segments()
        if not pending:
            return self.through_t
        ends = [segment.t1 for segment in self.segments if segment.t1 is not None]
        gaps = [gap.t1 for gap in self.gaps if gap.t1 <= pending[0].through_t]
        quiets = [still.t1 for still in self.quiets if still.t1 <= pending[0].through_t]
        return max([0, *ends[-1:], *gaps[-1:], *quiets[-1:]])


class Transcript(msgspec.Struct):
    """Fold of one public stream. Mutable: `apply` changes it in place, because a meeting has 10^4 segments."""

    channels: dict[str, Spoken] = {}
    media_zero_utc_ms: int | None = None
    runs: list[RunStarted] = []
    state: StreamState = "waiting"
    reason: RunEndReason | None = None
    state_t: int = 0
    turns: Turns = {}

    def channel(self, channel: str) -> Spoken:
        """Return what was said on a channel; empty where nothing was."""
        return self.channels.get(channel) or Spoken()


def apply(transcript: Transcript, event: PublicEvent | None) -> None:
    """Fold one event of a public stream in. Applying the same event twice changes nothing."""
    match event:
        case ClockStarted():
            transcript.media_zero_utc_ms = event.media_zero_utc_ms
        case RunStarted():
            _run_started(transcript, event)
        case RunEnded():
            transcript.state = after_run(event)
            transcript.reason, transcript.state_t = event.reason, event.t
        case Ended():
            transcript.state, transcript.reason, transcript.state_t = "closed", None, event.t
        case WordsCommitted() | SegmentClosed() | SegmentKept() | SegmentCorrected() | GapMarked() | QuietMarked():
            _said(transcript.channels.setdefault(event.channel, Spoken()), event)
        case RecordCorrected():
            _counted(transcript, event)
        case PassageRedacted() | WordsRedacted():
            _take(transcript, event)
        case TurnBegan() | TurnChanged() | TurnRemoved():
            turns.apply(transcript.turns, event)
        case _:
            pass


def after_run(event: RunEnded) -> StreamState:
    """Return the state of a stream whose run is over; a run of 0 never began, so the source is still waited for."""
    if event.reason == "ended":
        return "ended"
    return "interrupted" if event.run else "waiting"


def without_text(transcript: Transcript) -> Transcript:
    """Return a copy with its clock, state and length, and nothing of what was said."""
    heard = {key: Spoken(through_t=spoken.through_t) for key, spoken in transcript.channels.items()}
    return msgspec.structs.replace(transcript, channels=heard, runs=list(transcript.runs), turns={})


def ordinal(segment_id: str) -> int:
    """Return the number in `{channel}.{ordinal}`. Raises ValueError where there is none."""
    return int(segment_id.rpartition(".")[2])


def segment_id(channel: str, number: int) -> str:
    """Name a segment."""
    return f"{channel}.{number}"


def by_channel(transcript: Transcript) -> Mapping[str, list[Segment]]:
    """Return the segments of each channel that has any."""
    return {channel: spoken.segments for channel, spoken in transcript.channels.items()}


def find(spoken: Spoken, wanted: str) -> Segment | None:
    """Return a segment by its id, looking from the end, where live readers look."""
    return next((segment for segment in reversed(spoken.segments) if segment.id == wanted), None)


def closed_segments(spoken: Spoken) -> Iterator[Segment]:
    """Yield the segments that have times."""
    return (segment for segment in spoken.segments if segment.closed)


def _take(transcript: Transcript, event: PassageRedacted | WordsRedacted) -> None:
    for cut in event.cuts:
        taken = transcript.channels.setdefault(cut.channel, Spoken()).taken
        if (cut.t0, cut.t1) not in taken:
            taken.append((cut.t0, cut.t1))


def _left(marked: QuietMarked, taken: Sequence[quiet.Span]) -> Iterator[quiet.Span]:
    """Yield what is left of a quiet stretch; a part that is too short to be marked is not said."""
    return quiet.without((marked.t0, marked.t1), taken, min(quiet.QUIET_MS, marked.t1 - marked.t0))


def _run_started(transcript: Transcript, event: RunStarted) -> None:
    if event not in transcript.runs:
        transcript.runs.append(event)
    transcript.state, transcript.reason, transcript.state_t = "live", None, event.t


def _said(spoken: Spoken, event: OfChannel) -> None:
    match event:
        case WordsCommitted():
            _words(spoken, event)
        case SegmentClosed():
            _closed(spoken, event)
        case SegmentKept():
            _kept(spoken, event)
        case SegmentCorrected():
            _corrected(spoken, event)
        case GapMarked():
            if event not in spoken.gaps:
                spoken.gaps.append(event)
            spoken.through_t = max(spoken.through_t, event.t1)
        case QuietMarked():
            if event not in spoken.quiets:
                spoken.quiets.append(event)
            spoken.through_t = max(spoken.through_t, event.t1)


def _words(spoken: Spoken, event: WordsCommitted) -> None:
    through_t = event.through_sample // SAMPLES_PER_MS
    segment = find(spoken, event.segment)
    if segment is None:
        segment = Segment(
            event.segment, event.channel, [], _begins(spoken), through_t, by=event.by, language=event.language
        )
        spoken.segments.append(segment)
        _count(spoken, segment)
    new = len(segment.words) - event.first_word
    if new >= 0:
        segment.words.extend(event.words[new:])
    segment.through_t = max(segment.through_t, through_t)
    spoken.through_t = max(spoken.through_t, through_t)


def _begins(spoken: Spoken) -> int:
    """Where a segment that has no times yet is shown from: the end of what was heard before it."""
    quiet_t = spoken.quiets[-1].t1 if spoken.quiets else 0
    if not spoken.segments:
        return max(quiet_t, spoken.gaps[-1].t1 if spoken.gaps else 0)
    last = spoken.segments[-1]
    return max(quiet_t, last.through_t if last.t1 is None else last.t1)


def _closed(spoken: Spoken, event: SegmentClosed) -> None:
    segment = find(spoken, event.segment)
    if segment is not None:
        segment.t0, segment.t1, segment.times = event.t0, event.t1, event.word_times


def _kept(spoken: Spoken, event: SegmentKept) -> None:
    """Put what is left of a segment in its place: its words may have been erased before this was read."""
    through_t = event.through_sample // SAMPLES_PER_MS
    segment = find(spoken, event.segment)
    if segment is None:
        segment = Segment(event.segment, event.channel, [], through_t if event.t0 is None else event.t0, through_t)
        at = bisect_left(spoken.segments, segment.ordinal, key=lambda one: one.ordinal)
        spoken.segments.insert(at, segment)
    segment.hidden = not any(event.words)
    segment.words = [] if segment.hidden else list(event.words)
    segment.t0, segment.t1 = event.t0, event.t1
    segment.times = None if event.t1 is None else () if segment.hidden else event.word_times
    segment.basis, segment.by, segment.language = event.basis, event.by or segment.by, event.language
    segment.versions, segment.readings = [], []
    _count(spoken, segment)
    spoken.through_t = max(spoken.through_t, through_t)


def _corrected(spoken: Spoken, event: SegmentCorrected) -> None:
    segment = find(spoken, event.segment)
    if segment is None or segment.t0 is None or segment.t1 is None:
        return
    if segment.hidden or event.version <= segment.version:
        return
    words = [Kept(n, word) for n, word in zip(event.ids, event.words, strict=False)]
    segment.readings.append(timed(segment.said, words, segment.t0, segment.t1, segment.heard))
    segment.versions.append(event)
    segment.version = event.version
    segment.spare = max([segment.spare, len(segment.words), *(n + 1 for n in event.ids)])


def _counted(transcript: Transcript, event: RecordCorrected) -> None:
    """Know how many versions there were, and which ordinals, of corrections that may be erased by now."""
    for made in event.made:
        spoken = transcript.channels.setdefault(made.segment.rpartition(".")[0], Spoken())
        spoken.made[made.segment] = made
        segment = find(spoken, made.segment)
        if segment is not None:
            _count(spoken, segment)


def _count(spoken: Spoken, segment: Segment) -> None:
    made = spoken.made.get(segment.id)
    if made is not None:
        segment.version, segment.spare = max(segment.version, made.version), max(segment.spare, made.spare)
