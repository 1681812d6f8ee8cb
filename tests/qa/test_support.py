"""Support: a voice counts once for each question, tells nothing of what else it supported, and orders nothing."""

from pathlib import Path

import pytest

from hearing.desk_events import support_stream
from hearing.errors import NotFound, Refused
from hearing.log.base import Log
from hearing.qa.acts import Accept, Publish
from hearing.qa.office import Office
from tests.qa.support import MODERATOR, OPEN, Clock, holding, house, meeting, new_keys, office, question, records

VOICES = ["v" * 43, "w" * 43, "x" * 43]


async def published(desk: Office, clock: Clock, *texts: str) -> list[str]:
    """Publish questions; return their public ids in the order in which they are shown."""
    for text in texts:
        keys = new_keys()
        await desk.submit(OPEN, keys, question(text))
        view = await desk.moderators.item(MODERATOR, OPEN, keys.item)
        view = await desk.moderators.decide(MODERATOR, OPEN, keys.item, view.version, Accept())
        await desk.moderators.decide(MODERATOR, OPEN, keys.item, view.version, Publish())
        clock.settle()
        await (await desk._desks.of(OPEN)).publish_now()
    return [one.question for one in (await desk.published(OPEN)).questions]


async def offer(log: Log) -> None:
    """Create a meeting of the open dialogue whose questions can be supported."""
    await house(log, meeting("b3", support=True))


async def test_a_voice_counts_once_for_a_question_and_the_order_stays(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        await offer(log)
        first, second = await published(desk, clock, "One?", "Two?")
        for voice in (*VOICES, VOICES[0], VOICES[0]):
            await desk.support(OPEN, second, voice)
        await desk.support(OPEN, first, VOICES[0])
        shown = (await desk.published(OPEN)).questions
        assert [(one.question, one.supporters) for one in shown] == [(first, 1), (second, 3)]
        queue = await desk.moderators.queue(MODERATOR, OPEN)
        assert {view.text: view.supporters for view in queue.items} == {"One?": 1, "Two?": 3}
    async with office(tmp_path, clock) as (desk, _):
        await desk.support(OPEN, second, VOICES[1])
        assert [one.supporters for one in (await desk.published(OPEN)).questions] == [1, 3]


async def test_what_is_kept_of_a_voice_links_no_two_questions(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        await offer(log)
        for one in await published(desk, clock, "One?", "Two?"):
            await desk.support(OPEN, one, VOICES[0])
        kept = [record.body for record in await records(log, support_stream(OPEN))]
        voices = [body.split(b'"voice":"')[1].split(b'"')[0] for body in kept]
        assert len(set(voices)) == 2
    assert holding(tmp_path, VOICES[0]) == []


async def test_only_what_is_published_can_be_supported_and_only_where_it_is_offered(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        (only,) = await published(desk, clock, "One?")
        with pytest.raises(Refused, match="does not count"):
            await desk.support(OPEN, only, VOICES[0])
        await offer(log)
        with pytest.raises(NotFound):
            await desk.support(OPEN, "f" * 20, VOICES[0])
        with pytest.raises(Refused, match="Open it again"):
            await desk.support(OPEN, only, "short")
        await desk.support(OPEN, only, VOICES[0])
        assert [one.supporters for one in (await desk.published(OPEN)).questions] == [1]
