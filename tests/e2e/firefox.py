"""Firefox over WebDriver BiDi (W3C): enough to open a page, read it and fill in a form, with or without scripts."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.e2e.serving import free_port
from tests.needs import program

_PREFS = """
user_pref("javascript.enabled", {scripts});
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "");
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
"""


class Firefox:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._tab = ""

    async def ask(self, method: str, **params: object) -> Any:  # noqa: ANN401 - JSON of the protocol
        """Send a command and return its result. Raises AssertionError with what Firefox says against it."""
        number = next(self._numbers)
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        async with asyncio.timeout(60):
            while True:
                answer = json.loads(await self._socket.recv())
                if answer.get("id") == number:
                    assert answer["type"] == "success", answer
                    return answer["result"]

    async def begin(self) -> None:
        """Open the session and find the tab."""
        await self.ask("session.new", capabilities={})
        tree = await self.ask("browsingContext.getTree")
        self._tab = tree["contexts"][0]["context"]

    async def resize(self, width: int, height: int) -> None:
        """Make the window so large: only what is in view can be clicked."""
        await self.ask("browsingContext.setViewport", context=self._tab, viewport={"width": width, "height": height})

    async def go(self, url: str, *, wait: str = "complete") -> None:
        """Open an address; `wait` is none, interactive or complete."""
        await self.ask("browsingContext.navigate", context=self._tab, url=url, wait=wait)

    async def text(self, selector: str) -> list[str]:
        """Return the text of what a CSS selector finds, in order."""
        found = await self.ask(
            "browsingContext.locateNodes",
            context=self._tab,
            locator={"type": "css", "value": selector},
            serializationOptions={"maxDomDepth": 8},
        )
        return [_text(node).strip() for node in found["nodes"]]

    async def evaluate(self, expression: str) -> str:
        """Return the text that an expression of JavaScript yields."""
        told = await self.ask(
            "script.evaluate", expression=expression, target={"context": self._tab}, awaitPromise=False
        )
        return str(told["result"]["value"])

    async def click(self, selector: str) -> None:
        """Click the first element that a CSS selector finds."""
        found = await self.ask(
            "browsingContext.locateNodes", context=self._tab, locator={"type": "css", "value": selector}
        )
        origin = {"type": "element", "element": {"sharedId": found["nodes"][0]["sharedId"]}}
        actions = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": origin},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        await self.ask(
            "input.performActions",
            context=self._tab,
            actions=[{"type": "pointer", "id": "mouse", "actions": actions}],
        )

    async def type(self, keys: str) -> None:
        """Type into what has the focus."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        await self.ask(
            "input.performActions", context=self._tab, actions=[{"type": "key", "id": "keys", "actions": actions}]
        )


@contextlib.asynccontextmanager
async def firefox(profile: Path, *, scripts: bool) -> AsyncIterator[Firefox]:
    """Start Firefox with a new profile."""
    path, port = program("firefox"), free_port()
    profile.mkdir()
    (profile / "user.js").write_text(_PREFS.format(scripts=str(scripts).lower()))
    arguments = (
        "--headless",
        "--no-remote",
        "--profile",
        str(profile),
        f"--remote-debugging-port={port}",
        "about:blank",
    )
    quiet = asyncio.subprocess.DEVNULL
    running = await asyncio.create_subprocess_exec(path, *arguments, stdout=quiet, stderr=quiet)
    try:
        async with await _reach(port) as socket:
            tab = Firefox(socket)
            await tab.begin()
            yield tab
    finally:
        running.terminate()
        try:
            await asyncio.wait_for(running.wait(), 10)
        except TimeoutError:
            running.kill()
            await running.wait()


async def _reach(port: int) -> ClientConnection:
    async with asyncio.timeout(40):
        while True:
            try:
                return await connect(f"ws://127.0.0.1:{port}/session", proxy=None, max_size=None)
            except OSError:
                await asyncio.sleep(0.2)


def _text(node: dict[str, Any]) -> str:
    value = node.get("value", {})
    if value.get("nodeType") == 3:
        return str(value.get("nodeValue", ""))
    return "".join(_text(child) for child in value.get("children", []))
