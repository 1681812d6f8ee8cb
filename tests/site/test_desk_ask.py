"""Sending and asking what became of it, over HTTP: the receipt first, in any digits, and quiet where it must be."""

import re
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from hearing.errors import Gone
from hearing.house_events import Block
from hearing.qa import receipt
from hearing.qa.acts import Accept, Act, Answer, Ask, Decline, Publish, Route
from tests.site.desking import BRIEFING, MEETING, OPEN, QUIET, Desk, browser_of, desk, fields, take_seat
from tests.site.serving import meeting

SCRIPTS = {"Arabic-Indic": 0x0660, "Persian": 0x06F0, "Devanagari": 0x0966, "Bengali": 0x09E6, "full width": 0xFF10}
TEXT = "ما هي التدابير المتخذة بشأن المياه؟"


@pytest.fixture
async def running() -> AsyncIterator[Desk]:
    async with desk() as opened:
        yield opened


@pytest.fixture
async def anybody(running: Desk) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_of(running) as client:
        yield client


async def form_of(client: httpx.AsyncClient, dialogue: str = OPEN, **query: str) -> dict[str, str]:
    """Open the form and return what it sends, with a text."""
    page = await client.get(f"/d/{dialogue}/ask", params=query)
    ceiling = re.findall(r'name="ceiling" value="([a-z-]+)" checked', page.text)[0]
    kind = re.findall(r'name="kind" value="([a-z]+)"[^>]* checked', page.text)[0]
    chosen = {"kind": kind, "text": TEXT, "language": "ar", "ceiling": ceiling, "source_class": "cso"}
    return {**fields(page.text, 'id="ask"'), **chosen}


async def send(client: httpx.AsyncClient, dialogue: str = OPEN, **changes: str) -> str:
    """Send by the form and return the receipt."""
    form = {**await form_of(client, dialogue), **changes}
    assert (await client.post(f"/d/{dialogue}/ask", data=form)).status_code == 200
    return form["receipt"]


async def asked(client: httpx.AsyncClient, digits: str, dialogue: str = OPEN, **more: str) -> httpx.Response:
    return await client.post(f"/d/{dialogue}/mine", data={"receipt": digits, **more})


async def decide(running: Desk, digits: str, *acts: Act, dialogue: str = OPEN) -> None:
    """Decide as a moderator and let it settle."""
    token = await running.seat("moderator", dialogue)
    who = await running.office.capability(await running.office.accept_invite(token))
    item = receipt.keys(digits).item
    for act in acts:
        version = (await running.office.moderators.item(who, dialogue, item)).version
        await running.office.moderators.decide(who, dialogue, item, version, act)
    await running.settle()


def body_of(digits: str, **changes: str) -> dict[str, str]:
    sent = {"auth": receipt.keys(digits).auth, "kind": "question", "text": TEXT, "language": "ar"}
    return {**sent, "ceiling": "committee", **changes}


def address(digits: str, act: str = "", dialogue: str = OPEN) -> str:
    return f"/api/dialogues/{dialogue}/items/{receipt.keys(digits).item}{act and '/'}{act}"


async def test_three_posts_whose_answers_were_lost_are_one_item_and_its_receipt_was_known_before(
    running: Desk, anybody: httpx.AsyncClient
) -> None:
    page = await anybody.get(f"/d/{QUIET}/ask")
    form = await form_of(anybody, QUIET)
    assert form["receipt"] not in page.text  # each form has its own
    assert receipt.grouped(receipt.read(form["receipt"])) == form["receipt"]
    answers = [await anybody.post(f"/d/{QUIET}/ask", data=form) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[0].text == answers[2].text
    assert "It has arrived" in answers[0].text
    assert len((await running.office._desks.of(QUIET)).desk.state.items) == 1
    assert TEXT in (await asked(anybody, form["receipt"], QUIET)).text


async def test_the_receipt_is_shown_in_the_form_before_anything_is_sent(anybody: httpx.AsyncClient) -> None:
    page = (await anybody.get(f"/d/{OPEN}/ask")).text
    shown = re.findall(r"<span>(\d{2,4})</span>", page)
    assert " ".join(shown) == fields(page, 'id="ask"')["receipt"]
    assert page.index("Write them down before you send") < page.index('<button class="btn">Send')


@pytest.mark.parametrize("zero", SCRIPTS.values(), ids=SCRIPTS)
async def test_a_receipt_is_read_in_digits_of_any_script(anybody: httpx.AsyncClient, zero: int) -> None:
    digits = await send(anybody)
    typed = "".join(chr(zero + int(char)) if char.isdigit() else "\u200f\u2013" for char in digits)
    answer = await asked(anybody, typed)
    assert answer.status_code == 200
    assert TEXT in answer.text


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (lambda digits: digits[:-1] + str((int(digits[-1]) + 1) % 10), "One digit is wrong"),
        (lambda digits: digits[:-3], "this one has 24"),
        (lambda digits: digits + "x", "digits only"),
        (lambda _: " ", "digits only"),
        (lambda _: receipt.mint(), "Nothing has arrived under this receipt"),
    ],
)
async def test_a_mistake_in_a_receipt_is_said_beside_what_was_typed(
    anybody: httpx.AsyncClient, mistake: object, said: str
) -> None:
    assert callable(mistake)
    typed = mistake(await send(anybody))
    answer = await asked(anybody, typed)
    assert answer.status_code in (400, 404)
    assert said in answer.text
    assert typed in answer.text


async def test_putting_it_is_idempotent_and_other_content_is_a_conflict(anybody: httpx.AsyncClient) -> None:
    digits = receipt.mint()
    answers = [await anybody.put(address(digits), json=body_of(digits)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[0].json() == answers[1].json() == answers[2].json()
    assert answers[0].json()["state"] == "received"
    other = await anybody.put(address(digits), json=body_of(digits, text="Another."))
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    form = await form_of(anybody) | {"receipt": digits, "ceiling": "committee", "source_class": "undisclosed"}
    assert (await anybody.post(f"/d/{OPEN}/ask", data=form)).status_code == 200
    assert (await anybody.post(address(digits, "status"), json={"auth": "0" * 64})).status_code == 404
    status = await anybody.post(address(digits, "status"), json={"auth": receipt.keys(digits).auth})
    assert status.json()["text"] == TEXT


async def test_what_a_program_sends_wrongly_is_refused_and_not_repeated(anybody: httpx.AsyncClient) -> None:
    digits = receipt.mint()
    wrong = (
        body_of(digits, kind="rumour"),
        body_of(digits, ceiling="everybody"),
        body_of(digits, auth="short"),
        body_of(digits, more="x"),
        body_of(digits, text=""),
        body_of(digits, text=TEXT * 100),
        body_of(digits, text=f"My receipt is {digits}."),
        body_of(digits, call="no-such-call"),
        body_of(digits, meeting=MEETING),
    )
    for body in wrong:
        answer = await anybody.put(address(digits), json=body)
        assert answer.status_code == 400, body
        assert TEXT not in answer.text
    assert (await anybody.put(address(digits), content=b"\xff{")).status_code == 400
    assert (await anybody.put(address(digits, dialogue="nowhere"), json=body_of(digits))).status_code == 404
    confidential = await anybody.put(address(digits, dialogue=QUIET), json=body_of(digits, ceiling="public-text"))
    assert confidential.status_code == 400


async def test_an_error_in_the_form_loses_no_word_and_keeps_the_receipt(anybody: httpx.AsyncClient) -> None:
    form = await form_of(anybody)
    for changes, said in (
        ({"text": " "}, "Write at least one sentence."),
        ({"text": TEXT * 80}, "2000 characters at the most"),
        ({"text": f"{TEXT} {form['receipt']}"}, "Your receipt stands in the text."),
        ({"name": "n" * 101}, "A name has up to 100 characters."),
    ):
        answer = await anybody.post(f"/d/{OPEN}/ask", data={**form, **changes})
        assert answer.status_code == 400
        assert said in answer.text
        assert fields(answer.text, 'id="ask"')["receipt"] == form["receipt"]
        assert changes.get("text", TEXT).strip() in answer.text


async def test_another_text_under_a_used_receipt_gets_a_new_one_and_the_first_stays(anybody: httpx.AsyncClient) -> None:
    form = await form_of(anybody)
    await anybody.post(f"/d/{OPEN}/ask", data=form)
    answer = await anybody.post(f"/d/{OPEN}/ask", data={**form, "text": "A second thought."})
    assert answer.status_code == 409
    again = fields(answer.text, 'id="ask"')
    assert again["receipt"] != form["receipt"]
    assert "A second thought." in answer.text
    assert (await anybody.post(f"/d/{OPEN}/ask", data={**form, **again, "text": "A second thought."})).is_success
    assert TEXT in (await asked(anybody, form["receipt"])).text
    assert "A second thought." in (await asked(anybody, again["receipt"])).text


async def test_what_was_withdrawn_is_gone_for_the_form_and_for_programs(anybody: httpx.AsyncClient) -> None:
    form = await form_of(anybody)
    await anybody.post(f"/d/{OPEN}/ask", data=form)
    assert "Withdrawn" not in (await asked(anybody, form["receipt"], act="withdraw")).text  # not without `sure`
    gone = await asked(anybody, form["receipt"], act="withdraw", sure="yes")
    assert gone.status_code == 200
    assert "You have withdrawn it." in gone.text
    assert TEXT not in gone.text
    answer = await anybody.post(f"/d/{OPEN}/ask", data=form)
    assert answer.status_code == 410
    assert fields(answer.text, 'id="ask"')["receipt"] != form["receipt"]
    resent = await anybody.put(address(form["receipt"]), json=body_of(form["receipt"]))
    assert (resent.status_code, resent.json()["code"]) == (410, "gone")


@pytest.mark.parametrize(
    ("dialogue", "acts", "said"),
    [
        (
            OPEN,
            (),
            ("It has arrived. Nobody has decided about it yet.", "The secretariat reads it during the meeting."),
        ),
        (OPEN, (Accept(),), ("The secretariat has read it and accepted it.", "decides whether it is passed on")),
        (OPEN, (Decline("too-late", "Next year."),), ("will not pass it on", "It came too late for this dialogue.")),
        (
            OPEN,
            (Accept(), Publish()),
            ("It is published on the page of the meeting.", "may be taken up in the meeting"),
        ),
        (QUIET, (Accept(), Route()), ("It has been passed on to the committee.", "They are free not to.")),
        (
            OPEN,
            (Accept(), Publish(), Answer(body="Yes.")),
            ("The topic was discussed, or answered in writing.", "Yes."),
        ),
    ],
)
async def test_the_status_says_in_plain_words_what_is_and_what_comes_next(
    running: Desk, anybody: httpx.AsyncClient, dialogue: str, acts: tuple[Act, ...], said: tuple[str, str]
) -> None:
    digits = await send(anybody, dialogue)
    await decide(running, digits, *acts, dialogue=dialogue)
    page = (await asked(anybody, digits, dialogue)).text
    assert all(part in page for part in said)
    for language in ("fr", "es", "ru", "ar", "zh"):
        other = await anybody.post(f"/d/{dialogue}/mine", params={"l": language}, data={"receipt": digits})
        assert other.is_success
        assert said[0] not in other.text


async def test_the_status_says_when_before_during_and_after_the_meetings(
    running: Desk, anybody: httpx.AsyncClient
) -> None:
    digits = await send(anybody, QUIET)
    during = (await asked(anybody, digits, QUIET)).text
    assert "The secretariat reads it during the meeting." in during
    assert "The meeting is on now." in during
    keeper = running.site.keeper
    await keeper.create(meeting("second", starts_ms=1_794_214_800_000, title="Arlandia: second meeting"))
    await keeper.close(MEETING)
    before = (await asked(anybody, digits, QUIET)).text
    assert "The secretariat reads it before the next meeting." in before
    assert "The next meeting starts on 9 November at 10:00 in Geneva." in before
    await keeper.close("second")
    after = (await asked(anybody, digits, QUIET)).text
    assert "No further meeting of this dialogue is planned." in after
    assert "before the next meeting" not in after
    assert "The meeting is over. What you send is still read" in (await anybody.get(f"/d/{QUIET}/ask")).text
    assert TEXT in (await asked(anybody, await send(anybody, QUIET), QUIET)).text


async def test_what_has_no_meeting_left_to_be_shown_in_is_not_said_to_be_published(
    running: Desk, anybody: httpx.AsyncClient
) -> None:
    digits = await send(anybody)
    await running.site.keeper.close(BRIEFING)
    await decide(running, digits, Accept(), Publish())
    page = (await asked(anybody, digits)).text
    assert "It is published on the page" not in page
    assert "It is published once the next meeting of this dialogue is announced." in page
    await running.site.keeper.create(meeting("later", dialogue=OPEN, title="Second briefing", profile="open"))
    await running.settle()
    assert "It is published on the page of the meeting." in (await asked(anybody, digits)).text


async def test_staff_ask_and_the_sender_replies_by_receipt(running: Desk, anybody: httpx.AsyncClient) -> None:
    digits = await send(anybody)
    async with browser_of(running, "moderator") as moderator:
        item = receipt.keys(digits).item
        version = fields((await moderator.get(f"/d/{OPEN}/queue")).text, item)["version"]
        form = {"act": "ask", "version": version, "body": "In which region?"}
        assert (await moderator.post(f"/d/{OPEN}/queue/{item}", data=form)).is_success
        page = (await asked(anybody, digits)).text
        assert "The secretariat asks you:" in page
        assert "In which region?" in page
        for text, status in (("", 400), (f"See {digits}", 400), ("In the north.", 200), ("And the south.", 409)):
            answer = await asked(anybody, digits, act="reply", text=text)
            assert answer.status_code == status, text
        assert "In the north." in (await moderator.get(f"/d/{OPEN}/queue", params={"item": item})).text


async def test_a_sender_narrows_who_sees_it_and_never_widens(anybody: httpx.AsyncClient) -> None:
    digits = await send(anybody, ceiling="public-text")
    assert "Secretariat and committee" in (await asked(anybody, digits, act="narrow", ceiling="committee")).text
    assert (await asked(anybody, digits, act="narrow", ceiling="public-text")).status_code == 409
    told = await anybody.post(address(digits, "status"), json={"auth": receipt.keys(digits).auth})
    assert (told.json()["ceiling"], told.json()["narrower"]) == ("committee", ["secretariat"])


async def test_a_confidential_dialogue_is_quiet(running: Desk, anybody: httpx.AsyncClient) -> None:
    form = await form_of(anybody, QUIET)
    pages = [
        await anybody.get(f"/d/{QUIET}/ask"),
        await anybody.get(f"/d/{QUIET}/mine"),
        await anybody.post(f"/d/{QUIET}/ask", data={**form, "text": ""}),
        await anybody.post(f"/d/{QUIET}/ask", data=form),
        await asked(anybody, form["receipt"], QUIET),
        await asked(anybody, form["receipt"], OPEN),  # typed on a page of another dialogue
        await asked(anybody, "1", QUIET),
        await asked(anybody, form["receipt"], QUIET, act="withdraw", sure="yes"),
    ]
    for page in pages:
        assert "<title>hearing</title>" in page.text
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in page.headers
        assert form["receipt"] not in str(page.url)
        for script in re.findall(r'<script[^>]* src="([^"]+)"', page.text):
            code = (await anybody.get(script)).text
            assert not re.search("localStorage|sessionStorage|indexedDB|cookie|caches", code), script
    assert [rule for rule in ("My text may be made public", "Your name") if rule in pages[0].text] == []
    assert "<title>hearing</title>" not in (await anybody.get(f"/d/{OPEN}/ask")).text


async def test_the_live_page_leads_to_the_form_which_keeps_language_and_meeting(
    running: Desk, anybody: httpx.AsyncClient
) -> None:
    page = (await anybody.get(f"/m/{MEETING}", params={"l": "ar"})).text
    [link] = set(re.findall(r'href="(/d/[^"]+/ask[^"]*)"', page))
    form = await anybody.get(link.replace("&amp;", "&"))
    assert 'dir="rtl"' in form.text
    assert fields(form.text, 'id="ask"')["meeting"] == MEETING
    short = await anybody.get(f"/m/{MEETING}/ask", params={"l": "ar"})
    assert (short.status_code, short.url.path) == (200, f"/d/{QUIET}/ask")


async def test_a_form_whose_call_was_closed_meanwhile_is_still_taken_and_taken_once(
    running: Desk, anybody: httpx.AsyncClient
) -> None:
    async with browser_of(running, "moderator") as moderator:
        await moderator.post(f"/d/{OPEN}/notices", data={"call": "yes", "text-en": "Who has data on wells?"})
        await running.settle()
        call = re.findall(r"call=([0-9a-f]{16})", (await anybody.get(f"/m/{BRIEFING}")).text)[0]
        form = await form_of(anybody, call=call)
        assert (form["call"], form["kind"]) == (call, "information")
        await moderator.post(f"/d/{OPEN}/notices/{call}", data={"act": "close"})
        answers = [await anybody.post(f"/d/{OPEN}/ask", data=form) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert len((await running.office._desks.of(OPEN)).desk.state.items) == 1
        assert (await anybody.post(f"/d/{OPEN}/ask", data={**form, "text": "Another."})).status_code == 409
        await asked(anybody, form["receipt"], act="withdraw", sure="yes")
        assert (await anybody.post(f"/d/{OPEN}/ask", data=form)).status_code == 410


async def test_a_form_whose_block_left_the_agenda_meanwhile_is_the_same_as_before(
    running: Desk, anybody: httpx.AsyncClient
) -> None:
    created = running.site.keeper.house().meeting(BRIEFING).created
    one, two = Block("b1", "One", 1), Block("b2", "Two", 1)
    await running.site.keeper.change(msgspec.structs.replace(created, agenda=(one, two)))
    form = {**await form_of(anybody), "block": "b2"}
    assert (await anybody.post(f"/d/{OPEN}/ask", data=form)).status_code == 200
    await running.site.keeper.change(msgspec.structs.replace(created, agenda=(one,)))
    assert (await anybody.post(f"/d/{OPEN}/ask", data=form)).status_code == 200
    assert (await anybody.post(f"/d/{OPEN}/ask", data={**form, "text": "Another."})).status_code == 409
    late = {**await form_of(anybody), "block": "b2"}
    for _ in range(2):
        assert (await anybody.post(f"/d/{OPEN}/ask", data=late)).status_code == 200
    assert (await anybody.post(f"/d/{OPEN}/ask", data={**await form_of(anybody), "block": "../x"})).status_code == 200
    items = (await running.office._desks.of(OPEN)).desk.state.items
    assert [item.received.block for item in items.values()] == ["b2", "", ""]


async def test_a_reply_is_cleaned_as_a_question_is(running: Desk, anybody: httpx.AsyncClient) -> None:
    digits = await send(anybody)
    await decide(running, digits, Ask("Which region?"))
    answer = await asked(anybody, digits, act="reply", text="The north\x0band the east.")
    assert answer.status_code == 200
    async with browser_of(running, "moderator") as moderator:
        page = await moderator.get(f"/d/{OPEN}/queue", params={"item": receipt.keys(digits).item})
        assert "The north and the east." in page.text


@pytest.mark.parametrize("text", ["\u200b\u2060", "\u0301\u0301", " \u3164 "])
async def test_a_text_that_nobody_can_see_is_empty(anybody: httpx.AsyncClient, text: str) -> None:
    answer = await anybody.post(f"/d/{OPEN}/ask", data={**await form_of(anybody), "text": text})
    assert answer.status_code == 400
    assert "Write at least one sentence." in answer.text


async def test_an_invitation_is_good_once(running: Desk) -> None:
    token = await running.seat("moderator")
    async with browser_of(running) as first, browser_of(running) as second:
        assert (await take_seat(first, token)).url.path == f"/d/{OPEN}/queue"
        answer = await take_seat(second, token)
        assert answer.status_code == 410
        assert "used already" in answer.text
        assert (await second.get(f"/d/{OPEN}/queue")).status_code == 401
        assert (await second.post(f"/staff/{OPEN}/accept", data={"invite": "x"})).status_code == 404
        cookies = [cookie for cookie in first.cookies.jar if cookie.name.startswith("desk-")]
        assert [cookie.value and token.split(".")[1] in cookie.value for cookie in cookies] == [False]
        with pytest.raises(Gone):
            await running.office.accept_invite(token)
