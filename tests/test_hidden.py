"""What is hidden is not in what the public reads, whatever comes when; shown again, all of it is back."""

from hypothesis import given

from hearing import hidden, transcript
from hearing.events import GapMarked, PassageHidden, PassageShown, PublicEvent, SegmentClosed, WordsCommitted, encode
from hearing.hidden import Hidden, around, just_said
from hearing.log.base import Record
from hearing.site.folds import Fold
from hearing.transcript import Transcript
from tests.scene import Scene, Step, steps


def follow(fold: Fold, events: list[PublicEvent]) -> None:
    """Catch up as the folds of the site do."""
    records = [Record(at, encode(event)) for at, event in enumerate(events, 1)]
    while rest := records[fold.position :]:
        if not all(map(fold.follow, rest)):
            fold.restart(fold.epoch)


def held(fold: Fold) -> set[str]:
    return {
        word for spoken in fold.transcript.channels.values() for segment in spoken.segments for word in segment.words
    }


@given(steps)
def test_no_fold_ever_holds_a_hidden_word_and_replay_equals_it(played: list[Step]) -> None:
    scene, live = Scene(), Fold()
    for step in played:
        scene.step(step)
        follow(live, scene.events)
        assert not held(live) & scene.forbidden()
    again = Fold()
    follow(again, scene.events)
    assert (again.transcript, again.hidden) == (live.transcript, live.hidden)


@given(steps)
def test_once_everything_is_shown_again_everything_is_back(played: list[Step]) -> None:
    scene, fold = Scene(), Fold()
    for step in played:
        scene.step(step)
        follow(fold, scene.events)
    while scene.passages:
        scene.step(Step("show"))
    follow(fold, scene.events)
    plain = Transcript()
    for event in scene.events:
        transcript.apply(plain, event)
    assert fold.transcript == plain
    assert held(fold) == {word.text for word in scene.words}


def fold(*events: PublicEvent) -> tuple[Transcript, Hidden]:
    said, out = Transcript(), Hidden()
    for event in events:
        hidden.apply(said, out, event)
    return said, out


def words(segment: str, through_t: int, *said: str, first: int = 0) -> WordsCommitted:
    return WordsCommitted(segment.partition(".")[0], segment, first, said, through_t * 16)


def closed(segment: str, t0: int, t1: int) -> SegmentClosed:
    return SegmentClosed(segment.partition(".")[0], segment, t0, t1, ())


def test_a_passage_takes_whole_segments_of_all_channels_and_leaves_tombstones() -> None:
    said, out = fold(
        words("en.0", 5000, "before"),
        closed("en.0", 0, 5000),
        words("en.1", 9000, "the", "name"),
        closed("en.1", 6000, 9000),
        words("fr.0", 12_000, "le", "nom"),
        closed("fr.0", 8000, 11_000),
        PassageHidden("p", 6000, 21_000),
    )
    assert [segment.words for segment in said.channel("en").segments] == [["before"], []]
    assert [segment.words for segment in said.channel("fr").segments] == [[]]
    assert out.of("p") == ("en.1", "fr.0")


def test_an_interpreter_who_says_it_later_is_hidden_too_and_whoever_speaks_after_is_not() -> None:
    said, _ = fold(
        words("fr.0", 4000, "avant"),
        closed("fr.0", 1000, 4000),
        PassageHidden("p", 6000, 21_000),
        words("fr.1", 14_000, "le", "nom"),
        words("fr.1", 16_000, "encore", first=2),
        closed("fr.1", 12_000, 16_000),
        words("fr.2", 100_000, "après"),
    )
    assert [segment.words for segment in said.channel("fr").segments] == [["avant"], [], ["après"]]


def test_words_that_have_no_time_yet_may_be_older_than_the_segment_before_them() -> None:
    said, _ = fold(
        words("en.0", 30_000, "heard", "through", "thirty"),
        PassageHidden("p", 10_000, 29_000),
        words("en.1", 31_000, "spoken-at-28"),
    )
    assert [segment.words for segment in said.channel("en").segments] == [[], []]


def test_drafts_are_withheld_until_the_channel_has_been_heard_past_the_passage() -> None:
    said, out = fold(words("en.0", 5000, "a"), closed("en.0", 0, 5000))
    assert not hidden.withholds_drafts(out, said.channel("en"), "en")
    said, out = fold(words("en.0", 5000, "a"), closed("en.0", 0, 5000), PassageHidden("p", 4000, 20_000))
    assert hidden.withholds_drafts(out, said.channel("en"), "en")
    hidden.apply(said, out, words("en.1", 24_000, "b"))
    assert hidden.withholds_drafts(out, said.channel("en"), "en"), "what is drafted may have been said before"
    hidden.apply(said, out, closed("en.1", 19_000, 24_000))
    assert not hidden.withholds_drafts(out, said.channel("en"), "en")
    hidden.follow(out, PassageShown("p"))
    assert not hidden.withholds_drafts(out, said.channel("fr"), "fr")


def test_a_long_silence_ends_what_is_withheld() -> None:
    said, out = fold(PassageHidden("p", 0, 20_000), GapMarked("en", 0, 100_000, "unheard"))
    hidden.apply(said, out, words("en.0", 300_000, "later"))
    assert said.channel("en").segments[0].words == ["later"]
    assert not hidden.withholds_drafts(out, said.channel("en"), "en")


def test_an_interpreters_segment_is_hidden_from_before_it() -> None:
    said, _ = fold(words("fr.0", 30_000, "x"), closed("fr.0", 26_000, 30_000), words("fr.1", 33_000, "y"))
    spoken = said.channel("fr")
    segment, unclosed = spoken.segments
    assert around(spoken, segment, 90_000, floor=False) == (14_000, 42_000)
    assert around(spoken, segment, 90_000, floor=True) == (26_000, 42_000)
    assert around(spoken, unclosed, 90_000, floor=True) == (29_000, 102_000)


def test_what_was_just_said_is_what_a_reader_of_late_captions_has_come_to() -> None:
    assert just_said(100_000, 98_000, floor=True) == (83_000, 112_000)
    assert just_said(100_000, 70_000, floor=True) == (55_000, 112_000)
    assert just_said(500_000, 0, floor=True) == (185_000, 512_000)
    assert just_said(720_000, 597_000, floor=True) == (582_000, 732_000), "a clock that was set forward hides too much"
    assert just_said(100_000, 100_000, floor=False) == (73_000, 112_000)
    assert just_said(5000, 5000, floor=True) == (0, 17_000)
