"""The language of the floor: taken when it was read twice in a row, as an utterance begins, and never else."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing import transcript
from hearing.errors import Refused
from hearing.events import RATE_HZ, SegmentClosed, WordsCommitted
from hearing.house_events import Channel
from hearing.lang import FLOOR
from hearing.transcribe import verify
from hearing.transcribe.assignment import assignment
from hearing.transcribe.engine import EngineFailedError, Hypothesis, Sound
from hearing.transcribe.language import READ_AT, SURE, Floor, Telling, read
from hearing.transcribe.protocol import Assign, Closed, Draft, Hello, Words, encode, from_worker
from hearing.transcribe.session import Said, Session, plain
from hearing.transcribe.words import Word
from hearing.transcript import Transcript
from tests.speech import engine, pcm, speech
from tests.transcribe.fakes import KINDRED, Energy, FakeEngine, name, silence
from tests.transcribe.fakes import speech as say
from tests.transcribe.relaying import bench

probabilities = st.dictionaries(st.sampled_from(FLOOR), st.floats(0, 1), max_size=6)
FRENCH, SPANISH = KINDRED + 1, 2 * KINDRED + 1


@given(st.sampled_from(FLOOR), st.lists(probabilities, max_size=12))
def test_a_language_is_taken_only_when_it_was_read_twice_in_a_row(first: str, readings: list[dict[str, float]]) -> None:
    floor, tops = Floor(first), list[str]()
    for probable in readings:
        before = floor.language
        floor = read(floor, probable)
        top = max(probable, key=lambda one: probable[one], default="")
        tops.append(top if top and probable[top] > SURE else "")
        if floor.language != before:
            assert tops[-2:] == [floor.language, floor.language]
        elif tops[-1] not in {"", before}:
            assert tops[-2:-1] != [tops[-1]] or not floor.told
        assert floor.told == (tops[-1] == floor.language)


@given(st.lists(st.booleans(), max_size=8), st.integers(1, 8 * RATE_HZ))
def test_an_utterance_is_told_at_the_latest_when_it_ends_or_after_four_seconds(sure: list[bool], length: int) -> None:
    answers = iter(sure)

    def probable(_begin: int, _end: int) -> Mapping[str, float]:
        return {"fr": 0.9} if next(answers, False) else {"fr": 0.3}

    telling = Telling("en", probable)
    telling.begin()
    told = telling.told(0, length, ended=False)
    assert told or length < READ_AT[-1]
    assert telling.told(0, length, ended=True)


def test_what_is_read_at_the_end_of_an_utterance_counts_for_the_next() -> None:
    telling = Telling("en", lambda _begin, _end: {"fr": 0.9, "en": 0.1})
    telling.begin()
    assert telling.told(0, RATE_HZ // 2, ended=True)
    assert telling.language == "en", "once is not twice"
    telling.begin()
    assert telling.told(RATE_HZ, 2 * RATE_HZ, ended=False)
    assert telling.language == "fr"


def floor(languages: tuple[str, ...] = ("en", "fr", "es"), fake: FakeEngine | None = None) -> Session:
    return Session(plain(0, languages[0], languages), fake or FakeEngine(), frames=Energy)


def play(session: Session, *parts: np.ndarray) -> list[Said]:
    """Hear parts one after the other, in frames of 200 ms."""
    sound = np.concatenate(parts).astype(np.float32)
    said: list[Said] = []
    for n, begin in enumerate(range(0, len(sound), 3200)):
        session.hear(1, session.heard, sound[begin : begin + 3200])
        said += session.step(draft=n % 3 == 2)
    session.end()
    return said + session.step()


def heard(said: list[Said]) -> list[tuple[str, str]]:
    return [(one.language, word) for one in said if isinstance(one, Words) for word in one.words]


def test_another_language_is_heard_from_the_first_word_of_its_utterance() -> None:
    french = range(FRENCH, FRENCH + 12)
    fake = FakeEngine()
    said = play(floor(fake=fake), silence(1), say(range(1, 13)), silence(1), say(french), silence(1))
    assert heard(said) == [("en", name(n)) for n in range(1, 13)] + [("fr", name(n)) for n in french]
    by_segment: dict[int, set[str]] = {}
    for one in said:
        if isinstance(one, Words):
            by_segment.setdefault(one.segment, set()).add(one.language)
    assert all(len(languages) == 1 for languages in by_segment.values())
    first = fake.languages.index("fr")
    assert fake.forced[first] == []
    assert {one.language for one in said if isinstance(one, Draft) and one.text} == {"en", "fr"}


def test_after_an_utterance_was_given_up_the_next_one_is_told_its_language_and_the_words_of_the_meeting() -> None:
    bad, french = range(20, 32), range(FRENCH, FRENCH + 12)

    class Failing(FakeEngine):
        def guess(self, sound: Sound, language: str, *, prompt: Sequence[int], forced: Sequence[Word]) -> Hypothesis:
            if isinstance(sound.encoded, tuple) and any(run.number in bad for run in sound.encoded):
                raise EngineFailedError("no")
            return super().guess(sound, language, prompt=prompt, forced=forced)

    fake = Failing()
    session = Session(plain(0, "en", ("en", "fr", "es"), ("a901",)), fake, frames=Energy)
    sound = np.concatenate([silence(1), say(range(1, 13)), silence(1), say(bad), silence(1.5), say(french), silence(1)])
    said: list[Said] = []
    given_up = 0
    for n, begin in enumerate(range(0, len(sound), 3200)):
        session.hear(1, session.heard, sound[begin : begin + 3200].astype(np.float32))
        try:
            said += session.step(draft=n % 3 == 2)
        except EngineFailedError:
            said += session.give_up()
            given_up = len(fake.prompts)
    assert given_up
    assert heard(said)[12:] == [("fr", name(n)) for n in french]
    assert all(prompt[:1] == [901] for prompt in fake.prompts[given_up:])


def test_one_word_of_another_language_changes_nothing() -> None:
    said = play(floor(), silence(1), say(range(1, 13)), silence(1), say([FRENCH]), silence(1), say(range(13, 25)))
    assert {language for language, _ in heard(said)} == {"en"}


def test_a_language_that_is_not_configured_is_never_taken() -> None:
    said = play(floor(("en", "fr")), silence(1), say(range(SPANISH, SPANISH + 12)), silence(1))
    assert {language for language, _ in heard(said)} == {"en"}


def test_an_interpretation_is_never_asked_what_it_is() -> None:
    class Deaf(FakeEngine):
        def detect(self, sound: object, languages: object) -> Mapping[str, float]:
            raise AssertionError("it was asked")

    said = play(Session(plain(0, "en"), Deaf(), frames=Energy), silence(1), say(range(FRENCH, FRENCH + 12)), silence(1))
    assert {language for language, _ in heard(said)} == {""}


def test_a_successor_goes_on_in_the_language_that_was_spoken_last() -> None:
    folded = Transcript()
    for event in (
        WordsCommitted("floor", "floor.0", 0, ("Good", "morning."), 32_000, language="en"),
        SegmentClosed("floor", "floor.0", 0, 1500, ((0, 700), (800, 1500))),
        WordsCommitted("floor", "floor.1", 0, ("Merci",), 64_000, language="fr"),
    ):
        transcript.apply(folded, event)
    assign = assignment(7, "en", folded.channel("floor"), 0, languages=("en", "fr"))
    assert (assign.language, assign.languages) == ("fr", ("en", "fr"))
    assert assign.prefix == ((1, ("Merci",)),)


def test_a_worker_cannot_say_another_language_than_it_was_given_nor_two_in_one_segment() -> None:
    spoken = Transcript().channel("floor")
    sent = verify.Sent(0, RATE_HZ, languages=("en", "fr"), language="en")
    assert verify.words(Words(1, 0, 0, ("Bonjour",), 0, language="fr"), "floor", spoken, sent).language == "fr"
    assert verify.words(Words(1, 0, 0, ("Hello",), 0), "floor", spoken, sent).language == "en", "an older worker"
    with pytest.raises(Refused):
        verify.words(Words(1, 0, 0, ("Hola",), 0, language="es"), "floor", spoken, sent)
    with pytest.raises(Refused):
        verify.words(Words(1, 0, 0, ("Hola",), 0, language="es"), "en", spoken, verify.Sent(0, RATE_HZ))
    folded = Transcript()
    transcript.apply(folded, WordsCommitted("floor", "floor.0", 0, ("Hello",), 0, language="en"))
    with pytest.raises(Refused):
        verify.words(Words(1, 0, 1, ("monde",), 0, language="fr"), "floor", folded.channel("floor"), sent)


class _OldWords(msgspec.Struct, frozen=True, omit_defaults=True, tag="words", tag_field="type"):
    handle: int
    segment: int
    first_word: int
    words: tuple[str, ...]
    through_sample: int


@pytest.mark.parametrize(("knows", "given"), [((), ()), (("languages",), ("en", "fr"))])
async def test_only_a_worker_that_can_tells_languages_apart(knows: tuple[str, ...], given: tuple[str, ...]) -> None:
    floor_of = Channel("floor", "en", 0, "floor", ("en", "fr"))
    async with bench((floor_of,)) as one:
        hand = one.worker()
        await hand.say(Hello(1, "test", 4, knows=knows))
        one.group.create_task(hand.pulse())
        await hand.gets(Assign)
        (handle, assign), *_ = hand.assigned.items()
        assert (assign.language, assign.languages) == ("en", given)
        one.play(0, RATE_HZ, "floor")
        await hand.heard(RATE_HZ)
        await hand.say(Words(handle, 0, 0, ("Bonjour",), RATE_HZ, language="fr" if given else ""))
        await hand.acks(1)
        await hand.say(Closed(handle, 0, 0, 500, ((0, 500),)))
        await hand.acks(2)
        (segment,) = (await one.folded()).channel("floor").segments
        assert segment.language == ("fr" if given else "en"), "a floor of several languages always says which"


def test_words_of_a_worker_of_the_first_release_are_understood() -> None:
    old = msgspec.json.encode(_OldWords(1, 0, 0, ("Hello",), 16_000))
    assert from_worker(old) == Words(1, 0, 0, ("Hello",), 16_000)
    assert b"language" not in encode(Words(1, 0, 0, ("Hello",), 16_000))


JOINED = ("en_jfk", "fr_azure_testing_audio", "es_fleurs_000", "zh_fleurs_zh_1883_clip5", "en_fleurs_000")
_CLIP = 10 * RATE_HZ


@pytest.mark.audio
@pytest.mark.model
@pytest.mark.slow
def test_five_speakers_in_four_languages_are_each_heard_in_theirs() -> None:
    """Their clips are joined, all as loud, with 1.2 s between: each has its language, from its first words on."""
    parts, spans, at = [], [], 0
    for clip in JOINED:
        sound = pcm(speech(f"dev/{clip}.flac"))[:_CLIP]
        sound = (sound * (0.05 / np.sqrt(np.mean(sound**2)))).clip(-1, 1).astype(np.float32)
        parts += [sound, silence(1.2)]
        spans.append((at // 16, (at + len(sound)) // 16, clip[:2]))
        at += len(sound) + len(parts[-1])
    said = play(Session(plain(0, "en", FLOOR), engine()), *parts)
    languages = {one.segment: one.language for one in said if isinstance(one, Words)}
    closed = [one for one in said if isinstance(one, Closed)]
    for begin, end, language in spans:
        mine = [languages[one.segment] for one in closed if begin - 500 <= one.t0 < end]
        assert mine, f"nothing was heard in {language}"
        assert set(mine) == {language}
        first = min(one.t0 for one in closed if begin - 500 <= one.t0 < end)
        assert first < begin + 4000, f"the first words in {language} were lost"
    chinese = "".join(word for language, word in heard(said) if language == "zh")
    assert len(chinese) > 10
    assert not set(chinese) & set("這個們說過對國會員項該")
