"""Firefox with scripts off: a question in Arabic goes all the way, its receipt typed in Arabic-Indic digits."""

import asyncio
from pathlib import Path

import pytest

from hearing.access import Capability
from hearing.qa import receipt
from tests.e2e.firefox import Firefox, firefox
from tests.site.desking import BRIEFING, OPEN, Desk
from tests.site.serving import SPEECH, Speaker

pytestmark = pytest.mark.browser

QUESTION = "ما هي التدابير التي اتُّخذت بشأن الآبار في الشمال؟"
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


async def shows(tab: Firefox, selector: str, wanted: str) -> None:
    """Wait until an element holds what is wanted."""
    try:
        async with asyncio.timeout(60):
            while not any(wanted in text for text in await tab.text(selector)):
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"{wanted} in {await tab.text('main')}") from None


async def press(tab: Firefox, selector: str, wanted: str) -> None:
    """Click, and wait for the heading of the page that follows."""
    await tab.click(selector)
    await shows(tab, "h1", wanted)


async def test_without_scripts_a_question_goes_all_the_way_and_back(running: Desk, tmp_path: Path) -> None:
    speaker = Speaker(running.site.log, BRIEFING)
    await speaker.begin()
    for line in SPEECH["ar"]:
        await speaker.words("ar", line)
    url = running.site.url
    async with firefox(tmp_path / "sender", scripts=False) as sender:
        await sender.resize(1280, 4000)
        await sender.go(f"{url}/m/{BRIEFING}?l=ar")
        await press(sender, "#asked .btn", "أرسل سؤالًا أو معلومات")
        shown = await sender.text(".key span")
        await sender.click("#text")
        await sender.type(QUESTION)
        await press(sender, "#ask .btn", "وصلت")
        assert await sender.text(".key span") == shown
        digits = "".join(shown)

        async with firefox(tmp_path / "moderator", scripts=False) as moderator:
            await moderator.resize(1280, 4000)
            await moderator.go(f"{url}/staff/{OPEN}/accept?l=ar")
            await moderator.click("#invite")
            await moderator.type(f"{url}/staff/{OPEN}/accept#{await running.seat('moderator')}")
            await moderator.click("#accept .btn")
            await shows(moderator, "form .btn", "هذا الجهاز")
            await press(moderator, "main .btn", "طابور الأسئلة")
            await shows(moderator, "#open .said", QUESTION)
            await moderator.click("form[data-key=p] .btn")
            await shows(moderator, "#done", "منشورة")
            await running.settle()
            await moderator.go(f"{url}/d/{OPEN}/queue?l=ar&state=published")
            await answer(moderator)
            await shows(moderator, "#done", "أُجيب")
        await running.settle()

        await sender.go(f"{url}/m/{BRIEFING}?l=ar")
        assert QUESTION in await sender.text("#asked .said")
        await sender.click("#asked li a[href*='#ar.']")
        await shows(sender, '[id="ar.3"] .said', SPEECH["ar"][3])
        await sender.go(f"{url}/d/{OPEN}/mine?l=ar")
        await sender.click("#receipt")
        await sender.type(digits.translate(ARABIC))
        await press(sender, "main .btn", "نوقش الموضوع")
        assert QUESTION in await sender.text("aside .said")
        await sender.click(".sure > summary")
        await press(sender, ".sure button", "سحبت")
        await sender.go(f"{url}/m/{BRIEFING}?l=ar")
        assert QUESTION not in await sender.text("#asked .said")
    who = Capability("moderator", OPEN, "ab" * 8)
    [item] = (await running.office.moderators.queue(who, OPEN)).items
    assert (item.item, item.state) == (receipt.keys(digits).item, "withdrawn")


async def answer(tab: Firefox) -> None:
    """Open what says Answered, tick the newest passage and save."""
    summaries = await tab.text("#open details > summary")
    number = next(number for number, text in enumerate(summaries) if "أُجيب عنه" in text)
    opened = f"#open details:nth-of-type({number + 1})"
    await tab.click(f"{opened} > summary")
    await tab.click(f"{opened} label:last-of-type input[type=checkbox]")
    await tab.click(f"{opened} .btn")
