"""A source is judged when a meeting takes it, and what is shown of it is taken back as the whole."""

import hashlib

import msgspec
import pytest

from hearing.config import Config
from hearing.events import encode
from hearing.sources import Sources, rules_of
from hearing.stream.address import NotAdmitted, Rules
from tests.stream.relaying import house, meeting

URL = "rtmps://live.example.org/app/s3cr3t"
OTHER = "rtmps://live.example.org/app/0th3r"
RULES = Rules(hosts=("live.example.org",))


def test_what_is_shown_of_a_source_means_that_source_again() -> None:
    sources, known = Sources(RULES), house(meeting(URL, "en"))
    shown = sources.masked(URL)
    assert shown.startswith("rtmps://live.example.org/app/…")
    assert shown != sources.masked(OTHER), "two keys are told apart"
    sent = msgspec.structs.replace(meeting(URL, "en").created, source=shown)
    assert sources.taken(sent, known).source == URL
    for strange in (Sources(RULES), sources):  # of another server's life, or of no meeting
        with pytest.raises(NotAdmitted):
            strange.taken(sent, house() if strange is sources else known)


def test_a_source_that_is_not_allowed_is_refused_and_a_file_is_not_looked_at() -> None:
    sources = Sources(RULES)
    with pytest.raises(NotAdmitted, match="source_hosts"):
        sources.taken(meeting("https://example.org/a", "en").created, house())
    assert sources.taken(meeting("/films/a.mp4", "en").created, house()).source == "/films/a.mp4"


def test_what_names_a_setup_tells_nothing_of_it_without_the_server_s_key() -> None:
    created = meeting(URL, "en").created
    sources = Sources(RULES)
    assert sources.seen(created) == sources.seen(created)
    assert sources.seen(created) != sources.seen(meeting(OTHER, "en").created)
    assert sources.seen(created) != Sources(RULES).seen(created), "or whoever knows the rest could try secrets"
    assert sources.seen(created) not in hashlib.sha256(encode(created)).hexdigest()


def test_the_rules_are_what_the_settings_say() -> None:
    config = Config(source_hosts=("a.org",), source_private_hosts=("b.lan",), source_height=360, source_kbps=900)
    assert rules_of(config) == Rules(("https", "rtmps", "rtsps"), ("a.org",), ("b.lan",), 360, 900)
