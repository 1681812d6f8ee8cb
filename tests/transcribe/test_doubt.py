"""How long words that the engine doubts stay open, and that none of them is lost or said twice for it."""

from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.events import RATE_HZ
from hearing.transcribe.agreement import after
from hearing.transcribe.engine import Hypothesis, Sound
from hearing.transcribe.listen import Audio, Listener, Sure
from hearing.transcribe.protocol import Draft, Gap, Words
from hearing.transcribe.session import Said, Session, plain
from hearing.transcribe.words import Word
from tests.transcribe.fakes import Energy, FakeEngine, name, silence, speech

Chance = Callable[[Word], float]
TICK = RATE_HZ * 6 // 10


class Doubtful(FakeEngine):
    """Tells a chance of each word."""

    def __init__(self, chance: Chance, most: int | None = None) -> None:
        super().__init__(most)
        self._chance = chance

    def guess(self, sound: Sound, language: str, *, prompt: Sequence[int], forced: Sequence[Word]) -> Hypothesis:
        heard = super().guess(sound, language, prompt=prompt, forced=forced)
        told = tuple(msgspec.structs.replace(word, chance=self._chance(word)) for word in heard.words)
        return msgspec.structs.replace(heard, words=told)


def third_doubted(word: Word) -> float:
    return 0.3 if word.text.strip() == name(3) else 0.7


def final_after_each_draft(language: str, *, apart: int = TICK, pause: bool = False) -> list[int]:
    """Speak eight words, and hear what stands still for a while; return how many are final after each draft."""
    sound = speech(range(1, 9))
    spoken = len(sound) if pause else 100 * RATE_HZ
    audio = Audio(lambda begin, end: sound[begin:end], lambda begin, end: max(0, min(end, spoken) - begin))
    listener, counts, end = Listener(Doubtful(third_doubted), language, audio), [0], len(sound)
    listener.begin(0)
    for _ in range(4):
        listener.draft(end)
        counts.append(counts[-1] + sum(len(found.words) for found in listener.take() if isinstance(found, Sure)))
        end += RATE_HZ // 4 if pause else apart
    return counts[1:]


@pytest.mark.parametrize("language", ["fr", "es", "fr-CH"])
def test_a_doubtful_word_waits_for_a_third_draft_and_so_does_what_follows(language: str) -> None:
    assert final_after_each_draft(language)[:3] == [0, 2, 7]


@pytest.mark.parametrize("language", ["en", "en-GB"])
def test_in_english_it_does_not(language: str) -> None:
    assert final_after_each_draft(language)[:2] == [0, 7]


def test_drafts_a_second_apart_are_enough() -> None:
    assert final_after_each_draft("fr", apart=RATE_HZ)[:2] == [0, 7]


def test_before_a_pause_two_are_enough() -> None:
    assert final_after_each_draft("fr", pause=True)[-1] == 8


@given(st.lists(st.sampled_from([0.1, 0.3, 0.6, 0.95]), min_size=40, max_size=40), st.integers(0, 5))
def test_every_word_comes_once_whatever_is_doubted(chances: list[float], phase: int) -> None:
    said = iter(chances * 100)
    session, out = Session(plain(0, "fr"), Doubtful(lambda _: next(said)), frames=Energy), list[Said]()
    for first in (401, 413):
        for pcm in (speech(range(first, first + 12)), silence(0.8)):
            for begin in range(0, len(pcm), 3200):
                session.hear(1, session.heard, pcm[begin : begin + 3200])
                out += session.step(draft=session.heard // 3200 % 3 == phase % 3)
    session.end()
    out += session.step()
    assert [word for one in out if isinstance(one, Words) for word in one.words] == [name(n) for n in range(401, 425)]
    assert not any(isinstance(one, Gap) for one in out)


def spelled(*texts: str) -> list[Word]:
    return [Word((), text) for text in texts]


def test_what_follows_is_found_though_words_are_split_otherwise() -> None:
    assert after(spelled(" vous", " Merci", " bien"), spelled(" vous", " ?"), "fr") == spelled(" Merci", " bien")
    assert after(spelled("我们", "谢", "谢", "你"), spelled("我", "们", "谢谢"), "zh") == spelled("你")
    assert after(spelled("我们", "谢"), spelled("我"), "zh") == []


class Scripted(FakeEngine):
    """Hears what stands in a script, one line a guess, the last line again and again; each word with its chance."""

    def __init__(self, *script: str) -> None:
        super().__init__()
        self._script = list(script)

    def guess(self, sound: Sound, language: str, *, prompt: Sequence[int], forced: Sequence[Word]) -> Hypothesis:
        line = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        told = [part.split("/") for part in line.split()]
        words = tuple(Word((k,), f" {text}", float(chance)) for k, (text, chance) in enumerate(told))
        return Hypothesis(words[len(forced) :], -0.2, 0.01, len(words) - len(forced))


def page(language: str, *script: str, ended: bool = False) -> list[str]:
    """Return what a page shows after each guess: what is final, and after a bar what may still change."""
    session, final, draft, shows = Session(plain(0, language), Scripted(*script), frames=Energy), "", "", list[str]()
    for k in range(len(script)):
        pause = ended and k == len(script) - 1
        session.hear(1, session.heard, silence(0.8) if pause else speech(range(3 * k + 1, 3 * k + 4)))
        for one in session.step():
            if isinstance(one, Words):
                final += "".join(f" {word}" for word in one.words)
                draft = " ".join(draft.split()[len(one.words) :])
            if isinstance(one, Draft):
                draft = one.text
        shows.append(f"{final.strip()}|{draft}")
    return shows


def test_a_doubtful_word_near_the_end_and_an_unlikely_last_one_are_not_shown_at_once() -> None:
    assert page("fr", "un/.9 deux/.3 trois/.9", "un/.9 deux/.3 trois/.7") == ["|un", "un deux|trois"]
    assert page("fr", "un/.9 deux/.9 trois/.7", "un/.9 deux/.9 trois/.7") == ["|un deux", "un deux|trois"]
    assert page("fr", "un/.7 deux/.7 trois/.8") == ["|un deux trois"]


def test_nothing_stands_on_the_page_that_was_taken_back() -> None:
    taken = page("en", "one/.7 two/.7 three/.7 of/.85", "one/.7 two/.7 three/.7", ended=True)
    assert taken == ["|one two three of", "one two three|"]
    other = page("en", "one/.7 two/.7 three/.7 four/.85", "one/.7 two/.7 sea/.3 fore/.7 teen/.3 nine/.3")
    assert other == ["|one two three four", "one two|sea fore"]
