"""Staff in the browser: signing in, setting a meeting up, opening and closing it, inviting others."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from hearing.access import Capability
from hearing.errors import HearingError, Refused
from hearing.lang import NAMES
from hearing.meeting import Meeting
from hearing.stream.address import NotAdmitted
from tests.site.desking import OPEN, QUIET, Desk, browser_of, desk, fields
from tests.site.serving import TOKEN, meeting

PLANNED = "valdoria-2"
STAFF = {"Authorization": f"Bearer {TOKEN}"}
ROW = {"language": ["en", "fr", ""], "kind": ["floor", "interpretation", "interpretation"]}
AGENDA = {
    "block-id": ["", "", ""],
    "block-title": ["Articles 6 and 7", "  Article  9 ", ""],
    "block-minutes": ["40", "", ""],
}
NEW = {
    "id": "teralund-1",
    "title": "Teralund, first meeting",
    "body": "Committee against Torture",
    "dialogue": "teralund",
    "profile": "treaty-body",
    "starts": "2026-07-14T10:00",
    "source": "/srv/teralund.mkv",
    **ROW,
    **AGENDA,
}


@pytest.fixture
async def running() -> AsyncIterator[Desk]:
    async with desk() as one:
        await one.site.keeper.create(meeting(PLANNED, dialogue="valdoria", title="Valdoria, second meeting"))
        yield one


@pytest.fixture
async def staff(running: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """Be a browser of staff."""
    async with browser_of(running) as client:
        await sign_in(running, client)
        yield client


async def sign_in(running: Desk, client: httpx.AsyncClient, label: str = "Secretariat") -> httpx.Response:
    """Accept an invitation of staff, in two steps."""
    token = await running.office.invite(Capability("staff", ""), "", "staff", label)
    asked = await client.post("/staff/accept", data={"invite": token})
    return await client.post("/staff/accept", data=fields(asked.text))


def held(running: Desk, meeting_id: str) -> Meeting:
    """Return a meeting as the house holds it."""
    return running.site.keeper.house().meeting(meeting_id)


def typed(page: str) -> dict[str, list[str]]:
    """Return what a browser would send of the setup form of a page."""
    form = page[page.index('id="setup"') :]
    form = form[: form.index("</form>")]
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>|<select.*?</select>", form, re.DOTALL):
        name = re.search(r'name="([^"]+)"', tag)
        chosen = re.findall(r'<option value="([^"]*)"[^>]* selected', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name:
            options = re.findall(r'<option value="([^"]*)"', tag)
            found.setdefault(name[1], []).append((chosen or options)[0] if options else value[1] if value else "")
    return found


async def test_staff_sign_in_with_a_link_that_works_once(running: Desk) -> None:
    token = await running.office.invite(Capability("staff", ""), "", "staff", "Secretariat")
    async with browser_of(running) as client, browser_of(running) as other:
        first = await client.post("/staff/accept", data={"invite": f"https://example.org/staff/accept#{token}"})
        assert "As staff you set up and run every meeting" in first.text
        step = fields(first.text)
        done = await client.post("/staff/accept", data=step, follow_redirects=False)
        assert (done.status_code, done.headers["location"]) == (303, "/staff")
        cookie = done.headers["set-cookie"]
        assert cookie.startswith("desk-house=")
        assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
        assert (await client.post("/staff/accept", data=step)).url.path == "/staff", "a lost answer loses nothing"
        assert (await other.post("/staff/accept", data={"invite": token, "session": ""})).status_code == 200
        assert (await other.post("/staff/accept", data=fields(first.text) | {"session": "x"})).status_code == 404
        fresh = fields((await other.post("/staff/accept", data={"invite": token})).text)
        assert (await other.post("/staff/accept", data=fresh)).status_code == 410
        assert (await other.get("/staff")).status_code == 401


async def test_over_https_the_cookie_is_bound_to_the_host(running: Desk) -> None:
    async with browser_of(running) as client:
        client.headers["X-Forwarded-Proto"] = "https"
        token = await running.office.invite(Capability("staff", ""), "", "staff")
        step = fields((await client.post("/staff/accept", data={"invite": token})).text)
        done = await client.post("/staff/accept", data=step, follow_redirects=False)
        assert done.headers["set-cookie"].startswith("__Host-desk-house=")
        assert "Secure" in done.headers["set-cookie"]


async def test_an_invitation_to_elsewhere_is_not_used_up(running: Desk) -> None:
    for_staff = await running.office.invite(Capability("staff", ""), "", "staff")
    for_chair = await running.seat("chair", QUIET)
    async with browser_of(running) as client:
        assert (await client.post(f"/staff/{QUIET}/accept", data={"invite": for_staff})).status_code == 404
        assert (await client.post("/staff/accept", data={"invite": for_chair})).status_code == 404
        again = fields((await client.post("/staff/accept", data={"invite": for_staff})).text)
        assert (await client.post("/staff/accept", data=again)).url.path == "/staff"


ROUTES = (
    ("GET", "/staff"),
    ("GET", "/staff/new"),
    ("POST", "/staff/new"),
    ("GET", f"/staff/meetings/{PLANNED}"),
    ("GET", "/staff/meetings/nowhere"),
    ("POST", f"/staff/meetings/{PLANNED}"),
    ("POST", f"/staff/meetings/{PLANNED}/open"),
    ("POST", f"/staff/meetings/{PLANNED}/block"),
    ("POST", f"/staff/meetings/{PLANNED}/close"),
    ("GET", "/staff/invitations"),
    ("POST", "/staff/invitations"),
    ("GET", f"/d/{OPEN}/invitations"),
    ("POST", f"/d/{OPEN}/invitations"),
)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_page_asks_for_staff(running: Desk, method: str, path: str) -> None:
    form = {"act": "make", "sure": "yes"}
    async with browser_of(running) as nobody:
        assert (await nobody.request(method, path, data=form if method == "POST" else None)).status_code == 401
    async with browser_of(running, "moderator") as moderator:
        assert (await moderator.request(method, path, data=form if method == "POST" else None)).status_code == 403
    assert held(running, PLANNED).phase == "planned"


async def test_a_form_of_another_site_is_refused(running: Desk, staff: httpx.AsyncClient) -> None:
    for method, path in ROUTES:
        if method == "POST":
            for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
                answer = await staff.post(path, data={"act": "make", "sure": "yes"}, headers=headers)
                assert answer.status_code == 403, path
    large = await staff.post("/staff/new", data={"title": "x" * 300_000})
    assert large.status_code == 413


async def test_a_meeting_is_made_from_nothing(running: Desk, staff: httpx.AsyncClient) -> None:
    page = await staff.get("/staff/new")
    assert page.headers["cache-control"] == "no-store"
    assert page.text.count('name="language"') >= 7, "rows to spare for who has no script"
    done = await staff.post("/staff/new", data=NEW, follow_redirects=False)
    assert (done.status_code, done.headers["location"]) == (303, "/staff/meetings/teralund-1")
    created = held(running, "teralund-1").created
    assert (created.dialogue, created.title, created.body) == ("teralund", NEW["title"], NEW["body"])
    assert created.starts_ms == 1_784_016_000_000, "10:00 in Geneva in summer is 8:00 UTC"
    assert [(one.id, one.track, one.kind) for one in created.channels] == [
        ("en", 0, "floor"),
        ("fr", 1, "interpretation"),
    ]
    assert [(one.id, one.title, one.minutes) for one in created.agenda] == [
        ("articles-6-and-7", "Articles 6 and 7", 40),
        ("article-9", "Article 9", 0),
    ]
    shown = await staff.get("/staff/meetings/teralund-1")
    assert 'value="2026-07-14T10:00"' in shown.text
    assert "14 July 2026, 10:00 in Geneva" in shown.text


@pytest.mark.parametrize(
    ("changed", "field", "says"),
    [
        ({"id": "Teralund 1"}, "id", "Use 1 to 64 of a to z"),
        ({"id": "accept"}, "id", "meeting with this id already"),
        ({"id": PLANNED}, "id", "meeting with this id already"),
        ({"title": " "}, "title", "Write a title"),
        ({"title": "x" * 201}, "title", "200 characters"),
        ({"body": "x" * 201}, "body", "200 characters"),
        ({"dialogue": "../x"}, "dialogue", "Use 1 to 64"),
        ({"dialogue": OPEN}, "profile", "works another way"),
        ({"dialogue": "", "id": OPEN}, "dialogue", "Choose it expressly"),
        ({"dialogue": "", "id": OPEN}, "profile", "works another way"),
        ({"profile": "secret"}, "profile", "what is offered"),
        ({"starts": "tomorrow"}, "starts", "not a day and a time"),
        ({"starts": "2026-07-14T10:00+02:00"}, "starts", "not a day and a time"),
        ({"source": ""}, "source", "Say where sound"),
        ({"source": "https://example.org/live.m3u8"}, "source", "takes no source from there"),
        ({"source": "srt://live.example.org:9"}, "source", "begins with https"),
        ({"source": "https://live.example.org/a b"}, "source", "Copy it again"),
        ({"language": ["", ""]}, "language-1", "at least one track"),
        ({"block-title": ["", "Article 9"]}, "block-1", "minutes but no title"),
        ({"block-minutes": ["forty"]}, "minutes-1", "from 0 to 600"),
        ({"block-minutes": ["601"]}, "minutes-1", "from 0 to 600"),
    ],
)
async def test_what_has_to_be_mended_is_said_beside_its_field_and_all_is_kept(
    running: Desk, staff: httpx.AsyncClient, changed: dict[str, str], field: str, says: str
) -> None:
    answer = await staff.post("/staff/new", data={**NEW, **changed})
    assert answer.status_code == 400
    assert says in answer.text
    assert f'id="wrong-{field}"' in answer.text
    assert f'href="#{field}"' in answer.text
    assert re.search(rf'id="{field}"[^>]*aria-describedby="[^"]*wrong-{field}"[^>]*aria-invalid="true"', answer.text)
    kept = typed(answer.text)
    for name, value in {**NEW, **changed}.items():
        if isinstance(value, str) and name != "profile":
            assert kept[name] == [value.strip()], name
    assert "teralund-1" not in running.site.keeper.house().meetings


@pytest.mark.parametrize("language", NAMES)
async def test_messages_are_in_the_readers_language(staff: httpx.AsyncClient, language: str) -> None:
    answer = await staff.post("/staff/new", params={"l": language}, data={**NEW, "title": ""})
    assert ("Write a title." in answer.text) == (language == "en")
    assert f'<html lang="{language}"' in answer.text
    assert f"/staff/new?l={language}" in answer.text


async def test_another_like_the_last_takes_everything_over_but_its_time(
    running: Desk, staff: httpx.AsyncClient
) -> None:
    await staff.post("/staff/new", data=NEW)
    page = await staff.get("/staff/new", params={"from": "teralund-1"})
    form = typed(page.text)
    assert (form["id"], form["starts"], form["title"]) == (["teralund-2"], [""], [NEW["title"]])
    await staff.post("/staff/new", data={**form, "title": "Teralund, second meeting"})
    one, two = held(running, "teralund-1").created, held(running, "teralund-2").created
    assert (two.dialogue, two.channels, two.source, two.agenda) == (one.dialogue, one.channels, one.source, one.agenda)
    assert (await staff.get("/staff/new", params={"from": "nowhere"})).status_code == 404


async def test_a_meeting_is_changed_while_planned_and_its_blocks_keep_their_ids(
    running: Desk, staff: httpx.AsyncClient
) -> None:
    await staff.post("/staff/new", data=NEW)
    path = "/staff/meetings/teralund-1"
    form = typed((await staff.get(path)).text)
    form["title"], form["starts"] = ["Teralund"], ["2026-12-01T15:00"]
    form["block-title"][0], form["block-title"][2] = "The right to life", "Article 9, continued"
    form["language"][1], form["language"][3] = "", "ar"
    saved = await staff.post(path, data=form)
    assert (saved.status_code, saved.url.path) == (200, path)
    assert "Saved." in saved.text
    created = held(running, "teralund-1").created
    assert [(one.id, one.title) for one in created.agenda] == [
        ("articles-6-and-7", "The right to life"),
        ("article-9", "Article 9"),
        ("article-9-continued", "Article 9, continued"),
    ]
    assert [(one.id, one.track) for one in created.channels] == [("en", 0), ("ar", 3)]
    assert created.dialogue == "teralund"


async def test_a_change_that_was_overtaken_is_kept_and_said(running: Desk, staff: httpx.AsyncClient) -> None:
    path = f"/staff/meetings/{PLANNED}"
    form = typed((await staff.get(path)).text)
    await running.site.keeper.change(meeting(PLANNED, dialogue="valdoria", title="Theirs"))
    late = await staff.post(path, data={**form, "title": "Mine"})
    assert late.status_code == 409
    assert "Somebody else changed this meeting" in late.text
    assert held(running, PLANNED).created.title == "Theirs"
    again = typed(late.text)
    assert again["title"] == ["Mine"]
    await staff.post(path, data=again)
    assert held(running, PLANNED).created.title == "Mine"


async def test_a_meeting_is_opened_led_through_its_agenda_and_closed(running: Desk, staff: httpx.AsyncClient) -> None:
    await staff.post("/staff/new", data=NEW)
    path = "/staff/meetings/teralund-1"
    assert (await staff.post(f"{path}/block", data={"block": "article-9"})).status_code == 409, "not open yet"
    opened = await staff.post(f"{path}/open", data={"act": "open"})
    assert (opened.status_code, held(running, "teralund-1").phase) == (200, "open")
    assert "Go on to: Articles 6 and 7" in opened.text
    assert 'name="source"' not in opened.text, "what is being played stays as it is"
    begun = await staff.post(f"{path}/block", data={"block": "articles-6-and-7"})
    assert "40 minutes left" in begun.text
    assert "Go on to: Article 9" in begun.text
    assert (await staff.post(f"{path}/block", data={"block": "nowhere"})).status_code == 404
    form = typed(begun.text)
    await staff.post(path, data={**form, "title": "Teralund, day one"})
    assert held(running, "teralund-1").created.title == "Teralund, day one"
    assert len(held(running, "teralund-1").created.channels) == 2
    unsure = await staff.post(f"{path}/close", data={"sure": ""})
    assert (unsure.status_code, held(running, "teralund-1").phase) == (400, "open")
    assert "Nothing was closed." in unsure.text
    assert '<details class="sure" open>' in unsure.text
    closed = await staff.post(f"{path}/close", data={"sure": "yes"})
    assert (closed.status_code, held(running, "teralund-1").phase) == (200, "closed")
    assert (await staff.post(f"{path}/open", data={"act": "open"})).status_code == 409
    assert (await staff.post(path, data=form)).status_code == 409


async def test_a_form_made_before_it_opened_does_not_change_what_is_played(
    running: Desk, staff: httpx.AsyncClient
) -> None:
    path = f"/staff/meetings/{PLANNED}"
    form = typed((await staff.get(path)).text)
    await running.site.keeper.open(PLANNED)
    late = await staff.post(path, data={**form, "source": "/srv/other.mkv"})
    assert late.status_code == 409
    assert held(running, PLANNED).created.source == "/secret/source.mp4"


async def test_meetings_are_listed_by_state_and_the_source_stays_with_staff(
    running: Desk, staff: httpx.AsyncClient
) -> None:
    text = (await staff.get("/staff")).text
    places = [text.index(part) for part in ("On now", "Arlandia", "Coming", "Valdoria, second meeting")]
    assert places == sorted(places)
    assert f"/d/{QUIET}/invitations" in text
    for path in ("/", f"/m/{PLANNED}", f"/api/meetings/{PLANNED}"):
        assert "/secret/" not in (await staff.get(path)).text


async def test_staff_see_the_chairs_page_and_no_question(running: Desk, staff: httpx.AsyncClient) -> None:
    assert (await staff.get(f"/d/{QUIET}/chair")).status_code == 200
    for page in ("queue", "notices", "member"):
        assert (await staff.get(f"/d/{QUIET}/{page}")).status_code == 403
    await staff.post(f"/staff/{QUIET}/accept", data=fields((await _step(running, staff)).text))
    assert (await staff.get(f"/d/{QUIET}/queue")).status_code == 200, "a seat besides adds to what staff may"
    assert (await staff.get(f"/d/{QUIET}/invitations")).status_code == 200


async def _step(running: Desk, client: httpx.AsyncClient) -> httpx.Response:
    return await client.post(f"/staff/{QUIET}/accept", data={"invite": await running.seat("moderator", QUIET)})


@pytest.mark.parametrize(("path", "role"), [(f"/d/{OPEN}/invitations", "member"), ("/staff/invitations", "staff")])
async def test_an_invitation_is_made_shown_once_used_and_ended(
    running: Desk, staff: httpx.AsyncClient, path: str, role: str
) -> None:
    made = await staff.post(path, data={"act": "make", "role": role, "label": "Member  3"})
    assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
    [link] = re.findall(r'id="link" readonly dir="ltr" value="([^"]+)"', made.text)
    token = link.partition("#")[2]
    assert link == f"{running.site.url}{'/staff/brief/accept' if role == 'member' else '/staff/accept'}#{token}"
    assert made.text.count(token) == 1
    assert token not in str(made.url)
    assert token not in re.findall(r"<title>(.*?)</title>", made.text)[0]
    listed = (await staff.get(path)).text
    assert token not in listed
    assert "Member 3" in listed
    assert "to be opened by 22 November, 11:02" in listed
    accept = link.partition("#")[0].removeprefix(running.site.url)
    async with browser_of(running) as guest:
        taken = await guest.post(accept, data=fields((await guest.post(accept, data={"invite": token})).text))
        assert taken.status_code == 200
        [invite] = re.findall(rf'name="invite" value="({token.split(".")[0]})"', (await staff.get(path)).text)
        assert "In use" in (await staff.get(path)).text
        ended = await staff.post(path, data={"act": "end", "invite": invite})
        assert ended.url.path == path
        assert "Ended" in ended.text
        assert (await guest.get(taken.url.path)).status_code == 401


async def test_what_staff_may_not_invite_is_refused(running: Desk, staff: httpx.AsyncClient) -> None:
    long = await staff.post(f"/d/{OPEN}/invitations", data={"act": "make", "role": "chair", "label": "x" * 61})
    assert long.status_code == 400
    assert 'id="wrong-label"' in long.text
    assert (await staff.post("/d/nowhere/invitations", data={"act": "make"})).status_code == 404
    other = (await running.office.seats(Capability("staff", ""), ""))[0].invite
    assert (await staff.post(f"/d/{OPEN}/invitations", data={"act": "end", "invite": other})).status_code == 404
    assert (await staff.post("/staff/invitations", data={"act": "other"})).status_code == 404
    await staff.post(f"/d/{OPEN}/invitations", data={"act": "make", "role": "staff", "label": "sneaky"})
    [made] = [seat for seat in await running.office.seats(Capability("staff", ""), OPEN) if seat.label == "sneaky"]
    assert made.role == "moderator"


async def test_the_api_gives_the_setup_to_staff_only(running: Desk) -> None:
    async with browser_of(running) as client:
        path = f"/api/meetings/{PLANNED}/setup"
        assert (await client.get(path)).status_code == 401
        assert (await client.get(path, headers={"Authorization": "Bearer x"})).status_code == 403
        assert (await client.get(path, headers=STAFF)).json()["source"] == "/secret/source.mp4"


async def test_what_is_secret_in_an_address_is_on_no_page_and_in_no_answer(
    running: Desk, staff: httpx.AsyncClient
) -> None:
    address = "https://live.example.org/master.m3u8?token=s3cr3t"
    made = await staff.post("/staff/new", data={**NEW, "source": address})
    assert made.status_code == 200
    known = held(running, "teralund-1")
    assert known.created.source == address
    like = await staff.get("/staff/new", params={"from": known.id})
    async with browser_of(running) as client:
        setup = await client.get(f"/api/meetings/{known.id}/setup", headers=STAFF)
    for answer in (made, like, setup):
        assert "https://live.example.org/master.m3u8?…" in answer.text
        assert "s3cr3t" not in answer.text
    refused = await staff.post("/staff/new", data={**NEW, "id": "other", "title": "", "source": address})
    assert 'id="wrong-title"' in refused.text


async def test_without_a_dialogue_a_meeting_begins_one_of_its_own(running: Desk, staff: httpx.AsyncClient) -> None:
    assert (await staff.post("/staff/new", data={**NEW, "dialogue": ""})).status_code == 200
    assert held(running, "teralund-1").created.dialogue == "teralund-1"


@pytest.mark.parametrize(
    ("error", "source"), [(NotAdmitted("scheme", "No address."), True), (Refused("Not this profile."), False)]
)
async def test_what_the_house_refuses_is_said_beside_the_source_only_where_it_is_the_source(
    running: Desk, staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, error: HearingError, source: bool
) -> None:
    async def refuse(_: object) -> None:
        raise error

    monkeypatch.setattr(running.site.keeper, "create", refuse)
    answer = await staff.post("/staff/new", data=NEW)
    assert answer.status_code == 400
    assert ('id="wrong-source"' in answer.text) == source
    assert ("Nothing was saved: this cannot be taken as it is" in answer.text) != source


async def test_ones_own_link_opened_again_leads_to_the_seat_and_keeps_it(running: Desk) -> None:
    token = await running.office.invite(Capability("staff", ""), "", "staff", "Secretariat")
    async with browser_of(running) as client, browser_of(running) as other:
        step = fields((await client.post("/staff/accept", data={"invite": token})).text)
        first = await client.post("/staff/accept", data=step, follow_redirects=False)
        assert "Max-Age=5184000" in first.headers["set-cookie"], "as long as the session: 60 days"
        again = await client.post("/staff/accept", data={"invite": f"/staff/accept#{token}"}, follow_redirects=False)
        assert (again.status_code, again.headers["location"]) == (303, "/staff")
        assert again.headers["set-cookie"] == first.headers["set-cookie"]
        asked = fields((await other.post("/staff/accept", data={"invite": token})).text)
        assert (await other.post("/staff/accept", data=asked)).status_code == 410
        for seat in await running.office.seats(Capability("staff", ""), ""):
            await running.office.revoke(Capability("staff", ""), "", seat.invite)
        ended = fields((await client.post("/staff/accept", data={"invite": token})).text)
        assert (await client.post("/staff/accept", data=ended)).status_code == 410
