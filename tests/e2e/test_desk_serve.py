"""A real `hearing serve`: what it writes down holds nothing of anybody, and kill -9 loses and doubles nothing."""

import contextlib
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from hearing.desk_events import ItemReceived, decode_desk, desk_stream
from hearing.house_events import Channel, MeetingCreated
from hearing.log.sqlite import SqliteLog
from hearing.qa import receipt
from hearing.remote import invitations, meetings
from hearing.remote.connection import Target
from tests.e2e.serving import Serving, until
from tests.qa.support import records
from tests.site.desking import fields

OPEN, QUIET = "briefing", "arlandia"
WHERE = "127.0.0.9"
"""The address that people come from here, so that it can be told from the server's own."""
SAID = {"User-Agent": "needle-agent/1.0", "X-Forwarded-For": "203.0.113.77"}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    monkeypatch.setenv("HEARING_KEY_FILE", str(tmp_path / "state" / "kek"))
    running = Serving(tmp_path / "data", "--no-worker")
    for dialogue, profile in ((OPEN, "open"), (QUIET, "treaty-body")):
        channels = (Channel("en", "en", 0, "floor"),)
        meeting = MeetingCreated(dialogue, dialogue, dialogue, profile, channels, "/nowhere.mkv")  # type: ignore[arg-type]
        meetings.create(Target(running.data), meeting)
    yield running
    running.__exit__(None, None, None)


@pytest.fixture
def people() -> Iterator[list[httpx.Client]]:
    opened: list[httpx.Client] = []
    yield opened
    for one in opened:
        one.close()


def come(people: list[httpx.Client], server: Serving, link: str = "") -> httpx.Client:
    """Be somebody; with an invitation's link, somebody with a seat."""
    transport = httpx.HTTPTransport(local_address=WHERE)
    client = httpx.Client(base_url=server.url, transport=transport, headers=SAID, follow_redirects=True, timeout=60)
    people.append(client)
    if link:
        assert take_seat(client, link) == 200
    return client


def take_seat(client: httpx.Client, link: str) -> int:
    """Open the link as a browser does, which keeps what stands behind the #."""
    path, _, token = link.partition("#")
    page = client.post(urlsplit(path).path, data={"invite": token})
    return client.post(urlsplit(path).path, data=fields(page.text)).status_code


def ask(client: httpx.Client, dialogue: str, text: str) -> str:
    """Send by the form; return the receipt."""
    page = client.get(f"/d/{dialogue}/ask").text
    ceiling = re.findall(r'name="ceiling" value="([a-z-]+)" checked', page)[0]
    form = fields(page, 'id="ask"') | {"kind": "question", "text": text, "language": "en", "ceiling": ceiling}
    assert client.post(f"/d/{dialogue}/ask", data=form).status_code == 200
    return str(form["receipt"])


def put(client: httpx.Client, dialogue: str, digits: str, text: str) -> httpx.Response:
    keys = receipt.keys(digits)
    sent = {"auth": keys.auth, "kind": "question", "text": text, "language": "en", "ceiling": "committee"}
    return client.put(f"/api/dialogues/{dialogue}/items/{keys.item}", json=sent)


def act(client: httpx.Client, dialogue: str, digits: str, wanted: str, **more: str) -> httpx.Response:
    item = receipt.keys(digits).item
    page = client.get(f"/d/{dialogue}/queue", params={"state": "all", "item": item}).text
    version = re.findall(rf'form="bulk" value="{item} (\d+)"', page)[0]
    return client.post(f"/d/{dialogue}/queue/{item}", data={"act": wanted, "version": version, **more})


def mine(client: httpx.Client, dialogue: str, digits: str, **more: str) -> str:
    answer = client.post(f"/d/{dialogue}/mine", data={"receipt": digits, **more})
    assert answer.status_code == 200
    return answer.text


def holding(folder: Path, needles: list[str]) -> list[tuple[str, str]]:
    """Return which file under a folder holds which needle."""
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return [(path.name, needle) for path, body in files.items() for needle in needles if needle.encode() in body]


def test_no_file_and_no_line_of_a_whole_run_holds_what_people_sent_or_who_they_were(
    server: Serving, people: list[httpx.Client], tmp_path: Path
) -> None:
    before = server.hearing("invite", "member", "--dialogue", QUIET, "--label", "Member 3").strip()
    assert before.startswith(f"/staff/{QUIET}/accept#")
    assert not (server.data / "vault.db").exists()  # an invitation needs no key, and makes none
    server.start()
    links = [server.hearing("invite", "moderator", "--dialogue", name).strip() for name in (QUIET, OPEN)]
    assert all(link.startswith(f"{server.url}/staff/") for link in links)
    desk, open_desk = (come(people, server, link) for link in links)
    member, sender = come(people, server, before), come(people, server)
    for link in (before, *links):
        assert take_seat(sender, link) == 410
    needles = [f"needle-{number}" for number in range(7)]
    first, second = ask(sender, QUIET, needles[0]), receipt.mint()
    assert put(sender, QUIET, second, needles[1]).status_code == 200
    public = ask(sender, OPEN, "what everybody reads")
    secrets = [SAID["User-Agent"], SAID["X-Forwarded-For"], WHERE]
    for digits in (first, second, public):
        keys = receipt.keys(digits)
        secrets += [digits, digits.replace(" ", ""), keys.auth]
    secrets += [link.partition("#")[2].partition(".")[2] for link in (before, *links)]
    secrets += [str(value).partition(".")[2] for who in (desk, open_desk, member) for value in who.cookies.values()]
    assert all(len(secret) > 8 for secret in secrets)

    def check() -> None:
        assert holding(tmp_path, [*needles, *secrets]) == []
        said = server.errors.read_text()
        assert [digits for digits in (first, second, public) if receipt.keys(digits).item in said] == []

    check()
    for wanted, more in (
        ("note", {"body": needles[2]}),
        ("ask", {"body": needles[3]}),
        ("route", {"to": "committee"}),
    ):
        assert act(desk, QUIET, first, wanted, **more).status_code == 200
    assert act(desk, QUIET, second, "decline", reason="unclear", body=needles[4]).status_code == 200
    assert needles[3] in mine(sender, QUIET, first)
    mine(sender, QUIET, first, act="reply", text=needles[5])
    assert put(sender, OPEN, receipt.mint(), "x" * 9000).status_code == 400
    assert sender.get(f"/d/{QUIET}/queue?q={needles[6]}").status_code == 401
    assert desk.get(f"/d/{QUIET}/queue", params={"q": needles[6]}).status_code == 200
    check()
    assert act(open_desk, OPEN, public, "publish").status_code == 200
    until(lambda: "what everybody reads" in sender.get(f"/m/{OPEN}").text, 20, "the question to be public")
    assert holding(server.data, ["what everybody reads"]) != []  # public: it may be, and this would see it
    until(lambda: needles[0] in member.get(f"/d/{QUIET}/member").text, 20, "the member to have it")
    check()
    assert needles[4] in mine(sender, QUIET, second)
    assert "You have withdrawn it." in mine(sender, QUIET, first, act="withdraw", sure="yes")
    assert put(sender, QUIET, first, needles[0]).status_code == 410
    assert needles[0] not in member.get(f"/d/{QUIET}/member").text
    mine(sender, OPEN, public, act="withdraw", sure="yes")
    secrets.append("what everybody reads")
    check()
    assert server.leave(signal.SIGTERM) == 0
    check()
    said = server.errors.read_text()
    assert "Traceback" not in said
    assert "ERROR" not in said
    assert "WARNING" not in said


def test_an_act_is_undone_within_ten_seconds_though_the_server_was_killed(
    server: Serving, people: list[httpx.Client]
) -> None:
    server.start()
    desk = come(people, server, invitations.invite(Target(server.data), OPEN, "moderator", ""))
    for _ in range(3):  # where starting again takes longer than the ten seconds, it is no test: try another
        digits = ask(come(people, server), OPEN, "What of the wells?")
        decided = time.monotonic()
        page = act(desk, OPEN, digits, "publish").text
        undo = fields(page, 'data-key="u"')
        server.kill()
        server.start()
        if time.monotonic() - decided > 9:
            continue
        answer = desk.post(f"/d/{OPEN}/queue/{receipt.keys(digits).item}", data=undo)
        assert answer.status_code == 200
        assert "Received" in answer.text
        until(lambda decided=decided: time.monotonic() - decided > 11, 15, "the ten seconds to be over")
        assert desk.get(f"/api/dialogues/{OPEN}/public").json()["questions"] == []
        return
    pytest.fail("the server took more than nine seconds to start, three times")


def send_and_kill(people: list[httpx.Client], server: Serving, digits: str, text: str) -> None:
    """Send it, and kill the server the moment its log has it: whoever sent it has no answer, or a lost one."""
    client, item = come(people, server), receipt.keys(digits).item.encode()

    def send() -> None:
        with contextlib.suppress(httpx.HTTPError):
            put(client, QUIET, digits, text)

    sending = threading.Thread(target=send)
    sending.start()
    deadline = time.monotonic() + 60
    while not any(item in path.read_bytes() for path in server.data.glob("log.db*")):
        assert time.monotonic() < deadline
    server.kill()
    sending.join(60)


async def test_what_was_appended_as_the_server_was_killed_is_one_item_when_it_is_sent_again(
    server: Serving, people: list[httpx.Client]
) -> None:
    server.start()
    sent: dict[str, str] = {}
    for number in range(3):
        digits = receipt.mint()
        sent[digits] = f"Question {number}"
        send_and_kill(people, server, digits, sent[digits])
        server.start()
        again = [put(come(people, server), QUIET, digits, text) for digits, text in sent.items() for _ in range(2)]
        assert [answer.status_code for answer in again] == [200] * len(again)
    sender = come(people, server)
    for digits, text in sent.items():
        assert text in mine(sender, QUIET, digits)
    assert server.leave(signal.SIGTERM) == 0
    async with SqliteLog(server.data / "log.db") as log:
        events = [decode_desk(record.body) for record in await records(log, desk_stream(QUIET))]
    counted = Counter(event.item for event in events if isinstance(event, ItemReceived))
    assert counted == {receipt.keys(digits).item: 1 for digits in sent}
