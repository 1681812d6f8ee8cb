"""The sound of a published site: what was recorded, as one file a channel, without what is hidden."""

from pathlib import Path

import httpx
import pytest

from hearing.events import ClockStarted, Ended, PassageHidden, encode, public_stream
from hearing.publishing.folder_source import FolderSource
from hearing.publishing.run import Wanted, make
from hearing.site.copy.edition import Setting
from tests.publishing.published import contents, dead_links
from tests.site.serving import ZERO_MS
from tests.site.serving_media import serving
from tests.stream.made import make as recorded
from tests.stream.relaying import Place, house, meeting, place

HIDDEN = PassageHidden("p", 4600, 5200)


@pytest.mark.parametrize("hidden", [False, True])
async def test_it_is_what_the_server_plays(hidden: bool, tmp_path: Path) -> None:
    async with place(tmp_path / "media") as here:
        one = meeting(recorded(tmp_path / "a.mp4", seconds=(6.0, 6.0), beeps=(0.5, 4.8)), "en", "fr", phase="closed")
        await here.relay(one).run()
        await _tell(here, hidden=hidden)
        wanted = Wanted(Setting(), media=True)
        await make(FolderSource(house(one), here.log, here.store), tmp_path / "site", wanted)
        again = await make(FolderSource(house(one), here.log, here.store), tmp_path / "site", wanted)
        async with serving(here, house(one)) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
            played = (await client.get("/listen/one/en")).content
    files = contents(tmp_path / "site")
    assert files["m/one/en.aac"] == played
    assert (len(played) < 5500) is hidden
    assert again.changes.written == 0
    assert dead_links(files) == []
    assert '<audio controls preload="none" src="../en.aac"' in files["m/one/en/index.html"].decode()


async def _tell(here: Place, *, hidden: bool) -> None:
    events = [ClockStarted(ZERO_MS), *([HIDDEN] if hidden else []), Ended(6000)]
    await here.log.append(public_stream("one"), [encode(event) for event in events])
