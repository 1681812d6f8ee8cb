"""`hearing worker`: what it refuses, what it says, and how it leaves."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hearing.cli_worker import relays, token
from hearing.errors import Refused
from hearing.transcribe.protocol import Assign
from tests.e2e.serving import until
from tests.transcribe.relaying import bench
from tests.transcribe.route import TOKEN, serving
from tests.transcribe.worker_process import WorkerProcess, token_file


def worker(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "hearing", "worker", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("address", "dialled"),
    [
        ("https://hearing.example.org", "wss://hearing.example.org/worker"),
        ("HTTPS://hearing.example.org:8443/", "wss://hearing.example.org:8443/worker"),
        ("wss://hearing.example.org/worker", "wss://hearing.example.org/worker"),
        ("https://example.org/hearing", "wss://example.org/hearing/worker"),
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/worker"),
        ("ws://localhost:8080", "ws://localhost:8080/worker"),
        ("http://[::1]:8080", "ws://[::1]:8080/worker"),
    ],
)
def test_a_relay_is_named_by_the_address_of_its_server(address: str, dialled: str) -> None:
    assert relays([address, address], plain=False) == [dialled]


@pytest.mark.parametrize("address", ["http://hearing.example.org", "ws://10.1.2.3:8080"])
def test_a_way_that_others_can_read_must_be_asked_for(address: str) -> None:
    with pytest.raises(Refused, match="--insecure-plain"):
        relays(["https://hearing.example.org", address], plain=False)
    assert len(relays(["https://hearing.example.org", address], plain=True)) == 2


@pytest.mark.parametrize(
    "address",
    [
        "hearing.example.org",
        "ftp://hearing.example.org",
        "https://",
        "https://[::1",
        "https://host:port",
        "https://name:secret@hearing.example.org",
        "https://hearing.example.org/?token=secret",
        "https://hearing.example.org/#secret",
        "https://hearing.example.org\r\nX: y",
        "https://müller.example",
    ],
)
def test_what_is_no_address_or_carries_a_secret_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(Refused, match="--relay takes the address") as told:
        relays([address], plain=True)
    assert "secret" not in str(told.value)


def test_a_token_is_taken_from_a_file_of_ones_own_and_from_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = token_file(tmp_path, TOKEN)
    assert token(path) == TOKEN
    for mode in (0o640, 0o604, 0o666):
        path.chmod(mode)
        with pytest.raises(Refused, match="chmod 600"):
            token(path)
    path.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert token(path) == TOKEN
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    path.chmod(0o600)
    for content in (b"", b"short", b"two words" * 9, b"\xff" * 40, b"line\n" * 40):
        path.write_bytes(content)
        with pytest.raises(Refused, match="--token-file") as told:
            token(path)
        assert "two words" not in str(told.value)
    with pytest.raises(Refused, match="cannot be read"):
        token(tmp_path / "none")
    with pytest.raises(Refused, match="--token-file"):
        token(None)


def test_exit_codes_are_true_and_nothing_holds_the_token(tmp_path: Path) -> None:
    path = str(token_file(tmp_path, TOKEN))
    (tmp_path / "empty").mkdir()
    away = ("--relay", "http://127.0.0.1:9", "--token-file", path)
    for status, said, arguments in (
        (2, "--relay", ("--token-file", path)),
        (2, "--device", (*away, "--device", "abacus")),
        (1, "--insecure-plain", ("--relay", "http://hearing.example.org", "--token-file", path)),
        (1, "--channels takes 1 to 256", (*away, "--channels", "0")),
        (1, "lacks model.bin", (*away, "--model", str(tmp_path / "empty"))),
    ):
        done = worker(*arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (status, ""), done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr
        assert TOKEN not in done.stderr


@pytest.mark.model
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_leaves_by_closing_so_that_its_channel_goes_to_another_at_once(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hearing.transcribe.peer.SILENCE_S", 600.0)  # who only falls silent is waited for
    async with bench() as one, serving(one) as url:
        options = ("--relay", url, "--token-file", str(token_file(tmp_path, TOKEN)), "--channels", "3")
        with WorkerProcess(tmp_path / "said", *options) as leaving:
            async with asyncio.timeout(120):
                while not one.dispatch.workers.count:
                    assert leaving.process.poll() is None, leaving.said()
                    await asyncio.sleep(0.05)
            one.play(0, 32_000)
            command = Path(f"/proc/{leaving.process.pid}/cmdline").read_bytes()
            successor = one.worker()
            await successor.hello(1)
            assert await asyncio.to_thread(leaving.leave, number) == 0
            assert isinstance(await successor.gets(Assign), Assign)
            await successor.heard(32_000)
    said = leaving.said()
    assert "leaving" in said
    assert "Traceback" not in said
    for told in (said, command.decode()):
        assert TOKEN not in told
    assert url.rpartition(":")[2] not in said


@pytest.mark.model
def test_a_signal_while_the_model_loads_or_nobody_answers_ends_it_too(tmp_path: Path) -> None:
    options = ("--relay", "http://127.0.0.1:9", "--token-file", str(token_file(tmp_path, TOKEN)))
    with WorkerProcess(tmp_path / "early", *options) as early:
        until(lambda: _catches_sigterm(early.process.pid), 60, "it to take signals")
        assert early.leave() == 0
    with WorkerProcess(tmp_path / "late", *options) as late:
        late.says("it is dialled again until it answers")
        assert late.leave() == 0
    assert late.said().count("cannot be reached") == 1


def _catches_sigterm(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")), "0")
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)
