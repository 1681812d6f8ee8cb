"""What is found, where, and what is said when nothing is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hearing.archive.wanted import Count, Wanted
from hearing.errors import Refused
from hearing.events import HumanMark, SegmentCorrected, WordsCommitted, encode, public_stream
from hearing.house_events import Channel
from tests.archive.searching import Searching, searching
from tests.site.serving import HOSTILE, MEETING, SPEECH, ZERO_MS, Speaker, meeting


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Searching]:
    async with searching(tmp_path / "index.db") as running:
        yield running


async def test_a_hit_has_its_sentence_its_second_and_its_place(there: Searching) -> None:
    await (await there.meeting()).speak()
    found = await there.find('"48 hours" judge')
    (hit,) = found.hits
    assert hit.text == (
        "The State party’s replies tell us that the law sets a limit of 48 hours before a detained person is brought "
        "before a judge."
    )
    assert [hit.text[start:end] for start, end in hit.marks] == ["48 hours", "judge"]
    assert (hit.meeting.id, hit.channel, hit.segment) == (MEETING, "en", "en.1")
    words_before = SPEECH["en"][1][: SPEECH["en"][1].index("48")].count(" ")
    assert hit.t == 300 * 9 + 500 + 300 * words_before, "when the word was said, not when its passage began"
    assert hit.at_ms == ZERO_MS + hit.t


@pytest.mark.parametrize(
    ("text", "language", "marked"),
    [
        ("figure", "en", "figures"),
        ("REPONSE etat", "fr", "réponses"),
        ("محتجزين", "ar", "المحتجز"),
        ("法官", "zh", "法官"),
        ("法", "zh", "法"),
        ("法律规定", "zh", "法律规定"),
    ],
)
async def test_inflected_words_are_found_in_each_language(
    there: Searching, text: str, language: str, marked: str
) -> None:
    await (await there.meeting()).speak()
    found = await there.find(text, language=language)
    hit = found.hits[0]
    assert marked in [hit.text[start:end] for start, end in hit.marks]
    assert {one.language for one in found.hits} == {language}


async def corrected(there: Searching, segment: str, version: int, text: str, mark: HumanMark) -> None:
    """Correct a passage."""
    words = tuple(text.split())
    ids = tuple(range(100, 100 + len(words)))
    event = SegmentCorrected("en", segment, version, words, ids, mark, "staff", 7, "misheard")
    await there.log.append(public_stream(MEETING), [encode(event)])


async def test_a_hit_says_who_answers_for_its_text(there: Searching) -> None:
    speaker = await there.meeting()
    await speaker.words("en", "The judge was named.")
    await speaker.words("en", "The prosecutor was asked and")
    await speaker.words("en", "answered the question.")
    assert [hit.state for hit in (await there.find("judge")).hits] == ["machine"]
    await corrected(there, "en.0", 1, "The judge was heard.", "corrected")
    assert [hit.state for hit in (await there.find("judge")).hits] == ["corrected"]
    await corrected(there, "en.0", 2, "The judge was heard.", "verified")
    assert [hit.state for hit in (await there.find("judge")).hits] == ["verified"]
    await corrected(there, "en.1", 1, "The prosecutor was asked and", "verified")
    (hit,) = (await there.find("prosecutor")).hits
    assert (hit.text, hit.state) == ("The prosecutor was asked and answered the question.", "machine")
    await corrected(there, "en.2", 1, "answered the question.", "corrected")
    assert [hit.state for hit in (await there.find("prosecutor")).hits] == ["corrected"]


async def test_a_sentence_that_goes_over_two_passages_is_shown_whole(there: Searching) -> None:
    speaker = await there.meeting()
    await speaker.words("en", "We thank you. The delegation answers that")
    await speaker.words("en", "all prisons were visited in March. Next question.")
    assert await there.texts("prisons") == ["The delegation answers that all prisons were visited in March."]


async def test_filters_narrow_and_counts_say_by_how_much(there: Searching) -> None:
    for number, (dialogue, body) in enumerate((("arl", "Human Rights Committee, 148th"), ("ves", "CAT"))):
        speaker = await there.meeting(f"m{number}", dialogue=dialogue, body=body)
        await speaker.words("en", "The prisons are full.")
        await speaker.words("fr", "Les prisons sont pleines.")
    found = await there.find("prisons")
    assert (found.total, found.meetings) == (4, 2)
    assert found.languages == [Count("en", 2), Count("fr", 2)]
    assert found.bodies == [Count("Human Rights Committee", 2), Count("CAT", 2)]
    narrowed = await there.find("prisons", body="CAT", language="fr")
    assert [(hit.meeting.id, hit.language) for hit in narrowed.hits] == [("m1", "fr")]
    assert narrowed.bodies == [Count("Human Rights Committee", 1), Count("CAT", 1)], "what other choices would give"
    assert narrowed.languages == [Count("en", 1), Count("fr", 1)]
    assert (await there.find("prisons", dialogue="ves")).total == 2
    assert (await there.find("prisons", meeting="m0")).total == 2
    assert (await there.find("prisons", since=ZERO_MS, until=ZERO_MS + 1)).total == 4
    assert (await there.find("prisons", since=ZERO_MS + 1)).total == 0


async def test_the_newest_come_first_where_that_is_asked_and_where_all_are_equally_close(there: Searching) -> None:
    for name in ("older", "newer"):
        await (await there.meeting(name)).words("en", "The prisons are full.")
    for order in ("closest", "newest"):
        found = await there.find("prisons", order=order)
        assert [hit.meeting.id for hit in found.hits] == ["newer", "older"]
    assert [hit.meeting.id for hit in (await there.find("prisons", limit=1, skip=1)).hits] == ["older"]


async def test_rehearsals_are_never_found(there: Searching) -> None:
    await there.keeper.create(meeting("real"))
    name = await there.keeper.rehearse("real")
    await Speaker(there.log, name).words("en", "The prisons are full.")
    found = await there.find("prisons")
    assert found.total == 0
    assert there.residue("prisons") == []


@pytest.mark.parametrize(
    ("text", "filters", "code"),
    [
        ("?!", {}, "no-words"),
        ("prisons", {"language": "ru"}, "no-text"),
        ("prisons", {"language": "fr"}, "other-languages"),
        ("prisons", {"dialogue": "elsewhere"}, "filters"),
        ("prisons zebra", {}, "missing-words"),
        ("prisons budget", {}, "words-apart"),
    ],
)
async def test_nothing_found_says_why(there: Searching, text: str, filters: dict[str, str], code: str) -> None:
    speaker = await there.meeting()
    await speaker.words("en", "The prisons are full.")
    await speaker.words("en", "The budget is spent.")
    await speaker.words("fr", "Le budget est dépensé.")
    found = await there.find(text, **filters)
    assert (found.total, found.hits) == (0, [])
    assert found.reason is not None
    assert found.reason.code == code
    if code in {"other-languages", "no-text"}:
        assert found.reason.languages == [Count("en", 1)]
    if code == "filters":
        assert found.reason.excluded == 1
    if code == "missing-words":
        assert found.reason.missing == ["zebra"]


@pytest.mark.parametrize(
    "text",
    [
        '" OR said_en : x',
        '"',
        '"" "a',
        "* ^ NEAR(a b, 3) AND NOT OR { } + -a:b",
        "x'); DROP TABLE passages; --",
        HOSTILE,
        "\x00\ud7ff\u202e",
        "ﷺ ½ № ＂ *",
        "a" * 200,
    ],
)
async def test_a_query_is_only_words(there: Searching, text: str) -> None:
    speaker = await there.meeting()
    await speaker.words("en", "The prisons are full.")
    await speaker.words("en", text.replace(" ", " "))
    assert (await there.find(text[:200])).total >= 0
    assert (await there.find("prisons")).total == 1


async def test_what_cannot_be_asked_is_refused(there: Searching) -> None:
    for wanted in (Wanted("a" * 201), Wanted("a", language="xx"), Wanted("a", limit=51), Wanted("a", skip=-1)):
        with pytest.raises(Refused):
            await there.search.find(wanted)


async def test_another_language_is_searched_as_it_stands(there: Searching) -> None:
    speaker = await there.meeting(channels=(Channel("pt", "pt", 0, "floor"),))
    await speaker.words("pt", "As prisões estão cheias.")
    found = await there.find("prisoes")
    assert [hit.language for hit in found.hits] == ["pt"]
    assert found.languages == [Count("other", 1)]


async def test_an_open_passage_is_found_while_it_grows(there: Searching) -> None:
    speaker = await there.meeting()
    await speaker.words("en", "The prisons", more=True)
    assert await there.texts("prisons") == ["The prisons"]
    await speaker.tell(WordsCommitted("en", "en.0", 2, ("are", "full."), 40_000))
    assert await there.texts("full") == ["The prisons are full."]
    assert (await there.find("prisons")).total == 1
