"""A meeting's life, as decisions and a fold."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing import meeting
from hearing.errors import Conflict, NotFound, Refused
from hearing.events import encode
from hearing.house_events import Block, Channel, HouseEvent, MeetingClosed, MeetingCreated, MeetingOpened, decode_house
from hearing.meeting import House

CREATED = MeetingCreated(
    meeting="valdoria-2",
    dialogue="valdoria",
    title="Valdoria, second meeting",
    profile="treaty-body",
    channels=(Channel("en", "en", 0, "floor"), Channel("ar", "ar", 1)),
    source="/media/valdoria.mkv",
)


def house(*events: HouseEvent) -> House:
    state = House()
    for event in events:
        state = meeting.apply(state, event)
    return state


def test_a_meeting_is_created_opened_and_closed() -> None:
    state = house(*meeting.create(House(), CREATED))
    state = meeting.apply(state, meeting.open_meeting(state, "valdoria-2", 5)[0])
    assert (state.meeting("valdoria-2").phase, state.meeting("valdoria-2").opened_ms) == ("open", 5)
    state = meeting.apply(state, meeting.close_meeting(state, "valdoria-2", 9)[0])
    assert (state.meeting("valdoria-2").phase, state.meeting("valdoria-2").closed_ms) == ("closed", 9)


def test_opening_or_closing_twice_decides_nothing() -> None:
    state = house(CREATED, MeetingOpened("valdoria-2", 1))
    assert meeting.open_meeting(state, "valdoria-2", 2) == []
    state = meeting.apply(state, MeetingClosed("valdoria-2", 3))
    assert meeting.close_meeting(state, "valdoria-2", 4) == []


def test_a_closed_meeting_stays_closed() -> None:
    with pytest.raises(Conflict, match="closed"):
        meeting.open_meeting(house(CREATED, MeetingClosed("valdoria-2", 3)), "valdoria-2", 4)


def test_an_id_is_never_used_twice() -> None:
    with pytest.raises(Conflict, match="exists already"):
        meeting.create(house(CREATED), CREATED)


def test_the_meetings_of_a_dialogue_have_one_profile() -> None:
    other = msgspec.structs.replace(CREATED, meeting="valdoria-3", profile="open")
    with pytest.raises(Refused, match="treaty-body"):
        meeting.create(house(CREATED), other)
    assert meeting.create(house(CREATED), msgspec.structs.replace(other, dialogue="briefing"))


@pytest.mark.parametrize("bad", ["", "A", "../x", "a b", "-a", "a-", "x" * 65, "é"])
def test_an_id_that_would_not_fit_an_address_is_refused(bad: str) -> None:
    with pytest.raises(Refused, match="a-z, 0-9"):
        meeting.create(House(), msgspec.structs.replace(CREATED, meeting=bad))


@pytest.mark.parametrize(
    ("channels", "said"),
    [
        ((), "1 to 16"),
        ((Channel("en", "en", 0), Channel("en", "en", 1)), "suffix"),
        ((Channel("EN", "en", 0),), "language code"),
        ((Channel("../x", "en", 0),), "language code"),
    ],
)
def test_channels_that_cannot_work_are_refused(channels: tuple[Channel, ...], said: str) -> None:
    with pytest.raises(Refused, match=said):
        meeting.create(House(), msgspec.structs.replace(CREATED, channels=channels))


def test_an_unknown_meeting_or_channel_is_not_found_and_says_what_there_is() -> None:
    with pytest.raises(NotFound, match="meeting list"):
        House().meeting("nowhere")
    with pytest.raises(NotFound, match="en, ar"):
        house(CREATED).meeting("valdoria-2").channel("fr")


def test_an_event_of_a_later_release_is_skipped() -> None:
    assert decode_house(b'{"type":"meeting.moved","meeting":"valdoria-2","hall":"XVII"}') is None
    assert meeting.apply(house(CREATED), None) == house(CREATED)


events = st.lists(
    st.one_of(
        st.just(CREATED),
        st.builds(MeetingOpened, st.sampled_from(["valdoria-2", "unknown"]), st.integers(0, 9)),
        st.builds(MeetingClosed, st.sampled_from(["valdoria-2", "unknown"]), st.integers(0, 9)),
    )
)


@given(events)
def test_a_replay_of_the_stored_bytes_gives_the_same_house(happened: list[HouseEvent]) -> None:
    stored = [decode_house(encode(event)) for event in happened]
    assert house(*[event for event in stored if event]) == house(*happened)


AGENDA = (Block("a6", "Articles 6 and 7", 40), Block("a9", "Article 9"))


def test_a_planned_meeting_is_set_up_anew_and_keeps_what_others_rely_on() -> None:
    wanted = msgspec.structs.replace(CREATED, title="Another", dialogue="other", profile="open", agenda=AGENDA)
    state = house(CREATED)
    state = meeting.apply(state, meeting.change(state, wanted, 5)[0])
    now = state.meeting("valdoria-2").created
    assert (now.title, now.dialogue, now.profile, now.agenda) == ("Another", "valdoria", "treaty-body", AGENDA)
    assert meeting.change(state, wanted, 6) == []


def test_an_open_meeting_keeps_its_channels_and_source_and_a_closed_one_everything() -> None:
    state = house(CREATED, MeetingOpened("valdoria-2", 1))
    assert meeting.change(state, msgspec.structs.replace(CREATED, agenda=AGENDA), 2)
    with pytest.raises(Conflict, match="open"):
        meeting.change(state, msgspec.structs.replace(CREATED, source="other.mkv"), 2)
    state = meeting.apply(state, MeetingClosed("valdoria-2", 3))
    with pytest.raises(Conflict, match="closed"):
        meeting.change(state, msgspec.structs.replace(CREATED, title="Other"), 4)


def test_a_block_begins_in_an_open_meeting_only() -> None:
    state = house(msgspec.structs.replace(CREATED, agenda=AGENDA))
    with pytest.raises(Conflict, match="Open it first"):
        meeting.begin_block(state, "valdoria-2", "a9", 1)
    state = meeting.apply(state, MeetingOpened("valdoria-2", 1))
    with pytest.raises(NotFound, match="no such block"):
        meeting.begin_block(state, "valdoria-2", "a1", 2)
    state = meeting.apply(state, meeting.begin_block(state, "valdoria-2", "a9", 7)[0])
    assert state.meeting("valdoria-2").current_block == AGENDA[1]
    assert state.meeting("valdoria-2").block_began_ms == 7
    assert meeting.begin_block(state, "valdoria-2", "a9", 8) == []


@pytest.mark.parametrize(
    "agenda",
    [
        (Block("A 1", "x"),),
        (Block("a", " "),),
        (Block("a", "x", -1),),
        (Block("a", "x"), Block("a", "y")),
        tuple(Block(f"b{n}", "x") for n in range(41)),
    ],
)
def test_an_agenda_that_is_not_well_formed_is_refused(agenda: tuple[Block, ...]) -> None:
    with pytest.raises(Refused):
        meeting.create(House(), msgspec.structs.replace(CREATED, agenda=agenda))


def test_a_rehearsal_is_another_meeting_that_is_not_public_and_can_be_purged() -> None:
    state = house(CREATED, *meeting.rehearse(house(CREATED), "valdoria-2", 3))
    rehearsal = state.rehearsals("valdoria-2")[0]
    assert (rehearsal.phase, rehearsal.created.source) == ("open", CREATED.source)
    assert list(state.public().meetings) == ["valdoria-2"]
    with pytest.raises(Conflict, match="rehearsed already"):
        meeting.rehearse(state, "valdoria-2", 4)
    state = meeting.apply(state, meeting.purge(state, rehearsal.id, 5)[0])
    assert list(state.meetings) == ["valdoria-2"]
    assert meeting.purge(state, rehearsal.id, 6) == []
    again = house(CREATED, *meeting.rehearse(state, "valdoria-2", 7)).rehearsals("valdoria-2")[0]
    assert again.id != rehearsal.id


def test_a_real_meeting_is_never_purged_nor_rehearsed_once_open() -> None:
    state = house(CREATED, MeetingOpened("valdoria-2", 1))
    with pytest.raises(Conflict, match="real meeting"):
        meeting.purge(state, "valdoria-2", 2)
    with pytest.raises(Conflict, match="not open yet"):
        meeting.rehearse(state, "valdoria-2", 2)


def test_opening_the_real_meeting_closes_the_rehearsal_that_still_runs() -> None:
    events = meeting.rehearse(house(CREATED), CREATED.meeting, 5)
    rehearsed = house(CREATED, *events)
    rehearsal = rehearsed.rehearsals(CREATED.meeting)[0].id
    assert meeting.open_meeting(rehearsed, CREATED.meeting, 7) == [
        MeetingClosed(rehearsal, 7),
        MeetingOpened(CREATED.meeting, 7),
    ]
    closed = house(CREATED, *events, MeetingClosed(rehearsal, 6))
    assert meeting.open_meeting(closed, CREATED.meeting, 7) == [MeetingOpened(CREATED.meeting, 7)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"starts_ms": 1_700_000_000_000_000}, "between 2000 and 2200"),
        ({"starts_ms": -1}, "between 2000 and 2200"),
        ({"dialogue": "a/../b c?"}, "named like a meeting"),
        ({"body": "x" * 201}, "200 characters"),
        ({"source": ""}, "needs a source"),
        ({"title": "caf\udce9"}, "UTF-8"),
        ({"channels": (Channel("en", 'en"\n#X', 0),)}, "is a code"),
        ({"channels": (Channel("en", "en", -1),)}, "from 0"),
    ],
)
def test_what_no_page_could_show_is_refused_however_it_comes(changes: dict[str, object], said: str) -> None:
    with pytest.raises(Refused, match=said):
        meeting.create(House(), msgspec.structs.replace(CREATED, **changes))
