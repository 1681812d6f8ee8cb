"""Whatever senders and staff do, in any order, with restarts: the public sees what it may, and nothing else."""

import asyncio
import tempfile
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from hearing.desk_events import CEILINGS, Ceiling
from hearing.errors import HearingError
from hearing.qa.acts import Accept, Act, Answer, Decline, Lower, Publish, Route, TurnTo, Unpublish
from hearing.qa.item import rank
from hearing.qa.office import Office
from hearing.qa.receipt import Keys
from tests.qa.support import MODERATOR, OPEN, OTHER, Clock, holding, new_keys, office, public, question, records

ITEMS = 3
ACTS: list[Act] = [
    Accept(),
    Decline("other"),
    Publish(),
    Publish("theme", theme=True),
    Unpublish(),
    Route(),
    Answer("b1", ("en.1",)),
    TurnTo("now"),
    Lower("committee"),
]
steps = st.lists(
    st.tuples(
        st.integers(0, ITEMS - 1),
        st.sampled_from([*ACTS, "undo", "withdraw", "narrow", "send"]),
        st.sampled_from([0, 3_000, 10_000]),
        st.booleans(),
    ),
    min_size=5,
    max_size=30,
)
Step = tuple[int, Act | str, int, bool]


class People(msgspec.Struct):
    """Three senders: what each has sent, and how far they let it be seen by now."""

    keys: list[Keys]
    ceilings: list[Ceiling]
    withdrawn: set[int] = set()

    def text(self, number: int) -> str:
        return f"text-of-{self.keys[number].auth[:12]}"


@settings(max_examples=25)
@given(steps, st.tuples(*(st.sampled_from(CEILINGS) for _ in range(ITEMS))))
def test_the_public_never_sees_what_it_may_not(taken: list[Step], ceilings: tuple[Ceiling, ...]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder), taken, People([new_keys() for _ in range(ITEMS)], list(ceilings))))


async def play(folder: Path, taken: list[Step], people: People) -> None:
    clock = Clock()
    everybody: list[Step] = [(number, what, 0, True) for what in ("send", Accept()) for number in range(ITEMS)]
    taken = everybody + taken
    for half in (taken[: len(taken) // 2], taken[len(taken) // 2 :]):
        async with office(folder, clock) as (desk, log):
            for step in half:
                clock.ms += step[2]
                try:
                    await take(desk, people, step)
                except HearingError:
                    continue
                shown = {one.text for one in (await desk.published(OPEN)).questions}
                for number, ceiling in enumerate(people.ceilings):
                    if rank(ceiling) < rank("public-text") or number in people.withdrawn:
                        assert people.text(number) not in shown
                        assert holding(folder, people.text(number)) == []
            events = msgspec.json.encode(await public(log, "b1", "b2")).decode()
            assert not any(keys.item in events or keys.auth in events for keys in people.keys)
            assert len(await records(log, "public:v1")) == 0


async def take(desk: Office, people: People, step: Step) -> None:
    number, what, _, first = step
    keys, who = people.keys[number], MODERATOR if first else OTHER
    match what:
        case "send":
            await desk.submit(OPEN, keys, question(people.text(number), ceiling=people.ceilings[number]))
        case "withdraw":
            await desk.withdraw(keys)
            people.withdrawn.add(number)
        case "narrow":
            lower = CEILINGS[max(0, rank(people.ceilings[number]) - 1)]
            await desk.narrow(keys, lower)
            people.ceilings[number] = lower
        case "undo":
            await desk.moderators.undo(who, OPEN, keys.item, (await desk.moderators.item(who, OPEN, keys.item)).version)
        case str():
            raise AssertionError
        case _:
            view = await desk.moderators.decide(
                who, OPEN, keys.item, (await desk.moderators.item(who, OPEN, keys.item)).version, what
            )
            assert rank(view.ceiling) <= rank(people.ceilings[number])
            people.ceilings[number] = view.ceiling
