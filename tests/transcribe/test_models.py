"""The model is found, verified, and refused where it is not what was published."""

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


def test_a_model_that_was_not_fetched_is_told_with_the_line_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="hearing model fetch owner/name@main"):
        find(ModelChoice("owner/name@main"), {"HEARING_CACHE": str(tmp_path)})


def _folder(at: Path) -> Path:
    at.mkdir(parents=True)
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (at / name).write_text(name)
    return at


def test_a_folder_with_sums_is_verified_by_them(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "mine")
    for _ in range(2):  # as the message says, and once more over what that wrote
        subprocess.run("sha256sum *.* > SHA256SUMS", cwd=folder, shell=True, check=True)  # noqa: S602 - a test's own
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


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json", "preprocessor_config.json", "vocabulary.json"])
def test_a_file_that_is_read_and_has_no_sum_is_refused_with_what_to_do(name: str, tmp_path: Path) -> None:
    folder = _folder(tmp_path / "whisper-owner--name")
    (folder / name).touch()
    (folder / "README.md").touch()
    listed = [path.name for path in folder.iterdir() if path.name not in {name, "README.md"}]
    sums = subprocess.run(["sha256sum", *listed], cwd=folder, capture_output=True, check=True)
    (folder / "SHA256SUMS").write_bytes(sums.stdout)
    for model in (str(folder), "owner/name"):
        with pytest.raises(Refused, match=rf"what {name} of the model must be.*hearing model fetch.*sha256sum \*"):
            find(ModelChoice(model), {"HEARING_CACHE": str(tmp_path)})


def test_a_folder_without_sums_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"what config\.json, model\.bin, tokenizer\.json of the model must be"):
        find(ModelChoice(str(_folder(tmp_path / "mine"))), {})


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
    assert sorted(path.name for path in found.folder.iterdir()) == sorted(models.BASE_SUMS)
