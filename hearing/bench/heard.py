"""What a bench sees of captions: when each word became final, when it was first shown, and how far hearing is."""

import asyncio
import shutil
import subprocess
from collections.abc import Sequence

import msgspec

from hearing.board.base import Board
from hearing.events import RATE_HZ, GapMarked, SegmentClosed, WordsCommitted, decode_public
from hearing.log.base import Log
from hearing.transcribe.connection import DraftShown
from hearing.transcribe.protocol import Heard
from hearing.transcribe.words import Word

_Place = tuple[str, int]
_GPU = ("--query-gpu=utilization.gpu", "--format=csv,noheader,nounits")


class Watch:
    """One run of `seconds`, from `begin` on. Times are those of the loop's clock."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = 0.0
        self._final: dict[_Place, tuple[str, float]] = {}
        self._ends_s: dict[_Place, float] = {}
        self._drafts: list[tuple[float, DraftShown]] = []
        self._late: list[tuple[float, float]] = []
        self._gpu: list[float] = []
        self.tick_ms = 0
        self.gaps = 0

    @property
    def drafted(self) -> int:
        """Count the drafts shown while it played."""
        return sum(at_s <= self._seconds for at_s, _ in self._drafts)

    def begin(self) -> float:
        """Say that the first sample plays now; return when that is."""
        self._began = asyncio.get_running_loop().time()
        return self._began

    def progress(self, heard: Sequence[Heard]) -> None:
        """Note how far each channel is."""
        at_s = self._now()
        for one in heard:
            self.tick_ms = one.tick_ms or self.tick_ms
            if at_s <= self._seconds:
                self._late.append((at_s, at_s - one.sample / RATE_HZ))

    async def words(self, log: Log, stream: str) -> None:
        """Note words and their times until cancelled."""
        after = 0
        while True:
            for record in await log.read(stream, after):
                after = record.position
                self._note(decode_public(record.body))
            await log.wait(stream, after)

    async def drafts(self, board: Board, meeting: str) -> None:
        """Note drafts until cancelled."""
        async for _, value in board.watch(f"draft:{meeting}:"):
            if value is not None:
                self._drafts.append((self._now(), msgspec.json.decode(value, type=DraftShown)))

    async def graphics(self) -> None:
        """Ask the GPU's driver every second how busy it is, until cancelled; where there is none, not at all."""
        program = shutil.which("nvidia-smi")
        while program:
            asked = [program, *_GPU]
            said = await asyncio.to_thread(subprocess.run, asked, capture_output=True, text=True, check=False)
            self._gpu += busy(said.stdout)
            await asyncio.sleep(1)

    def commit_s(self) -> list[float]:
        """Return how long after its end each word was final."""
        return [at_s - self._ends_s[word] for word, (_, at_s) in self._final.items() if word in self._ends_s]

    def shown_s(self) -> list[float]:
        """Return how long after its end each final word was first shown, as a draft or at last as final."""
        first = {word: at_s for word, (_, at_s) in self._final.items()}
        for at_s, draft in self._drafts:
            for number, text in enumerate(draft.text.split(), draft.after):
                final = self._final.get((draft.segment, number))
                if final and Word((), final[0]).fold == Word((), text).fold:
                    first[draft.segment, number] = min(at_s, first[draft.segment, number])
        return [at_s - self._ends_s[word] for word, at_s in first.items() if word in self._ends_s]

    def late_s(self) -> float:
        """Return the most audio that was unheard at any time of the second half."""
        return max((late_s for at_s, late_s in self._late if at_s >= self._seconds / 2), default=self._seconds)

    def gpu_share(self) -> float | None:
        """Return how busy the GPU was on the average; None where there is none."""
        return round(sum(self._gpu) / len(self._gpu), 3) if self._gpu else None

    def _note(self, event: object) -> None:
        match event:
            case WordsCommitted():
                for number, word in enumerate(event.words, event.first_word):
                    self._final[event.segment, number] = (word, self._now())
            case SegmentClosed():
                for number, (_, end) in enumerate(event.word_times):
                    self._ends_s[event.segment, number] = end / 1000
            case GapMarked():
                self.gaps += 1

    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self._began


def busy(said: str) -> list[float]:
    """Read what nvidia-smi says: a line of percent for each GPU; it says [N/A] where it does not know."""
    return [int(line) / 100 for line in said.split("\n") if line.strip().isdigit()]


def part(times: Sequence[float], percent: int) -> float | None:
    """Return a percentile, to the hundredth; None of nothing."""
    return round(sorted(times)[min(len(times) - 1, len(times) * percent // 100)], 2) if times else None
