"""The agenda: ids made from titles, and how much time is left."""

import msgspec
import pytest

from hearing import agenda
from hearing.errors import Conflict
from hearing.house_events import Block, BlockBegan, Channel, MeetingCreated, MeetingOpened
from hearing.meeting import House, Meeting, apply, create

SIX, NINE = Block("article-6", "Article 6", 40), Block("article-9", "Article 9")


def meeting(*blocks: Block) -> Meeting:
    """Return an open meeting with an agenda."""
    wanted = MeetingCreated("one", "one", "One", "open", (Channel("en", "en", 0),), "/a.mkv", agenda=blocks)
    house = apply(House(), create(House(), wanted)[0])
    return apply(house, MeetingOpened("one", 1_000)).meeting("one")


def began(found: Meeting, block: str, at_ms: int) -> Meeting:
    """Return the meeting once it went on to a block."""
    return apply(House({found.id: found}), BlockBegan(found.id, block, at_ms)).meeting(found.id)


def ids(*titles: str, **known: str) -> list[str]:
    """Return the ids that new blocks get."""
    return [block.id for block in agenda.blocks([Block("", title) for title in titles], known)]


def test_an_id_is_made_from_its_title_and_fits_the_rules_of_a_meeting() -> None:
    titles = ("Articles 6 & 7", "Égalité", "المادة ٩", "第九条", "Article " + "9" * 90, "---")
    assert ids(*titles) == ["articles-6-7", "egalite", "b1", "b2", "article-999999999999", "b3"]
    wanted = meeting(*agenda.blocks([Block("", title) for title in titles], {})).created
    assert create(House(), wanted)


def test_the_same_title_twice_gets_two_ids() -> None:
    assert ids("Article 9", "Article 9") == ["article-9", "article-9-2"]


def test_the_same_title_is_the_same_block_in_the_whole_dialogue_and_another_title_is_not() -> None:
    known = {"article-9": "Article 9", "b1": "المادة ٩"}
    assert ids("Article 9", "المادة ٩", **known) == ["article-9", "b1"]
    assert ids("Article: 9", "第九条", **known) == ["article-9-2", "b2"]


def test_a_block_that_has_an_id_keeps_it_whatever_its_title() -> None:
    named = agenda.blocks([Block("article-9", "Anything"), Block("", "Article 9")], {})
    assert [block.id for block in named] == ["article-9", "article-9-2"]


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("Articles 6 and 7:40", Block("", "Articles 6 and 7", 40)),
        ("Article 9", Block("", "Article 9")),
        ("Article 9: detention", Block("", "Article 9: detention")),
        ("Article 9: detention : 30", Block("", "Article 9: detention", 30)),
        ("المادة ٩:٣٠", Block("", "المادة ٩:٣٠")),
    ],
)
def test_the_command_line_names_minutes_after_a_colon(text: str, block: Block) -> None:
    assert agenda.read(text) == block


def test_what_comes_next_follows_the_agenda() -> None:
    found = meeting(SIX, NINE)
    assert agenda.following(found) == SIX
    assert agenda.following(began(found, "article-6", 1)) == NINE
    assert agenda.following(began(found, "article-9", 1)) is None
    assert agenda.following(began(found, "", 1)) is None
    assert agenda.following(meeting()) is None


def test_time_left_counts_from_when_the_block_began() -> None:
    found = began(meeting(SIX, NINE), "article-6", 60_000)
    assert agenda.left_ms(found, 60_000) == 40 * 60_000
    assert agenda.left_ms(found, 0) == 40 * 60_000, "a clock that went back gives no more than was planned"
    assert agenda.left_ms(found, 60_000 + 41 * 60_000) == -60_000
    assert agenda.left_ms(began(found, "article-9", 60_000), 60_000) is None
    assert [agenda.minutes_left(ms) for ms in (60_001, 60_000, 1, 0, -59_999, -60_000)] == [2, 1, 1, 0, 0, -1]


def test_the_last_meeting_has_the_last_word_on_a_title() -> None:
    other = meeting(msgspec.structs.replace(SIX, title="Life"), Block("x", "X"))
    assert agenda.titles([meeting(SIX, NINE), other]) == {"article-6": "Life", "article-9": "Article 9", "x": "X"}


def test_ids_of_purged_meetings_are_not_given_again() -> None:
    with pytest.raises(Conflict):
        create(House(purged=frozenset({"one"})), meeting().created)
