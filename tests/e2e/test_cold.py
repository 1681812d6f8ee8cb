"""From a fresh clone, an empty home, and neither Node nor Redis nor ffmpeg: how long until a caption is read?"""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, sync_playwright

from tests.e2e.serving import ROOT, free_port, until
from tests.needs import program

logger = logging.getLogger(__name__)

pytestmark = [pytest.mark.slow, pytest.mark.model, pytest.mark.browser]

MISSING = ("node", "npm", "npx", "redis-server", "redis-cli", "ffmpeg", "ffprobe", "uv", "docker")
WORDS = """() => [...document.querySelectorAll("#log .said, #draft")].some((said) => said.textContent.trim())"""
_KEPT = ("LANG", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY")
_KEPT_BEGINNINGS = ("PIP_", "UV_", "SSL_", "REQUESTS_", "CURL_")


def programs(folder: Path) -> Path:
    """Return a folder with every program of this machine but those a stranger may not have."""
    folder.mkdir()
    found = [
        path for part in ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin") for path in Path(part).glob("*")
    ]
    for path in found:
        with contextlib.suppress(OSError):
            if path.name not in MISSING and not path.name.startswith("python"):
                (folder / path.name).symlink_to(path)
    base = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    (folder / "python3").symlink_to(base)
    return folder


def environment(home: Path, path: Path) -> dict[str, str]:
    """Return what a login there would set, and how this machine reaches its package indexes."""
    home.mkdir()
    kept = {key: value for key, value in os.environ.items() if key in _KEPT or key.startswith(_KEPT_BEGINNINGS)}
    return {**kept, "HOME": str(home), "PATH": str(path), "TERM": "dumb"}


def received_bytes() -> int:
    """Return what all but the loopback interface have received."""
    lines = Path("/proc/net/dev").read_text("ascii").splitlines()[2:]
    return sum(int(line.split(":")[1].split()[0]) for line in lines if not line.strip().startswith("lo:"))


@contextlib.contextmanager
def demo(clone: Path, port: int, env: dict[str, str], log: Path) -> Iterator[None]:
    """Run the one command of the README."""
    command = ["./scripts/demo", "--port", str(port), "--no-browser", "--exit-after", "600"]
    with log.open("wb") as said:
        running = subprocess.Popen(command, cwd=clone, env=env, stdout=said, stderr=said, start_new_session=True)
        try:
            yield
        finally:
            os.killpg(running.pid, signal.SIGTERM)
            running.wait(20)


def first_caption_s(page: Page, port: int, began: float) -> float:
    """Open the page as soon as there is one, and return after how many seconds a word stood in it."""
    opened: list[bool] = []

    def captioned() -> bool:
        if not opened:
            with contextlib.suppress(Error):
                answer = page.goto(f"http://127.0.0.1:{port}/m/valdoria?channel=en")
                opened.extend([True] if answer and answer.ok else [])
            return False
        return bool(page.evaluate(WORDS))

    until(captioned, 400, "the first caption")
    return round(time.monotonic() - began, 1)


def test_one_command_leads_from_a_fresh_clone_to_captions(tmp_path: Path) -> None:
    clone, chromium = tmp_path / "hearing", program("chromium")
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    env = environment(tmp_path / "home", programs(tmp_path / "bin"))
    figures: dict[str, object] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for start in ("cold", "warm"):
            port, before, began = free_port(), received_bytes(), time.monotonic()
            with demo(clone, port, env, tmp_path / f"{start}.log"):
                seconds = first_caption_s(browser.new_page(), port, began)
            figures[start] = {"seconds": seconds, "megabytes": round((received_bytes() - before) / 1e6, 1)}
            logger.info("%s", json.dumps(figures))
    assert "npm" in (tmp_path / "cold.log").read_text("utf-8"), "what is missing is said"
    assert not (clone / "web" / "vendor" / "hls.min.js").exists()
