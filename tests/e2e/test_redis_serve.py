"""Real servers on a real Redis: what is said at the home is read at an edge, and goes on whoever of them is killed."""

import os
import re
import shutil
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hearing.cli import main
from hearing.qa import receipt
from tests.e2e.serving import Reader, Serving, until
from tests.e2e.sharing import STAFF_TOKEN, begin, server, settings, staff, working
from tests.redis_server import RedisServer, redis_server
from tests.site.desking import fields

PATIENCE_S = 180.0


@pytest.fixture
def redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    for name, value in settings(tmp_path).items():
        monkeypatch.setenv(name, value)
    with redis_server(tmp_path / "redis" / "data", fsync="always") as started:
        yield started


@pytest.fixture
def home(tmp_path: Path, redis: RedisServer) -> Iterator[Serving]:
    with server(tmp_path, "home", redis.url) as running:
        yield running


def said(reader: Reader) -> list[str]:
    return [word for words in list(reader.words.values()) for word in words]


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - a loopback URL
        return bytes(answer.read())


def status(url: str, **options: str) -> int:
    return httpx.get(url, timeout=60, **options).status_code  # type: ignore[arg-type]


def follows(edge: Serving) -> None:
    """Return once the edge knows where the home is."""
    until(lambda: status(f"{edge.url}/d/one/ask") == 200, PATIENCE_S, "the edge to find the home")


def listed(folder: Path) -> list[Path]:
    """Return the files under a folder, though they go meanwhile."""
    return [Path(place, name) for place, _, names in os.walk(folder) for name in names]


@pytest.mark.slow
def test_what_is_said_at_the_home_is_read_searched_played_and_answered_at_an_edge(
    tmp_path: Path, home: Serving, redis: RedisServer
) -> None:
    begin(home)
    with server(tmp_path, "edge", redis.url) as edge, working(home.url) as worker, Reader(edge.url, "one") as reader:
        until(lambda: reader.count() >= 12, PATIENCE_S, "words at the edge")
        assert edge.get("/api/meetings")["meetings"][0]["id"] == "one"
        follows(edge)
        with httpx.stream("GET", f"{edge.url}/api/meetings/one/events?after=1.1", timeout=60) as events:
            lines = events.iter_lines()
            seen: list[str] = []
            while not {"event: draft", "event: words"} <= set(seen):
                seen.append(next(lines))
            assert "event: reset" not in seen
        playlist = f"{edge.url}/media/one/audio-en/index.m3u8"
        until(lambda: status(playlist) == 200, PATIENCE_S, "sound")
        name = re.findall(r"^(\d+\.m4s)$", fetched(playlist).decode(), re.MULTILINE)[0]
        assert fetched(f"{edge.url}/media/one/audio-en/{name}") == fetched(f"{home.url}/media/one/audio-en/{name}")
        assert b"mode=audio" in fetched(f"{edge.url}/m/one")
        assert _sends_a_question(edge, home)
        staff(edge, "/one/close")
        until(lambda: reader.state == "closed", PATIENCE_S, "the meeting to close")
        assert reader.fault == ""
        assert set(worker.acknowledged) <= set(said(reader))
        assert len(said(reader)) == len(set(said(reader)))
        paths = ("/api/meetings/one/segments", "/api/meetings/one/export?channel=en&format=txt", "/m/one/en.vtt")
        for path in paths:
            assert fetched(edge.url + path).decode().replace(edge.url, home.url) == fetched(home.url + path).decode()
        word = said(reader)[5]
        until(lambda: edge.get(f"/api/search?q={word}")["total"] == 1, PATIENCE_S, "the search to know it")
    assert listed(edge.data / "meanwhile") == []
    assert not (edge.data / "vault.db").exists()


def _sends_a_question(edge: Serving, home: Serving) -> bool:
    """Send by the edge's form; it is the home that took it in."""
    with httpx.Client(base_url=edge.url, timeout=60) as client:
        page = client.get("/d/one/ask").text
        ceiling = re.findall(r'name="ceiling" value="([a-z-]+)" checked', page)[0]
        form = fields(page, 'id="ask"') | {"kind": "question", "text": "What of the water?", "language": "en"}
        assert client.post("/d/one/ask", data=form | {"ceiling": ceiling}).status_code == 200
        foreign = client.post("/d/one/ask", data=form, headers={"Origin": "https://elsewhere.example"})
        assert foreign.status_code == 403
        digits = form["receipt"]
        known = client.post("/d/one/mine", data={"receipt": digits}).text
    assert receipt.keys(digits).item
    with httpx.Client(base_url=home.url, timeout=60) as client:
        return "What of the water?" in known and "What of the water?" in client.post(
            "/d/one/mine", data={"receipt": digits}
        ).text  # fmt: skip


@pytest.mark.slow
def test_while_the_home_is_away_an_edge_reads_on_and_takes_nothing_in(
    tmp_path: Path, home: Serving, redis: RedisServer
) -> None:
    begin(home)
    with server(tmp_path, "edge", redis.url) as edge, Reader(edge.url, "one") as reader:
        with working(home.url) as worker:
            until(lambda: len(worker.acknowledged) >= 8, PATIENCE_S, "words")
            follows(edge)
            page = httpx.get(f"{edge.url}/d/one/ask", timeout=60).text
            home.kill()
        until(lambda: set(worker.acknowledged) <= set(said(reader)), PATIENCE_S, "what was said before")
        until(lambda: status(f"{edge.url}/d/one/ask") == 503, PATIENCE_S, "the edge to see that the home is away")
        form = fields(page, 'id="ask"') | {"kind": "question", "text": "Lost?", "language": "en"}
        assert httpx.post(f"{edge.url}/d/one/ask", data=form, timeout=60).status_code == 503
        refused = httpx.put(f"{edge.url}/api/dialogues/one/items/{'0' * 32}", json={}, timeout=60)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        caption = httpx.post(f"{edge.url}/closedcaption?id=a.b&seq=1", content=b"Lost?", timeout=60)
        assert (caption.status_code, caption.headers["Content-Type"][:10]) == (503, "text/plain")
        for path in ("/", "/m/one", "/m/one/asked", "/api/meetings/one/segments", "/api/search?q=w1"):
            assert status(edge.url + path) == 200, path
        assert status(f"{edge.url}/m/one", cookies={"desk-house": "x"}) == 200  # type: ignore[arg-type]
        assert status(f"{edge.url}/media/one/master.m3u8") == 503
        assert status(f"{edge.url}/staff") == 503
        home.start()
        with working(home.url):
            before = reader.count()
            until(lambda: reader.count() >= before + 8, PATIENCE_S, "words after the home came back")
        until(lambda: status(f"{edge.url}/d/one/ask") == 200, PATIENCE_S, "the home to be found again")
    assert reader.fault == ""
    assert len(said(reader)) == len(set(said(reader)))


@pytest.mark.slow
def test_an_edge_on_standby_goes_on_with_the_meeting_and_hands_it_back(
    tmp_path: Path, home: Serving, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(home)
    monkeypatch.setenv("HEARING_STANDBY", "true")
    with server(tmp_path, "edge", redis.url) as edge, Reader(edge.url, "one") as reader:
        with working(home.url) as first:
            until(lambda: len(first.acknowledged) >= 10, PATIENCE_S, "words at the home")
            assert listed(edge.data / "meanwhile") == []
            home.kill()
        with working(edge.url) as second:
            until(lambda: len(second.acknowledged) >= 10, PATIENCE_S, "words by the edge")
            assert first.acknowledged[-1] != second.acknowledged[0]
            until(lambda: status(f"{edge.url}/media/one/master.m3u8") == 200, PATIENCE_S, "sound by the edge")
            assert status(f"{edge.url}/listen/none/en") == 503
            home.start()
            until(lambda: listed(edge.data / "meanwhile") == [], PATIENCE_S, "the edge to hand over")
        with working(home.url) as third, Reader(home.url, "one") as later:
            until(lambda: len(third.acknowledged) >= 10, PATIENCE_S, "words at the home again")
            staff(edge, "/one/close")
            until(lambda: {reader.state, later.state} == {"closed"}, PATIENCE_S, "the meeting to close")
        assert (reader.fault, later.fault) == ("", "")
        assert said(reader) == said(later)
        numbers = [int(word[1:]) for word in said(reader)]
        assert numbers == sorted(set(numbers))
        for worker in (first, second, third):
            assert set(worker.acknowledged) <= set(said(reader))
        assert edge.get("/api/meetings/one/segments") == home.get("/api/meetings/one/segments")


@pytest.mark.slow
def test_an_edge_on_standby_does_not_wait_for_a_captioner_whom_it_cannot_serve(
    tmp_path: Path, home: Serving, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(home)
    monkeypatch.setenv("HEARING_STANDBY", "true")
    monkeypatch.setenv("HEARING_CAPTION_SILENCE_S", "3600")
    headers = {"Authorization": f"Bearer {STAFF_TOKEN}"}
    made = httpx.post(
        f"{home.url}/api/meetings/one/captioners", json={"channel": "en", "url": True}, headers=headers, timeout=60
    )
    with server(tmp_path, "edge", redis.url) as edge:
        follows(edge)
        caption = f"{edge.url}{made.json()['path']}&seq=1"
        until(lambda: httpx.post(caption, content=b"Typed.", timeout=60).status_code == 200, PATIENCE_S, "a caption")
        home.kill()
        with working(edge.url) as worker:
            until(lambda: len(worker.acknowledged) >= 4, PATIENCE_S, "words by the edge")
        found = edge.get("/api/meetings/one/segments?channel=en")["segments"]
        assert [one["mark"] for one in found[:2]] == ["typed", "machine"]
        assert httpx.post(caption, content=b"Typed.", timeout=60).status_code == 503


@pytest.mark.slow
def test_a_redis_that_is_killed_and_started_again_costs_a_live_meeting_nothing_that_was_acknowledged(
    home: Serving, redis: RedisServer
) -> None:
    begin(home)
    with working(home.url) as worker, Reader(home.url, "one") as reader:
        for _ in range(2):
            before = reader.count()
            until(lambda before=before: reader.count() >= before + 8, PATIENCE_S, "eight words more")
            redis.kill()
            time.sleep(1)  # long enough for a few appends to find nobody
            redis.start()
        before = reader.count()
        until(lambda: reader.count() >= before + 8, PATIENCE_S, "words after the last kill")
        staff(home, "/one/close")
        until(lambda: reader.state == "closed", PATIENCE_S, "the meeting to close")
        assert reader.fault == ""
        assert set(worker.acknowledged) <= set(said(reader))
        assert len(said(reader)) == len(set(said(reader)))


@pytest.mark.slow
def test_a_redis_that_lost_records_makes_everything_be_read_anew(
    tmp_path: Path, home: Serving, redis: RedisServer
) -> None:
    begin(home)
    with working(home.url) as worker, Reader(home.url, "one") as reader:
        until(lambda: reader.count() >= 4, PATIENCE_S, "words")
        redis.kill()
        shutil.copytree(redis.folder, tmp_path / "copy")
        redis.start()
        before = reader.count()
        until(lambda: reader.count() >= before + 6, PATIENCE_S, "words that are to be lost")
        redis.kill()
        shutil.rmtree(redis.folder)
        shutil.copytree(tmp_path / "copy", redis.folder)
        redis.start()
        until(lambda: reader.cursor.startswith("2."), PATIENCE_S, "a new epoch")
        acknowledged = len(worker.acknowledged)
        until(lambda: len(worker.acknowledged) >= acknowledged + 6, PATIENCE_S, "words after it")
        staff(home, "/one/close")
        until(lambda: reader.state == "closed", PATIENCE_S, "the meeting to close")
        assert set(worker.acknowledged[acknowledged:]) <= set(said(reader))
    assert (reader.fault, reader.resets > 0) == ("", True)
    assert len(said(reader)) == len(set(said(reader)))
    with Reader(home.url, "one") as later:
        until(lambda: later.state == "closed", PATIENCE_S, "the whole record")
        assert (later.words, later.fault) == (reader.words, "")
    assert "redis_lost_records" in home.errors.read_text()


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that cannot be done; return what it said."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 1
    return capsys.readouterr().err


@pytest.mark.slow
def test_a_folder_whose_log_lies_in_redis_says_so_to_whoever_looks_for_it(
    tmp_path: Path, home: Serving, redis: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(home)
    port = ("--port", "0", "--no-worker")
    copy = tmp_path / "copy" / "data"
    shutil.copytree(home.data, copy)
    assert "with a copy of this data folder" in refusal(
        capsys, "serve", "--data", str(copy), "--redis", redis.url, *port
    )
    home.kill()
    where = ("--data", str(home.data))
    for arguments in (
        ("meeting", "list", *where),
        ("export", "one", "--channel", "en", "--format", "txt", *where),
        ("search", "water", *where),
        ("meeting", "open", "one", *where),
        ("serve", *where, *port),
    ):
        assert "lies in Redis" in refusal(capsys, *arguments), arguments
    told = refusal(capsys, "backup", str(tmp_path / "backup"), *where)
    assert "Redis's own files" in told
    assert not (tmp_path / "backup").exists()
    with redis_server(tmp_path / "other" / "data") as other, server(tmp_path, "else", other.url):
        assert "holds a vault" in refusal(capsys, "serve", *where, "--redis", other.url, *port)
    own = tmp_path / "own"
    own.mkdir()
    (own / "log.db").touch()
    assert "none is moved into Redis" in refusal(capsys, "serve", "--data", str(own), "--redis", redis.url, *port)


def test_a_password_comes_by_a_file_and_is_in_nothing_that_is_written(
    tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "-".join(["quite", "a", "secret"])
    (tmp_path / "redis-password").write_text(f"{secret}\n")
    with redis.client() as owner:
        owner.config_set("requirepass", secret)
    where = ("serve", "--data", str(tmp_path / "x"), "--port", "0")
    assert "redis_password_file" in refusal(capsys, *where, "--redis", redis.url)
    told = refusal(capsys, *where, "--redis", redis.url.replace("//", f"//:{secret}@"))
    assert ("redis_password_file" in told, secret in told) == (True, False)
    monkeypatch.setenv("HEARING_REDIS_PASSWORD_FILE", str(tmp_path / "redis-password"))
    with server(tmp_path, "home", redis.url) as home:
        begin(home)
    written = home.errors.read_text()
    assert not {secret, STAFF_TOKEN} & set(re.findall(r"[\w-]+", written))
    assert [path for path in listed(home.data) if secret.encode() in path.read_bytes()] == []
