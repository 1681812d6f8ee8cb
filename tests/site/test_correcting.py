"""Correcting on the pages: who may, what everybody reads then, two editors, words, releases, and what is gone."""

import asyncio
import html
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from hearing import redaction
from hearing.access import Role
from hearing.desk_events import CorrectionMade, decode_desk, desk_stream
from hearing.events import (
    Cut,
    Ended,
    PassageHidden,
    PassageShown,
    RunEnded,
    SegmentCorrected,
    decode_public,
    encode,
    public_stream,
)
from hearing.redacting import Redactor
from hearing.redaction import Wanted
from hearing.store.folder import FolderStore
from tests.site.desking import MEETING, OPEN, QUIET, Desk, browser_of, desk, fields
from tests.site.serving import SPEECH

SEGMENT = "en.4"
PAGE = f"/m/{MEETING}/en/4"
HEARD = SPEECH["en"][4]
MENDED = "Thank you, Madam Chairperson. The figures are collected by all the regional courts."
CORRECT = f"/d/{QUIET}/correct"


@pytest.fixture
async def here() -> AsyncIterator[Desk]:
    async with desk() as running:
        yield running


def form(text: str = MENDED, version: int = 0, **more: str) -> dict[str, str]:
    return {
        "meeting": MEETING,
        "segment": SEGMENT,
        "version": str(version),
        "text": text,
        "mark": "corrected",
        "reason": "Misheard word",
        **more,
    }


async def correct(here: Desk, text: str = MENDED, version: int = 0, **more: str) -> httpx.Response:
    async with browser_of(here, "moderator", QUIET) as client:
        return await client.post(CORRECT, data=form(text, version, **more))


async def read(here: Desk, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=here.site.url, timeout=10, follow_redirects=True) as client:
        return await client.get(path)


async def corrections(here: Desk) -> list[SegmentCorrected]:
    records = await here.site.log.read(public_stream(MEETING), 0, 4096)
    events = [decode_public(record.body) for record in records]
    return [event for event in events if isinstance(event, SegmentCorrected)]


def cite(page: str) -> list[str]:
    """Return the lines of the citation a page offers."""
    found = re.search(r'<textarea class="cite".*?>\n?(.*?)</textarea>', page, re.DOTALL)
    assert found
    return html.unescape(found[1]).strip().splitlines()


async def test_who_may_is_offered_a_form_whose_answer_everybody_reads(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        page = (await client.get(PAGE)).text
        sent = {**form(), **fields(page, "Correct this passage")} | fields(page, 'name="version"')
        answer = await client.post(CORRECT, data=sent)
    assert answer.url.path == PAGE
    assert "Corrected. Everybody who has this meeting open sees it now." in answer.text
    public = await read(here, PAGE)
    assert 'action="/d/' not in public.text
    assert MENDED in public.text
    assert "Corrected text" in public.text
    assert "How this text came about" in public.text
    assert html.escape(HEARD, quote=False) in public.text
    assert "Misheard word" in public.text
    assert "by the secretariat" in public.text
    assert "moderator" not in public.text
    for path in (f"/m/{MEETING}?channel=en", f"/m/{MEETING}?channel=en&q=Chairperson", f"/m/{MEETING}/text?channel=en"):
        if "/text" not in path:
            text = (await read(here, path)).text
            assert "Chairperson" in text, path
            assert "Corrected text" in text, path


async def test_every_export_has_the_corrected_words_and_says_so(here: Desk) -> None:
    await correct(here)
    for kind in ("txt", "md", "docx", "vtt", "srt", "jsonl"):
        content = (await read(here, f"/m/{MEETING}/en.{kind}")).content.decode("utf-8", "replace")
        assert "Chairperson" in content, kind
        assert "by all the regional" in content.replace("\n", " "), kind
        assert "Machine text with corrections" in content, kind
        assert "1 of 6 passages" in content.replace("\n", " "), kind
        assert ("Corrected text" in content) is (kind in ("txt", "md", "docx")), kind


async def test_programs_are_told_the_version_the_mark_and_the_machines_text(here: Desk) -> None:
    await correct(here)
    lines = (await read(here, f"/m/{MEETING}/en.jsonl")).text.splitlines()
    (line,) = [msgspec.json.decode(one) for one in lines if f'"segment":"{SEGMENT}"' in one]
    assert (line["version"], line["mark"], line["machine"], line["text"]) == (1, "corrected", HEARD, MENDED)
    heard = [msgspec.json.decode(one) for one in lines if '"segment":"en.3"' in one]
    assert (heard[0]["version"], heard[0]["mark"], heard[0]["machine"]) == (0, "machine", "")
    numbers = [word["n"] for word in line["words"]]
    count = len(HEARD.split())
    assert len(set(numbers)) == len(numbers)
    assert [word["text"] for word in line["words"] if word["n"] >= count] == ["Chairperson.", "all"]
    answer = (await read(here, f"/api/meetings/{MEETING}/segments?channel=en")).json()
    (found,) = [one for one in answer["segments"] if one["segment"] == SEGMENT]
    assert (found["version"], found["mark"], found["machine"], found["text"]) == (1, "corrected", HEARD, MENDED)


async def test_of_two_editors_the_second_is_told_and_loses_nothing(here: Desk) -> None:
    await correct(here)
    late = await correct(here, "What the second one wrote.")
    assert late.status_code == 409
    assert "Somebody corrected this passage while you did." in late.text
    assert ">\nWhat the second one wrote.</textarea>" in late.text
    assert MENDED in late.text
    assert [event.version for event in await corrections(here)] == [1]
    async with browser_of(here, "moderator", QUIET) as client:
        assert (await client.get(CORRECT)).url.path == f"/d/{QUIET}/said", "the address of that page leads somewhere"
    again = await correct(here, "What the second one wrote.", int(fields(late.text, 'name="version"')["version"]))
    assert again.status_code == 200
    assert [(event.version, " ".join(event.words)) for event in await corrections(here)] == [
        (1, MENDED),
        (2, "What the second one wrote."),
    ]


async def test_of_many_who_correct_at_once_one_is_first(here: Desk) -> None:
    async def one(n: int, client: httpx.AsyncClient) -> int:
        return (await client.post(CORRECT, data=form(f"Text number {n}."))).status_code

    async with browser_of(here, "moderator", QUIET) as client:
        statuses = await asyncio.gather(*(one(n, client) for n in range(6)))
    assert sorted(statuses) == [200, *[409] * 5]
    assert len(await corrections(here)) == 1


async def test_the_same_form_sent_twice_is_one_correction(here: Desk) -> None:
    assert [(await correct(here)).status_code for _ in range(2)] == [200, 200]
    assert len(await corrections(here)) == 1


async def test_what_cannot_be_comes_back_with_a_reason(here: Desk) -> None:
    cases = (
        ({"text": " "}, "A correction has a text."),
        ({"reason": ""}, "Say in a few words why"),
        ({"text": HEARD}, "Nothing was changed"),
        ({"text": "x " * 3000}, "This is too long"),
        ({"text": HEARD + " […]"}, "stands where words were taken out"),
    )
    async with browser_of(here, "moderator", QUIET) as client:
        for changed, told in cases:
            answer = await client.post(CORRECT, data={**form(), **changed})
            assert answer.status_code == 400
            assert told in html.unescape(answer.text)
    assert await corrections(here) == []


async def test_a_passage_that_was_compared_is_verified_without_a_change(here: Desk) -> None:
    assert (await correct(here, HEARD, mark="verified", reason="Compared with the recording")).status_code == 200
    assert "Verified against the floor" in (await read(here, PAGE)).text
    (event,) = await corrections(here)
    assert event.ids == tuple(range(len(HEARD.split())))


async def test_nobody_else_may(here: Desk) -> None:
    roles: tuple[Role | None, ...] = ("chair", "member", None)
    for role in roles:
        async with browser_of(here, role, QUIET) as client:
            assert "Correct this passage" not in (await client.get(PAGE)).text
            assert (await client.post(CORRECT, data=form())).status_code == (403 if role else 401)
            assert (await client.get(f"/d/{QUIET}/misheard")).status_code == (403 if role else 401)
    async with browser_of(here, "moderator", OPEN) as stranger:
        assert "Correct this passage" not in (await stranger.get(PAGE)).text
        assert (await stranger.post(CORRECT, data=form())).status_code == 401
    assert await corrections(here) == []


async def test_another_site_cannot_make_a_browser_correct(here: Desk) -> None:
    async with browser_of(here, "moderator", QUIET) as client:
        answer = await client.post(CORRECT, data=form(), headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == 403
    assert await corrections(here) == []


async def test_the_desk_alone_knows_who_it_was(here: Desk) -> None:
    await correct(here)
    acts = [decode_desk(record.body) for record in await here.site.log.read(desk_stream(QUIET), 0, 4096)]
    (act,) = [one for one in acts if isinstance(one, CorrectionMade)]
    assert (act.meeting, act.made, act.actor.role) == (MEETING, ((SEGMENT, 1),), "moderator")
    records = await here.site.log.read(public_stream(MEETING), 0, 4096)
    assert act.actor.invite
    assert all(act.actor.invite.encode() not in record.body for record in records)


async def test_what_is_hidden_is_neither_corrected_nor_told_and_comes_back_with_its_correction(here: Desk) -> None:
    await correct(here)
    stream = public_stream(MEETING)
    (found,) = [one for one in await segments(here) if one["segment"] == SEGMENT]
    t0, t1 = found["t0"], found["t1"]
    await here.site.log.append(stream, [encode(PassageHidden("0" * 16, t0 + 1, t1 - 1))])
    answer = await correct(here, "Something else.", 1)
    assert (answer.status_code, len(await corrections(here))) == (410, 1)
    for path in (PAGE, f"{PAGE}?release=r0", f"/m/{MEETING}?channel=en", f"/m/{MEETING}/en.jsonl"):
        text = (await read(here, path)).text
        assert "Chairperson" not in text, path
        assert "regional courts" not in text, path
    await here.site.log.append(stream, [encode(PassageShown("0" * 16))])
    assert MENDED in (await read(here, PAGE)).text


async def segments(here: Desk) -> list[Any]:
    answer = (await read(here, f"/api/meetings/{MEETING}/segments?channel=en")).json()
    found: list[Any] = answer["segments"]
    return found


async def test_a_passage_that_still_grows_is_not_corrected(here: Desk) -> None:
    segment = await here.site.speaker.words("en", "and so it goes", more=True)
    async with browser_of(here, "moderator", QUIET) as client:
        page = await client.get(f"/m/{MEETING}/en/{segment.partition('.')[2]}")
        answer = await client.post(CORRECT, data={**form(), "segment": segment})
    assert "Correct this passage" not in page.text
    assert answer.status_code == 400
    assert "not over yet" in answer.text


async def test_a_citation_quotes_the_words_of_its_address(here: Desk) -> None:
    page = await read(here, f"{PAGE}?words=2-3")
    assert "<mark>Madam Chair.</mark>" in page.text
    lines = cite(page.text)
    assert lines[0] == "“Madam Chair.”"
    assert lines[-1].endswith(f"{PAGE}?words=2-3")
    picked = await read(here, f"{PAGE}?first=3&last=2")
    assert picked.url.query == b"words=3-2"
    assert cite(picked.text)[0] == "“Madam Chair.”"


async def test_words_that_stayed_keep_their_address_and_those_gone_say_where_they_are(here: Desk) -> None:
    await here.site.keeper.close(MEETING)
    await here.site.speaker.tell(Ended(10**6))
    await correct(here)
    kept = await read(here, f"{PAGE}?words=2-2")
    assert cite(kept.text)[0] == "“Madam”"
    gone = await read(here, f"{PAGE}?words=2-3")
    assert "not in this text any more" in gone.text
    assert cite(gone.text)[0] == f"“{MENDED}”"
    assert "words=2-3&amp;release=r1" in gone.text or "release=r1" in gone.text
    before = await read(here, f"{PAGE}?words=2-3&release=r1")
    assert cite(before.text)[0] == "“Madam Chair.”"
    never = await read(here, f"{PAGE}?words=90-91")
    assert ("no such words" in never.text, "corrected. The" in never.text) == (True, False)
    unread = await read(here, f"{PAGE}?words=two")
    assert "nobody can read" in unread.text


async def test_a_release_stays_readable_and_says_which_one_is_current(here: Desk) -> None:
    await correct(here, "While the meeting was on.")
    await here.site.keeper.close(MEETING)
    await here.site.speaker.tell(Ended(10**6))
    await correct(here, MENDED, 1)
    await correct(here, "A third text.", 2)
    texts = {"r1": "While the meeting was on.", "r2": MENDED, "r3": "A third text."}
    for release, text in texts.items():
        page = await read(here, f"{PAGE}?release={release}")
        assert cite(page.text)[0] == f"“{text}”"
        assert release in cite(page.text)[2]
        assert ("The current release is r3." in page.text) is (release != "r3")
    assert cite((await read(here, PAGE)).text)[0] == "“A third text.”"
    assert (await read(here, f"{PAGE}?release=r4")).status_code == 404
    assert (await read(here, f"{PAGE}?release=nine")).status_code == 404


async def test_a_connected_reader_is_told_and_one_who_comes_later_reads_the_newest(here: Desk) -> None:
    cursor = (await read(here, f"/api/meetings/{MEETING}/segments")).json()["cursor"]
    async with httpx.AsyncClient(base_url=here.site.url, timeout=10) as client:
        path = f"/api/meetings/{MEETING}/events"
        async with client.stream("GET", path, params={"channel": "en", "after": cursor}) as answer:
            await correct(here)
            told = await until(answer, "event: corrected")
            event = msgspec.json.decode(told.rpartition("data: ")[2].encode())
    assert (event["segment"], event["text"], event["mark"], event["version"]) == (SEGMENT, MENDED, "corrected", 1)
    await correct(here, "The newest.", 1)
    async with (
        httpx.AsyncClient(base_url=here.site.url, timeout=10) as client,
        client.stream("GET", path, params={"channel": "en", "after": cursor}) as answer,
    ):
        told = await until(answer, '"version":2')
    assert "Chairperson" not in told


async def until(answer: httpx.Response, enough: str) -> str:
    text = ""
    async for chunk in answer.aiter_text():
        text += chunk
        if enough in text and text.endswith("\n\n"):
            return text.strip()
    return text


async def test_a_redaction_takes_the_corrections_with_it_and_the_rest_can_be_corrected_again(
    here: Desk, tmp_path: Path
) -> None:
    await correct(here, "Thank you, Madam Zyxwvuqa. The figures are collected by the regional courts.")
    await correct(
        here, "Thank you, Madam Zyxwvuqa. The figures are collected by all courts.", 1, reason="Zyxwvuqa it is"
    )
    await here.site.speaker.tell(RunEnded(1, 90_000, "lost"))

    async def nobody(_meeting: str, _cuts: tuple[Cut, ...], _position: int) -> None:
        """Nobody else keeps anything here."""

    async with FolderStore(tmp_path) as store:
        redactor = Redactor(
            here.site.log, store, here.site.board, house=here.site.keeper.house, forget=nobody, now_ms=here.clock
        )
        said = (await redactor.account(MEETING)).said
        cut = redaction.cut_words(here.site.keeper.house().meeting(MEETING), said, "en", f"{SEGMENT}.3")
        await redactor.ask(MEETING, Wanted("1" * 16, "person-at-risk", (cut,)))
        assert (await correct(here, MENDED, 2)).status_code == 410
        assert await redactor.carry_out_alone(MEETING, "1" * 16)
    records = await here.site.log.read(public_stream(MEETING), 0, 4096)
    assert not [record for record in records if b"Zyxwvuqa" in record.body]
    page = (await read(here, PAGE)).text
    assert "Zyxwvuqa" not in page
    assert "Thank you, Madam […] The figures are collected by the regional courts." in page
    assert "Machine text" in page
    again = await correct(here, "Thank you very much, Madam […] The figures.", 3)
    assert again.status_code == 200
    (event,) = await corrections(here)
    assert (event.version, event.words[:6]) == (3, ("Thank", "you", "very", "much,", "Madam", ""))
    heard = len(HEARD.split())
    assert [n for n in event.ids if n >= heard] == [heard + 2, heard + 3], "ordinals of erased words stay theirs"
    feed = f"/api/meetings/{MEETING}/events?channel=en&after=1.0"
    async with (
        httpx.AsyncClient(base_url=here.site.url, timeout=10) as client,
        client.stream("GET", feed) as answer,
    ):
        told = await until(answer, "event: corrected")
    assert "Zyxwvuqa" not in told
    assert "very much, Madam […] The figures." in told
