"""What a test needs of the machine: absent, it is skipped with the line that installs it, or fails where required."""

import os
import shutil

import pytest

_INSTALL = {
    "chromium": ("chromium", "apt-get install chromium"),
    "firefox": ("firefox-esr", "apt-get install firefox-esr"),
    "redis": ("redis-server", "apt-get install redis-server"),
    "nginx": ("nginx", "apt-get install nginx-light"),
    "caddy": ("caddy", "apt-get install caddy"),
    "systemd": ("systemd-analyze", "apt-get install systemd"),
    "node": ("npm", "apt-get install npm, then scripts/web --dev"),
}


def program(what: str) -> str:
    """Return the path of a program. HEARING_REQUIRE=chromium,firefox,... makes its absence a failure."""
    name, line = _INSTALL[what]
    found = shutil.which(name)
    if found is None:
        why = f"{name} is not installed: {line}"
        if what in os.environ.get("HEARING_REQUIRE", "").split(","):
            pytest.fail(why)
        pytest.skip(why)
    return found
