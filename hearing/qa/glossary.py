"""The glossaries, one for each meeting: sealed at the desk, told to the workers, public in no part."""

import contextlib
import secrets
from collections.abc import Callable

import msgspec

from hearing.access import Capability, require
from hearing.desk_events import GlossaryWritten, glossary_subject
from hearing.errors import Conflict, Gone, NotFound, Unavailable
from hearing.glossary import Glossary, told
from hearing.qa.desk import Desk
from hearing.qa.desks import Desks
from hearing.qa.names import Names
from hearing.qa.vault import Vault

_glossary = msgspec.json.Decoder(Glossary)


class Written(msgspec.Struct, frozen=True):
    """A glossary and its version: 0 where none was written yet."""

    glossary: Glossary = Glossary()
    version: int = 0


class Glossaries:
    """The glossaries of all meetings. Each version is sealed under a key of its own, which goes with it."""

    def __init__(self, desks: Desks, names: Names, vault: Vault, now_ms: Callable[[], int]) -> None:
        self._desks = desks
        self._names = names
        self._vault = vault
        self._now_ms = now_ms

    async def read(self, who: Capability | None, dialogue: str, meeting: str) -> Written:
        """Return the glossary of a meeting of the dialogue. Raises as `access.require`, and NotFound."""
        require(who, "turn.set", dialogue)
        return await self._written(await self._desk(dialogue, meeting), meeting)

    async def write(
        self, who: Capability | None, dialogue: str, meeting: str, glossary: Glossary, version: int
    ) -> Written:
        """Put a glossary in the place of the version that was seen. Raises Conflict where another took its place."""
        actor = require(who, "turn.set", dialogue).actor
        desk = await self._desk(dialogue, meeting)
        before = desk.state.glossaries.get(meeting)
        if version != (before[1] if before else 0):
            raise _stale()
        fresh = secrets.token_hex(8)
        body = await self._vault.seal(_key(desk, fresh), msgspec.json.encode(glossary))
        event = GlossaryWritten(meeting, fresh, actor, self._now_ms(), body)
        try:
            position = await desk.record([event], glossary_subject(meeting), expect=version)
        except Conflict:
            raise _stale() from None
        if before:
            with contextlib.suppress(Unavailable):  # another program reads the vault: the key goes with the vault
                await self._vault.destroy(_key(desk, before[0].glossary))
        return Written(glossary, position)

    async def told(self, dialogue: str, meeting: str) -> tuple[str, ...]:
        """Return what the workers of a meeting are told. Raises NotFound."""
        written = await self._written(await self._desk(dialogue, meeting), meeting)
        if not written.glossary.names:
            return told(written.glossary, ())
        return told(written.glossary, (await self._names.listed(dialogue, meeting)).names)

    async def _written(self, desk: Desk, meeting: str) -> Written:
        known = desk.state.glossaries.get(meeting)
        if known is None:
            return Written()
        event, version = known
        try:
            body = await self._vault.open(_key(desk, event.glossary), event.body)
        except (NotFound, Gone):  # a folder that was brought back without its vault
            return Written(version=version)
        return Written(_glossary.decode(body), version)

    async def _desk(self, dialogue: str, meeting: str) -> Desk:
        return (await self._desks.having(dialogue, meeting)).desk


def _key(desk: Desk, written: str) -> str:
    return desk.key_name(f"glossary-{written}")


def _stale() -> Conflict:
    return Conflict("Somebody else changed the glossary in the meantime. Look at it again, and save yours again.")
