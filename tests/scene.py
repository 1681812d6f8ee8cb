"""A hearing as hypothesis plays it: words on channels, committed late and timed later, passages hidden and shown."""

from typing import Literal

import msgspec
from hypothesis import strategies as st

from hearing.events import PassageHidden, PassageShown, PublicEvent, SegmentClosed, WordsCommitted

CHANNELS = ("en", "fr")
WORD_MS = 400


class Step(msgspec.Struct, frozen=True):
    """What happens next; the numbers are read as the step needs them."""

    what: Literal["say", "go-on", "close", "hide", "show", "pause"]
    channel: str = "en"
    n: int = 1
    ms: int = 0


class Word(msgspec.Struct, frozen=True):
    """A word as it was spoken."""

    text: str
    segment: str
    t0: int
    t1: int


class Scene(msgspec.Struct):
    """The events of a hearing, and what is true of it."""

    events: list[PublicEvent] = []
    words: list[Word] = []
    passages: dict[str, tuple[int, int]] = {}
    now: int = 0

    def forbidden(self) -> set[str]:
        """Return the words that nobody may read now."""
        spans = self.passages.values()
        return {word.text for word in self.words if any(word.t0 < t1 and word.t1 > t0 for t0, t1 in spans)}

    def step(self, step: Step) -> None:
        """Let one thing happen."""
        match step.what:
            case "say" | "go-on":
                self._say(step)
            case "close":
                self._close(step)
            case "hide":
                self._hide(step)
            case "show" if self.passages:
                name = sorted(self.passages)[step.n % len(self.passages)]
                del self.passages[name]
                self.events.append(PassageShown(name))
            case _:
                self.now += step.n * step.ms

    def _say(self, step: Step) -> None:
        """Say some words in the channel's open segment, or in a new one; heard through a little more than they are."""
        mine = [word for word in self.words if word.segment.startswith(step.channel)]
        opened = self._open(step.channel)
        long = bool(opened) and self.now - next(word.t0 for word in mine if word.segment == opened[-1]) > 20_000
        new = step.what == "say" or not opened or long
        number = len({word.segment for word in mine}) if new else int(opened[-1].rpartition(".")[2])
        segment = f"{step.channel}.{number}"
        first = sum(word.segment == segment for word in mine)
        t = max([self.now - 3000, 0, *(word.t1 for word in mine)])
        said = []
        for n in range(step.n):
            said.append(Word(f"{step.channel}{len(self.words) + n}x", segment, t, t + WORD_MS))
            t += WORD_MS
        self.words += said
        self.now = max(self.now, t)
        through = min(self.now, t + step.ms)
        texts = tuple(word.text for word in said)
        self.events.append(WordsCommitted(step.channel, segment, first, texts, through * 16))

    def _open(self, channel: str) -> list[str]:
        closed = {event.segment for event in self.events if isinstance(event, SegmentClosed)}
        names = dict.fromkeys(word.segment for word in self.words if word.segment.startswith(channel))
        return [name for name in names if name not in closed]

    def _close(self, step: Step) -> None:
        for segment in self._open(step.channel)[: step.n]:
            times = tuple((word.t0, word.t1) for word in self.words if word.segment == segment)
            self.events.append(SegmentClosed(step.channel, segment, times[0][0], times[-1][1], times))

    def _hide(self, step: Step) -> None:
        name = f"{len(self.events):016x}"
        t0 = max(0, self.now - step.ms * 4)
        self.passages[name] = (t0, t0 + step.n * 2500)
        self.events.append(PassageHidden(name, *self.passages[name]))


steps = st.lists(
    st.builds(
        Step,
        st.sampled_from(["say", "say", "go-on", "go-on", "close", "close", "hide", "hide", "show", "pause"]),
        st.sampled_from(CHANNELS),
        st.integers(1, 6),
        st.integers(0, 3000),
    ),
    min_size=1,
    max_size=40,
)
