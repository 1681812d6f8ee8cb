"""What the public sees does not depend on which meeting's stream is read first."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hearing.events import (
    PublicEvent,
    QuestionAnswered,
    QuestionPublished,
    QuestionRemoved,
    QuestionTurned,
    Redacted,
    encode,
    public_stream,
)
from hearing.house_events import MeetingChanged, MeetingClosed, MeetingOpened
from hearing.log.memory import MemoryLog
from hearing.qa.acts import Accept, Answer, Publish, TurnTo
from hearing.qa.office import Office
from hearing.qa.shown import PublicFold, PublicQuestion, Shown
from tests.qa.support import MODERATOR, OPEN, Clock, house, meeting, new_keys, office, public, question

MEETINGS = ("b1", "b2", "b3")
ids = st.sampled_from(["q1", "q2"])
told: st.SearchStrategy[PublicEvent] = st.one_of(
    st.builds(QuestionPublished, ids, st.just("question"), st.just("en"), st.sampled_from(["One?", "Two?"])),
    st.builds(QuestionTurned, ids, st.sampled_from(["queued", "next", "now"]), st.integers(0, 3)),
    st.builds(QuestionAnswered, ids, st.sampled_from(MEETINGS), st.just(()), st.sampled_from(["Yes.", "No."])),
    st.builds(QuestionRemoved, ids),
    st.builds(Redacted, st.integers(1, 4)),
)


def once(events: list[tuple[str, PublicEvent]]) -> list[tuple[str, PublicEvent]]:
    """Leave out what no publisher does: a question is published once."""
    seen: set[str] = set()
    kept = []
    for where, event in events:
        if isinstance(event, QuestionPublished):
            if event.question in seen:
                continue
            seen.add(event.question)
        kept.append((where, event))
    return kept


@given(
    st.lists(st.tuples(st.sampled_from(MEETINGS), told), max_size=14).map(once),
    st.lists(st.permutations(MEETINGS), min_size=14, max_size=14),
    st.permutations(MEETINGS),
)
def test_whatever_order_meetings_are_read_in_the_same_is_shown(
    events: list[tuple[str, PublicEvent]], live: list[list[str]], afresh: list[str]
) -> None:
    asyncio.run(same(events, live, afresh))


async def same(events: list[tuple[str, PublicEvent]], live: Sequence[list[str]], afresh: list[str]) -> None:
    """Compare one that reads along, one that begins at the end, and one that begins at the end elsewhere."""
    async with MemoryLog() as log:
        along, other = PublicFold(log), PublicFold(log)
        for (where, event), order in zip(events, live, strict=False):
            await log.append(public_stream(where), [encode(event)])
            await along.read(order)
        mixed = await other.read(afresh)
        expected = await PublicFold(log).read(MEETINGS)
        assert await along.read(MEETINGS) == await other.read(MEETINGS) == expected
        assert by_id(mixed) == by_id(expected)


def by_id(shown: Shown) -> list[PublicQuestion]:
    return sorted(shown.questions, key=lambda one: one.question)


async def publish(desk: Office, clock: Clock) -> str:
    keys = new_keys()
    await desk.submit(OPEN, keys, question())
    await act(desk, keys.item, Accept(), Publish())
    clock.settle()
    await desk.narrow(keys, "public-text")
    return keys.item


async def act(desk: Office, item: str, *acts: Accept | Publish | TurnTo | Answer) -> None:
    for one in acts:
        view = await desk.moderators.item(MODERATOR, OPEN, item)
        await desk.moderators.decide(MODERATOR, OPEN, item, view.version, one)


async def test_an_answer_in_an_earlier_meeting_than_its_question_is_shown_after_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        await house(log, MeetingClosed("b1", 2))
        item = await publish(desk, clock)
        await act(desk, item, Answer("b1", ("en.3",)))
        clock.settle()
        await act(desk, item, TurnTo("now"))
        live = await desk.published(OPEN)
        assert [(one.meeting, one.turn, one.answer and one.answer.meeting) for one in live.questions] == [
            ("b2", "now", "b1")
        ]
    async with office(tmp_path, clock) as (desk, _):
        assert await desk.published(OPEN) == live


async def test_a_turn_and_an_answer_outlive_the_postponing_of_the_meeting_they_were_asked_in(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        item = await publish(desk, clock)
        await act(desk, item, TurnTo("next"))
        await house(log, MeetingClosed("b1", 2), MeetingOpened("b2", 3))
        await house(log, MeetingChanged("b1", meeting("b1", starts_ms=5), 1))
        await act(desk, item, TurnTo("now"), Answer("b2", ("en.3",)))
        clock.settle()
        await act(desk, item, TurnTo("next"), TurnTo("now"))
        live = await desk.published(OPEN)
        assert [(one.meeting, one.turn, one.answer is not None) for one in live.questions] == [("b1", "now", True)]
        assert any(isinstance(event, QuestionTurned) for event in await public(log, "b2"))
    async with office(tmp_path, clock) as (desk, _):
        assert await desk.published(OPEN) == live
