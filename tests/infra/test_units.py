"""The units are what systemd takes and name what is there; the server runs by them as far as it can without systemd."""

import configparser
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from hearing import cli, cli_worker, config
from hearing.cli import main
from hearing.errors import Refused
from hearing.qa.key_file import key_of
from tests.e2e.serving import ROOT, free_port, until
from tests.needs import program

UNITS = ROOT / "infra" / "systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
_PYTHON = "/opt/hearing/.venv/bin/python"


class _Unit(configparser.RawConfigParser):
    """A unit file: a key may come more than once, and means something by its case."""

    def __init__(self, name: str) -> None:
        super().__init__(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
        self.optionxform = str  # type: ignore[assignment,method-assign] # as documented
        self.text = (UNITS / name).read_text("utf-8")
        self.read_string(self.text)

    def all(self, key: str) -> list[str]:
        return re.findall(rf"^{key}=(.*)$", self.text, re.MULTILINE)


def verify(folder: Path, name: str) -> "subprocess.CompletedProcess[str]":
    """Let systemd look at a unit, with this interpreter in the place of the installed one."""
    analyze = program("systemd")
    for path in UNITS.iterdir():
        (folder / path.name).write_text(path.read_text("utf-8").replace(_PYTHON, sys.executable))
    command = [analyze, "verify", "--man=no", str(folder / name)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", sorted(path.name for path in UNITS.glob("*.[st][ei][rm]*")))
def test_systemd_takes_it(name: str, tmp_path: Path) -> None:
    done = verify(tmp_path, name)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_that_check_can_fail(tmp_path: Path) -> None:
    program("systemd")
    path = tmp_path / "bad.service"
    path.write_text("[Service]\nExecStart=/no/such\nProtectEverything=yes\n")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False
    )
    assert "ProtectEverything" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("hearing.service", 20),
        ("hearing-backup.service", 20),
        ("hearing-note.service", 20),
        ("hearing-worker.service", 20),
    ],
)
def test_it_is_as_closed_as_it_can_be(name: str, most: int) -> None:
    """systemd's own measure, in tenths: 0 is closed, 100 open; a plain service has 96."""
    command = [program("systemd"), "security", "--offline=true", f"--threshold={most}", str(UNITS / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-300:]


@pytest.mark.parametrize("name", SERVICES)
def test_every_command_is_one_of_ours_with_options_that_it_has(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    unit = _Unit(name)
    words = shlex.split(unit["Service"]["ExecStart"])
    assert words[:4] == [_PYTHON, "-P", "-m", "hearing"]
    with pytest.raises(SystemExit):
        main([words[4], "--help"])
    told = capsys.readouterr().out
    assert [word for word in words[5:] if word.startswith("--") and word not in told] == []


def test_the_key_comes_as_a_credential_and_lies_apart_from_the_data() -> None:
    unit = _Unit("hearing.service")
    environment = dict(one.split("=", 1) for one in unit.all("Environment"))
    name, _, _source = unit["Service"]["LoadCredential"].partition(":")
    assert environment["HEARING_KEY_FILE"] == f"%d/{name}"
    assert environment["HEARING_DATA"] == "/var/lib/" + unit["Service"]["StateDirectory"]
    names = {f"HEARING_{field.upper()}" for field in config.Config.__struct_fields__} | {"HEARING_CACHE"}
    assert set(environment) <= names


def test_a_workers_token_comes_as_a_credential_and_its_relays_from_a_file() -> None:
    unit = _Unit("hearing-worker.service")
    environment = dict(one.split("=", 1) for one in unit.all("Environment"))
    name, _, _source = unit["Service"]["LoadCredential"].partition(":")
    assert environment["HEARING_WORKER_TOKEN_FILE"] == f"%d/{name}"
    assert set(environment) <= {f"HEARING_{field.upper()}" for field in config.Config.__struct_fields__} | {
        "HEARING_CACHE"
    }
    example = (UNITS / "worker.env").read_text("utf-8")
    given = dict(line.split("=", 1) for line in example.splitlines() if line and not line.startswith("#"))
    assert set(given) == {"RELAYS"}
    [relays] = shlex.split(given["RELAYS"])
    options = cli._parser().parse_args(["worker", *relays.split()])
    assert cli_worker.relays(options.relay, plain=options.insecure_plain) == ["wss://hearing.example.org/worker"]
    assert unit["Service"]["EnvironmentFile"] == "/etc/hearing/worker.env"
    assert unit["Service"]["ExecStart"].split()[-1] == "$RELAYS"


def test_the_settings_file_is_one_and_a_stop_has_the_time_that_it_takes() -> None:
    settings = tomllib.loads((UNITS / "hearing.toml").read_text("utf-8"))
    found = config.load(UNITS / "hearing.toml", {}, {})
    assert found.behind_proxy
    assert set(settings) <= set(config.Config.__struct_fields__)
    assert int(_Unit("hearing.service")["Service"]["TimeoutStopSec"]) >= 2 * found.drain_s


def test_backups_are_written_where_they_may_be_by_the_user_there_is() -> None:
    for name in ("hearing-backup.service", "hearing-note.service"):
        unit = _Unit(name)
        words = shlex.split(unit["Service"]["ExecStart"])
        places = unit["Service"]["ReadWritePaths"].split()
        assert words[5] in places
        assert words[words.index("--data") + 1] in places
        assert f" {words[5]} " in (UNITS / "hearing.tmpfiles.conf").read_text("utf-8")
        assert f"u {unit['Service']['User']} " in (UNITS / "hearing.sysusers.conf").read_text("utf-8")
        assert (UNITS / name.replace(".service", ".timer")).is_file()


def test_a_credential_is_read_with_the_mode_that_systemd_gives_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0440 where an ACL lets the server's user in (systemd on tmpfs), 0400 where the file is that user's (on ramfs)."""
    place = tmp_path / "credentials"
    place.mkdir(mode=0o700)
    path = place / "kek"
    path.write_text("5a" * 32)
    path.chmod(0o440)
    with pytest.raises(Refused, match="chmod 600"):
        key_of(path, tmp_path / "data", may_make=False)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(place))
    assert key_of(path, tmp_path / "data", may_make=False) == b"Z" * 32
    other = tmp_path / "kek"
    other.write_text("5a" * 32)
    other.chmod(0o440)
    with pytest.raises(Refused):
        key_of(other, tmp_path / "data", may_make=False)


def test_the_server_runs_by_its_unit_and_leaves_on_sigterm(tmp_path: Path) -> None:
    """ExecStart with its environment, in folders of a test, the credential as systemd would give it: mode 0400."""
    unit, port = _Unit("hearing.service"), free_port()
    credentials, state, cache = tmp_path / "credentials", tmp_path / "state", tmp_path / "cache"
    for folder in (credentials, state, cache):
        folder.mkdir(mode=0o700)
    (credentials / "kek").write_text("5a" * 32 + "\n")
    (credentials / "kek").chmod(0o400)
    settings = tmp_path / "hearing.toml"
    text = (UNITS / "hearing.toml").read_text("utf-8").replace("8080", str(port))
    settings.write_text(text + "local_worker = false\n")
    places = {"%d": str(credentials), "/var/lib/hearing": str(state), "/var/cache/hearing": str(cache)}
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
    for one in unit.all("Environment"):
        name, _, value = one.partition("=")
        for before, after in places.items():
            value = value.replace(before, after)
        environment[name] = value
    words = shlex.split(unit["Service"]["ExecStart"].replace(_PYTHON, sys.executable))
    words = [str(settings) if word == "/etc/hearing/hearing.toml" else word for word in words]
    with (
        (tmp_path / "said").open("wb") as said,
        subprocess.Popen(words, cwd=state, env=environment, stdout=said, stderr=said) as running,
    ):
        try:
            until((state / "serve.json").exists, 60, "the server to be up")
            done = subprocess.run(
                [sys.executable, "-P", "-m", "hearing", "doctor", "--quick", "--config", str(settings)],
                env=environment,
                cwd=state,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert (done.returncode, "the server of this folder runs" in done.stdout) == (0, True), done.stdout
            running.send_signal(signal.SIGTERM)
            assert running.wait(30) == 0
        finally:
            running.kill()
    assert sorted(path.name for path in credentials.iterdir()) == ["kek"]
    assert {path.stat().st_mode & 0o077 for path in state.rglob("*")} == {0}
