"""A model is fetched once, by the hub's own client from a hub of this machine, and found afterwards without it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hearing.errors import Refused, Unavailable
from hearing.transcribe.fetch import fetch
from hearing.transcribe.models import ModelChoice, find
from tests.transcribe.hub import COMMIT, hub

FILES = {name: name.encode() for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.json", "README.md")}
KEPT = ["SHA256SUMS", "config.json", "model.bin", "tokenizer.json", "vocabulary.json"]


def fetching(name: str, endpoint: str, place: Path) -> "subprocess.CompletedProcess[str]":
    own = {"HF_ENDPOINT": endpoint, "HF_HOME": str(place / "hub"), "HEARING_CACHE": str(place / "cache")}
    command = [sys.executable, "-m", "hearing", "model", "fetch", name]
    return subprocess.run(command, env=os.environ | own, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", ["large-v3-turbo", "owner/name@v1"])
def test_a_model_is_fetched_and_found_when_the_hub_is_gone(name: str, tmp_path: Path) -> None:
    with hub(FILES, FILES) as endpoint:
        done = fetching(name, endpoint, tmp_path)
    assert (done.returncode, done.stderr) == (0, f"Fetching {name}. It may be several GB.\n")
    assert f"commit {COMMIT}" in done.stdout
    found = find(ModelChoice(name), {"HEARING_CACHE": str(tmp_path / "cache")})
    assert (found.name, str(found.folder) in done.stdout) == (name, True)
    assert sorted(path.name for path in found.folder.iterdir()) == KEPT
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [found.folder.name]
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=found.folder, check=True)
    (found.folder / "config.json").write_text("other")
    with pytest.raises(Refused, match=r"config\.json of the model"):
        find(ModelChoice(name), {"HEARING_CACHE": str(tmp_path / "cache")})


@pytest.mark.parametrize("name", ["model.bin", "config.json"])
def test_what_did_not_come_as_the_hub_says_takes_no_place(name: str, tmp_path: Path) -> None:
    kept = tmp_path / "cache" / "whisper-small"
    kept.mkdir(parents=True)
    with hub(FILES, FILES | {name: FILES[name][::-1]}) as endpoint:
        done = fetching("small", endpoint, tmp_path)
    assert done.returncode == 1
    assert f"{name} of the model did not come as the hub says" in done.stderr
    assert list((tmp_path / "cache").iterdir()) == [kept]
    assert list(kept.iterdir()) == []


def test_a_hub_that_is_away_is_said_in_one_line(tmp_path: Path) -> None:
    done = fetching("small", "http://127.0.0.1:9", tmp_path)
    assert done.returncode == 1
    assert "hearing: The model 'small' could not be fetched: " in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert list((tmp_path / "cache").iterdir()) == []


def downloaded(place: Path, named: str) -> Path:
    """Lie in a folder as the hub's client leaves it, each file a link to one of this name."""
    snapshot = place / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (place / named).write_bytes(b"weights")
    (snapshot / "model.bin").symlink_to(place / named)
    return snapshot


@pytest.mark.parametrize("named", ["a0" * 32, "model.bin", '"weak"'])
def test_a_file_that_the_hub_says_no_sum_of_is_refused(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download_model(_name: str, *, cache_dir: str, revision: str | None) -> str:
        assert revision is None
        return str(downloaded(Path(cache_dir), named))

    monkeypatch.setattr("faster_whisper.utils.download_model", download_model)
    with pytest.raises(Refused, match=r"model\.bin of the model did not come as the hub says"):
        fetch("small", {"HEARING_CACHE": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []


def test_base_is_only_what_was_published(tmp_path: Path) -> None:
    with hub(FILES, FILES) as endpoint:
        done = fetching("base", endpoint, tmp_path)
    assert (done.returncode, "is not what was published" in done.stderr) == (1, True)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_size_there_is_not_and_a_cache_that_is_none_are_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"'huge' could not be fetched: Invalid model size"):
        fetch("huge", {"HEARING_CACHE": str(tmp_path / "cache")})
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").touch()
    with pytest.raises(Unavailable, match="model cache cannot be written"):
        fetch("small", {"HEARING_CACHE": str(tmp_path / "cache")})
