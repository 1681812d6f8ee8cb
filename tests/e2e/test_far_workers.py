"""Two servers with TLS and two workers in networks of their own: every meeting has its words, also after a kill."""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.e2e.serving import Reader, Serving, until
from tests.transcribe.worker_process import WorkerProcess, token_file

pytestmark = [pytest.mark.slow, pytest.mark.model]

TOKEN = "far" * 16
DEADLINE_S = 240


class Network(msgspec.Struct, frozen=True):
    """A network namespace, and the address of this machine as seen from there."""

    name: str
    here: str

    @property
    def within(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.name)


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=60)


@contextlib.contextmanager
def network(letter: str, third: int) -> Iterator[Network]:
    """Make a network of two addresses: this machine and a namespace. Skips where that may not be done."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("network namespaces need root and `ip` (apt-get install iproute2)")
    name = f"hearing{os.getpid() % 100_000}{letter}"
    outer, inner = f"h{os.getpid() % 100_000}{letter}0", f"h{os.getpid() % 100_000}{letter}1"
    here, there = f"10.231.{third}.1", f"10.231.{third}.2"
    try:
        ip("netns", "add", name)
    except subprocess.CalledProcessError as refused:
        pytest.skip(f"no network namespace can be made here: {refused.stderr.decode().strip()}")
    try:
        ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name)
        ip("address", "add", f"{here}/30", "dev", outer)
        ip("link", "set", outer, "up")
        ip("-n", name, "address", "add", f"{there}/30", "dev", inner)
        ip("-n", name, "link", "set", inner, "up")
        ip("-n", name, "route", "add", "default", "via", here)
        yield Network(name, here)
    finally:
        ip("netns", "delete", name)  # and the pair with it


class Far(Serving):
    """`hearing serve` with TLS on an address that other machines reach; a test reads it by its inner address."""

    def __init__(self, data: Path, host: str, certificate: Path, key: Path) -> None:
        super().__init__(data, "--host", host, "--tls-cert", str(certificate), "--tls-key", str(key), "--no-worker")
        self.outer = f"https://{host}:{self.port}"

    def _answers(self) -> bool:
        try:
            self.url = json.loads((self.data / "serve.json").read_bytes())["url"]
        except (FileNotFoundError, ValueError):
            assert self._process is not None
            assert self._process.poll() is None, self.errors.read_text()[-2000:]
            return False
        return super()._answers()


def certificate(folder: Path, *hosts: str) -> tuple[Path, Path]:
    """Make a certificate for addresses, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    names = ",".join(f"IP:{host}" for host in hosts)
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-days", "1"]
    files = ["-addext", f"subjectAltName={names}", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"]
    subprocess.run([*made, *files], check=True, capture_output=True, timeout=60)
    return folder / "cert.pem", folder / "key.pem"


def test_meetings_of_two_servers_are_heard_by_workers_in_other_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_file(tmp_path, TOKEN)
    monkeypatch.setenv("HEARING_WORKER_TOKEN_FILE", str(token))
    third = os.getpid() % 120 * 2
    with contextlib.ExitStack() as all_of_it:
        one, two = (all_of_it.enter_context(network(letter, third + n)) for n, letter in enumerate("ab"))
        cert, key = certificate(tmp_path, one.here, two.here)
        servers = []
        for place, channel in ((one, "en"), (two, "fr")):
            (tmp_path / channel).mkdir()
            server = all_of_it.enter_context(Far(tmp_path / channel / "data", place.here, cert, key))
            create = ("--id", channel, "--title", "One", "--source", "demo:", "--channels", "en", "--loop")
            server.hearing("meeting", "create", *create)
            servers.append(server)
        relays = [part for server in servers for part in ("--relay", server.outer)]
        options = (*relays, "--token-file", str(token), "--threads", "2", "--channels", "4")
        with WorkerProcess(tmp_path / "stranger.err", *options, before=one.within) as stranger:
            stranger.says("has a certificate that is not trusted", 2)
        workers = [
            all_of_it.enter_context(
                WorkerProcess(
                    tmp_path / f"{place.name}.err",
                    *options,
                    before=place.within,
                    environment={"SSL_CERT_FILE": str(cert)},
                )
            )
            for place in (one, two)
        ]
        for worker in workers:
            worker.says("joined", 2)
        readers = []
        for server, meeting in zip(servers, ("en", "fr"), strict=True):
            server.hearing("meeting", "open", meeting)
            readers.append(all_of_it.enter_context(Reader(server.url, meeting)))
        until(lambda: all(heard(reader) == {"en"} for reader in readers), DEADLINE_S, "words of all channels")
        victim = max(workers, key=lambda worker: worker.said().count("carrying handle"))
        [left] = [worker for worker in workers if worker is not victim]
        victim.kill()
        left.says("carrying handle", 2, DEADLINE_S)
        before = [dict(counts(reader)) for reader in readers]
        until(
            lambda: all(
                counts(reader)[id_] > count
                for reader, was in zip(readers, before, strict=True)
                for id_, count in was.items()
            ),
            DEADLINE_S,
            "more words of all channels",
        )
        assert [reader.fault for reader in readers] == ["", ""]
        assert left.leave() == 0
        for worker in workers:
            assert TOKEN not in worker.said()
            assert "Traceback" not in worker.said()


def heard(reader: Reader) -> set[str]:
    """Return the channels of which there are words."""
    return set(counts(reader))


def counts(reader: Reader) -> dict[str, int]:
    """Count the words of each channel."""
    found: dict[str, int] = {}
    for segment, words in list(reader.words.items()):
        channel = segment.partition(".")[0]
        found[channel] = found.get(channel, 0) + len(words)
    return found
