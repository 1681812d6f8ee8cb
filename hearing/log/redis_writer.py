"""What appends to the Redis log: it gathers what waits, reckons the chain, sends all in one go and counts replicas."""

import asyncio
import logging
import os
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as Broken
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError
from redis.exceptions import TimeoutError as TooLate

from hearing.errors import Conflict, HearingError, Unavailable
from hearing.log.redis_scripts import APPEND, CHANNEL, RENEW, key
from hearing.log.rules import FIRST_CHAIN, MAX_APPEND, MAX_BODIES, SALT_BYTES, commit_to, link
from hearing.redis_link import run, unavailable

GROUP = 512
WAITING = 4096
_STREAMS = 4096
_PAUSES_S = (0.05, 0.2, 0.5)
_PATIENCE_S = 8.0
_ROUNDS_WITHOUT_PROGRESS = 100

logger = logging.getLogger(__name__)


class _Job(msgspec.Struct):
    """An append that waits; its salts are drawn once, so that a repeat is known by its commitments."""

    stream: str
    bodies: Sequence[bytes]
    subject: str
    expect: str
    key: str
    answer: "asyncio.Future[int]"
    salts: list[bytes]
    commitments: list[bytes]


class _Known(msgspec.Struct, frozen=True):
    """The last that the server said of a stream."""

    head: int = 0
    chain: bytes = FIRST_CHAIN
    epoch: int = 1


class Writer:
    """The writing side of the log, for one event loop. `server` must never ask twice by itself.

    At most 4096 appends wait; one more waits for its turn. An append is answered once `replicas` replicas have it.
    """

    def __init__(self, server: Redis, prefix: str, replicas: int, wait_ms: int, grew: Callable[[str], None]) -> None:
        self._server = server
        self._prefix = prefix
        self._replicas = replicas
        self._wait_ms = wait_ms
        self._grew = grew
        self._waiting: deque[_Job] = deque()
        self._unanswered: set[asyncio.Future[int]] = set()
        self._room = asyncio.Semaphore(WAITING)
        self._rung = asyncio.Event()
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._gone = False

    async def append(
        self, stream: str, bodies: Sequence[bytes], subject: str | None, expect: int | None, given_key: str | None
    ) -> int:
        """Return the position when it is stored. A caller that is cancelled leaves the append under way."""
        await self._room.acquire()
        if self._gone:
            self._room.release()
            raise closed()
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._unanswered.add(answer)
        answer.add_done_callback(self._answered)
        salts = [os.urandom(SALT_BYTES) for _ in bodies]
        commitments = [commit_to(salt, body) for salt, body in zip(salts, bodies, strict=True)]
        expected = "" if expect is None else str(expect)
        self._waiting.append(_Job(stream, bodies, subject or "", expected, given_key or "", answer, salts, commitments))
        self._rung.set()
        return await asyncio.shield(answer)

    async def settled(self) -> None:
        """Return when all that was submitted before is answered."""
        if self._unanswered:
            await asyncio.wait(set(self._unanswered))

    def stop(self) -> None:
        """Take no more; `run` ends when what was submitted is answered."""
        self._gone = True
        self._rung.set()

    async def run(self) -> None:
        """Store what waits, in the order in which it came, until stopped."""
        try:
            while not self._gone or self._waiting:
                if not self._waiting:
                    self._rung.clear()
                    await self._rung.wait()
                    continue
                await self._store(self._gather())
        finally:  # a bug ends it; nobody may wait for it in vain
            self._gone = True
            for answer in list(self._unanswered):
                _settle(answer, closed())

    def _answered(self, answer: "asyncio.Future[int]") -> None:
        self._unanswered.discard(answer)
        self._room.release()
        if not answer.cancelled():
            answer.exception()  # the caller may have left

    def _gather(self) -> dict[str, list[_Job]]:
        """Take what goes out together, by stream: as much as one append may hold, and at least one append."""
        group: dict[str, list[_Job]] = {}
        count = bodies = size = 0
        while self._waiting and count < GROUP:
            job = self._waiting[0]
            count, bodies, size = count + 1, bodies + len(job.bodies), size + sum(map(len, job.bodies))
            if group and (bodies > MAX_BODIES or size > MAX_APPEND):
                break
            group.setdefault(job.stream, []).append(self._waiting.popleft())
        return group

    async def _store(self, left: dict[str, list[_Job]]) -> None:
        """Send until each is answered. A send whose reply was lost is repeated on the same head, and known again."""
        failures = fruitless = 0
        until = asyncio.get_running_loop().time() + _PATIENCE_S
        while left:
            try:
                answers, waited = await self._send(left, repeat=failures > 0)
            except (RedisError, OSError) as error:
                late = failures == len(_PAUSES_S) or asyncio.get_running_loop().time() > until
                if late or not isinstance(error, Broken | TooLate | ReadOnlyError | OSError):
                    _fail(left, unavailable(error))
                    return
                await self._server.connection_pool.disconnect()
                await asyncio.sleep(_PAUSES_S[failures])
                failures += 1
                continue
            count = sum(map(len, left.values()))
            for stream, answer in zip(list(left), answers, strict=True):
                left[stream] = await self._take(stream, left[stream], answer, waited)
            left = {stream: jobs for stream, jobs in left.items() if jobs}
            failures = 0
            fruitless = fruitless + 1 if count == sum(map(len, left.values())) else 0
            if fruitless > _ROUNDS_WITHOUT_PROGRESS:
                _fail(left, Unavailable("Too many others write this stream. Try again with the same key."))
                return

    async def _send(self, left: dict[str, list[_Job]], *, repeat: bool) -> tuple[list[Any], int]:
        """Send the appends and the WAIT down one connection: WAIT counts for what its own connection wrote."""
        pipe = self._server.pipeline(transaction=False)
        for stream, jobs in left.items():
            keys = [key(self._prefix, stream, part) for part in ("records", "subjects", "keys", "state")]
            pipe.execute_command("EVALSHA", APPEND.sha, len(keys), *keys, *self._arguments(stream, jobs, repeat=repeat))
        if self._replicas:
            pipe.execute_command("WAIT", self._replicas, self._wait_ms)
        answers = await pipe.execute(raise_on_error=False)
        if any(isinstance(answer, NoScriptError) for answer in answers):
            await self._server.script_load(APPEND.text)
            return await self._send(left, repeat=True)
        if moved := next((answer for answer in answers if isinstance(answer, ReadOnlyError)), None):
            raise moved
        waited = answers.pop() if self._replicas else 0
        return answers, waited if isinstance(waited, int) else 0

    def _arguments(self, stream: str, jobs: list[_Job], *, repeat: bool) -> list[str | bytes | int]:
        known = self._known.get(stream, _Known())
        head, chain = known.head, known.chain
        given: list[str | bytes | int] = [
            f"{self._prefix}:{CHANNEL}", stream, head, chain, int(repeat), int(self._replicas > 0), len(jobs)
        ]  # fmt: skip
        for job in jobs:
            given += [job.key, job.subject, job.expect, head, chain, len(job.bodies)]
            chains = list(accumulate(job.commitments, link, initial=chain))[1:]
            for parts in zip(job.salts, job.commitments, chains, job.bodies, strict=True):
                given += parts
            head, chain = head + len(job.bodies), chains[-1]
        return given

    async def _take(self, stream: str, jobs: list[_Job], answer: Any, waited: int) -> list[_Job]:  # noqa: ANN401
        """Settle what was answered; return what must be sent again, reckoned on the head that the server told."""
        if isinstance(answer, Exception):
            _fail({stream: jobs}, unavailable(answer))
            return []
        head, chain, epoch, base_chain, answers = answer
        base = self._known.get(stream, _Known())
        try:
            now = int(epoch)
            if base_chain != base.chain or now < base.epoch:
                now = await self._renew(stream, base.epoch)
        except Unavailable as error:
            _fail({stream: jobs}, error)
            return []
        self._remember(stream, _Known(int(head), chain, now))
        for job, (stored, position) in zip(jobs, answers, strict=False):
            _settle(job.answer, self._outcome(job, bool(stored), int(position), waited))
        self._grew(stream)
        return jobs[len(answers) :]

    def _outcome(self, job: _Job, stored: bool, position: int, waited: int) -> int | HearingError:
        if not stored:
            return Conflict(
                f"Somebody else wrote first: expected position {job.expect}, found {position}. Read and decide again."
            )
        if waited < self._replicas:
            return Unavailable(
                f"It is stored, but {waited} of {self._replicas} replicas confirmed it in {self._wait_ms} ms, so it "
                "could be lost with this Redis. Check the replicas; then try again with the same key."
            )
        return position

    def _remember(self, stream: str, known: _Known) -> None:
        self._known[stream] = known
        self._known.move_to_end(stream)
        if len(self._known) > _STREAMS:
            self._known.popitem(last=False)

    async def _renew(self, stream: str, epoch: int) -> int:
        """Begin a new epoch where the server lost what it had acknowledged: no cursor of before means anything."""
        given: list[str | bytes | int] = [f"{self._prefix}:{CHANNEL}", stream, epoch]
        logger.warning("redis lost acknowledged records: a stream begins a new epoch")
        return int(await run(self._server, RENEW, [key(self._prefix, stream, "state")], given))


def closed() -> Unavailable:
    """Say that the log was closed."""
    return Unavailable("The log is closed. If the server still runs, restart it; then try again with the same key.")


def _fail(left: dict[str, list[_Job]], error: HearingError) -> None:
    for jobs in left.values():
        for job in jobs:
            _settle(job.answer, error)


def _settle(answer: "asyncio.Future[int]", outcome: int | HearingError) -> None:
    if answer.done():
        return
    if isinstance(outcome, HearingError):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
