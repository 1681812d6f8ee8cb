"""What of a meeting is searched: its segments as they stand now, with the second each word was said at. Pure."""

from array import array
from collections.abc import Iterable, Iterator

import msgspec

from hearing import turns
from hearing.house_events import Channel
from hearing.lang import TAKEN, join, spaced
from hearing.transcript import Mark, Segment, Transcript, find
from hearing.turns import Heard

_STEP_MS = 10
_LATEST = 2**16 - 1


class Passage(msgspec.Struct, frozen=True):
    """One segment. `words` is empty where there is nothing to search: nothing said, erased, or hidden.

    `starts` says when each word was said, in steps of 10 ms after t0; empty until that is known. So is `speaker`.
    `mark` says who answers for the words.
    """

    channel: str
    language: str
    segment: str
    t0: int
    t1: int
    words: tuple[str, ...]
    starts: bytes = b""
    speaker: str = ""
    mark: Mark = "machine"

    @property
    def text(self) -> str:
        """The words as they are read."""
        return join(self.words, self.language)

    def said_at(self, character: int) -> int:
        """Return the media time at which the word that this character of the text belongs to was said."""
        starts = array("H", self.starts)
        end, before = 0, " "
        gap = 1 if spaced(self.language) else 0
        for word, start in zip(self.words, starts, strict=False):
            shown = word or (before and TAKEN)
            end, before = end + (len(shown) + gap if shown else 0), word
            if character < end:
                return self.t0 + start * _STEP_MS
        return self.t0


def passages(
    transcript: Transcript, channels: Iterable[Channel], only: Iterable[str] | None = None
) -> Iterator[Passage]:
    """Yield the passages of a meeting, or those of `only` some segments. This alone says what is searched.

    A segment that the fold has blanked, because it was erased or is hidden, comes without words: its rows go.
    """
    known = {channel.id: (channel.language, turns.heard(transcript.turns, channel.kind)) for channel in channels}
    if only is None:
        for channel, (language, heard) in known.items():
            yield from (_passage(segment, language, heard) for segment in transcript.channel(channel).segments)
        return
    for wanted in only:
        channel = wanted.rpartition(".")[0]
        segment = find(transcript.channel(channel), wanted)
        if segment and channel in known:
            yield _passage(segment, *known[channel])


def _passage(segment: Segment, language: str, heard: Heard) -> Passage:
    words = tuple(" ".join(word.split()) for word in segment.shown)
    t0, t1 = segment.span
    language = segment.spoken(language)
    if not any(words):
        return Passage(segment.channel, language, segment.id, t0, t1, ())
    starts = array("H", (_step((t0 if word.t0 is None else word.t0) - t0) for word in segment.said if segment.times))
    turn = heard.most(t0, t1)
    speaker = " ".join(turn.name.split()) if turn else ""
    return Passage(segment.channel, language, segment.id, t0, t1, words, starts.tobytes(), speaker, segment.mark)


def _step(after_ms: int) -> int:
    return min(_LATEST, max(0, after_ms // _STEP_MS))
