"""No reader is sent a redacted word, whatever the cursor, even while the records that hold it are not erased yet."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from hearing import redaction
from hearing.lang import join
from hearing.meeting import House, Meeting
from hearing.redacting import Redactor
from hearing.redaction import Wanted
from hearing.store.folder import FolderStore
from tests.redacting import nothing_else
from tests.scene import CHANNELS, Scene, Step, steps
from tests.site.serving import MEETING, meeting
from tests.site.test_hiding_feed import World, found, world

PUBLIC = Meeting(meeting(), "open")


@settings(max_examples=60, deadline=None)
@given(steps, st.data())
def test_no_reader_gets_a_redacted_word_and_all_hold_what_is_left(played: list[Step], data: st.DataObject) -> None:
    asyncio.run(_read(played, data))


async def _read(played: list[Step], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with world() as here, FolderStore(Path(folder)) as store:
            scene, gone = Scene(), set[str]()
            redactor = Redactor(
                here.log,
                store,
                here.board,
                house=lambda: House({MEETING: PUBLIC}),
                forget=nothing_else,
                now_ms=lambda: 1,
            )
            asking = data.draw(st.integers(0, len(played) - 1))
            told = data.draw(st.integers(asking, len(played)))
            for n, step in enumerate(played):
                scene.step(step)
                await here.tell(scene)
                if n == asking and scene.words:
                    gone = await _ask(scene, redactor, data.draw(st.integers(0, 99)))
                if n == told and gone:
                    await _tell(here, redactor)
            at = data.draw(st.integers(0, await here.log.head(f"public:{MEETING}")))
            for channel in CHANNELS:
                async with here.reader(channel, at) as late, here.reader(channel) as first:
                    pass
                assert not found(late.raw.decode() + first.raw.decode(), gone | scene.forbidden())
                fold = await here.folds.of(MEETING)
                said = fold.transcript.channel(channel).segments
                held = {name: words for name, words in first.held.items() if words}
                assert held == {one.id: join(one.words, channel).split() for one in said if one.words}


async def _ask(scene: Scene, redactor: Redactor, chosen: int) -> set[str]:
    word = scene.words[chosen % len(scene.words)]
    n = [one.text for one in scene.words if one.segment == word.segment].index(word.text)
    channel = word.segment.partition(".")[0]
    said = (await redactor.account(MEETING)).said
    cut = redaction.cut_words(PUBLIC, said, channel, f"{word.segment}.{n}")
    await redactor.ask(MEETING, Wanted("1" * 16, "privacy", (cut,)))
    return {word.text}


async def _tell(here: World, redactor: Redactor) -> None:
    """Say what is left, as far as that can be said, and erase nothing."""
    account = await redactor.account(MEETING)
    if redaction.ready(account.said, account.asked["1" * 16].cuts):
        await redactor._tell(MEETING, "1" * 16)
