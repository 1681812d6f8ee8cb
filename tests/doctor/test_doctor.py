"""The doctor sees what is wrong with a machine, says one thing that mends it, and changes nothing."""

import contextlib
import datetime
import io
import json
import os
import socket
import sqlite3
import tomllib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hearing.cli import main
from hearing.config import Config
from hearing.doctor import machine, network, place, secrets, software, speech
from hearing.doctor.report import Seen, report, written
from hearing.log.sqlite import SqliteLog
from hearing.qa.vault import Vault
from tests.e2e.serving import Serving, until
from tests.stream.made import make

ROOT = Path(__file__).parents[2]
MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/root rw
30 22 0:40 / /srv rw,relatime shared:1 - nfs4 server:/export rw
31 30 254:16 / /srv/hearing\\040data rw,relatime - xfs /dev/vdb rw
32 22 0:50 / /run rw - tmpfs tmpfs rw
"""


def doctor(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, Seen]]:
    """Run the command; return its exit status, and what it found by code. Whatever is wrong has a mend."""
    status = 0
    try:
        main(["doctor", "--quick", "--json", *options])
    except SystemExit as left:
        status = int(left.code or 0)
    answer = json.loads(capsys.readouterr().out)
    assert (status == 1) is (answer["verdict"] == "no-go")
    found = {one["code"]: Seen(**one) for one in answer["findings"]}
    assert [one.code for one in found.values() if (one.verdict != "go") is not bool(one.mend)] == []
    return status, found


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEARING_KEY_FILE", str(tmp_path / "state" / "kek"))
    return tmp_path / "data"


def test_a_machine_is_looked_at_before_anything_is_there_and_nothing_is_made(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, found = doctor(capsys, "--data", str(data), "--port", "0")
    assert status == 0
    assert {"python", "packages", "folder-new", "keys-new", "port-free", "origin-local", "model"} <= set(found)
    assert list(data.parent.iterdir()) == []


def test_a_folder_in_use_is_looked_at_and_stays_as_it_is(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Serving(data, "--no-worker") as server:
        until((data / "serve.json").exists, 10, "the server to be found")
        doctor(capsys, "--data", str(data))
        before = sorted(data.rglob("*"))
        status, found = doctor(capsys, "--data", str(data), "--port", str(server.port), "--address", server.url)
        assert status == 0
        assert sorted(data.rglob("*")) == before
        assert found["port-ours"].text.startswith("the server of this folder runs")
        assert {"folder", "log", "keys", "address"} <= set(found)
    _, found = doctor(capsys, "--data", str(data), "--address", server.url)
    assert found["address-silent"].verdict == "no-go"


def test_what_it_says_can_be_read(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--quick", "--data", str(data), "--port", "0"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok    Python        3.")
    assert lines[-1].startswith("Ready")
    assert max(map(len, lines)) < 200


def test_an_address_that_others_could_listen_in_on_is_refused_as_serve_does(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, found = doctor(capsys, "--data", str(data), "--host", "0.0.0.0")  # noqa: S104 - to be refused
    assert (status, list(found)) == (1, ["settings"])
    assert "--behind-proxy" in found["settings"].text
    _, found = doctor(capsys, "--data", str(data), "--host", "0.0.0.0", "--behind-proxy", "--port", "0")  # noqa: S104
    assert "origin-proxy" in found
    _, found = doctor(capsys, "--data", str(data), "--address", "http://hearing.invalid")
    assert found["origin-insecure"].verdict == "no-go"


def test_a_port_that_is_taken_is_told_with_who_has_it(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        seen = network.port(Config(data=str(data), port=number))
        assert (seen.code, seen.verdict) == ("port-taken", "no-go")
        assert f"(process {os.getpid()})" in seen.text
    assert network.port(Config(data=str(data), port=number)).code == "port-free"
    assert network.port(Config(data=str(data), host="192.0.2.1")).code == "host-unknown"


@pytest.mark.parametrize(
    ("path", "kind"), [("/srv/x", "nfs4"), ("/srv/hearing data/x", "xfs"), ("/srvx", "ext4"), ("/run/x", "tmpfs")]
)
def test_the_file_system_of_a_path_is_the_nearest_mount_above_it(path: str, kind: str) -> None:
    assert place.file_system(Path(path), MOUNTS) == kind


@pytest.mark.parametrize(("kind", "code"), [("nfs4", "folder-network"), ("overlay", "folder-passing"), ("ext4", None)])
def test_a_disk_that_does_not_keep_is_warned_of(
    data: Path, monkeypatch: pytest.MonkeyPatch, kind: str, code: str | None
) -> None:
    data.mkdir(mode=0o700)
    monkeypatch.setattr(place, "file_system", lambda _path, _mounts: kind)
    assert [one.code for one in place.look(data, 3) if one.check == "folder"] == ["folder", *([code] if code else [])]
    monkeypatch.setattr(place, "keeps_locks", lambda _path: False)
    assert "folder-locks" in [one.code for one in place.look(data, 3) if one.verdict == "no-go"]


def test_locks_are_tried_for_real(tmp_path: Path) -> None:
    assert place.keeps_locks(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_others_can_read_is_told(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data.mkdir()
    data.chmod(0o755)
    _, found = doctor(capsys, "--data", str(data))
    assert found["folder-open"].mend == f"chmod 700 {data}"


async def test_a_damaged_log_is_told(data: Path) -> None:
    data.mkdir(mode=0o700)
    async with SqliteLog(data / "log.db") as log:
        await log.append("house", [b"{}"])
    assert [one.code for one in place.look(data, 3)][-1] == "log"
    with contextlib.closing(sqlite3.connect(data / "log.db")) as database:
        database.execute("UPDATE records SET body = x'7b20'")
        database.commit()
    found = {one.code: one for one in place.look(data, 3)}
    assert "hearing restore" in found["log-damaged"].mend


@pytest.mark.parametrize(
    ("free", "code"), [(1_000_000_000, "disk-little"), (12_000_000_000, "disk-tight"), (10**12, "disk-enough")]
)
def test_room_is_told_in_hours_of_recording(free: int, code: str) -> None:
    assert place._disk(free, 3).code == code


async def test_keys_are_there_for_their_owner_alone_and_apart(data: Path) -> None:
    data.mkdir()
    key_file = data.parent / "state" / "kek"
    config, environ = Config(data=str(data), key_file=str(key_file)), dict[str, str]()
    assert secrets.look(config, environ)[0].code == "keys-new"
    async with Vault(data / "vault.db", key_file):
        pass
    assert secrets.look(config, environ)[0].code == "keys"
    key_file.chmod(0o640)
    assert secrets.look(config, environ)[0].mend == f"chmod 600 {key_file}"
    key_file.unlink()
    assert secrets.look(config, environ)[0].code == "keys-missing"
    inside = Config(data=str(data), key_file=str(data / "kek"))
    assert secrets.look(inside, environ)[0].code == "keys-exposed"


def test_tokens_are_long_and_for_their_owner_alone(data: Path) -> None:
    path = data.parent / "token"
    config = Config(data=str(data), key_file=str(data.parent / "kek"), staff_token_file=str(path))
    assert secrets.look(config, {})[1].code == "token-unreadable"
    path.write_text("short")
    assert secrets.look(config, {})[1].code == "token-short"
    path.write_text("x" * 40)
    path.chmod(0o644)
    assert secrets.look(config, {})[1].code == "token-open"
    path.chmod(0o600)
    assert secrets.look(config, {})[1].code == "token"
    assert all("x" * 40 not in one.text for one in secrets.look(config, {}))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hearing.test")])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=90))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "cert.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(("day", "code"), [(1, "certificate"), (80, "certificate-ends"), (100, "certificate-over")])
def test_a_certificate_that_ends_is_told_in_time(certificate: Path, day: int, code: str) -> None:
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(days=day)
    assert network._certificate(certificate, now.timestamp()).code == code
    assert network._certificate(certificate.with_name("none.pem"), 0).code == "certificate-unreadable"


@pytest.mark.parametrize(
    ("service_s", "channels", "code"), [(0.1, 3, "speed"), (0.9, 3, "speed-slow"), (3.0, 3, "speed-short")]
)
def test_speed_is_judged_against_the_channels(service_s: float, channels: int, code: str) -> None:
    assert speech.judge_speed(service_s, 2, channels).code == code


@pytest.mark.model
def test_the_model_is_run_for_real(tmp_path: Path) -> None:
    found = speech.look(Config(data=str(tmp_path)), os.environ, 1)
    assert found[0].code == "model"
    assert found[1].code.startswith("speed")


def test_a_model_that_is_not_there_is_told(tmp_path: Path) -> None:
    [empty] = speech.look(Config(model=str(tmp_path)), os.environ, 1)
    assert (empty.verdict, "SHA256SUMS" in empty.mend) == ("no-go", True)
    [missing] = speech.look(Config(model="large-v3"), {"HEARING_CACHE": str(tmp_path)}, 1)
    assert (missing.verdict, missing.mend) == ("no-go", "hearing model fetch large-v3")
    assert speech.look(Config(model=str(tmp_path), local_worker=False), os.environ, 1)[0].code == "worker-elsewhere"


@pytest.mark.parametrize(
    ("now_ms", "kept", "code"),
    [
        (0, True, "clock-behind"),
        (2**41, False, "clock-free"),
        (2**41, None, "clock-unknown"),
        (2**41, True, "clock-kept"),
    ],
)
def test_the_clock_is_judged(now_ms: int, kept: bool | None, code: str) -> None:
    assert machine._clock(now_ms, kept).code == code


def test_a_source_is_opened_as_a_meeting_would(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = make(tmp_path / "a.mp4", seconds=(2.0, 2.0))
    _, found = doctor(capsys, "--data", str(data), "--source", str(source), "--channels", "en,fr")
    assert {"source-opens", "tracks-match"} <= set(found)
    status, found = doctor(capsys, "--data", str(data), "--source", str(source), "--channels", "en,fr,es")
    assert (status, found["tracks-missing"].verdict) == (1, "no-go")
    _, found = doctor(capsys, "--data", str(data), "--source", str(tmp_path / "none.mp4"))
    assert "source-missing" in found


def test_a_source_with_a_secret_stands_in_no_command_and_in_nothing_that_is_printed(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, file = "https://u:Pa55phrase@live.example.org/K3yK3yK3y/a.m3u8", tmp_path / "source"
    file.write_text(f"{address}\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    for given in (["--source-file", str(file)], ["--source", "-"]):
        _, found = doctor(capsys, "--data", str(data), *given)
        assert "source-refused" in found, "its host is not among the settings"
        assert not [one for one in found.values() if "Pa55phrase" in one.text or "K3yK3yK3y" in one.text]
    file.write_text("one\ntwo\n")
    with pytest.raises(SystemExit):
        main(["doctor", "--quick", "--data", str(data), "--source-file", str(file)])
    assert "one line" in capsys.readouterr().err


def test_a_source_by_address_is_opened_by_the_settings_and_nothing_is_made(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEARING_SOURCE_SCHEMES", "http")
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        source = f"http://127.0.0.1:{nobody.getsockname()[1]}/a.m3u8"
    _, found = doctor(capsys, "--data", str(data), "--source", source)
    assert "source-refused" in found
    monkeypatch.setenv("HEARING_SOURCE_PRIVATE_HOSTS", "127.0.0.1")
    _, found = doctor(capsys, "--data", str(data), "--source", source)
    assert "source-unreachable" in found
    assert not data.exists()


def test_an_address_that_takes_no_form_is_told_and_does_not_end_the_look(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(_: str, form: bytes | None = None) -> tuple[int, str]:
        if form:
            raise TimeoutError
        return 200, "application/json"

    monkeypatch.setattr(network, "_ask", ask)
    assert [one.code for one in network._proxied("https://hearing.example.org")] == ["address-silent"]


def test_a_proxy_of_the_environment_is_not_asked_about_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as proxy, socket.create_server(("127.0.0.1", 0)) as here:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setattr(network, "_TIMEOUT_S", 0.2)
        network._proxied(f"http://127.0.0.1:{here.getsockname()[1]}")
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_the_packages_that_are_looked_for_are_those_that_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {one.partition(">")[0].partition("=")[0] for one in project["dependencies"]}
    assert needed == set(software.PACKAGES)
    monkeypatch.setitem(software.PACKAGES, "no-such", "no_such_package")
    assert (software.packages().code, "no-such" in software.packages().text) == ("packages-missing", True)


def test_the_worst_comes_out_on_top() -> None:
    good, warned = Seen("disk", "go", "a", "fine"), Seen("clock", "warn", "b", "hm", "do this")
    bad = Seen("python", "no-go", "c", "old", "do that")
    assert [report(of).verdict for of in ([good], [good, warned], [good, warned, bad])] == ["go", "warn", "no-go"]
    text = written(report([good, warned, bad]))
    assert text.index("Python") < text.index("Disk") < text.index("Clock")
    assert text.endswith("Not ready: 1 to mend, 1 warned of.")
