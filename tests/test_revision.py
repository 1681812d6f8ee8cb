"""What a second hearing proposes: for the machine's own words alone, of their time, in their order, nothing else."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hearing import correcting, revision, transcript
from hearing.access import Actor
from hearing.correcting import Wanted
from hearing.events import PublicEvent, SegmentClosed, SegmentCorrected, WordsCommitted
from hearing.house_events import Channel, MeetingCreated
from hearing.lang import join
from hearing.meeting import Meeting
from hearing.revision import REACH_MS, Heard, Piece, Standing
from hearing.revision_events import (
    RevisionDeclined,
    RevisionEvent,
    RevisionProposed,
    decode_revision,
    encode_revision,
)
from hearing.transcript import Segment, Transcript

MEETING = Meeting(MeetingCreated("m", "d", "M", "open", (Channel("en", "en", 0), Channel("zh", "zh", 1)), "s"))
WORD_MS, PAUSE_MS = 400, 600
SAID = ("thank you madam chair", "the law sets a limit", "of forty eight hours")


def said_of(*texts: str, channel: str = "en") -> Transcript:
    """Return what was said: a segment for each text, each word 400 ms, with 600 ms between them."""
    said, start = Transcript(), 1000
    for number, text in enumerate(texts):
        words = tuple(text.split()) if channel == "en" else tuple(text)
        for event in spoken(f"{channel}.{number}", words, start):
            transcript.apply(said, event)
        start += len(words) * WORD_MS + PAUSE_MS
    return said


def spoken(segment: str, words: tuple[str, ...], start: int) -> list[PublicEvent]:
    channel = segment.partition(".")[0]
    times = tuple((start + n * WORD_MS, start + (n + 1) * WORD_MS) for n in range(len(words)))
    return [
        WordsCommitted(channel, segment, 0, words, times[-1][1] * 16),
        SegmentClosed(channel, segment, start, times[-1][1], times),
    ]


def piece(words: list[Heard], channel: str = "en", *, t0: int = 0, t1: int = 600_000, model: str = "base") -> Piece:
    return Piece(channel, t0, t1, model, tuple(words))


def heard(said: Transcript, *texts: str, channel: str = "en", off_ms: int = 0) -> list[Heard]:
    """Hear other words in the time of each segment, spread over it."""
    words: list[Heard] = []
    for segment, text in zip(said.channel(channel).segments, texts, strict=True):
        (t0, t1), parts = segment.span, text.split() if channel == "en" else list(text)
        step = (t1 - t0) // max(1, len(parts))
        words += [Heard(one, t0 + n * step + off_ms, t0 + (n + 1) * step + off_ms - 20) for n, one in enumerate(parts)]
    return words


def found(said: Transcript, words: list[Heard], channel: str = "en") -> dict[str, str]:
    made = revision.proposals(said.channel(channel).segments, piece(words, channel), channel)
    return {segment.id: text for segment, text in made}


def correct(said: Transcript, segment: str, text: str) -> None:
    """Let somebody correct a segment."""
    edition = correcting.found(said, segment).edition
    wanted = Wanted(segment, edition, text, "corrected", "misheard")
    for event in correcting.decide(said, MEETING, [wanted], role="moderator", at_ms=7).events:
        transcript.apply(said, event)


def test_other_words_are_proposed_and_another_case_accent_or_comma_is_not() -> None:
    said = said_of(*SAID)
    words = heard(said, "Thank you, Madam Chair.", "the law sets a time limit", "Of forty-eight hours")
    assert found(said, words) == {"en.1": "the law sets a time limit", "en.2": "Of forty-eight hours"}
    assert found(said, heard(said, "Thank you, Mádam CHAIR!", *SAID[1:])) == {}


def test_a_word_at_the_border_belongs_where_the_text_has_it_and_not_where_a_clock_that_is_off_puts_it() -> None:
    said = said_of(*SAID)
    for off_ms in (-450, -200, 0, 200, 450):
        assert found(said, heard(said, *SAID, off_ms=off_ms)) == {}, off_ms


def test_what_was_heard_in_no_passage_is_left_out() -> None:
    said = said_of(*SAID)
    far = [Heard("music", 60_000, 60_400), Heard("thank", 61_000, 61_400)]
    assert found(said, [*heard(said, *SAID), *far]) == {}
    assert found(said, []) == {}, "nothing heard is no proposal to say nothing"


def test_a_text_that_anybody_wrote_or_that_is_hidden_or_taken_out_is_left_alone_with_its_words() -> None:
    said = said_of(*SAID)
    correct(said, "en.1", "the act sets a limit")
    words = heard(said, "thanks madam chair", "the law says eleven limits", "of four hours")
    assert found(said, words) == {"en.0": "thanks madam chair", "en.2": "of four hours"}
    segments = said.channel("en").segments
    segments[2].words[1] = ""
    assert found(said, words) == {"en.0": "thanks madam chair"}
    segments[0].hidden = True
    segments[0].blank()
    assert found(said, words) == {}


def test_no_word_counts_that_was_heard_beside_what_is_hidden() -> None:
    said = said_of(*SAID)
    segments = said.channel("en").segments
    words = heard(said, "thanks madam chair", SAID[1], "of four hours")
    made = revision.proposals(segments, piece(words), "en", [segments[0].span])
    assert [segment.id for segment, _ in made] == ["en.2"]


def test_a_passage_that_reaches_out_of_the_piece_is_left_to_another() -> None:
    said = said_of(*SAID)
    words = heard(said, "thanks madam chair", "no law", "of four hours")
    segments = said.channel("en").segments
    part = piece(words, t0=0, t1=segments[1].span[1] - 10)
    assert [segment.id for segment, _ in revision.proposals(segments, part, "en")] == ["en.0"]


def test_chinese_is_compared_by_its_characters() -> None:
    said = said_of("谢谢主席女士", "我现在谈第九条", channel="zh")
    words = heard(said, "谢谢主席女士", "我现在谈第十条", channel="zh")
    pairs = [Heard(a.text + b.text, a.t0, b.t1) for a, b in zip(words[::2], words[1::2], strict=False)]
    assert found(said, pairs + words[len(pairs) * 2 :], "zh") == {"zh.1": "我现在谈第十条"}


def test_the_words_that_differ_are_marked_on_both_sides() -> None:
    old, new = revision.marked("the law sets a limit.", "The law set two limits", "en")
    assert old == (("the law", False), ("sets a limit.", True))
    assert new == (("The law", False), ("set two limits", True))
    assert revision.marked("第九条", "第十条", "zh")[1] == (("第", False), ("十", True), ("条", False))


def append(standing: Standing, events: tuple[RevisionEvent, ...]) -> None:
    """Append as a log does, and fold what was written."""
    for event in events:
        revision.follow(standing, decode_revision(encode_revision(event)), standing.position + 1)


def take(standing: Standing, said: Transcript, words: list[Heard], model: str = "base") -> list[RevisionProposed]:
    segments = said.channel("en").segments
    events = revision.decide(standing, segments, piece(words, model=model), "en", at_ms=7)
    append(standing, events)
    return [one for one in events if isinstance(one, RevisionProposed)]


def test_a_second_time_adds_nothing_and_a_better_model_takes_the_place_of_what_was_proposed() -> None:
    said, standing = said_of(*SAID), Standing()
    segments = said.channel("en").segments
    words = heard(said, "thanks madam chair", *SAID[1:])
    assert [one.text for one in take(standing, said, words)] == ["thanks madam chair"]
    before = standing.position
    assert take(standing, said, words) == []
    assert standing.position == before
    take(standing, said, heard(said, SAID[0], SAID[1], "of forty nine hours"), "large")
    assert [one.said.text for one in revision.open_proposals(standing, segments)] == ["of forty nine hours"]


def test_what_was_declined_is_not_proposed_again_and_another_text_is() -> None:
    said, standing = said_of(*SAID), Standing()
    segments = said.channel("en").segments
    words = heard(said, "thanks madam chair", *SAID[1:])
    take(standing, said, words)
    (one,) = revision.open_proposals(standing, segments)
    append(standing, (RevisionDeclined(one.position, Actor("staff"), 8),))
    assert revision.open_proposals(standing, segments) == ()
    assert take(standing, said, words) == []
    assert take(standing, said, words, "large") == []
    assert revision.open_proposals(standing, segments) == ()
    assert take(standing, said, heard(said, "many thanks", *SAID[1:]), "larger")
    assert [one.said.text for one in revision.open_proposals(standing, segments)] == ["many thanks"]


def test_a_proposal_ends_with_the_text_that_it_was_made_for() -> None:
    said, standing = said_of(*SAID), Standing()
    take(standing, said, heard(said, "thanks madam chair", *SAID[1:]))
    correct(said, "en.0", "thank you madam")
    assert revision.open_proposals(standing, said.channel("en").segments) == ()


def test_an_erased_proposal_leaves_nothing() -> None:
    standing = Standing()
    revision.follow(standing, decode_revision(b""), 1)
    append(standing, (RevisionDeclined(1, Actor("staff"), 8),))
    assert revision.open_proposals(standing, said_of(*SAID).channel("en").segments) == ()
    assert revision.decide(standing, [], piece([]), "en", at_ms=7)


_WORDS = st.sampled_from(["law", "Law,", "court", "the", "of", "nine", "held", "État"])
_texts = st.lists(st.lists(_WORDS, min_size=1, max_size=6).map(" ".join), min_size=1, max_size=6)
_kinds = st.lists(st.sampled_from(["machine", "corrected", "hidden", "taken", "gone"]), min_size=6, max_size=6)
_heard = st.lists(
    st.builds(lambda text, t0, ms: Heard(text, t0, t0 + ms), _WORDS, st.integers(0, 20_000), st.integers(0, 900)),
    max_size=40,
)


def scene(texts: list[str], kinds: list[str]) -> tuple[Transcript, list[Segment]]:
    """Return a transcript in which things happened to some segments, and those that are still the machine's."""
    said = said_of(*texts)
    segments = said.channel("en").segments
    for segment, kind in zip(segments, kinds, strict=False):
        match kind:
            case "corrected":
                correct(said, segment.id, "somebody wrote this")
            case "hidden":
                segment.hidden = True
                segment.blank()
            case "taken":
                segment.words[0], segment.basis = "", "privacy"
            case "gone":
                segment.version = 2  # what was corrected, and then redacted to the machine's words
            case _:
                pass
    return said, [one for one, kind in zip(segments, kinds, strict=False) if kind == "machine"]


@given(_texts, _kinds, _heard)
def test_only_the_machines_own_text_is_revised_with_words_of_its_time_in_their_order(
    texts: list[str], kinds: list[str], words: list[Heard]
) -> None:
    said, machine = scene(texts, kinds)
    segments = said.channel("en").segments
    belong = revision.placed(segments, words, "en")
    order = [word for segment in segments for word in belong.get(segment.id, ())]
    rest = iter(words)
    assert all(word in rest for word in order), "the words that are kept stand in the order in which they were heard"
    by_id = {segment.id: segment for segment in segments}
    for name, held in belong.items():
        t0, t1 = by_id[name].span
        assert all(word.t0 < t1 + REACH_MS and max(word.t1, word.t0 + 1) > t0 - REACH_MS for word in held)
    made = revision.proposals(segments, piece(words), "en")
    assert {segment.id for segment, _ in made} <= {segment.id for segment in machine}
    for segment, text in made:
        assert revision.differs(join(segment.shown, "en"), text, "en")
        near = [word.text for word in words if word.t0 < segment.span[1] + REACH_MS]
        assert set(text.split()) <= set(near)


@given(_texts, _kinds, _heard, st.sets(st.integers(0, 5)))
def test_what_is_accepted_changes_its_own_segments_and_no_other(
    texts: list[str], kinds: list[str], words: list[Heard], chosen: set[int]
) -> None:
    said, _ = scene(texts, kinds)
    segments, standing = said.channel("en").segments, Standing()
    take(standing, said, words)
    proposals = [one for n, one in enumerate(revision.open_proposals(standing, segments)) if n in chosen]
    before = {segment.id: (tuple(segment.shown), segment.span) for segment in segments}
    wanted = [Wanted(one.said.segment, one.said.version, one.said.text, "corrected", "x") for one in proposals]
    decided = correcting.decide(said, MEETING, wanted, role="staff", at_ms=9)
    assert set(decided.results.values()) <= {"corrected"}
    for event in decided.events:
        assert isinstance(event, SegmentCorrected)
        transcript.apply(said, event)
    texts_now = {segment.id: (tuple(segment.shown), segment.span) for segment in segments}
    for one in proposals:
        assert " ".join(texts_now.pop(one.said.segment)[0]) == one.said.text
        before.pop(one.said.segment)
    assert texts_now == before
    again = correcting.decide(said, MEETING, wanted, role="staff", at_ms=10)
    assert set(again.results.values()) <= {"stands"}
    assert not again.events


def test_on_a_floor_of_several_languages_only_what_was_said_in_that_one_is_revised() -> None:
    said = said_of(*SAID)
    segments = said.channel("en").segments
    segments[1].language = "fr"
    words = heard(said, "thanks madam chair", "la loi fixe une limite", "of four hours")
    assert found(said, words) == {"en.0": "thanks madam chair", "en.2": "of four hours"}
    french = msgspec.structs.replace(piece(words), language="fr")
    made = revision.decide(Standing(), segments, french, "en", at_ms=7)
    proposed = [(one.segment, one.text, one.language) for one in made if isinstance(one, RevisionProposed)]
    assert proposed == [("en.1", "la loi fixe une limite", "fr")]


def test_what_a_captioner_typed_is_left_alone() -> None:
    said = said_of(*SAID)
    said.channel("en").segments[0].by = "captioner"
    assert found(said, heard(said, "thanks madam chair", *SAID[1:])) == {}
