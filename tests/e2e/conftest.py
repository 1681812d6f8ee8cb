"""What tests with a browser share: Chromium, and a desk that is served."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.e2e.browsing import browser
from tests.site.desking import Desk, desk


@pytest.fixture
async def chrome() -> AsyncIterator[Browser]:
    async with browser() as running:
        yield running


@pytest.fixture
async def running() -> AsyncIterator[Desk]:
    async with desk() as opened:
        yield opened
