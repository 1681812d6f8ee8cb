"""What the container and compose files name is there: path, command, flag, setting; and nothing is too open."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from hearing.cli import main
from hearing.config import Config
from tests.e2e.serving import ROOT

CONTAINER = (ROOT / "infra/container/Containerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "infra/compose/compose.yaml").read_text("utf-8"))
IGNORE = (ROOT / ".dockerignore").read_text("utf-8").splitlines()


def instructions(text: str) -> list[tuple[str, str]]:
    """Return a container file's instructions: comments gone, continued lines joined."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return [
        (word, rest.strip()) for word, _, rest in (line.strip().partition(" ") for line in joined.splitlines()) if word
    ]


FILE = instructions(CONTAINER)


def of(word: str) -> list[str]:
    return [rest for one, rest in FILE if one == word]


def last_stage() -> list[tuple[str, str]]:
    start = max(number for number, (word, _) in enumerate(FILE) if word == "FROM")
    return FILE[start:]


def environment() -> dict[str, str]:
    said = " ".join(rest for word, rest in last_stage() if word == "ENV")
    return dict(one.split("=", 1) for one in shlex.split(said))


def test_every_instruction_is_one_and_every_image_has_a_version() -> None:
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "VOLUME", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK"}
    assert {word for word, _ in FILE} <= known | {"ENTRYPOINT", "CMD"}
    for image in of("FROM"):
        assert re.fullmatch(r"(node|python):\d[\w.-]*-slim( AS \w+)?", image), image


def test_everything_that_is_copied_is_there_and_reaches_the_build() -> None:
    sources = [word for rest in of("COPY") if "--from=" not in rest for word in rest.split()[:-1] if "--" not in word]
    assert {"hearing", "web", "requirements-demo.lock", "package-lock.json"} <= set(sources)
    allowed = {line[1:] for line in IGNORE if line.startswith("!")}
    assert IGNORE[0] == "*", "what is not named here never leaves this machine"
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(Path(source).is_relative_to(one) for one in allowed), f"{source} is left out by .dockerignore"


def test_stages_are_copied_from_that_exist_and_what_they_hold_is_in_the_lock() -> None:
    stages = {found[1] for image in of("FROM") if (found := re.search(r" AS (\w+)$", image))}
    assert set(re.findall(r"--from=(\w+)", " ".join(of("COPY")))) == stages
    lock = (ROOT / "package-lock.json").read_text("utf-8")
    assert '"node_modules/hls.js"' in lock
    assert "hls.js/dist/hls.min.js" in (ROOT / "scripts/web").read_text("utf-8")


def test_packages_come_by_their_hashes_and_nothing_else_is_fetched() -> None:
    runs = " ".join(of("RUN"))
    installs = re.findall(r"pip install [^&]*", runs)
    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert "npm ci" in runs
    assert not re.search(r"curl|wget|apt-get|git clone|https?://", runs)
    for part in re.findall(r"uninstall --yes ([^&]*)", runs)[0].split():
        assert f"{part}==" in (ROOT / "requirements-demo.lock").read_text("utf-8")


def test_it_runs_as_nobody_in_particular_and_holds_no_secret() -> None:
    stage = [word for word, _ in last_stage()]
    assert of("USER") == ["hearing"]
    assert stage.index("USER") < stage.index("ENTRYPOINT")
    assert not re.search(
        r"token|password|secret|BEGIN", re.sub(r"^#.*$", "", CONTAINER, flags=re.MULTILINE), re.IGNORECASE
    )


def test_the_key_lies_on_another_volume_than_the_data() -> None:
    settings = environment()
    assert of("VOLUME") == ['["/data", "/keys"]']
    assert settings["HEARING_DATA"] == "/data"
    assert Path(settings["HEARING_KEY_FILE"]).parent == Path("/keys")


def test_its_settings_are_settings_and_make_sense_together() -> None:
    names = {f"HEARING_{field.upper()}" for field in Config.__struct_fields__} | {"HEARING_CACHE"}
    settings = environment()
    assert {name for name in settings if name.startswith("HEARING_")} <= names
    from hearing import config

    found = config.load(None, settings, {})
    assert (found.host, found.port, found.behind_proxy) == ("0.0.0.0", 8080, True)  # noqa: S104 - in its own network
    assert of("EXPOSE") == [str(found.port)]


def test_its_command_and_its_health_check_are_of_this_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert (of("ENTRYPOINT"), of("CMD")) == (['["hearing"]'], ['["serve"]'])
    with pytest.raises(SystemExit) as left:
        main(["serve", "--help"])
    assert left.value.code == 0
    capsys.readouterr()
    check = of("HEALTHCHECK")[0]
    assert "http://127.0.0.1:8080/api/meetings" in check
    shell = ROOT / "infra/container/hearing"
    assert shell.stat().st_mode & 0o111
    assert subprocess.run(["sh", "-n", str(shell)], check=False).returncode == 0
    assert "-m hearing" in shell.read_text("utf-8")


def test_the_health_check_succeeds_on_a_server_and_fails_without(tmp_path: Path) -> None:
    from tests.e2e.serving import Serving

    proxied = {**os.environ, "http_proxy": "http://127.0.0.1:9", "no_proxy": ""}  # as Docker may give it to containers
    script = re.search(r'"-c", "(.*)"\]', of("HEALTHCHECK")[0])
    assert script
    with Serving(tmp_path / "data", "--no-worker") as server:
        text = script[1].replace("8080", str(server.port))
        assert subprocess.run(["python3", "-c", text], env=proxied, check=False, timeout=20).returncode == 0
    assert (
        subprocess.run(["python3", "-c", text], env=proxied, check=False, timeout=20, capture_output=True).returncode
        != 0
    )


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = COMPOSE["services"][name]
    return found


@pytest.mark.parametrize("name", ["hearing", "proxy"])
def test_both_services_may_do_as_little_as_they_can(name: str) -> None:
    one = service(name)
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert set(one.get("cap_add", [])) <= {"NET_BIND_SERVICE"}
    assert one["logging"]["options"]["max-size"]
    known = {
        *("build", "image", "restart", "init", "read_only", "user", "cap_drop", "cap_add", "security_opt", "tmpfs"),
        *(
            "stop_grace_period",
            "ulimits",
            "expose",
            "networks",
            "volumes",
            "logging",
            "depends_on",
            "environment",
            "ports",
        ),
    }
    assert set(one) <= known
    assert set(one["networks"]) <= set(COMPOSE["networks"])


def test_only_the_proxy_can_be_reached() -> None:
    assert "ports" not in service("hearing")
    assert service("proxy")["ports"] == ["80:80", "443:443", "443:443/udp"]
    assert service("hearing")["expose"] == of("EXPOSE")
    assert service("proxy")["environment"]["HEARING_UPSTREAM"] == f"hearing:{of('EXPOSE')[0]}"
    assert service("proxy")["depends_on"]["hearing"]["condition"] == "service_healthy"


def test_the_volumes_of_compose_are_those_of_the_image_and_its_files_are_there() -> None:
    mounts = [one for one in service("hearing")["volumes"] if isinstance(one, str)]
    assert {one.partition(":")[2] for one in mounts} == {"/data", "/keys"}
    for name in ("hearing", "proxy"):
        for mount in [one for one in service(name)["volumes"] if isinstance(one, str)]:
            source = mount.partition(":")[0]
            there = source in COMPOSE["volumes"] or (ROOT / "infra/compose" / source).is_file()
            assert there, source
    build = service("hearing")["build"]
    assert (ROOT / "infra/compose" / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()


def test_who_runs_in_it_owns_its_volumes_and_has_the_time_that_a_stop_takes() -> None:
    user = service("hearing")["user"].partition(":")[0]
    assert f"--uid {user}" in " ".join(of("RUN"))
    assert int(service("hearing")["stop_grace_period"].rstrip("s")) >= 2 * Config().drain_s


def test_the_proxy_s_variables_are_those_that_its_file_reads() -> None:
    read = set(re.findall(r"\{\$(\w+)", (ROOT / "infra/proxy/Caddyfile").read_text("utf-8")))
    assert set(service("proxy")["environment"]) == read
