"""Listen to one utterance at a time: drafts, commits, recoveries. The rules R1-R8 of docs/transcription.md.

Audio is never let go before every second of its speech has a word, or a gap says so.
"""

from collections.abc import Callable, Sequence

import msgspec

from hearing.events import RATE_HZ
from hearing.transcribe import guard
from hearing.transcribe.agreement import Agreement
from hearing.transcribe.engine import Engine, Hypothesis, Pcm, Sound
from hearing.transcribe.segment import Span, ends_sentence, spread
from hearing.transcribe.words import Word, text, tokens

_ROUNDS = 4
_ONSET = 2 * RATE_HZ
"""An utterance is known so long after its beginning, at most."""


class Settings(msgspec.Struct, frozen=True):
    """What may be tuned. Lengths are samples at 16 kHz."""

    tick_least: int = RATE_HZ // 2
    keep: int = 12 * RATE_HZ
    cap: int = 20 * RATE_HZ
    stall: int = RATE_HZ
    uncovered: int = RATE_HZ * 8 // 10
    wordless: int = RATE_HZ * 5
    clip_least: int = RATE_HZ // 5
    hold: int = 1
    carried: int = 3 * RATE_HZ
    pause: int = 2 * RATE_HZ
    edge: int = RATE_HZ // 5
    apart: int = RATE_HZ


class Sure(msgspec.Struct, frozen=True):
    """Words that are final. `low` marks those taken without agreement."""

    words: tuple[Word, ...]
    low: bool = False


class Aligned(msgspec.Struct, frozen=True):
    """Times, in samples, of the oldest final words that had none."""

    words: tuple[Word, ...]
    spans: tuple[Span, ...]


class Unsure(msgspec.Struct, frozen=True):
    """What is guessed after the final words, as far as it may be shown; it may change."""

    words: tuple[Word, ...]


class Missed(msgspec.Struct, frozen=True):
    """Speech, in samples, that got no words."""

    begin: int
    end: int


class Carried(msgspec.Struct, frozen=True):
    """The last words of an utterance that ended at `end`; the first of them begins at `begin`."""

    begin: int
    end: int
    words: tuple[Word, ...]


Finding = Sure | Aligned | Unsure | Missed


class Audio(msgspec.Struct, frozen=True):
    """How the listener reaches the channel's audio: samples between two, and how many of them are speech."""

    clip: Callable[[int, int], Pcm]
    speech: Callable[[int, int], int]


class Listener:
    """Hears one channel's utterances, one after the other, with one engine."""

    def __init__(self, engine: Engine, language: str, audio: Audio, settings: Settings | None = None) -> None:
        self._engine = engine
        self._language = language
        self._audio = audio
        self._settings = settings or Settings()
        self._sound: tuple[int, Sound] | None = None
        self.findings: list[Finding] = []
        self.start = 0
        self._done: list[Word] = []
        self._agreement = Agreement(self._settings.hold, self._settings.apart)
        self._heard = ""
        self._strikes = 0
        self._grew: int | None = None
        self._begun = self._timed = 0
        self._carried: Carried | None = None
        self._covers: int | None = None
        self._terms: list[Word] = []
        self._plain = False

    def begin(self, start: int, done: Sequence[Word] = ()) -> None:
        """Start to listen at a sample. `done` are words already final that are spoken after it.

        After a short pause the last words before it are heard again with what follows: alone, a few words are easily
        misheard.
        """
        self.start = self._begun = start
        self._reset()
        self._done = list(done)
        before, self._carried = self._carried, None
        if before and not done and start - before.end <= self._settings.pause:
            self.start, self._done, self._timed = before.begin, list(before.words), len(before.words)

    def needed(self, now: int) -> int:
        """Return the first sample that may still be asked for."""
        if self._carried and now - self._carried.end > self._settings.pause + _ONSET:
            self._carried = None
        return self._carried.begin if self._carried else now

    def part(self) -> None:
        """Nothing that was heard so far joins what comes: the audio is another."""
        self._carried = None

    def switch(self, language: str) -> None:
        """Another language is spoken from the next utterance on: nothing said before is of use."""
        self._language = language
        self._carried = None

    def prefer(self, terms: Sequence[Word]) -> None:
        """Set the words of the meeting that the prompt tells."""
        self._terms = list(terms)

    def take(self) -> list[Finding]:
        """Return what was found since the last call."""
        found, self.findings = self.findings, []
        return found

    def draft(self, end: int) -> None:
        """Guess the open utterance through sample `end`; commit what they agree on, and what is sure."""
        self._grew, self._covers = self._begun if self._grew is None else self._grew, None
        words = self._hear(end)
        whole = self._audio.speech(end - self._settings.edge, end) == 0
        final = self._agreement.final(words or [], self._language, end, whole=whole)
        grown = words is not None and self._has_grown(words)
        # What waited for a third hypothesis and is final now is no stall.
        stands = grown or (final > 0 and self._agreement.waits(self._language, end))
        if words is None or (not stands and self._audio.speech(self._grew, end) >= self._settings.stall):
            words = self._recover(words, end)
            final = self._agreement.final(words or [], self._language, end, whole=whole)
        if words is None:
            return
        if grown:
            self._grew, self._strikes = end, 0
        self._covers = end if whole else None
        shown = self._agreement.keep(words, final, self._language, end, whole=whole)
        self._commit(words[:final])
        self._heard = text(self._done + words[final:])
        self.findings.append(Unsure(tuple(words[final:shown])))
        if end - self.start > self._settings.keep:
            self._trim(end)

    def finish(self, end: int, *, low: bool = False) -> None:
        """Hear the utterance to its end, and commit all of it.

        Where speech after the last final word has none, decode afresh from there, at most four times (R4).
        """
        words, hole, spans = None, None, list[Span]()
        for _ in range(_ROUNDS):
            words = self._last_words(end)
            if words is None and self._done:
                self._cut_done(end)
                continue
            every, first = self._done + (words or []), len(self._done)
            spans = [*self._spans(every, end), (end, end)]
            hole = self._hole(spans, max(0, first - 1), len(every))
            self._commit(every[first:] if hole is None else every[first : hole + 1], low=low)
            if hole is None:
                break
            self._cut(len(self._done), spans[hole][1], spans)
        wordless = not self._done and self._audio.speech(self.start, end) >= self._settings.wordless
        if words is None or hole is not None or wordless:
            self.findings.append(Missed(self.start, end))
        self._carry(end, spans)
        self._cut(len(self._done), end, spans)
        self._reset()

    def _last_words(self, end: int) -> list[Word] | None:
        """Return the words after the final ones: those of the last draft where nothing was said since."""
        covers, self._covers = self._covers, None
        if covers is not None and self._audio.speech(covers, end) == 0:
            return self._agreement.last
        return self._hear(end) if end - max(self.start, self._begun) >= self._settings.clip_least else []

    def _hear(self, end: int) -> list[Word] | None:
        """Return the words after the final ones, or None when a guard trips."""
        sound = self._engine.encode(self._audio.clip(self.start, end))
        self._sound = (self.start, sound)
        terms = self._terms if not self._plain and self._audio.speech(self.start, end) else []
        heard = self._engine.guess(sound, self._language, prompt=tokens(terms), forced=self._done)
        words, suspicious = self._judge(heard, terms)
        if suspicious and terms:
            # The prompt feeds loops and lists: once more without it (R6).
            self._plain = True
            words, _ = self._judge(self._engine.guess(sound, self._language, prompt=(), forced=self._done), [])
        return words

    def _judge(self, heard: Hypothesis, terms: Sequence[Word]) -> tuple[list[Word] | None, bool]:
        """Return the words without loops, None if they are to be thrown away; and whether the prompt is suspected."""
        said = [*self._done, *heard.words]
        whole = guard.unloop(said, len(self._done))
        words = whole[len(self._done) :]
        bad = guard.tripped(
            text(words),
            score=heard.score,
            no_speech=heard.no_speech,
            new_tokens=heard.new_tokens,
            forced=len(self._done) > self._timed,
        ) or guard.stutters(words)
        return (None if bad else words), bad or guard.lists(terms, words) or len(whole) < len(said)

    def _has_grown(self, words: list[Word]) -> bool:
        return text(self._done + words) != self._heard and any(word.fold for word in words)

    def _recover(self, words: list[Word] | None, end: int) -> list[Word] | None:
        """Two trips, or no new word while there was speech: decode the rest without the final words (R3)."""
        self._strikes += 1
        if not self._done or (words is None and self._strikes < 2):
            return words
        self._cut_done(end)
        self._strikes = 0
        self._agreement.clear()
        return self._hear(end) if end - self.start >= self._settings.tick_least else words

    def _trim(self, end: int) -> None:
        """Shorten a long buffer: cut after the last final sentence, else at the longest pause between final words."""
        count = len(self._done)
        if count >= 2:
            spans = self._spans(self._done + self._agreement.last, end)
            least = self.start + 2 * RATE_HZ
            stops = [k for k in range(count - 1) if ends_sentence(self._done[k].text) and spans[k][1] > least]
            pauses = [(spans[k + 1][0] - spans[k][1], k) for k in range(count - 1)]
            last = stops[-1] if stops else max(pauses)[1]
            self._cut(last + 1, min(spans[last][1] + RATE_HZ // 10, spans[last + 1][0]), spans)
        if end - self.start > self._settings.cap:
            # Nothing agreed for too long: take what is heard, and say that it is doubtful.
            self.finish(end, low=True)

    def _hole(self, spans: list[Span], first: int, count: int) -> int | None:
        """Return the first word from `first` on that is followed by speech without a word."""
        for k in range(first, count):
            if self._audio.speech(spans[k][1], spans[k + 1][0]) >= self._settings.uncovered:
                return k
        return None

    def _spans(self, words: Sequence[Word], end: int) -> list[Span]:
        """Align words on the last sound; a word is never longer than its letters allow."""
        limits = [5600 + 1440 * max(1, len(word.fold)) for word in words]
        if not words or self._sound is None or self._sound[0] != self.start:
            return spread(self.start, end, limits)
        spans = self._engine.align(self._sound[1], self._language, words)
        return [(self.start + a, self.start + min(b, a + limit)) for (a, b), limit in zip(spans, limits, strict=True)]

    def _commit(self, words: Sequence[Word], *, low: bool = False) -> None:
        if words:
            self.findings.append(Sure(tuple(words), low))
            self._done += words

    def _cut(self, count: int, at: int, spans: Sequence[Span]) -> None:
        """Let go of the audio before a sample and of the first final words; the rest stay as forced prefix (R8)."""
        gone = self._done[:count]
        if len(gone) > self._timed:
            self.findings.append(Aligned(tuple(gone[self._timed :]), tuple(spans[self._timed : count])))
        self._timed = max(0, self._timed - count)
        self._done, self.start = self._done[count:], at
        self._covers = None

    def _cut_done(self, end: int) -> None:
        """Let go of all final words, so that what follows is decoded without a prefix."""
        spans = self._spans(self._done, end)
        self._grew = min(spans[-1][1], end)
        self._cut(len(self._done), self._grew, spans)

    def _carry(self, end: int, spans: Sequence[Span]) -> None:
        """Keep the last words of the utterance, as many as were said in so short a time."""
        words = self._done
        first = next((k for k in range(len(words)) if end - spans[k][0] <= self._settings.carried), len(words))
        self._carried = Carried(spans[first][0], end, tuple(words[first:])) if first < len(words) else None

    def _reset(self) -> None:
        self._timed = 0
        self._covers, self._plain = None, False
        self._done, self._heard = [], ""
        self._agreement.clear()
        self._strikes, self._grew = 0, None
