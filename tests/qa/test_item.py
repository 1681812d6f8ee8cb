"""An item's life as a state machine: every run of commands that hypothesis can think of."""

from collections.abc import Sequence
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.access import Actor
from hearing.desk_events import (
    ACT_SETTLES_MS,
    CEILINGS,
    Ceiling,
    CeilingLowered,
    DeskEvent,
    ItemAccepted,
    ItemEvent,
    ItemPublished,
    ItemReceived,
    ItemRouted,
    Reason,
    decode_desk,
    encode_desk,
)
from hearing.errors import Conflict, Gone, HearingError, Refused
from hearing.qa import decisions, item
from hearing.qa.acts import Accept, Act, Answer, Ask, Decline, Lower, Note, Publish, Route, TurnTo, Unpublish
from hearing.qa.item import Item, rank
from hearing.qa.profile import rules_of, strictest
from hearing.qa.publish import published_now

ACTORS = (Actor("moderator", "a"), Actor("moderator", "b"))
OPEN = rules_of("open")

received = st.builds(
    ItemReceived,
    item=st.just("i"),
    auth=st.just("h"),
    kind=st.sampled_from(["question", "information"]),
    language=st.just("en"),
    source_class=st.just("cso"),
    ceiling=st.sampled_from(CEILINGS),
    bucket=st.just(0),
    body=st.just("sealed"),
)
acts = st.one_of(
    st.builds(Accept),
    st.builds(Decline, st.sampled_from(get_args(Reason))),
    st.builds(Publish, st.sampled_from(["", "s"]), st.booleans(), st.booleans()),
    st.builds(Unpublish),
    st.builds(Route, st.sampled_from([("committee",), ("m1",), ("m1", "m2")])),
    st.builds(Answer, st.just("m"), st.just(("en.1",))),
    st.builds(Answer, body=st.just("s")),
    st.builds(TurnTo, st.sampled_from(["queued", "next", "now"])),
    st.builds(Lower, st.sampled_from(CEILINGS)),
    st.builds(Note, st.just("s")),
    st.builds(Ask, st.just("s")),
)
steps = st.lists(
    st.tuples(
        st.one_of(acts, st.sampled_from(["undo", "withdraw", "reply"]), st.sampled_from(CEILINGS)),
        st.sampled_from(ACTORS),
        st.integers(0, 12_000),
    ),
    max_size=25,
)
Step = tuple[Act | str, Actor, int]


def decided(held: Item, step: Step, at_ms: int) -> list[ItemEvent]:
    what, actor, _ = step
    match what:
        case "undo":
            return decisions.undo(held, actor=actor, at_ms=at_ms)
        case "withdraw":
            return decisions.withdraw(held)
        case "reply":
            return decisions.reply(held, "s", 0)
        case "secretariat" | "committee" | "public-theme" | "public-text":
            return decisions.lower(held, what)
        case str():
            raise AssertionError
        case _:
            return decisions.decide(held, what, actor=actor, at_ms=at_ms, rules=OPEN)


class Run(msgspec.Struct):
    """What happened: every event with its position, and the item after each."""

    events: list[tuple[int, ItemEvent]] = []
    items: list[Item] = []
    at_ms: int = 100_000

    @property
    def now(self) -> Item:
        return self.items[-1]

    def take(self, events: list[ItemEvent]) -> None:
        for event in events:
            position = 3 * len(self.events) + 1
            self.events.append((position, event))
            after = item.apply(self.items[-1] if self.items else None, event, position)
            assert after
            self.items.append(after)


def play(first: ItemReceived, taken: list[Step]) -> Run:
    run = Run()
    run.take([first])
    for step in taken:
        run.at_ms += step[2]
        try:
            run.take(decided(run.now, step, run.at_ms))
        except (Conflict, Refused):
            continue
    return run


@given(received, steps)
def test_the_ceiling_never_rises_and_nothing_is_public_above_it(first: ItemReceived, taken: list[Step]) -> None:
    run = play(first, taken)
    for before, after in zip(run.items, run.items[1:], strict=False):
        assert rank(after.ceiling) <= rank(before.ceiling) <= rank(first.ceiling)
    for now_ms in (run.at_ms, run.at_ms + ACT_SETTLES_MS):
        for each in run.items:
            if shown := published_now(each, OPEN, now_ms):
                assert rank(each.ceiling) >= rank("public-theme" if shown[1].theme else "public-text")


@given(received, steps)
def test_replay_equals_state_and_repeats_are_harmless(first: ItemReceived, taken: list[Step]) -> None:
    run = play(first, taken)
    replayed: Item | None = None
    for position, event in run.events:
        stored = decode_desk(encode_desk(event))
        replayed = item.apply(replayed, stored, position)
        assert item.apply(replayed, stored, position) == replayed
        assert item.apply(replayed, run.events[0][1], run.events[0][0]) == replayed
    assert replayed == run.now
    assert run.now.version == run.events[-1][0] == run.now.version


@given(received, steps, steps)
def test_withdrawn_is_final(first: ItemReceived, taken: list[Step], then: list[Step]) -> None:
    run = play(first, taken)
    run.take(decisions.withdraw(run.now))
    assert run.now.state == "withdrawn"
    assert decisions.withdraw(run.now) == []
    for step in then:
        if step[0] != "withdraw":
            with pytest.raises(Gone):
                decided(run.now, step, run.at_ms)
    for _, event in run.events:
        assert item.apply(run.now, event, 10_000) == run.now
    assert published_now(run.now, OPEN, run.at_ms + ACT_SETTLES_MS) is None


@given(received, steps, acts)
def test_undoing_leads_back_to_the_stage_before(first: ItemReceived, taken: list[Step], act: Act) -> None:
    run = play(first, taken)
    if run.now.withdrawn:
        return
    before = run.now
    try:
        run.take(decisions.decide(before, act, actor=ACTORS[0], at_ms=run.at_ms, rules=OPEN))
    except HearingError:
        return
    if run.now.stage == before.stage or isinstance(act, Unpublish | Lower):
        return
    assert item.settled(run.now, run.at_ms) == item.settled(before, run.at_ms)
    assert item.settled(run.now, run.at_ms + ACT_SETTLES_MS) == run.now.stage
    undone = msgspec.structs.replace(run.now)
    run.take(decisions.undo(run.now, actor=ACTORS[0], at_ms=run.at_ms + ACT_SETTLES_MS - 1))
    assert run.now.stage == before.stage
    assert run.now.version > undone.version
    with pytest.raises(Conflict):
        decisions.undo(undone, actor=ACTORS[0], at_ms=run.at_ms + ACT_SETTLES_MS)


@given(received, steps)
def test_what_can_be_undone_has_no_effect_outside(first: ItemReceived, taken: list[Step]) -> None:
    run = play(first, taken)
    for before, after in zip(run.items, run.items[1:], strict=False):
        stage = item.settled(after, run.at_ms)
        assert stage.at_ms + ACT_SETTLES_MS <= run.at_ms or len(after.earlier) == 0 or stage == after.earlier[0]
        if after.stage.published and after.stage.published != before.stage.published:
            assert published_now(after, OPEN, after.stage.at_ms + ACT_SETTLES_MS - 1) in (
                None,
                published_now(before, OPEN, after.stage.at_ms + ACT_SETTLES_MS - 1),
            )


@given(received, steps, acts)
def test_the_same_decision_again_decides_nothing_new_for_stages(
    first: ItemReceived, taken: list[Step], act: Act
) -> None:
    run = play(first, taken)
    if isinstance(act, Note | Ask) or "body" in act.__struct_fields__:
        return
    try:
        events = decisions.decide(run.now, act, actor=ACTORS[0], at_ms=run.at_ms, rules=OPEN)
    except HearingError:
        return
    run.take(events)
    again = decisions.decide(run.now, act, actor=ACTORS[1], at_ms=run.at_ms + 1, rules=OPEN)
    assert again == []


@given(received, steps)
def test_a_confidential_dialogue_publishes_nothing_whatever_was_decided(first: ItemReceived, taken: list[Step]) -> None:
    run = play(first, taken)
    for profile in ("treaty-body", "upr", "procedures"):
        assert all(published_now(each, rules_of(profile), run.at_ms + 20_000) is None for each in run.items)
    assert not strictest(["open", "upr", "open"]).publishes
    assert strictest(["open", "open"]).publishes
    assert not strictest([]).publishes


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (Publish(), Conflict),
        (Route(), Conflict),
        (Answer("m", ("en.1",)), Conflict),
        (TurnTo("now"), Conflict),
        (Note(""), Refused),
        (Ask(""), Refused),
    ],
)
def test_what_was_only_received_is_accepted_first(act: Act, error: type[HearingError]) -> None:
    with pytest.raises(error):
        decisions.decide(new("public-text"), act, actor=ACTORS[0], at_ms=1, rules=OPEN)


@pytest.mark.parametrize(
    "act",
    [
        Publish("", theme=True),
        Route(()),
        Route(tuple(map(str, range(40)))),
        Answer(),
        Answer("m", ()),
        Answer("", ("en.1",)),
        Answer("m", tuple(map(str, range(201)))),
    ],
)
def test_an_act_that_says_too_little_or_too_much_is_refused(act: Act) -> None:
    held = item.apply(new("public-text"), ItemAccepted("i", ACTORS[0], 1), 2)
    assert held
    held = after(held, decisions.decide(held, Publish(), actor=ACTORS[0], at_ms=1, rules=OPEN))
    with pytest.raises(Refused):
        decisions.decide(held, act, actor=ACTORS[0], at_ms=1, rules=OPEN)


def test_what_is_public_is_not_declined() -> None:
    held = after(new("public-text"), [ItemAccepted("i", ACTORS[0], 1)])
    held = after(held, decisions.decide(held, Publish(), actor=ACTORS[0], at_ms=1, rules=OPEN))
    with pytest.raises(Conflict, match="public"):
        decisions.decide(held, Decline("other"), actor=ACTORS[0], at_ms=1, rules=OPEN)


def test_a_record_that_raises_the_ceiling_raises_nothing() -> None:
    held = item.apply(new("committee"), CeilingLowered("i", "public-text"), 2)
    assert held
    assert held.ceiling == "committee"


@pytest.mark.parametrize(("ceiling", "theme"), [("committee", True), ("public-theme", False), ("secretariat", False)])
def test_a_record_that_publishes_above_the_ceiling_publishes_nothing(ceiling: Ceiling, theme: bool) -> None:
    accepted = ItemAccepted("i", ACTORS[0], 1)
    held = after(new(ceiling), [accepted, ItemPublished("i", ACTORS[0], 1, "sealed", theme)])
    assert held.state == "published"
    assert published_now(held, OPEN, 20_000) is None


def test_what_only_the_secretariat_may_see_now_is_taken_from_the_members() -> None:
    held = after(new("committee"), [ItemAccepted("i", ACTORS[0], 1), ItemRouted("i", ACTORS[0], 1, ("committee",))])
    held = after(held, decisions.lower(held, "secretariat"))
    assert (held.state, held.stage.routed_to) == ("accepted", ())


def test_a_record_of_a_later_release_is_skipped() -> None:
    assert decode_desk(b'{"type":"item.translated","item":"i"}') is None
    assert decode_desk(b"") is None
    assert item.apply(None, None, 1) is None


def new(ceiling: Ceiling) -> Item:
    held = item.apply(None, ItemReceived("i", "h", "question", "en", "cso", ceiling, 0, "sealed"), 1)
    assert held
    return held


def after(held: Item, events: Sequence[DeskEvent]) -> Item:
    for event in events:
        folded = item.apply(held, event, held.version + 1)
        assert folded
        held = folded
    return held
