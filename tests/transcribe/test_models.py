"""The model is found, verified, and refused where it is not what was published."""

from pathlib import Path

import pytest

from hearing.errors import Refused, Unavailable
from hearing.transcribe import models
from hearing.transcribe.models import ModelChoice, cache_folder, find


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


@pytest.mark.model
def test_the_demo_parts_are_joined_once_and_verified(tmp_path: Path) -> None:
    environ = {"HEARING_CACHE": str(tmp_path)}
    found = find(ModelChoice(), environ)
    joined = (found.folder / "model.bin").stat()
    assert joined.st_size == 145_217_532
    assert find(ModelChoice(), environ) == found
    assert (found.folder / "model.bin").stat().st_mtime_ns == joined.st_mtime_ns
    assert sorted(path.name for path in found.folder.iterdir()) == sorted(models._SHA256)
