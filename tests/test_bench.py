"""The benchmarks run, and say what they measured."""

import json
from pathlib import Path

import pytest

from hearing.bench import run as bench
from hearing.errors import Refused

TINY = bench.Size(
    seconds=0.05,
    producers=(1, 5),
    flushes=3,
    readers=20,
    events=3,
    alone_events=2,
    items=12,
    published=2,
    words=3000,
    queries=6,
    published_words=3000,
)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_log_is_measured_with_one_producer_and_with_many(tmp_path: Path) -> None:
    figures = json.loads(bench.run("log", TINY))
    assert figures["bench"] == "log"
    assert [(one["log"], one["producers"]) for one in figures["runs"]] == [
        *(("memory", 1), ("memory", 5)),
        *(("sqlite", 1), ("sqlite", 5)),
    ]
    assert all(one["appends_per_s"] > 0 and 0 < one["p50_ms"] <= one["p99_ms"] for one in figures["runs"])
    assert figures["runs"][2]["mean_group"] == 1
    assert figures["limited_by"].endswith(".")
    assert list(tmp_path.iterdir()) == []


def test_readers_of_a_window_are_measured_against_readers_of_sqlite() -> None:
    figures = json.loads(bench.run("window", TINY))
    assert (figures["bench"], figures["readers"]) == ("window", 20)
    assert figures["window_ms_per_event"] > 0
    assert figures["ratio"] > 0


def test_clients_race_over_the_question_queue_and_nothing_is_lost_or_there_twice() -> None:
    figures = json.loads(bench.run("desk", TINY))
    assert (figures["bench"], figures["clients"], figures["items"]) == ("desk", 6, 12)
    assert (figures["lost"], figures["double"]) == (0, 0)
    assert figures["sent_acknowledged"] == figures["decisions_acknowledged"] == 12
    assert figures["decisions_acknowledged"] + figures["conflicts"] == 6 * 12
    assert figures["published"] == 2
    assert 0 < figures["submit"]["p50_ms"] <= figures["submit"]["p95_ms"]
    assert all(0 < figures[name]["p50_ms"] <= figures[name]["p95_ms"] for name in ("queued", "decide", "public"))


def test_an_index_of_six_languages_is_built_and_asked() -> None:
    figures = json.loads(bench.run("search", TINY))
    assert (figures["bench"], figures["words"], figures["passages"]) == ("search", 3000, 120)
    assert figures["index_mb"] > figures["terms_mb"] >= 0
    assert [one["queries"] for one in figures["asked"]] == [
        "one word, every language",
        "two words, one language",
        "one frequent word",
        "newest first",
    ]
    assert all(0 < one["p50_ms"] <= one["p95_ms"] for one in figures["asked"])


@pytest.mark.parametrize("name", ["nothing", "", "../log"])
def test_an_unknown_benchmark_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(Refused, match="log, window"):
        bench.run(name)


@pytest.mark.parametrize("name", bench.PLANNED)
def test_a_planned_benchmark_says_that_it_has_not_landed(name: str) -> None:
    with pytest.raises(Refused, match="not landed yet"):
        bench.run(name)


def test_a_site_is_published_and_what_a_search_in_it_fetches_is_added_up(tmp_path: Path) -> None:
    figures = json.loads(bench.run("publish", TINY))
    assert (figures["bench"], figures["meetings"], figures["passages"]) == ("publish", 1, 120)
    assert figures["files_by_passage"] == figures["files"] + figures["passages"]
    assert figures["shards"] > 0
    assert figures["directory_kb"] > 0
    assert all(0 < one["p50_kb"] <= one["p95_kb"] for one in figures["fetched"])
    assert list(tmp_path.iterdir()) == []
