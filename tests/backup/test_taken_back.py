"""What was taken back after a backup does not come back with it: by the list beside it, or by the old folder."""

import asyncio
import base64
from collections.abc import Sequence
from pathlib import Path

import pytest

from hearing import restoring
from hearing.backup import ledger, make, manifest
from hearing.backup.restore import Restored, restore
from hearing.errors import Gone, NotFound
from hearing.events import (
    Ended,
    Made,
    NoticePublished,
    PassageHidden,
    PassageShown,
    PublicEvent,
    QuestionPublished,
    QuestionRemoved,
    RecordCorrected,
    Redacted,
    SegmentClosed,
    SegmentCorrected,
    TurnBegan,
    TurnChanged,
    TurnRemoved,
    WordsCommitted,
    decode_public,
    encode,
    public_stream,
    turn_subject,
)
from hearing.house import HouseKeeper
from hearing.house_events import HOUSE, MeetingClosed, MeetingOpened, MeetingPurged
from hearing.log.sqlite import SqliteLog
from hearing.qa.acts import Accept, Publish
from hearing.qa.office import Office
from hearing.qa.receipt import Keys
from hearing.qa.status import LOST, SEND_AGAIN
from hearing.site import cited
from hearing.site.folds import Folds
from hearing.store.folder import FolderStore
from hearing.turns import Turn, Turns, apply
from tests.qa.support import (
    MODERATOR,
    NEEDLE,
    OPEN,
    STAFF,
    Clock,
    holding,
    meeting,
    new_keys,
    office,
    public,
    question,
    records,
)

NOW_MS = 1_800_000_000_000
STREAM = public_stream("b1")


def back_up(path: Path) -> str:
    return make.make(path / "data", path / "out", now_ms=NOW_MS, keep=0).id


def bring_back(path: Path, at: str, *, since: Path | None = None) -> Restored:
    """Restore into `again/data`, whose key file is a copy of the old one."""
    again = path / "again"
    (again / "state").mkdir(parents=True)
    (again / "state" / "kek").write_text((path / "state" / "kek").read_text())
    (again / "state" / "kek").chmod(0o600)
    vault = path / "data" / "vault.db"
    return restore(path / "out", again / "data", now_ms=NOW_MS, at=at, since=since, vault=vault)


def reopened(path: Path, clock: Clock):  # type: ignore[no-untyped-def] # noqa: ANN201 - as office() does
    return office(path / "again", clock)


async def publish(desk: Office, clock: Clock, text: str = f"Publish {NEEDLE}") -> Keys:
    """Send a question and have it published."""
    keys = new_keys()
    await desk.submit(OPEN, keys, question(text))
    for act in (Accept(), Publish()):
        view = await desk.moderators.item(MODERATOR, OPEN, keys.item)
        await desk.moderators.decide(MODERATOR, OPEN, keys.item, view.version, act)
    clock.settle()
    await step(desk)
    return keys


async def step(desk: Office) -> None:
    await (await desk._desks.of(OPEN)).publisher.step()


def texts(events: Sequence[PublicEvent]) -> list[str]:
    return [one.text for one in events if isinstance(one, QuestionPublished)]


@pytest.mark.parametrize("how", ["list", "folder"])
async def test_a_question_withdrawn_after_the_backup_stays_withdrawn(tmp_path: Path, how: str) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _):
        gone, kept = await publish(desk, clock), await publish(desk, clock, "Another one")
        at = back_up(tmp_path)
        await desk.withdraw(gone)
        if how == "list":
            make.note(tmp_path / "data", tmp_path / "out", now_ms=NOW_MS + 1)
    done = bring_back(tmp_path, at, since=tmp_path / "data" if how == "folder" else None)
    assert done.taken_back >= 2
    assert holding(tmp_path / "again" / "data", NEEDLE) == []
    async with reopened(tmp_path, clock) as (desk, log):
        assert (await desk.status(gone)).state == "withdrawn"
        assert (await desk.status(kept)).text == "Another one"
        await step(desk)
        assert texts(await public(log, "b1")) == ["Another one"]
        assert [one.text for one in (await desk.published(OPEN)).questions] == ["Another one"]
        assert await log.verify(STREAM) is None


async def test_without_the_list_the_same_restore_would_bring_it_back(tmp_path: Path) -> None:
    """What the list is for: this is the state of before, whole."""
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _):
        gone = await publish(desk, clock)
        at = back_up(tmp_path)
        await desk.withdraw(gone)
    bring_back(tmp_path, at)
    assert holding(tmp_path / "again" / "data", NEEDLE) != []


async def test_a_ceiling_lowered_after_the_backup_stays_low(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _):
        keys = await publish(desk, clock)
        at = back_up(tmp_path)
        await desk.narrow(keys, "secretariat")
    bring_back(tmp_path, at, since=tmp_path / "data")
    async with reopened(tmp_path, clock) as (desk, log):
        assert (await desk.status(keys)).ceiling == "secretariat"
        await step(desk)
        assert texts(await public(log, "b1")) == []


async def test_an_invitation_ended_after_the_backup_opens_nothing(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _):
        session = await desk.accept_invite(await desk.invite(STAFF, OPEN, "moderator", "Stolen"))
        at = back_up(tmp_path)
        seat = next(one for one in await desk.seats(STAFF, OPEN) if one.label == "Stolen")
        await desk.revoke(STAFF, OPEN, seat.invite)
        assert await desk.capability(session) is None
    bring_back(tmp_path, at, since=tmp_path / "data")
    async with reopened(tmp_path, clock) as (desk, _):
        assert await desk.capability(session) is None


async def test_an_invitation_used_after_the_backup_is_used_and_its_seat_is_the_same(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _):
        token = await desk.invite(STAFF, OPEN, "moderator", "Secretariat")
        at = back_up(tmp_path)
        session = await desk.accept_invite(token)
    bring_back(tmp_path, at, since=tmp_path / "data")
    async with reopened(tmp_path, clock) as (desk, _):
        assert await desk.capability(session) is not None
        with pytest.raises(Gone):
            await desk.accept_invite(token)


async def test_a_meeting_closed_after_the_backup_does_not_go_on_the_air_again(tmp_path: Path) -> None:
    async with office(tmp_path, Clock()) as (_, log):
        at = back_up(tmp_path)
        await log.append(HOUSE, [encode(MeetingClosed("b1", 9)), encode(MeetingOpened("b2", 9))])
        await log.append(HOUSE, [encode(MeetingClosed("b2", 10))])
    bring_back(tmp_path, at, since=tmp_path / "data")
    async with SqliteLog(tmp_path / "again" / "data" / "log.db") as log:
        house = (await HouseKeeper(log, lambda: 11).start()).house()
        assert [house.meeting(name).phase for name in ("b1", "b2")] == ["closed", "planned"]


async def test_a_passage_hidden_after_the_backup_stays_hidden(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (_, log):
        await log.append(STREAM, [encode(WordsCommitted("en", "en.0", 0, ("a", "name"), 16_000))])
        at = back_up(tmp_path)
        await log.append(STREAM, [encode(PassageHidden("a" * 16, 0, 1000))], key="passage")
    bring_back(tmp_path, at, since=tmp_path / "data")
    async with reopened(tmp_path, clock) as (_, log):
        assert (await public(log, "b1"))[-1] == PassageHidden("a" * 16, 0, 1000)


async def test_a_passage_hidden_shown_and_hidden_again_is_hidden_and_once_restored_can_be_shown(
    tmp_path: Path,
) -> None:
    """The same events, more than once: none is taken for another, and none is said twice by the next restore."""
    clock, first = Clock(), PassageHidden("a" * 16, 0, 1000)
    async with office(tmp_path, clock) as (_, log):
        await log.append(STREAM, [encode(WordsCommitted("en", "en.0", 0, ("a", "name"), 16_000)), encode(first)])
        at = back_up(tmp_path)
        await log.append(STREAM, [encode(PassageShown("a" * 16)), encode(first)])
    bring_back(tmp_path, at, since=tmp_path / "data")
    again = tmp_path / "again" / "data"
    async with SqliteLog(again / "log.db") as log:
        assert (await public(log, "b1"))[1:] == [first, PassageShown("a" * 16), first]
        await log.append(STREAM, [encode(PassageShown("a" * 16))])
        make.make(again, tmp_path / "out", now_ms=NOW_MS + 9000, keep=0)
    restore(tmp_path / "out", tmp_path / "third", now_ms=NOW_MS, since=tmp_path / "data")
    async with SqliteLog(tmp_path / "third" / "log.db") as log:
        assert (await public(log, "b1"))[-1] == PassageShown("a" * 16)
        assert len(await public(log, "b1")) == 5
    restore(tmp_path / "out", tmp_path / "fourth", now_ms=NOW_MS, at=at, since=tmp_path / "data")
    async with SqliteLog(tmp_path / "fourth" / "log.db") as log:
        assert (await public(log, "b1"))[-1] == PassageShown("a" * 16), "what was done last, in the second history"


async def test_a_speaker_who_was_removed_stays_removed(tmp_path: Path) -> None:
    subject = turn_subject("a" * 16)
    async with office(tmp_path, Clock()) as (_, log):
        await log.append(STREAM, [encode(TurnBegan("a" * 16, 1000, "Zyxwvuqa"))], subject=subject)
        at = back_up(tmp_path)
        await log.append(STREAM, [encode(TurnRemoved("a" * 16))], subject=subject)
    bring_back(tmp_path, at, since=tmp_path / "data")
    async with SqliteLog(tmp_path / "again" / "data" / "log.db") as log:
        assert (await Folds(log, log).of("b1")).transcript.turns == {}


async def test_nothing_of_another_history_is_touched(tmp_path: Path) -> None:
    """Restored, then written on: the same positions hold other records, which an older list knows nothing of."""
    clock = Clock()
    async with office(tmp_path, clock) as (_, log):
        await log.append(STREAM, [encode(NoticePublished("n0", ()))])
        at = back_up(tmp_path)
        await log.append(STREAM, [encode(QuestionPublished("q1", "question", "en", "first history"))])
        await log.append(STREAM, [encode(QuestionRemoved("q1")), encode(Redacted(2))])
        await log.erase(STREAM, 2)
        make.note(tmp_path / "data", tmp_path / "out", now_ms=NOW_MS)
    bring_back(tmp_path, at)
    async with reopened(tmp_path, clock) as (_, log):
        await log.append(STREAM, [encode(NoticePublished("n1", ())), encode(NoticePublished("n2", ()))])
    again = tmp_path / "again"
    make.make(again / "data", tmp_path / "out", now_ms=NOW_MS + 5000, keep=0)
    restore(tmp_path / "out", tmp_path / "third", now_ms=NOW_MS, vault=again / "data" / "vault.db")
    async with SqliteLog(tmp_path / "third" / "log.db") as log:
        found = await public(log, "b1")
        assert [one.notice for one in found if isinstance(one, NoticePublished)] == ["n0", "n1", "n2"]
        assert QuestionRemoved("q1") not in found
        assert Redacted(2) not in found, "it would take n1 out of every page"


async def test_a_rehearsal_purged_after_the_backup_leaves_nothing(tmp_path: Path) -> None:
    clock, stream = Clock(), public_stream("r1")
    async with office(tmp_path, clock) as (_, log), FolderStore(tmp_path / "data" / "media") as store:
        await log.append(HOUSE, [encode(meeting("r1", rehearses="b1"))])
        await log.append(stream, [encode(WordsCommitted("en", "en.0", 0, (NEEDLE,), 16_000))], subject="channel:en")
        await store.append("r1/audio-en/0.m4s", NEEDLE.encode())
        at = back_up(tmp_path)
        await log.append(HOUSE, [encode(MeetingPurged("r1", 5))])
        await log.erase_all(stream)
        await store.erase("r1/")
    done = bring_back(tmp_path, at, since=tmp_path / "data")
    assert done.left_out == 1
    assert holding(tmp_path / "again" / "data", NEEDLE) == []


async def test_media_that_a_later_backup_found_destroyed_stay_destroyed(tmp_path: Path) -> None:
    async with office(tmp_path, Clock()), FolderStore(tmp_path / "data" / "media") as store:
        for name, content in (("0", b"a name"), ("1", b"kept"), ("2", b"growing")):
            await store.append(f"b1/audio-en/{name}.m4s", content)
        at = back_up(tmp_path)
        await store.replace("b1/audio-en/0.m4s", b"silent")  # as many bytes
        await store.append("b1/audio-en/2.m4s", b" on")
        await store.delete("b1/audio-en/1.m4s")
        back_up(tmp_path)
    assert bring_back(tmp_path, at).left_out == 1
    found = {path.name: path.read_bytes() for path in (tmp_path / "again" / "data" / "media").rglob("*.m4s")}
    assert found == {"0.m4s": b"silent", "2.m4s": b"growing"}
    vault = tmp_path / "data" / "vault.db"
    restore(tmp_path / "out", tmp_path / "all", now_ms=NOW_MS, at=at, vault=vault, all_media=True)
    assert (tmp_path / "all/media/b1/audio-en/1.m4s").read_bytes() == b"kept"


async def test_a_turn_that_was_removed_names_nobody_again(tmp_path: Path) -> None:
    began, subject = TurnBegan("a" * 16, 0, NEEDLE), turn_subject("a" * 16)
    async with office(tmp_path, Clock()) as (_, log):
        await log.append(STREAM, [encode(began)], subject=subject)
        at = back_up(tmp_path)
        await log.append(STREAM, [encode(TurnRemoved("a" * 16)), encode(TurnRemoved("b" * 16))], subject=subject)
        await log.append(STREAM, [encode(TurnRemoved("c" * 16))], subject=turn_subject("c" * 16))
        make.note(tmp_path / "data", tmp_path / "out", now_ms=NOW_MS)
    bring_back(tmp_path, at)
    async with SqliteLog(tmp_path / "again" / "data" / "log.db") as log:
        held: Turns = {}
        found = await records(log, STREAM)
        for one in found:
            event = decode_public(one.body)
            assert isinstance(event, TurnBegan | TurnRemoved)
            apply(held, event)
    assert (held, len(found)) == ({}, 3)


async def changed_turn(tmp_path: Path, *changes: TurnBegan | TurnChanged, before: int) -> tuple[Turns, bytes]:
    """Say these of a turn, make a backup after so many, restore it; return the turns then, and the list's bytes."""
    async with office(tmp_path, Clock()) as (_, log):
        at = ""
        for n, change in enumerate(changes, 1):
            await log.append(STREAM, [encode(change)], subject=turn_subject("a" * 16))
            at = back_up(tmp_path) if n == before else at
        make.note(tmp_path / "data", tmp_path / "out", now_ms=NOW_MS)
    bring_back(tmp_path, at)
    async with SqliteLog(tmp_path / "again" / "data" / "log.db") as log:
        assert await log.verify(STREAM) is None
        turns = (await Folds(log, log).of("b1")).transcript.turns
    return turns, (tmp_path / "out" / manifest.LEDGER).read_bytes()


async def test_a_speaker_who_was_changed_is_not_the_earlier_one_again(tmp_path: Path) -> None:
    began, changed = TurnBegan("a" * 16, 1000, "Wrongly", "Judge"), TurnChanged("a" * 16, 1200, "Rightly", "Judge")
    turns, listed = await changed_turn(tmp_path, began, changed, before=1)
    assert turns == {"a" * 16: Turn("a" * 16, 1200)}, "nobody who is known: the list holds no name"
    bodies = b"".join(
        base64.b64decode(one.body) for one in ledger.load(tmp_path / "out" / manifest.LEDGER).taken.values()
    )
    assert [name for name in (b"Wrongly", b"Rightly", b"Judge") if name in listed + bodies] == []


async def test_a_turn_of_which_only_the_time_was_changed_keeps_its_name(tmp_path: Path) -> None:
    began, named = TurnBegan("a" * 16, 1000), TurnChanged("a" * 16, 1000, "Rightly", "Judge", "committee")
    moved = TurnChanged("a" * 16, 1500, "Rightly", "Judge", "committee")
    turns, _ = await changed_turn(tmp_path, began, named, moved, before=2)
    assert turns == {"a" * 16: Turn("a" * 16, 1500, "Rightly", "Judge", "committee")}


async def test_no_release_and_no_version_that_was_given_after_the_backup_is_given_again(tmp_path: Path) -> None:
    words, times = (
        WordsCommitted("en", "en.0", 0, ("a", "name"), 16_000),
        SegmentClosed("en", "en.0", 0, 1000, ((0, 9), (9, 99))),
    )
    async with office(tmp_path, Clock()) as (_, log):
        await log.append(STREAM, [encode(words), encode(times)], subject="channel:en")
        live = back_up(tmp_path)
        await log.append(STREAM, [encode(Ended(1000))], key="ended")
        at = back_up(tmp_path)
        for version in (1, 2):
            one = SegmentCorrected("en", "en.0", version, ("a", f"lost{version}"), (0, 5), "corrected", "staff", 7)
            await log.append(STREAM, [encode(one), encode(RecordCorrected((Made("en.0", version, 6),), 7))])
        assert (await Folds(log, log).of("b1")).release == 3
        make.note(tmp_path / "data", tmp_path / "out", now_ms=NOW_MS)
    bring_back(tmp_path, at)
    async with SqliteLog(tmp_path / "again" / "data" / "log.db") as log:
        fold = await Folds(log, log).of("b1")
        assert fold.release > 3
        assert [cited.release_of(fold, name) for name in ("r0", "r1", f"r{fold.release}")] == [0, 1, fold.release]
        for name in ("r2", "r3"):
            with pytest.raises(NotFound, match="lost"):
                cited.release_of(fold, name)
        (segment,) = fold.transcript.channel("en").segments
        assert (segment.version, segment.spare, segment.mark) == (2, 6, "machine")
        held = fold.release
        assert cited.cite(fold, segment, "en", 1, "1").meant == "name"
    restore(tmp_path / "out", tmp_path / "live", now_ms=NOW_MS, at=live, vault=tmp_path / "data" / "vault.db")
    async with SqliteLog(tmp_path / "live" / "log.db") as log:
        assert (await Folds(log, log).of("b1")).release == 0, "it is on"
        await log.append(STREAM, [encode(Ended(2000))], key="ended")
        fold = await Folds(log, log).of("b1")
        assert fold.release > 3
        with pytest.raises(NotFound):
            cited.release_of(fold, "r1")
    second = make.make(tmp_path / "again" / "data", tmp_path / "out", now_ms=NOW_MS + 5000, keep=0).id
    restore(tmp_path / "out", tmp_path / "third", now_ms=NOW_MS, at=second, vault=tmp_path / "data" / "vault.db")
    async with SqliteLog(tmp_path / "third" / "log.db") as log:
        assert (await Folds(log, log).of("b1")).release == held, "nothing was lost between the two"


async def test_a_redaction_is_asked_for_again_and_not_carried_out_here(tmp_path: Path) -> None:
    """Erasing its records would take the words around it too: who carries it out says those anew first."""
    asked = b'{"type":"passage.redacted","redaction":"%s","basis":"privacy","cuts":[],"at_ms":1}' % (b"a" * 16)
    told = b'{"type":"words.redacted","redaction":"%s","positions":[1],"cuts":[]}' % (b"a" * 16)
    async with office(tmp_path, Clock()) as (_, log):
        await log.append(STREAM, [encode(WordsCommitted("en", "en.0", 0, ("kept", NEEDLE), 16_000))])
        at = back_up(tmp_path)
        await log.append(STREAM, [asked, told], subject="redactions")
        await log.erase(STREAM, 1)
    bring_back(tmp_path, at, since=tmp_path / "data")
    async with SqliteLog(tmp_path / "again" / "data" / "log.db") as log:
        found = await records(log, STREAM)
        assert [found[0].erased, found[1].body, len(found)] == [False, asked, 2]


async def test_the_list_holds_no_text_and_no_name_of_an_item_s_content(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _):
        await desk.withdraw(await publish(desk, clock))
        back_up(tmp_path)
    known = ledger.load(tmp_path / "out" / manifest.LEDGER)
    assert any(not one.body for one in known.taken.values())
    assert NEEDLE.encode() not in b"".join(base64.b64decode(one.body) for one in known.taken.values())


def test_without_the_vault_the_desk_starts_and_nothing_is_left_public_that_nobody_could_take_back(
    tmp_path: Path,
) -> None:
    clock = Clock()

    async def before() -> tuple[Keys, str]:
        async with office(tmp_path, clock) as (desk, _):
            return await publish(desk, clock), back_up(tmp_path)

    async def after(keys: Keys) -> None:
        async with office(tmp_path / "lost", clock) as (desk, log):
            status = await desk.status(keys)
            assert (status.state, status.text) == ("published", "")
            assert (status.says, status.then) == (LOST, SEND_AGAIN)
            await step(desk)
            assert texts(await public(log, "b1")) == []
            assert [one.text for one in (await desk.moderators.queue(MODERATOR, OPEN)).items] in ([""], [None])
            fresh = await publish(desk, clock, "After")
            assert texts(await public(log, "b1")) == ["After"]
            assert (await desk.withdraw(keys)).state == "withdrawn"
            assert (await desk.withdraw(fresh)).state == "withdrawn"
            assert texts(await public(log, "b1")) == []

    keys, _ = asyncio.run(before())
    lost = tmp_path / "lost"
    lost.mkdir()
    key_file = str(lost / "state" / "kek")
    assert restoring.run(tmp_path / "out", lost / "data", without_vault=True, key_file=key_file).items == 1
    assert holding(lost / "data", NEEDLE) == []
    asyncio.run(after(keys))


def test_a_key_file_of_another_vault_is_told_at_once(tmp_path: Path) -> None:
    async def before() -> None:
        async with office(tmp_path, Clock()) as (desk, _):
            await desk.submit(OPEN, new_keys(), question())
            back_up(tmp_path)

    asyncio.run(before())
    other = tmp_path / "other"
    other.write_text("00" * 32)
    other.chmod(0o600)
    with pytest.raises(Exception, match="does not belong to this vault"):
        restoring.run(tmp_path / "out", tmp_path / "new", vault=tmp_path / "data" / "vault.db", key_file=str(other))
