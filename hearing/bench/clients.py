"""Clients of a question queue, as they are in the world: senders, moderators at the queue's page, readers of the wall.

Each keeps one connection and one thread, and waits for its answer before it goes on.
"""

import http.client
import random
import re
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urlsplit

import msgspec

from hearing.desk_events import Reason
from hearing.errors import Unavailable
from hearing.qa.receipt import Keys

DIALOGUE = "bench"
REASONS: tuple[Reason, ...] = (
    *("off-mandate", "other-state", "individual-complaint", "identifies-a-person", "abusive"),
    *("duplicate", "too-late", "unclear", "other"),
)
"""Every moderator declines with a reason of their own, so that no two ever mean the same."""

_TEXT = "What has the State party done since the last review to carry out the recommendations on article 12? "
_QUEUE = f"/d/{DIALOGUE}/queue"
_PAGE = 25
_TIMEOUT_S = 60.0
_PAUSE_S = 0.01
_IDLE_S = 2.0
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_TICKED = re.compile(r'name="item" form="bulk" value="([0-9a-f]{32}) (\d+)"')
_SESSION = re.compile(r'name="session" value="([^"]+)"')


class Answer(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: str


class Seen(msgspec.Struct, frozen=True):
    """An item with the version that a page showed."""

    item: str
    version: int


class Decided(msgspec.Struct, frozen=True):
    """A decision that was acknowledged: by this invitation, with this reason."""

    item: str
    invite: str
    reason: Reason


class Line:
    """One connection that is kept for as long as its context."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
        self._used_s = 0.0

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> Answer:
        """Send a request and read the whole answer. Raises Unavailable where none comes."""
        if time.monotonic() - self._used_s > _IDLE_S:
            self._connection.close()  # the server hangs up after five seconds: the next request connects anew
        self._used_s = time.monotonic()
        try:
            self._connection.request(method, path, body.encode() or None, headers)
            answer = self._connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read().decode())
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable("The server that is measured does not answer.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()


class Sender:
    """Sends items, and a third of them again, as if the answer had been lost."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.acknowledged: list[str] = []
        self.began_s: dict[str, float] = {}
        self.took_s: list[float] = []

    def send_all(self, mine: list[Keys]) -> None:
        """Send them one after another."""
        for number, keys in enumerate(mine):
            began = self.began_s[keys.item] = time.perf_counter()
            first = self._send(keys)
            self.took_s.append(time.perf_counter() - began)
            self.acknowledged.append(keys.item)
            if number % 3 == 2 and self._send(keys) != first:
                raise Unavailable("The same item sent again was answered differently.")

    def _send(self, keys: Keys) -> str:
        body = {"auth": keys.auth, "kind": "question", "text": text_of(keys.item), "language": "en"}
        sent = msgspec.json.encode(body | {"ceiling": "public-text"}).decode()
        return _checked(self._line.ask("PUT", f"/api/dialogues/{DIALOGUE}/items/{keys.item}", sent), 200).body


class Moderator:
    """A seat at the queue's page, taken with an invitation's link."""

    def __init__(self, line: Line, link: str, number: int) -> None:
        self._line = line
        self._random = random.Random(number)  # noqa: S311 - an order, not a secret
        self.reason = REASONS[number % len(REASONS)]
        self.invite = link.rpartition("#")[2].partition(".")[0]
        self.decided: list[Decided] = []
        self.conflicts = 0
        self.took_s: list[float] = []
        self.seen_s: dict[str, float] = {}
        self._cookie = self._take_seat(link)

    def watch(self, count: int) -> None:
        """Follow the queue until so many items stand in it; note when each did."""
        while len(self.seen_s) < count:
            fresh = [one for one in self._page("received", len(self.seen_s)) if one.item not in self.seen_s]
            now = time.perf_counter()
            self.seen_s.update((one.item, now) for one in fresh)
            if not fresh:
                time.sleep(_PAUSE_S)

    def read(self, count: int) -> list[Seen]:
        """Read the queue's pages."""
        return [seen for skip in range(0, count, _PAGE) for seen in self._page("received", skip)]

    def decide_all(self, seen: list[Seen]) -> None:
        """Decline every item on the version first seen, in an order of one's own: of all moderators one is first."""
        mine = list(seen)
        self._random.shuffle(mine)
        for one in mine:
            began = time.perf_counter()
            answer = self._act(one, act="decline", reason=self.reason)
            if answer.status == 409:
                self.conflicts += 1
                continue
            _checked(answer, 303)
            self.took_s.append(time.perf_counter() - began)
            self.decided.append(Decided(one.item, self.invite, self.reason))

    def publish(self, item: str) -> float:
        """Accept and publish an item after all; return when the publishing was asked for."""
        for act in ("accept", "publish"):
            page = _checked(self._get(f"{_QUEUE}?state=all&item={item}"), 200).body
            version = next(int(version) for found, version in _TICKED.findall(page) if found == item)
            asked = time.perf_counter()
            _checked(self._act(Seen(item, version), act=act), 303)
        return asked

    def _take_seat(self, link: str) -> str:
        path, _, token = link.partition("#")
        path = urlsplit(path).path
        page = _checked(self._line.ask("POST", path, urlencode({"invite": token}), **_FORM), 200).body
        [session] = _SESSION.findall(page)
        form = urlencode({"invite": token, "session": session})
        answer = _checked(self._line.ask("POST", path, form, **_FORM), 303)
        return answer.headers["set-cookie"].partition(";")[0]

    def _page(self, state: str, skip: int) -> list[Seen]:
        page = _checked(self._get(f"{_QUEUE}?state={state}&skip={skip}"), 200).body
        return [Seen(item, int(version)) for item, version in _TICKED.findall(page)]

    def _get(self, path: str) -> Answer:
        return self._line.ask("GET", path, Cookie=self._cookie)

    def _act(self, seen: Seen, **fields: str) -> Answer:
        form = urlencode({"version": seen.version, **fields})
        return self._line.ask("POST", f"{_QUEUE}/{seen.item}", form, Cookie=self._cookie, **_FORM)


class Reader:
    """Reads what is public again and again."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.seen_s: dict[str, float] = {}

    def follow(self, count: int) -> None:
        """Read until so many questions are public; note when each text was."""
        tag = ""
        while len(self.seen_s) < count:
            answer = self._line.ask("GET", f"/api/dialogues/{DIALOGUE}/public", **{"If-None-Match": tag})
            if answer.status == 304:
                time.sleep(_PAUSE_S)
                continue
            tag = _checked(answer, 200).headers["etag"]
            now = time.perf_counter()
            for question in msgspec.json.decode(answer.body)["questions"]:
                self.seen_s.setdefault(question["text"], now)


def text_of(item: str) -> str:
    """Return what is sent as this item: 300 characters, told from all others by its end."""
    return _TEXT * 3 + item


def _checked(answer: Answer, status: int) -> Answer:
    if answer.status != status:
        raise Unavailable(f"The server that is measured answered {answer.status} where {status} was due.")
    return answer
