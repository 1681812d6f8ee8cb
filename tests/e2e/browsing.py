"""A real browser on a real site: what fails a page whatever it shows."""

import contextlib
from collections.abc import AsyncIterator

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.needs import program

expect.set_options(timeout=60_000)  # a machine that runs several browsers takes its time

GONE = """needle => new Promise((resolve) => {
  const look = () => document.body.textContent.includes(needle) || resolve(Date.now());
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true});
  look();
})"""
"""Resolves, with the time, once a text stands nowhere on the page."""


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Start Chromium."""
    path = program("chromium")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield running
        finally:
            await running.close()


class Watch:
    """What a page must never do: complain, break its policy, or speak to another origin."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.faults: list[str] = []
        self.requests: list[str] = []
        self._origin = origin
        self._breaks = False
        context.on("console", lambda message: self._console(message.type, message.text))
        context.on("weberror", lambda error: self.faults.append(str(error.error)))
        context.on("request", lambda request: self._request(request.url))

    def expect_lost_connection(self) -> None:
        """Let the browser complain that the server is gone."""
        self._breaks = True

    def _console(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not (self._breaks and "ERR_" in text):
            self.faults.append(f"{kind}: {text}")

    def _request(self, url: str) -> None:
        self.requests.append(url)
        if not url.startswith((self._origin, f"blob:{self._origin}", "data:")):
            self.faults.append(f"another origin: {url}")


@contextlib.asynccontextmanager
async def page_on(running: Browser, origin: str, **options: object) -> AsyncIterator[tuple[Page, Watch]]:
    """Open a page in a context of its own, and see at the end that nothing was wrong."""
    settings = {"locale": "en-GB", "timezone_id": "Asia/Beirut", **options}
    context = await running.new_context(base_url=origin, **settings)  # type: ignore[arg-type]
    context.set_default_timeout(30_000)
    watch = Watch(context, origin)
    try:
        yield await context.new_page(), watch
    finally:
        await context.close()
    assert watch.faults == []
