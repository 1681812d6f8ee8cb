"""The model is found, verified, and refused where it is not what was published."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from hearing.errors import Refused, Unavailable
from hearing.transcribe import models
from hearing.transcribe.batching import Batching
from hearing.transcribe.models import ModelChoice, cache_folder, find
from tests.speech import engine


def test_the_cache_follows_the_environment() -> None:
    assert cache_folder({"HEARING_CACHE": "/a"}) == Path("/a")
    assert cache_folder({"XDG_CACHE_HOME": "/b", "HOME": "/c"}) == Path("/b/hearing")
    assert cache_folder({"HOME": "/c"}) == Path("/c/.cache/hearing")


def test_a_folder_that_is_no_model_is_refused_by_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"lacks model\.bin, config\.json"):
        find(ModelChoice(str(tmp_path)), {})


def test_a_folder_with_a_model_is_taken_as_it_is(tmp_path: Path) -> None:
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).touch()
    assert find(ModelChoice(str(tmp_path)), {}).folder == tmp_path


def test_without_the_demo_extra_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "_PARTS", ("no_such_part_1", "no_such_part_2"))
    with pytest.raises(Unavailable, match="demo extra"):
        find(ModelChoice(), {"HEARING_CACHE": str(tmp_path)})


def test_a_cached_model_that_was_changed_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "whisper-base"
    folder.mkdir()
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt"):
        (folder / name).write_bytes(b"not it")
    with pytest.raises(Refused, match="not the published one"):
        find(ModelChoice(), {"HEARING_CACHE": str(tmp_path)})


def test_a_hub_model_is_not_downloaded_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(Unavailable, match="downloaded before"):
        find(ModelChoice("owner/name@main"), {"HEARING_CACHE": str(tmp_path)})


def _folder(at: Path) -> Path:
    at.mkdir(parents=True)
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (at / name).write_text(name)
    return at


def test_a_folder_with_sums_is_verified_by_them(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "mine")
    sums = subprocess.run(["sha256sum", "model.bin", "config.json"], cwd=folder, capture_output=True, check=True)
    (folder / "SHA256SUMS").write_bytes(sums.stdout)
    assert find(ModelChoice(str(folder)), {}).folder == folder
    (folder / "model.bin").write_text("other")
    with pytest.raises(Refused, match=r"model\.bin of the model is not what was published"):
        find(ModelChoice(str(folder)), {})


@pytest.mark.parametrize("line", ["no sum", "0" * 64 + "  ../other", "0" * 63 + "  model.bin"])
def test_sums_that_are_none_are_refused(line: str, tmp_path: Path) -> None:
    folder = _folder(tmp_path / "mine")
    (folder / "SHA256SUMS").write_text(line)
    with pytest.raises(Refused, match="Write it anew"):
        find(ModelChoice(str(folder)), {})


def test_a_size_is_found_where_it_was_downloaded_before_and_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = _folder(tmp_path / "snapshots" / "one")
    blob = tmp_path / "blobs" / hashlib.sha256(b"model.bin").hexdigest()
    blob.parent.mkdir()
    (kept / "model.bin").rename(blob)
    (kept / "model.bin").symlink_to(blob)
    asked: list[str] = []

    def download_model(name: str, *, local_files_only: bool, revision: str | None) -> str:
        asked.append(f"{name} {local_files_only} {revision}")
        return str(kept)

    monkeypatch.setattr("faster_whisper.utils.download_model", download_model)
    assert find(ModelChoice("large-v3-turbo"), {}).name == "large-v3-turbo"
    assert asked == ["large-v3-turbo True None"]
    blob.write_text("damaged")
    with pytest.raises(Refused, match=r"model\.bin of the model"):
        find(ModelChoice("large-v3-turbo"), {})


@pytest.mark.model
def test_on_a_processor_every_thread_computes_for_itself_and_on_a_gpu_in_batches() -> None:
    from hearing.transcribe.loading import arranged, load

    whisper = engine()
    assert arranged(whisper) is whisper
    assert isinstance(load(ModelChoice(device="cpu"), 1, os.environ), type(whisper))

    class OnGpu(type(whisper)):  # type: ignore[misc]  # only for its name of a device
        def __init__(self) -> None:
            self.device = "cuda"

    assert isinstance(arranged(OnGpu()), Batching)


@pytest.mark.model
def test_the_demo_parts_are_joined_once_and_verified(tmp_path: Path) -> None:
    environ = {"HEARING_CACHE": str(tmp_path)}
    found = find(ModelChoice(), environ)
    joined = (found.folder / "model.bin").stat()
    assert joined.st_size == 145_217_532
    assert find(ModelChoice(), environ) == found
    assert (found.folder / "model.bin").stat().st_mtime_ns == joined.st_mtime_ns
    assert sorted(path.name for path in found.folder.iterdir()) == sorted(models._SHA256)
