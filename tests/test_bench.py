"""The benchmarks run, and say what they measured."""

import json
from pathlib import Path

import pytest

from hearing.bench import run as bench
from hearing.bench import shape
from hearing.bench.heard import busy
from hearing.bench.transcribe import Spoken
from hearing.cli import main
from hearing.errors import Refused, Unavailable
from hearing.transcribe.models import ModelChoice

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


def test_a_site_is_published_and_what_a_search_in_it_fetches_is_added_up(tmp_path: Path) -> None:
    figures = json.loads(bench.run("publish", TINY))
    assert (figures["bench"], figures["meetings"], figures["passages"]) == ("publish", 1, 120)
    assert figures["files_by_passage"] == figures["files"] + figures["passages"]
    assert figures["shards"] > 0
    assert figures["directory_kb"] > 0
    assert all(0 < one["p50_kb"] <= one["p95_kb"] for one in figures["fetched"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.model
def test_captions_are_measured_with_a_worker_of_their_own(tmp_path: Path) -> None:
    spoken = Spoken(channels=(1,), seconds=8, model=ModelChoice(device="cpu"))
    figures = json.loads(bench.run("transcribe", bench.Size(spoken=spoken)))
    assert figures["bench"] == "transcribe"
    assert figures["model"] == "base (int8, cpu)"
    [rung] = figures["rungs"]
    assert (rung["channels"], rung["gpu_share"]) == (1, None)
    assert rung["words"] > 5
    assert 0 < rung["shown_p50_s"] <= rung["commit_p50_s"] <= rung["commit_p95_s"]
    assert 0 < rung["cpu_share"] <= 1
    assert figures["carried"] == int(rung["keeps_up"])
    assert figures["limited_by"].endswith(".")
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_cannot_load_its_model_is_not_measured(tmp_path: Path) -> None:
    spoken = Spoken(channels=(1,), seconds=8, model=ModelChoice(str(tmp_path)))
    with pytest.raises(ExceptionGroup) as caught:
        bench.run("transcribe", bench.Size(spoken=spoken))
    assert caught.group_contains(Unavailable, match="left before")


def test_the_model_of_a_bench_runs_as_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[bench.Size] = []

    def run(_name: str, size: bench.Size) -> bytes:
        asked.append(size)
        return b"{}"

    monkeypatch.setattr(bench, "run", run)
    main(["bench", "transcribe", "--model", "small", "--device", "cuda", "--compute-type", "float16"])
    assert [size.spoken.model for size in asked] == [ModelChoice("small", "cuda", "float16")]
    assert capsys.readouterr().out == "{}\n"


@pytest.mark.model
def test_a_model_of_noise_is_measured_by_its_shape(tmp_path: Path) -> None:
    figures = shape.measure(tmp_path, "tiny", ModelChoice(device="cpu"), sizes=(1, 2))
    assert (figures.shape, figures.model) == ("tiny", "tiny (int8, cpu)")
    assert [batch.size for batch in figures.batches] == [1, 2]
    assert all(min(batch.encode_ms, batch.guess_ms, batch.align_ms) > 0 for batch in figures.batches)
    assert set(figures.channels) == {600, 1000, 2000}


def test_a_shape_there_is_not_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="large-v3-turbo"):
        shape.measure(tmp_path, "huge", ModelChoice())


def test_channels_fit_by_the_best_batch_that_is_done_within_a_tick() -> None:
    batches = [shape.Batch(1, 10, 40, 5, 20.0), shape.Batch(8, 60, 240, 5, 26.7), shape.Batch(32, 200, 900, 5, 29.1)]
    assert [shape.fitting(batches, tick_ms, 1) for tick_ms in (40, 600, 2000)] == [0, 14, 53]
    assert shape.fitting(batches, 600, 4) == 56


def test_what_a_gpu_s_driver_says_is_read() -> None:
    assert busy("57\n3\n") == [0.57, 0.03]
    assert busy("[N/A]\n") == busy("") == []
