"""Every log does what a model of thirty lines does, whatever is asked of it and in whichever order."""

import asyncio
import tempfile
import uuid
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from hearing.errors import Conflict, NotFound
from hearing.log.base import Log
from hearing.log.memory import MemoryLog
from hearing.log.redis import RedisLog
from hearing.log.redis_files import Files
from hearing.log.sqlite import SqliteLog

STREAMS = ("s", "t")
SUBJECTS = ("x", "y")

Answer = int | type[Conflict]


class Wanted(msgspec.Struct, frozen=True):
    """One append. `off` is added to the position that `expect` should be; None expects nothing."""

    stream: str
    bodies: list[bytes]
    subject: str | None
    off: int | None
    key: str | None


wanted = st.builds(
    Wanted,
    stream=st.sampled_from(STREAMS),
    bodies=st.lists(st.binary(min_size=1, max_size=8), min_size=1, max_size=3),
    subject=st.none() | st.sampled_from(SUBJECTS),
    off=st.none() | st.sampled_from([0, 0, 0, -1, 1]),
    key=st.none() | st.sampled_from([f"k{n}" for n in range(6)]),
)


class Model(msgspec.Struct):
    """What one stream should hold."""

    records: list[tuple[bytes, str]] = []
    subjects: dict[str, int] = {}
    keys: dict[str, int] = {}
    epoch: int = 1

    def head(self, subject: str | None) -> int:
        return len(self.records) if subject is None else self.subjects.get(subject, 0)

    def append(self, one: Wanted, expect: int | None) -> Answer:
        if one.key in self.keys:
            return self.keys[one.key]
        if expect is not None and expect != self.head(one.subject):
            return Conflict
        self.records += [(body, one.subject or "") for body in one.bodies]
        if one.subject:
            self.subjects[one.subject] = len(self.records)
        if one.key:
            self.keys[one.key] = len(self.records)
        return len(self.records)

    def erase_all(self) -> None:
        if self.subjects or self.keys or any(body for body, _ in self.records):
            self.epoch += 1
        self.records = [(b"", "") for _ in self.records]
        self.subjects, self.keys = {}, {}


class LogMachine(RuleBasedStateMachine):
    """Drives a log on a loop of its own, next to the model."""

    lasts = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.models = {stream: Model() for stream in STREAMS}
        self.open()

    def made(self) -> AbstractAsyncContextManager[Log]:
        return MemoryLog()

    def open(self) -> None:
        self.held = self.made()
        self.log = self.runner.run(self.held.__aenter__())

    def close(self) -> None:
        self.runner.run(self.held.__aexit__(None, None, None))

    def teardown(self) -> None:
        self.close()
        self.runner.close()
        self.folder.cleanup()

    @rule(many=st.lists(wanted, min_size=1, max_size=12))
    def append(self, many: list[Wanted]) -> None:
        """Ask for several at once: they are stored in the order in which they were asked for."""
        given = [(one, self.expected(one)) for one in many]
        should = [self.models[one.stream].append(one, expect) for one, expect in given]
        assert self.runner.run(self.ask(given)) == should

    def expected(self, one: Wanted) -> int | None:
        return None if one.off is None else self.models[one.stream].head(one.subject) + one.off

    async def ask(self, given: list[tuple[Wanted, int | None]]) -> list[Answer]:
        answers = await asyncio.gather(
            *(
                self.log.append(one.stream, one.bodies, subject=one.subject, expect=expect, key=one.key)
                for one, expect in given
            ),
            return_exceptions=True,
        )
        return [type(answer) if isinstance(answer, Conflict) else answer for answer in answers]  # type: ignore[misc]  # any other error is no equal

    @rule(stream=st.sampled_from(STREAMS), position=st.integers(-1, 30))
    def erase(self, stream: str, position: int) -> None:
        records = self.models[stream].records
        if 1 <= position <= len(records):
            self.runner.run(self.log.erase(stream, position))
            records[position - 1] = (b"", records[position - 1][1])
        else:
            with pytest.raises(NotFound):
                self.runner.run(self.log.erase(stream, position))

    @rule(stream=st.sampled_from(STREAMS))
    def erase_all(self, stream: str) -> None:
        self.runner.run(self.log.erase_all(stream))
        self.models[stream].erase_all()

    @rule(
        stream=st.sampled_from(STREAMS),
        after=st.integers(-2, 40) | st.sampled_from([2**63 - 1, 2**63, 2**200, -(2**200)]),
        limit=st.integers(1, 9),
    )
    def read(self, stream: str, after: int, limit: int) -> None:
        got = [(one.position, one.body, one.subject) for one in self.runner.run(self.log.read(stream, after, limit))]
        records = enumerate(self.models[stream].records, 1)
        assert got == [(at, *record) for at, record in records if at > after][:limit]

    @rule()
    def reopen(self) -> None:
        if self.lasts:
            self.close()
            self.open()

    @invariant()
    def heads_agree(self) -> None:
        for stream, model in self.models.items():
            assert self.runner.run(self.log.epoch(stream)) == model.epoch
            for subject in (None, *SUBJECTS):
                assert self.runner.run(self.log.head(stream, subject)) == model.head(subject)

    @invariant()
    def the_chain_holds(self) -> None:
        if isinstance(self.log, SqliteLog | RedisLog):
            for stream in STREAMS:
                assert self.runner.run(self.log.verify(stream)) is None


class SqliteMachine(LogMachine):
    """The same, on a file that is closed and opened in between."""

    lasts = True

    def made(self) -> AbstractAsyncContextManager[Log]:
        return SqliteLog(Path(self.folder.name) / "log.db")


def test_the_redis_log_does_what_the_model_does(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def leave_the_files(_: object) -> None:
        """What an erasure does to files takes 0.1 s each time; test_redis_files.py looks at it."""

    class RedisMachine(LogMachine):
        """The same, on a server that stays while the log is closed and opened in between."""

        lasts = True

        def __init__(self) -> None:
            self.prefix = uuid.uuid4().hex
            super().__init__()

        def made(self) -> AbstractAsyncContextManager[Log]:
            return RedisLog(redis_url, prefix=self.prefix)

    monkeypatch.setattr(Files, "forget", leave_the_files)
    run_state_machine_as_test(RedisMachine, settings=settings(max_examples=settings().max_examples // 2))


def test_the_memory_log_does_what_the_model_does() -> None:
    run_state_machine_as_test(LogMachine)


def test_the_sqlite_log_does_what_the_model_does() -> None:
    run_state_machine_as_test(SqliteMachine)
