"""A published site in Chromium, from a plain file server, in any folder: with script and without, for everybody."""

import contextlib
import functools
import http.server
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.async_api import Browser, Page, expect

from hearing.archive.finding_aid import MARKS
from hearing.archive.record import clean
from hearing.archive.wanted import Found, Wanted
from hearing.events import HumanMark, SegmentCorrected, encode, public_stream
from hearing.log.memory import MemoryLog
from tests.archive.searching import searching
from tests.e2e.browsing import page_on
from tests.e2e.test_page_access import axe, violations
from tests.publishing.published import fill, publish
from tests.site.serving import MEETING, SPEECH

pytestmark = pytest.mark.browser

_PAGES = (
    "{l}/index.html",
    "{l}/reviews.html",
    "{l}/search.html",
    "{l}/search.html?q=48",
    "{l}/search.html?q=nothing-like-it&language=fr",
    f"m/{MEETING}/index.html",
    f"m/{MEETING}/{{l}}/1/index.html",
    "m/briefing/{l}/index.html",
)
_QUERIES = (
    "48",
    "“48 hours” judge",
    "detention",
    "detained persons",
    "hours before a",
    "figures figure",
    "l'article 9",
    "«48 heures»",
    "ساعة",
    "والمحتجزين",
    "四十八小时",
    "人",
    "被关",
    "zebra",
    "judge regions",
    "? !",
    "committee judge delegation",
)
_ASK = """async ([base, wanted]) => {
  const {Shards} = await import(base + "/shards.js");
  const {search, hit} = await import(base + "/search.js");
  const {find, texts} = document.getElementById("found").dataset;
  const shards = await Shards.open(find);
  const found = await search(shards, wanted);
  const shown = found.matches.slice(0, 50);
  const hits = await Promise.all(shown.map(one => hit(texts, shards.directory, one, found.phrases[one.language])));
  return {
    places: found.matches.map(one => shards.directory.meetings[one.channel[0]][0] + " " + one.channel[1] + "."
      + (one.passage - one.channel[4])),
    texts: hits.map(one => [one.text, one.marks, one.cutBefore, one.cutAfter, one.state]),
    languages: Object.fromEntries(found.languages), bodies: Object.fromEntries(found.bodies),
    dialogues: Object.fromEntries(found.dialogues), reason: found.reason?.code ?? null,
    missing: found.reason?.missing ?? [],
  };
}"""


class _Files(http.server.SimpleHTTPRequestHandler):
    """What `python -m http.server` runs, but silent."""

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - http.server's
        pass


@contextlib.contextmanager
def files(folder: Path) -> Iterator[str]:
    """Serve a folder as files."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
async def log() -> AsyncIterator[MemoryLog]:
    async with MemoryLog() as made:
        await fill(made, rounds=2)
        yield made


async def test_without_script_everything_is_read_from_the_first_page_on(
    chrome: Browser, log: MemoryLog, tmp_path: Path
) -> None:
    await publish(log, tmp_path / "www/archive of 2026")
    with files(tmp_path / "www") as url:
        async with page_on(chrome, url, java_script_enabled=False) as (page, _):
            await page.goto("/archive of 2026/")
            assert (
                '<noscript><p class="hint">The search works in your browser and needs script.' in await page.content()
            )
            await page.get_by_role("link", name="By State or topic").click()
            await page.get_by_role("link", name="Arlandia, first meeting").click()
            for said in SPEECH["en"]:
                await expect(page.get_by_text(said, exact=True).first).to_be_visible()
            await page.get_by_role("navigation", name="Language you read").get_by_role("link", name="العربية").click()
            await expect(page.locator('[id="ar.1"] .said')).to_have_text(SPEECH["ar"][1])
            await page.locator('[id="ar.1"] .at').click()
            assert page.url.endswith(f"/m/{MEETING}/ar/1/index.html")
            assert f"/m/{MEETING}/ar/1" in await page.locator("#cite").input_value()
            await page.goto(f"{url}/archive of 2026/m/{MEETING}/en/3")
            await expect(page.locator(".here .said")).to_have_text(SPEECH["en"][3])
            await page.goto(f"{url}/archive of 2026/en/search.html?q=48")
            await expect(page.get_by_text("Without them every text is whole")).to_be_visible()
            await expect(page.locator("#found")).to_be_hidden()


async def test_with_script_a_search_finds_narrows_and_leads_to_the_passage(
    chrome: Browser, log: MemoryLog, tmp_path: Path
) -> None:
    await publish(log, tmp_path / "www/deep/site")
    with files(tmp_path / "www") as url:
        async with page_on(chrome, url) as (page, watch):
            await page.goto("/deep/site/index.html")
            await page.get_by_label("Search what was said in all hearings").fill("“48 hours” judge")
            await page.get_by_role("button", name="Search").click()
            await expect(page.locator("#count")).to_have_text("3 moments in 2 meetings")
            await expect(page.locator("mark").first).to_have_text("48 hours")
            await page.locator("#choices").get_by_role("link", name="Veshtia").click()
            await expect(page.locator("#count")).to_have_text("1 moment in 1 meeting")
            await page.get_by_role("link", name="Newest first").click()
            await expect(page.get_by_text("Newest first.")).to_be_visible()
            await page.locator(".hits a").click()
            assert page.url.endswith("/deep/site/m/briefing/en/index.html#en.1")
            await expect(page.locator('[id="en.1"]')).to_be_in_viewport()
            await page.goto("/deep/site/en/search.html?q=48&from=2027-01-01")
            await expect(page.locator("#because")).to_contain_text("leaves out")
            await page.get_by_role("link", name="Search everything for these words").click()
            await expect(page.locator("#pages")).to_contain_text("Next ten")
            await page.get_by_role("link", name="Next ten").click()
            await expect(page.locator("#pages")).to_contain_text("Ten before")
            assert not [one for one in watch.requests if "api" in one]


async def test_after_publishing_anew_an_open_page_says_to_load_it_again(
    chrome: Browser, log: MemoryLog, tmp_path: Path
) -> None:
    site = tmp_path / "www"
    await publish(log, site)
    with files(site) as url:
        async with page_on(chrome, url) as (page, watch):
            watch.expect_lost_connection()
            old = (site / "en/search.html").read_bytes()
            await publish(log, site, meetings=("briefing",))
            (site / "en/search.html").write_bytes(old)
            await page.goto("/en/search.html?q=48")
            await expect(page.locator("#because")).to_contain_text("published anew")
            watch.faults = [fault for fault in watch.faults if "404" not in fault]


async def test_it_finds_what_the_server_finds_and_says_why_not(chrome: Browser, log: MemoryLog, tmp_path: Path) -> None:
    marks: tuple[tuple[int, HumanMark], ...] = ((1, "corrected"), (2, "verified"))
    for n, mark in marks:  # so that both say who answers for a text
        words = tuple(SPEECH["en"][n].split())
        event = SegmentCorrected("en", f"en.{n}", 1, words, tuple(range(90, 90 + len(words))), mark, "staff", 7)
        await log.append(public_stream(MEETING), [encode(event)])
    await publish(log, tmp_path / "www", provisional=True)
    static = next((tmp_path / "www/static").iterdir()).name
    with files(tmp_path / "www") as url:
        async with searching(tmp_path / "index.db", log) as server, page_on(chrome, url) as (page, _):
            await server.feeder.catch_up()
            await page.goto("/en/search.html")
            for text in _QUERIES:
                for wanted in (Wanted(text), Wanted(text, "en"), Wanted(text, dialogue="brief", order="newest")):
                    found = await server.search.find(msgspec.structs.replace(wanted, limit=50))
                    _same(await _asked(page, f"/static/{static}/find", wanted), found, wanted)


async def _asked(page: Page, base: str, wanted: Wanted) -> dict[str, Any]:
    filters = {name: getattr(wanted, name) for name in ("text", "language", "body", "dialogue", "meeting")}
    asked = {**filters, "from": "", "to": "", "newest": wanted.order == "newest"}
    found: dict[str, Any] = await page.evaluate(_ASK, [base, asked])
    return found


def _same(got: dict[str, Any], found: Found, wanted: Wanted) -> None:
    """What is closest is weighed in another way, and languages stand beside each other: there the order may differ."""
    places = [f"{one.meeting.id} {one.segment}" for one in found.hits]
    if wanted.order == "newest":
        for channel in {place.partition(".")[0] for place in places}:
            theirs, ours = ([one for one in held if one.startswith(f"{channel}.")] for held in (got["places"], places))
            assert theirs == ours, wanted
    assert sorted(got["places"]) == sorted(places), wanted
    hits = {(one.text, tuple(one.marks), one.cut_before, one.cut_after, MARKS.index(one.state)) for one in found.hits}
    assert {(said, tuple(map(tuple, marks)), *how) for said, marks, *how in got["texts"]} == hits, wanted
    for name in ("languages", "bodies", "dialogues"):
        counts = {clean(one.key): one.hits for one in getattr(found, name)}
        assert got[name] == counts, (name, wanted)
    reason = (found.reason.code, found.reason.missing) if found.reason else (None, [])
    assert (got["reason"], got["missing"]) == reason, wanted


async def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(
    chrome: Browser, log: MemoryLog, tmp_path: Path
) -> None:
    script = axe()
    await publish(log, tmp_path / "www")
    with files(tmp_path / "www") as url:
        for language, scheme in (("en", "light"), ("ar", "dark")):
            phone = {"width": 320, "height": 640}
            async with page_on(chrome, url, color_scheme=scheme, viewport=phone) as (page, _):
                for path in _PAGES:
                    await page.goto("/" + path.format(l=language))
                    if "q=" in path:
                        await expect(page.locator("#because" if "nothing" in path else "#order")).to_be_visible()
                    assert await page.evaluate("document.documentElement.scrollWidth") == 320, path
                    await page.evaluate(script)
                    assert await violations(page) == [], path
