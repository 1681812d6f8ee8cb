"""What the documents say is there, is there; what no file may hold, none holds."""

import argparse
import itertools
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from hearing import cli
from hearing.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True)
    return [ROOT / name for name in listed.stdout.decode().splitlines() if (ROOT / name).is_file()]


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([\w./-]+)\)", README))))
def test_every_link_of_the_readme_leads_somewhere(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("command", ["demo", "test", "check", "slow", "hearing", "setup", "lock", "web"])
def test_every_script_is_executable_and_says_what_it_is_for(command: str) -> None:
    script = ROOT / "scripts" / command
    assert script.stat().st_mode & 0o111
    assert script.read_text("utf-8").splitlines()[1].startswith("# ")


def test_every_command_of_the_readme_exists(capsys: pytest.CaptureFixture[str]) -> None:
    for command in set(re.findall(r"`hearing (\w+)", README)):
        if command == "meeting":
            continue
        with pytest.raises(SystemExit) as left:
            main([command, "--help"])
        assert left.value.code == 0, command
    assert "usage: hearing" in capsys.readouterr().out


_NO_CALLS = {"receipt 1"}
"""A salt, which is written as a call would be."""

DOCS = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "infra" / "README.md", ROOT / "README.md"])


def _commands(page: Path) -> set[str]:
    """Return the lines of a page's code blocks, and its inline code, that call `hearing`: what follows the name."""
    text = page.read_text("utf-8").replace("\\\n", " ")
    blocks = re.findall(r"^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", text)
    return {call for line in lines if "hearing" in line for call in _calls(line)} - _NO_CALLS


def _calls(line: str) -> list[str]:
    """Return what follows the program's name in a line; nothing where it is a path, a file or a word."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # an apostrophe: prose
        return []
    pairs = enumerate(itertools.pairwise(words))
    named = (n for n, (word, then) in pairs if word.rpartition("/")[2] == "hearing" and re.fullmatch(r"[a-z]+", then))
    return [shlex.join(words[n + 1 :]) for n in named if words[n + 1] != "hearing"][:1]


def _unknown(call: str) -> list[str]:
    """Return what a call names that the command line does not have: a command, an act, an option."""
    words = shlex.split(call)
    names = list(itertools.takewhile(lambda word: re.fullmatch(r"[a-z]+", word), words))
    level, wrong = cli._parser(), list[str]()
    for name in names:
        choices = next((one.choices for one in level._actions if isinstance(one, argparse._SubParsersAction)), None)
        if choices is None:
            break
        if name not in choices:
            return [name]
        level = choices[name]
    options = {option for action in level._actions for option in action.option_strings}
    wrong += [word for word in words if word.startswith("--") and word.partition("=")[0] not in options]
    return wrong


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.stem)
def test_every_command_of_a_page_is_one_with_options_that_it_has(page: Path) -> None:
    assert {call: wrong for call in _commands(page) if (wrong := _unknown(call))} == {}


def test_the_check_of_commands_sees_a_wrong_one() -> None:
    assert len(_commands(ROOT / "docs" / "administrator.md")) >= 10
    assert "doctor --config /etc/hearing/hearing.toml --address https://hearing.example.org" in _commands(
        ROOT / "docs" / "administrator.md"
    )
    assert _unknown("backup OUT --keep 3") == []
    assert _unknown("backup OUT --forever") == ["--forever"]
    assert _unknown("meeting explode x") == ["explode"]


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([\w./-]+)\)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    assert [page.name for page in DOCS if page.parent.name == "docs" and f"]({page.name})" not in index] == [
        "README.md"
    ]


def test_the_demo_lock_is_part_of_the_whole_lock() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^([\w.-]+==\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE))

    assert pins("requirements-demo.lock")
    assert pins("requirements-demo.lock") <= pins("requirements.lock")


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-demo.lock", "package-lock.json"])
def test_lock_files_hold_hashes_and_no_host(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert "sha256:" in text or "sha512-" in text
    hosts = [line for line in text.splitlines() if "://" in line and '"url":' not in line and "funding" not in line]
    assert not hosts


def test_no_file_is_too_large_to_review() -> None:
    assert [path.name for path in tracked() if path.stat().st_size > 1_500_000] == []
