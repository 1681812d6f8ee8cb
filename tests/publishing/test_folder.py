"""The folder of a site: the same again writes nothing, what is gone goes, and what is not ours stays."""

import subprocess
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.errors import Conflict, Refused
from hearing.publishing.folder import MANIFEST, Changes, Folder

SITE = {"index.html": b"home", "m/a/en/0/index.html": b"said", "static/x/style.css": b"style"}
NAMES = st.sampled_from([*SITE, "en/index.html", "find/1/index.json", "m/a/index.html"])


def publish(folder: Path, files: Mapping[str, bytes]) -> Changes:
    """Publish these files."""
    with Folder(folder) as site:
        for name, content in files.items():
            site.put(name, content)
        return site.commit()


def files_of(folder: Path) -> dict[str, bytes]:
    """Return what stands in a folder, but for the list of it."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found.pop(MANIFEST, None)
    return found


def test_what_was_put_stands_there_and_is_listed_for_everybody(tmp_path: Path) -> None:
    site = tmp_path / "new/site"
    changes = publish(site, SITE)
    assert (changes.files, changes.bytes, changes.written, changes.removed) == (3, 13, 3, 0)
    assert files_of(site) == SITE
    assert site.joinpath("m/a/en").stat().st_mode & 0o777 == 0o755
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in site.rglob("*") if path.is_file())
    checked = subprocess.run(["sha256sum", "--check", "--strict", MANIFEST], cwd=site, capture_output=True, check=True)
    assert checked.stdout.count(b": OK") == 3


def test_the_same_again_touches_nothing(tmp_path: Path) -> None:
    publish(tmp_path, SITE)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert publish(tmp_path, SITE).written == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


@given(st.lists(st.dictionaries(NAMES, st.binary(max_size=3), max_size=4), min_size=1, max_size=4))
def test_after_any_runs_the_site_is_what_the_last_one_put(
    tmp_path_factory: pytest.TempPathFactory, runs: list[dict[str, bytes]]
) -> None:
    site = tmp_path_factory.mktemp("site")
    for files in runs:
        publish(site, files)
    assert files_of(site) == runs[-1]
    assert not [path for path in site.rglob("*") if path.is_dir() and not any(path.iterdir())]


def test_a_folder_of_somebody_else_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(Refused, match="did not make"):
        publish(tmp_path, SITE)
    assert files_of(tmp_path) == {"thesis.txt": b"mine"}
    (tmp_path / "thesis.txt").rename(tmp_path / ".thesis")
    publish(tmp_path, SITE)
    publish(tmp_path, {})
    assert files_of(tmp_path) == {".thesis": b"mine"}


def test_files_of_somebody_else_in_the_site_stay(tmp_path: Path) -> None:
    publish(tmp_path, SITE)
    (tmp_path / "robots.txt").write_text("mine")
    (tmp_path / "m/a/en/0/notes.txt").write_text("mine")
    assert publish(tmp_path, {"index.html": b"home"}).removed == 2
    assert files_of(tmp_path) == {"index.html": b"home", "robots.txt": b"mine", "m/a/en/0/notes.txt": b"mine"}
    (tmp_path / "en").mkdir()
    (tmp_path / "en/index.html").write_text("mine")
    with pytest.raises(Refused, match=r"en/index\.html"):
        publish(tmp_path, {"index.html": b"new", "en/index.html": b"theirs"})
    assert (tmp_path / "index.html").read_bytes() == b"home"
    assert (tmp_path / "en/index.html").read_text() == "mine"


def test_a_link_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    publish(site, SITE)
    elsewhere.mkdir()
    (site / "m").rename(elsewhere / "m")
    (site / "m").symlink_to(elsewhere / "m")
    with pytest.raises(Refused, match="m in this folder"):
        publish(site, SITE)
    publish(site, {"index.html": b"home"})
    assert (elsewhere / "m/a/en/0/index.html").read_bytes() == b"said"


@pytest.mark.parametrize("name", ["../thesis.txt", "/etc/passwd", "m/../../thesis.txt", ".hidden"])
def test_a_list_that_names_what_is_outside_removes_nothing(name: str, tmp_path: Path) -> None:
    site = tmp_path / "site"
    (tmp_path / "thesis.txt").write_text("mine")
    publish(site, SITE)
    with (site / MANIFEST).open("a") as file:
        file.write(f"{'0' * 64}  {name}\n")
    with pytest.raises(Refused, match="damaged"):
        publish(site, {})
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_run_that_breaks_off_changes_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    publish(tmp_path, SITE)
    (tmp_path / "m/b").mkdir()
    (tmp_path / "m/b/index.html").write_text("mine")
    with pytest.raises(Refused):
        publish(tmp_path, {"index.html": b"half", "m/b/index.html": b"half"})
    (tmp_path / "m/b/index.html").unlink()
    assert files_of(tmp_path) == SITE
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_run_that_is_killed_while_files_take_their_places_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, SITE)
    moved, real = list[Path](), Path.replace

    def killed(self: Path, target: Path) -> Path:
        if self.parent.name == ".publishing":
            if moved:
                raise KeyboardInterrupt
            moved.append(target)
        return real(self, target)

    new = {"m/b/index.html": b"b", "find/2/index.json": b"2", "index.html": b"home of b"}
    monkeypatch.setattr(Path, "replace", killed)
    monkeypatch.setattr("hearing.publishing.folder.shutil.rmtree", lambda *_args, **_more: None)
    with pytest.raises(KeyboardInterrupt):
        publish(tmp_path, new)
    monkeypatch.undo()
    assert files_of(tmp_path).keys() > {*SITE, "find/2/index.json"}
    publish(tmp_path, new)
    assert files_of(tmp_path) == new


def test_what_is_led_to_takes_its_place_before_what_leads_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, real = list[str](), Path.replace

    def noted(self: Path, target: Path) -> Path:
        if self.parent.name == ".publishing":
            order.append(str(target.relative_to(tmp_path)))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    names = ["index.html", "m/a/index.html", "m/a/en/index.html", "m/a/en/0/index.html", "en/index.html"]
    names += ["static/x/a.css", "find/1/index.json"]
    publish(tmp_path, dict.fromkeys(names, b""))
    assert set(order[:2]) == {"static/x/a.css", "find/1/index.json"}
    assert order[2:5] == ["m/a/en/0/index.html", "m/a/en/index.html", "m/a/index.html"]
    assert order[5:] == ["en/index.html", "index.html"]


def test_two_do_not_publish_into_one_folder_at_a_time(tmp_path: Path) -> None:
    with Folder(tmp_path), pytest.raises(Conflict), Folder(tmp_path):
        pass


async def test_sound_is_put_in_parts_and_nothing_is_no_file(tmp_path: Path) -> None:
    async def parts(*given: bytes) -> AsyncIterator[bytes]:
        for one in given:
            yield one

    for written in (1, 0):
        with Folder(tmp_path) as site:
            assert await site.put_parts("m/a/en.aac", parts(b"one", b"two"))
            assert not await site.put_parts("m/a/fr.aac", parts())
            assert site.commit().written == written
    assert files_of(tmp_path) == {"m/a/en.aac": b"onetwo"}
