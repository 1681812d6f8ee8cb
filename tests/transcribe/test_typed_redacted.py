"""A redaction takes words that a captioner typed: what is left, and that none of it counts or is told again."""

import asyncio
import hashlib
from pathlib import Path

import msgspec
import pytest

from hearing import redaction, transcript
from hearing.events import (
    Cut,
    PassageRedacted,
    RunEnded,
    SegmentClosed,
    SegmentKept,
    WordRange,
    WordsCommitted,
    decode_public,
    encode,
)
from hearing.meeting import House
from hearing.redacting import Redactor
from hearing.redaction import Wanted
from hearing.store.folder import FolderStore
from hearing.transcribe.typed import Line
from tests.transcribe.relaying import PUBLIC, Bench, bench, meeting, nothing_recorded
from tests.transcribe.test_dispatch import SECOND
from tests.transcribe.test_typed import LONG, WAIT_S, typing
from tests.transcribe.test_typed_lines import posted


async def test_a_line_sent_again_after_its_redaction_and_a_restart_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hearing.transcribe.carried._PAUSE_S", 3600.0)  # two lines make one passage
    async with bench(hold=LONG) as one, FolderStore(tmp_path) as store:
        redactor = redactor_of(one, store)
        working = one.group.create_task(redactor.run())
        one.play(0, 10 * SECOND)
        lines = [
            posted(1, "We heard"),
            posted(2, "Zyxwvuqa."),
            posted(3, "Thank you."),
            Line("Mr. Zyxwvuqa.", name="p:01"),
        ]
        for line in lines:
            assert await typing(one, line)
        await one.log.append(PUBLIC, [encode(RunEnded(1, 10_000, "lost"))])  # so that no more of its sound is awaited
        for redaction_id, place in (("1" * 16, "en.0.2"), ("2" * 16, "en.0.0"), ("3" * 16, "en.2.1")):
            cut = redaction.cut_words(meeting(), (await redactor.account("m")).said, "en", place)
            await redactor.ask("m", Wanted(redaction_id, "person-at-risk", (cut,)))
            async with asyncio.timeout(WAIT_S):
                await redactor.ended("m", redaction_id)
        await one.ears.detach()
        one.ears = await one.dispatch.attach(meeting(), nothing_recorded)
        one.play(10 * SECOND, 11 * SECOND)
        assert [await typing(one, line) for line in lines] == [False] * 4
        assert one.dispatch.carried("m", "en").last_seq("cart") == 3
        assert await one.words() == ["", "heard", "", "Thank", "you.", "Mr.", ""]
        assert await typing(one, posted(4, "We go on."))
        bodies = b"".join([record.body for record in await one.log.read(PUBLIC, 0)])
        told = hashlib.sha256(b"Zyxwvuqa.").hexdigest()[:12].encode()
        assert told not in bodies, "a digest tells a name to whoever tries names"
        assert hashlib.sha256(b"Thank you.").hexdigest()[:12].encode() in bodies, "that is how a digest stands there"
        working.cancel()


def redactor_of(one: Bench, store: FolderStore) -> Redactor:
    """Return what carries out redactions of the meeting, while the relay goes on."""

    async def forget(_meeting: str, cuts: tuple[Cut, ...], _position: int) -> None:
        await one.dispatch.redact("m", cuts)

    known = House({"m": msgspec.structs.replace(meeting(), phase="open")})
    return Redactor(one.log, store, one.board, house=lambda: known, forget=forget, now_ms=lambda: 7)


async def test_what_a_redaction_leaves_of_a_typed_passage_is_still_marked_as_typed() -> None:
    said = WordsCommitted("en", "en.0", 0, ("A", "secret", "name."), SECOND, by="captioner", entry="p:1")
    times = SegmentClosed("en", "en.0", 0, 900, ((0, 300), (300, 600), (600, 900)))
    whole = transcript.Transcript()
    for event in (said, times):
        transcript.apply(whole, event)
    asked = PassageRedacted("r", "privacy", (Cut("en", 300, 600, (WordRange("en.0", 1, 1),)),), 0)
    kept = redaction.plan(whole, asked).kept
    assert [(one.words, one.by) for one in kept] == [(("A", "", "name."), "captioner")]
    assert decode_public(encode(kept[0])) == kept[0]
    before = decode_public(
        b'{"type":"segment.kept","redaction":"r","basis":"privacy","channel":"en","segment":"en.0",'
        b'"words":["A","","name."],"through_sample":16000,"by":"captioner"}'
    )
    assert isinstance(before, SegmentKept)
    assert before.entries == (), "one of before this was kept"
    again = transcript.Transcript()
    transcript.apply(again, kept[0])
    assert [segment.mark for segment in again.channel("en").segments] == ["typed"]
