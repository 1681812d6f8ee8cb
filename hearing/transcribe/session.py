"""One channel in a worker: audio in, final words, times, drafts and gaps out, placed in segments."""

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from hearing.events import RATE_HZ, SAMPLES_PER_MS
from hearing.lang import join
from hearing.transcribe import glossary
from hearing.transcribe.engine import MAX_SAMPLES, Engine, Pcm
from hearing.transcribe.language import Telling
from hearing.transcribe.listen import Aligned, Audio, Finding, Listener, Missed, Settings, Sure, Unsure
from hearing.transcribe.protocol import HOLE, Assign, Closed, Draft, Gap, Words
from hearing.transcribe.script import shown_script
from hearing.transcribe.segment import Segments, Span, Timed, spread
from hearing.transcribe.silero import Frames, Silero
from hearing.transcribe.voice import Voice
from hearing.transcribe.words import Word, reading, written

Said = Words | Closed | Draft | Gap

_LOOK_BACK = RATE_HZ * 6 // 10
_TAKEN_OVER = MAX_SAMPLES * 9 // 10
"""More speech than this cannot be aligned at once with the words taken over."""
_RARE_DRAFT = 6 * RATE_HZ
_WORD = RATE_HZ // 3
"""What a word takes where nothing can align it."""


class Session:
    """One assigned channel. Not safe for threads: one job at a time.

    `frames` makes the voice detector of a stretch of audio.
    """

    def __init__(
        self,
        assign: Assign,
        engine: Engine,
        *,
        frames: Callable[[], Frames] = Silero,
        settings: Settings | None = None,
    ) -> None:
        self._handle, self._language = assign.handle, assign.language
        self._engine, self._frames = engine, frames
        self._settings = settings or Settings()
        self._convert = shown_script(assign.language)
        self._listener = self._new_listener()
        self._segments = Segments(assign.language, assign.next_segment)
        self._languages = assign.languages
        self._telling = Telling(assign.language, self._probable) if len(assign.languages) > 1 else None
        self._terms: Sequence[str] = ()
        self._out: list[Said] = []
        self._drafted: Draft | None = None
        self._last_draft = assign.from_sample
        self._run = 0
        self._prefix: list[Word] = []
        self._listening = False
        self._settled = assign.from_sample
        self._start_run(assign.from_sample)
        self._resume(assign)
        self.prefer(assign.glossary)

    @property
    def heard(self) -> int:
        """Return the sample through which audio was taken."""
        return self._base + len(self._audio)

    @property
    def settled(self) -> int:
        """Return the sample before which every word is final and has its time, as of the last step."""
        return self._settled

    def hear(self, run: int, sample: int, pcm: Pcm) -> None:
        """Take audio. A hole in it, or another run, first ends what was open; no audio at all ends it too."""
        pcm = pcm[max(0, self.heard - sample) :] if sample < self.heard else pcm
        hole = sample - self.heard
        if not len(pcm) or hole >= HOLE or (run != self._run and self._run):
            self.end()
        if len(pcm) and hole >= HOLE:
            self._lost(self.heard, sample)
        elif len(pcm) and hole > 0:
            self._take_audio(np.zeros(hole, np.float32))
        self._run = run or self._run
        self._take_audio(pcm)

    def end(self) -> None:
        """The audio stops here: hear what is left of the open utterance."""
        self._voice.close(self.heard)
        self._through = 0
        if self._prefix and not self._voice.queue:
            self._begin_utterance(self._base)
        self._finish_ended()
        if self._listening:
            self._finish(self.heard)
        self._start_run(self.heard)

    def prefer(self, terms: Sequence[str]) -> None:
        """Take the words of the meeting, the most important ones first: they are spelled so where they are heard."""
        self._terms = terms
        spelled = glossary.fitted(terms, lambda written: self._engine.spell(written, self._language))
        self._listener.prefer(spelled)

    def step(self, *, draft: bool = True) -> list[Said]:
        """Finish every ended utterance, then draft the open one; return what there is to say since the last step.

        The open one is not drafted where nothing was said since its last draft. With `draft` off, it is still heard
        every six seconds, so that its buffer stays short.
        """
        if self._prefix and self.heard - self._base > _TAKEN_OVER:
            through = max(self.heard, self._through)
            self._give_up_prefix(self._base, through)
            self._start_run(through)
        self._finish_ended()
        begin, now = self._begin(), self.heard
        fresh = self._speech(self._last_draft, now) > 0
        wanted = (draft and fresh) or now - max(begin, self._last_draft) >= _RARE_DRAFT
        open_ = bool(self._voice.queue or self._prefix) and now >= self._through
        if open_ and wanted and now - begin >= self._settings.tick_least and self._told(now):
            self._begin_utterance(begin)
            self._last_draft = now
            self._listener.draft(now)
            self._say(now)
        self._forget()
        self._settle()
        said, self._out = self._out, []
        return said

    def give_up(self) -> list[Said]:
        """Give up the oldest utterance, which the engine cannot hear: what of it has no words becomes a gap.

        Words that are final and have no times get what room there is.
        """
        queue, begin = self._voice.queue, self._begin()
        if self._listening and queue:
            begin = max(begin, queue[0].begin)  # not what was heard again from the one before
        ended = queue[0].end if queue else None
        end = self.heard if ended is None else ended
        self._say(end)
        spans = spread(begin, end, [_WORD] * self._segments.untimed)
        self._close(self._segments.time(spans))
        self._close(self._segments.end_utterance())
        self._show(())
        if (missed := spans[-1][1] if spans else begin) < end:
            self._out.append(Gap(self._handle, missed // SAMPLES_PER_MS, end // SAMPLES_PER_MS, "unheard"))
        self._prefix, self._through, self._listening = [], 0, False
        self._listener = self._new_listener()
        self.prefer(self._terms)
        if ended is None:
            self._start_run(end)
        else:
            queue.popleft()
            self._next_language()
        self._settle()
        said, self._out = self._out, []
        return said

    def _new_listener(self) -> Listener:
        return Listener(self._engine, self._language, Audio(self._clip, self._speech), self._settings)

    def _resume(self, assign: Assign) -> None:
        """Take over words that are final and whose times are missing: they are forced, never said again."""
        self._segments.resume(assign.prefix, assign.from_sample // SAMPLES_PER_MS)
        self._prefix = self._engine.spell([w for _, words in assign.prefix for w in words], assign.language)
        self._through = assign.through_sample if self._prefix else 0

    def _give_up_prefix(self, begin: int, end: int) -> None:
        """Nothing can align the words taken over: spread their times, and go on without them."""
        self._time(self._prefix, spread(begin, end, [5600 + 1440 * len(word.text) for word in self._prefix]))
        self._prefix, self._through = [], 0
        self._close(self._segments.end_utterance())

    def _lost(self, begin: int, end: int) -> None:
        if self._prefix:
            self._give_up_prefix(begin, end)
        self._out.append(Gap(self._handle, begin // SAMPLES_PER_MS, end // SAMPLES_PER_MS, "not-recorded"))
        self._start_run(end)

    def _start_run(self, sample: int) -> None:
        self._audio, self._base = np.zeros(0, np.float32), sample
        self._voice, self._probabilities = Voice(sample), self._frames()
        self._listening = False
        self._listener.part()
        self._next_language()

    def _take_audio(self, pcm: Pcm) -> None:
        if len(pcm):
            self._audio = np.concatenate([self._audio, pcm])
            self._voice.hear(self._probabilities(pcm))

    def _clip(self, begin: int, end: int) -> Pcm:
        return self._audio[max(0, begin - self._base) : max(0, end - self._base)]

    def _speech(self, begin: int, end: int) -> int:
        return self._voice.speech(begin, end)

    def _begin(self) -> int:
        """Return where the oldest utterance that is not finished begins; now, where there is none."""
        if self._listening:
            return self._listener.start
        return self._base if self._prefix else self._onset()

    def _onset(self) -> int:
        return self._voice.queue[0].begin if self._voice.queue else self.heard

    def _begin_utterance(self, begin: int) -> None:
        if not self._listening:
            self._listening = True
            self._listener.begin(begin, self._prefix)
            self._prefix = []

    def _finish_ended(self) -> None:
        """Finish utterances that have ended (R1). While words are taken over, all through their end is one."""
        queue = self._voice.queue
        while queue and queue[0].end is not None and self.heard >= self._through:
            self._told(queue[0].end, ended=True)
            self._begin_utterance(self._begin())
            ended, more = queue[0].end or 0, len(queue) > 1 or self._voice.speaking
            if ended >= self._through or not more:
                self._finish(max(ended, min(self._through, self.heard)))
            queue.popleft()  # only now: where the engine failed, it is finished at the next step

    def _finish(self, end: int) -> None:
        self._through = 0
        self._listener.finish(end)
        self._listening = False
        self._next_language()
        self._say(end)
        self._close(self._segments.end_utterance())
        self._show(())

    def _next_language(self) -> None:
        if self._telling:
            self._telling.begin()

    def _told(self, end: int, *, ended: bool = False) -> bool:
        """Tell whether the language of the utterance that begins is known: until then nothing of it is said.

        Words taken over were said in the language that the channel had.
        """
        if self._telling is None or self._listening or self._prefix:
            return True
        told = self._telling.told(self._onset(), end, ended=ended)
        if told and self._telling.language != self._language:
            self._switch(self._telling.language)
        return told

    def _switch(self, language: str) -> None:
        self._language, self._convert = language, shown_script(language)
        self._listener.switch(language)
        self._segments.speak(language)
        self.prefer(self._terms)

    def _probable(self, begin: int, end: int) -> Mapping[str, float]:
        return self._engine.detect(self._engine.encode(self._clip(begin, end)), self._languages)

    def _named(self) -> str:
        return self._language if self._telling else ""

    def _say(self, through: int) -> None:
        for finding in self._listener.take():
            self._say_one(finding, through)

    def _say_one(self, finding: Finding, through: int) -> None:
        match finding:
            case Sure():
                texts = reading(finding.words, self._language, self._convert)
                for placed in self._segments.commit(texts):
                    place = (placed.segment, placed.first_word, placed.words, through)
                    said = Words(self._handle, *place, low=finding.low, language=self._named())
                    self._out.append(said)
            case Aligned():
                self._time(finding.words, finding.spans)
            case Unsure():
                self._show(finding.words)
            case Missed():
                missed = Gap(self._handle, finding.begin // SAMPLES_PER_MS, finding.end // SAMPLES_PER_MS, "unheard")
                self._out.append(missed)

    def _time(self, words: Sequence[Word], spans: Sequence[Span]) -> None:
        shared = [
            span
            for word, whole in zip(words, spans, strict=True)
            for span in _share(whole, len(written(word, self._language, self._convert)))
        ]
        self._close(self._segments.time(shared))

    def _close(self, closed: Sequence[Timed]) -> None:
        for timed in closed:
            self._out.append(Closed(self._handle, timed.segment, timed.t0, timed.t1, timed.word_times))

    def _show(self, words: Sequence[Word]) -> None:
        """Say a draft, if it differs from the last one."""
        shown = reading(words, self._language, self._convert)
        segment, after = self._segments.place(shown[0] if shown else "")
        draft = Draft(self._handle, segment, after, join(shown, self._language), self._named())
        if draft != self._drafted and (shown or (self._drafted is not None and self._drafted.text)):
            self._out.append(draft)
            self._drafted = draft

    def _settle(self) -> None:
        waiting = self._segments.waiting or self._prefix
        begin = min(self.heard - _LOOK_BACK, self._begin())
        self._settled = max(self._settled, self._segments.closed_ms * SAMPLES_PER_MS if waiting else begin)

    def _forget(self) -> None:
        """Let go of audio that nothing will ask for again."""
        begin = self._listener.start if self._listening else min(self._onset(), self._listener.needed(self.heard))
        before = min(self.heard - _LOOK_BACK, begin)
        if before > self._base:
            self._audio, self._base = self._audio[before - self._base :], before
            self._voice.forget(before)


def _share(whole: Span, count: int) -> list[Span]:
    """Split a span evenly."""
    begin, end = whole
    edges = [begin + (end - begin) * k // max(1, count) for k in range(count + 1)]
    return list(itertools.pairwise(edges))


def plain(handle: int, language: str, languages: tuple[str, ...] = (), terms: tuple[str, ...] = ()) -> Assign:
    """Return the assignment of a channel from its very beginning."""
    return Assign(handle, language, 0, 0, languages=languages, glossary=terms)
