"""The glossary: whole terms, as many as the prompt holds, where somebody speaks; loops drop it."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.board.memory import MemoryBoard
from hearing.log.memory import MemoryLog
from hearing.transcribe import guard
from hearing.transcribe.dispatch import Dispatch
from hearing.transcribe.engine import Hypothesis, Sound
from hearing.transcribe.glossary import MOST_TOKENS, fitted
from hearing.transcribe.listen import Audio, Listener
from hearing.transcribe.protocol import Assign, Glossary, Hello, Release
from hearing.transcribe.session import Session, plain
from hearing.transcribe.words import Word, tokens
from tests.speech import engine
from tests.transcribe.fakes import Energy, FakeEngine, silence, speech
from tests.transcribe.relaying import Bench, bench, meeting, nothing_recorded

TERMS = ("a901", "b902", "c903")


def spelled(words: list[str]) -> list[Word]:
    return FakeEngine().spell(words, "en")


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=30), max_size=40), st.integers(0, 30))
def test_whole_terms_fit_in_their_order_and_never_more(terms: list[str], most: int) -> None:
    chosen = fitted(terms, lambda words: [Word((1,) * len(word), word) for word in words], most)
    assert len(tokens(chosen)) <= most
    pieces = [
        f"{word}," if n == len(words) - 1 else word for words in map(str.split, terms) for n, word in enumerate(words)
    ]
    rest = iter(pieces)
    assert all(any(word.text == piece for piece in rest) for word in chosen)


def test_the_terms_alone_are_told_whatever_was_said_before() -> None:
    fake = FakeEngine()
    session = Session(plain(0, "en", terms=TERMS), fake, frames=Energy)
    sound = np.concatenate([silence(1), speech(range(1, 60)), silence(3), speech(range(60, 120)), silence(1)])
    for begin in range(0, len(sound), 3200):
        session.hear(1, begin, sound[begin : begin + 3200])
        session.step()
    prompts = [prompt for prompt in fake.prompts if prompt]
    assert len(prompts) > 10
    assert all(prompt == [901, 902, 903] for prompt in prompts)


def test_terms_are_taken_and_left_while_the_channel_is_heard() -> None:
    fake = FakeEngine()
    session = Session(plain(0, "en"), fake, frames=Energy)
    session.hear(1, 0, np.concatenate([silence(0.5), speech(range(1, 6))]))
    session.step()
    assert fake.prompts[-1] == []
    session.prefer(TERMS)
    session.hear(1, session.heard, speech(range(6, 12)))
    session.step()
    assert fake.prompts[-1] == [901, 902, 903]
    session.prefer(())
    session.hear(1, session.heard, speech(range(12, 18)))
    session.step()
    assert fake.prompts[-1] == []


def test_where_nobody_speaks_no_term_is_told() -> None:
    fake = FakeEngine()
    quiet = Listener(fake, "en", Audio(lambda _begin, _end: silence(2), lambda _begin, _end: 0))
    quiet.prefer(spelled(list(TERMS)))
    quiet.begin(0)
    quiet.draft(32_000)
    assert fake.prompts == [[]]


class Parrot(FakeEngine):
    """Reads the prompt out, where it is given one."""

    def guess(self, sound: Sound, language: str, *, prompt: Sequence[int], forced: Sequence[Word]) -> Hypothesis:
        self.prompts.append(list(prompt))
        words = [Word((token,), f" {token}") for token in prompt] or [Word((7,), " seven")]
        return Hypothesis(tuple(words), -0.2, 0.01, len(words))


def test_terms_that_are_read_out_are_not_taken_for_speech_and_not_told_again_in_that_utterance() -> None:
    parrot = Parrot()
    listener = Listener(parrot, "en", Audio(lambda _begin, _end: speech(range(1, 9)), lambda begin, end: end - begin))
    listener.prefer([Word((n,), f" {n}") for n in (901, 902, 903, 904)])
    listener.begin(0)
    listener.draft(16_000)
    listener.draft(32_000)
    assert [bool(prompt) for prompt in parrot.prompts] == [True, False, False]
    listener.finish(48_000)
    listener.begin(64_000)
    listener.draft(80_000)
    assert parrot.prompts[-2], "another utterance is told them again"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("Rossi Diallo Chen Okonkwo", True),
        ("and then Rossi, Diallo, Chen, Okonkwo", True),
        ("Chen Rossi Diallo", False),
    ],
)
def test_a_list_that_was_read_out_is_known_by_four_in_their_order(said: str, found: bool) -> None:
    terms = [Word((n,), f" {name}") for n, name in enumerate(("Rossi,", "Diallo,", "Chen,", "Okonkwo,"))]
    assert guard.lists(terms, [Word((9,), f" {word}") for word in said.split()]) is found


async def test_a_worker_is_told_when_it_begins_and_when_the_words_change_if_it_knows_what_that_is() -> None:
    async with bench() as one:
        await one.dispatch.tell_glossary("m", ("Rossi",))
        knowing, plain_one = one.worker(), one.worker()
        await knowing.say(Hello(1, "new", 1, knows=("glossary",)))
        one.group.create_task(knowing.pulse())
        assert (await knowing.gets(Assign)) == Assign(1, "en", 0, 0, glossary=("Rossi",))
        await one.dispatch.tell_glossary("m", ("Rossi", "Diallo"))
        await one.dispatch.tell_glossary("another", ("Chen",))
        assert (await knowing.gets(Glossary)) == Glossary(1, ("Rossi", "Diallo"))
        assert [type(message) for message in knowing.told].count(Glossary) == 1
        await plain_one.hello()
        one.group.create_task(plain_one.pulse())
        await knowing.pipe.close()
        assert await plain_one.gets(Assign)
        await one.dispatch.tell_glossary("m", ("Chen",))
        await one.ears.detach()
        await plain_one.gets(Release)
        assert not [message for message in plain_one.told if isinstance(message, Glossary)]


@pytest.mark.parametrize("before", [True, False])
async def test_a_meeting_that_is_attached_later_or_again_has_the_words_that_were_told(before: bool) -> None:
    async with MemoryLog() as log, MemoryBoard() as board, asyncio.TaskGroup() as group:
        dispatch = Dispatch(log, board)
        running = group.create_task(dispatch.run())
        if not before:
            ears = await dispatch.attach(meeting(), nothing_recorded)
            await dispatch.tell_glossary("m", ("Rossi",))
            await ears.detach()
        else:
            await dispatch.tell_glossary("m", ("Rossi",))
        one = Bench(log, board, dispatch, await dispatch.attach(meeting(), nothing_recorded), group)
        worker = one.worker()
        await worker.say(Hello(1, "new", 1, knows=("glossary",)))
        group.create_task(worker.pulse())
        told = await worker.gets(Assign)
        await one.ears.detach()
        dispatch.forget_glossary("m")
        later = await dispatch.attach(meeting(), nothing_recorded)
        assert dispatch.carried("m", "en").glossary == ()
        await worker.pipe.close()
        await later.detach()
        running.cancel()
    assert told == Assign(1, "en", 0, 0, glossary=("Rossi",))


@pytest.mark.model
def test_whisper_spells_terms_within_their_room() -> None:
    one = engine()
    terms = ["Maria Rossi", "Nguyễn Thị Lan", "Okonkwo", "Hrvoje Kovačević", "Tegucigalpa", "CEDAW", "Mashhad"]
    chosen = fitted(terms, lambda words: one.spell(words, "en"))
    assert 0 < len(tokens(chosen)) <= MOST_TOKENS
    assert chosen[0].text == " Maria"
    assert chosen[1].text == " Rossi,"
