"""The wall of the room: large enough to be read across it, nothing outside it, nothing cut in part."""

from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Browser

from hearing.access import Capability
from hearing.events import Wording
from hearing.qa import receipt
from hearing.qa.acts import Accept, Publish, TurnTo
from hearing.qa.intake import Submission
from tests.e2e.browsing import page_on
from tests.e2e.firefox import firefox
from tests.site.desking import OPEN, Desk

pytestmark = pytest.mark.browser

SENTENCES = {
    "en": "According to our monitoring of eleven detention facilities, what of the wells behind the school? ",
    "ar": "ما هي التدابير التي اتخذتها الدولة الطرف منذ الاستعراض الأخير لتنفيذ التوصيات المتعلقة بالمادة 9؟ ",
    "zh": "缔约国为实施第九条采取了哪些措施，以确保被拘留者在四十八小时内被带见法官？",
}
SEEN = """() => {
  const place = (one) => {
    const {top, bottom, left, right} = one.getBoundingClientRect();
    return {top, bottom, left, right};
  };
  const list = document.querySelector(".then ol");
  const within = list ? place(list) : null;
  const sizes = [...document.querySelectorAll("main *")].filter((one) => [...one.childNodes].some((node) =>
    node.nodeType === 3 && node.data.trim())).map((one) => parseFloat(getComputedStyle(one).fontSize));
  const shown = (item) => {
    const own = place(item);
    if (Math.min(own.right, within.right) - Math.max(own.left, within.left) < 1) return 0;
    return Math.max(0, Math.min(own.bottom, within.bottom) - Math.max(own.top, within.top)) / (own.bottom - own.top);
  };
  return {smallest: Math.min(...sizes), rows: within, next: [...document.querySelectorAll(".then li")].map(shown),
    middle: [...document.querySelector("main > div").children].filter((one) => !one.matches(".then")).map(place),
    header: place(document.querySelector("header")), footer: place(document.querySelector("footer")),
    height: document.documentElement.scrollHeight, width: document.documentElement.scrollWidth};
}"""


class Place(msgspec.Struct):
    """Of an element, in px."""

    top: float
    bottom: float
    left: float
    right: float


class Seen(msgspec.Struct):
    """What is where. `next` tells how much is seen of each question that comes next: 1 is all of it."""

    smallest: float
    rows: Place | None
    next: list[float]
    middle: list[Place]
    header: Place
    footer: Place
    height: float
    width: float


async def publish(running: Desk, language: str, text: str, turn: str) -> None:
    keys = receipt.keys(receipt.mint())
    await running.office.submit(OPEN, keys, Submission("question", text, language, "public-text", "Ana Ortiz", "cso"))
    who = Capability("moderator", OPEN, "ab" * 8)
    for act in (Accept(), Publish(), TurnTo(turn)):  # type: ignore[arg-type] # a parameter
        version = (await running.office.moderators.item(who, OPEN, keys.item)).version
        await running.office.moderators.decide(who, OPEN, keys.item, version, act)
    await running.settle()


async def notify(running: Desk, language: str, text: str) -> None:
    who = Capability("moderator", OPEN, "ab" * 8)
    await running.office.notices.post(who, OPEN, [Wording(language, text)], call=False)
    await running.settle()


def long(language: str, characters: int) -> str:
    """Say something of so many characters."""
    return (SENTENCES[language] * characters)[:characters].strip()


def holds(found: Seen, width: int, height: int) -> None:
    """Nothing is outside the screen, on something else, or cut."""
    assert (found.width, found.height) == (width, height)
    assert found.footer.bottom <= height
    ends = [found.header.bottom, *(one.bottom for one in found.middle)]
    below = found.rows.top if found.rows and any(found.next) else found.footer.top
    starts = [*(one.top for one in found.middle), below]
    assert all(end <= start + 1 for end, start in zip(ends, starts, strict=True))
    assert max(ends) <= found.footer.top + 1
    assert found.rows is None or not any(found.next) or found.rows.bottom <= found.footer.top + 1
    assert all(share < 0.01 or share > 0.99 for share in found.next)


async def look(chrome: Browser, running: Desk, language: str, width: int = 1280, height: int = 720) -> Seen:
    async with page_on(chrome, running.site.url, viewport={"width": width, "height": height}) as (page, _):
        await page.goto(f"/d/{OPEN}/wall?l={language}")
        return msgspec.convert(await page.evaluate(SEEN), Seen)


async def test_it_is_large_enough_to_be_read_across_a_room(running: Desk, chrome: Browser) -> None:
    await publish(running, "en", "What of the wells?", "now")
    for text in ("Why?", "Since when?"):
        await publish(running, "en", text, "next")
    await notify(running, "en", "Who has data?")
    for width, height in ((1280, 720), (1920, 1080), (1024, 768)):
        found = await look(chrome, running, "en", width, height)
        holds(found, width, height)
        assert found.smallest >= 28
        assert found.next == [1, 1]


@pytest.mark.parametrize("language", SENTENCES)
async def test_of_what_comes_next_it_shows_what_has_room(running: Desk, chrome: Browser, language: str) -> None:
    await publish(running, language, long(language, 97), "now")
    for _ in range(3):
        await publish(running, language, long(language, 300), "next")
    await notify(running, language, long(language, 150))
    for width, height in ((1280, 720), (1920, 1080)):
        found = await look(chrome, running, language, width, height)
        holds(found, width, height)
        assert sum(found.next) < 3
    telephone = await look(chrome, running, language, 320, 640)
    assert telephone.next == [1, 1, 1], "it scrolls there"
    assert telephone.width <= 320


@pytest.mark.parametrize("language", SENTENCES)
async def test_a_long_text_is_cut_where_a_line_ends_and_covers_nothing(
    running: Desk, chrome: Browser, language: str
) -> None:
    await notify(running, language, long(language, 1000))
    holds(await look(chrome, running, language), 1280, 720)
    for characters in (300, 2000):
        await publish(running, language, long(language, characters), "now")
        await publish(running, language, long(language, characters), "next")
        holds(await look(chrome, running, language), 1280, 720)


async def test_firefox_shows_no_question_in_part(running: Desk, tmp_path: Path) -> None:
    await publish(running, "en", long("en", 97), "now")
    for _ in range(3):
        await publish(running, "en", long("en", 97), "next")
    async with firefox(tmp_path / "wall", scripts=True) as tab:
        await tab.resize(1280, 720)
        await tab.go(f"{running.site.url}/d/{OPEN}/wall")
        found = msgspec.json.decode(await tab.evaluate(f"JSON.stringify(({SEEN})())"), type=Seen)
    holds(found, 1280, 720)
    assert found.next[0] > 0.99
    assert found.next[2] < 0.01
