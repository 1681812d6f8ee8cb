"""Settings: three sources, and refusals that name the setting and the mend."""

from pathlib import Path

import pytest

from hearing.config import Config, is_loopback, load
from hearing.errors import Refused
from hearing.seams import redis_url

DOCS = Path(__file__).parents[1] / "docs" / "settings.md"


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "hearing.toml"
    file.write_text('port = 1\nmodel = "small"\ndata = "elsewhere"\n')
    config = load(file, {"HEARING_PORT": "2", "HEARING_MODEL": "tiny"}, {"port": 3, "host": None})
    assert (config.port, config.model, config.data) == (3, "tiny", "elsewhere")


def test_variables_of_other_programs_are_left_alone() -> None:
    assert load(None, {"HEARING_REQUIRE": "chromium", "PORT": "9"}, {}) == Config()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "hearing.example.org"])  # noqa: S104 - to be refused
def test_an_open_address_without_tls_is_refused_with_the_mend(host: str) -> None:
    with pytest.raises(Refused, match=r"host .*--tls-cert.*--behind-proxy"):
        load(None, {}, {"host": host})
    assert load(None, {}, {"host": host, "behind_proxy": True}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_loopback_needs_nothing(host: str) -> None:
    assert is_loopback(host)
    assert load(None, {}, {"host": host}).host == host


def test_half_of_tls_is_refused() -> None:
    with pytest.raises(Refused, match="tls_cert and tls_key"):
        load(None, {}, {"tls_cert": __file__})


@pytest.mark.parametrize("given", [{"port": "many"}, {"device": "abacus"}])
def test_a_value_of_the_wrong_kind_is_refused_by_name(given: dict[str, str]) -> None:
    with pytest.raises(Refused, match=next(iter(given))):
        load(None, {}, given)


def test_lists_stand_in_a_file_as_lists_and_in_the_environment_with_commas(tmp_path: Path) -> None:
    file = tmp_path / "hearing.toml"
    file.write_text('source_hosts = ["live.example.org", ".cdn.example.org"]\n')
    assert load(file, {}, {}).source_hosts == ("live.example.org", ".cdn.example.org")
    environ = {"HEARING_SOURCE_HOSTS": "a.org, .b.org,2001:db8::1", "HEARING_SOURCE_SCHEMES": ""}
    config = load(file, environ, {})
    assert (config.source_hosts, config.source_schemes) == (("a.org", ".b.org", "2001:db8::1"), ())


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("source_hosts", ["https://live.example.org"]),
        ("source_hosts", ["live.example.org:443"]),
        ("source_private_hosts", ["*.lan"]),
        ("source_private_hosts", ["."]),
        ("source_schemes", ["srt"]),
        ("source_height", 0),
    ],
)
def test_a_rule_for_sources_that_means_nothing_is_refused(setting: str, value: object) -> None:
    with pytest.raises(Refused, match=setting):
        load(None, {}, {setting: value})


@pytest.mark.parametrize(
    ("given", "mend"),
    [
        ({"redis": "127.0.0.1:6379"}, "redis://"),
        ({"redis": "http://127.0.0.1"}, "redis://"),
        ({"redis": "redis://"}, "redis://"),
        ({"redis": "redis://hearing:secret@127.0.0.1"}, "redis_password_file"),
        ({"redis": "redis://127.0.0.1?password=secret"}, "HEARING_REDIS_PASSWORD"),
        ({"redis_replicas": -1}, "redis_replicas"),
        ({"peer_url": "http://10.0.0.1:8080"}, "https"),
        ({"peer_url": "https://home.example.org/path"}, "https"),
        ({"peer_url": "https://user@home.example.org"}, "https"),
    ],
)
def test_a_redis_that_cannot_be_used_is_refused_without_its_password(given: dict[str, object], mend: str) -> None:
    with pytest.raises(Refused, match=mend) as told:
        load(None, {}, given)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    "url", ["redis://h", "rediss://hearing@h:6380/1?ssl_ca_certs=/ca.crt", "unix:///run/redis.sock"]
)
def test_a_redis_is_named_by_its_address(url: str) -> None:
    assert load(None, {"HEARING_REDIS": url, "HEARING_PEER_URL": "https://[2001:db8::1]:8443"}, {}).redis == url


def test_the_password_of_redis_comes_by_a_file_or_the_environment_and_goes_to_the_client_alone(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("p@ss/word\n")
    config = Config(redis="rediss://hearing@h:6380/1", redis_password_file=str(file))
    assert redis_url(config, {"HEARING_REDIS_PASSWORD": "other"}) == "rediss://hearing:p%40ss%2Fword@h:6380/1"
    assert redis_url(Config(redis="redis://h"), {"HEARING_REDIS_PASSWORD": "p"}) == "redis://:p@h"
    assert redis_url(Config(redis="redis://h"), {}) == "redis://h"
    with pytest.raises(Refused, match="redis_password_file"):
        redis_url(Config(redis="redis://h", redis_password_file=str(tmp_path / "none")), {})
    with pytest.raises(Refused, match="socket"):
        redis_url(Config(redis="unix:///run/redis.sock"), {"HEARING_REDIS_PASSWORD": "p"})


def test_an_unknown_setting_in_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "hearing.toml"
    file.write_text("prot = 8080\n")
    with pytest.raises(Refused, match="prot"):
        load(file, {}, {})


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    rows = [line for line in DOCS.read_text("utf-8").splitlines() if line.startswith("| `")]
    documented = {name.strip(" `") for row in rows for name in row.split("|")[1].split(",")}
    assert documented == set(Config.__struct_fields__)
