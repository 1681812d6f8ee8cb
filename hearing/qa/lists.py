"""What staff list for a meeting and replace as a whole: who may speak in it, and the words its workers should know.

Sealed at the desk. The glossary is public in no part; of the names, those that a turn uses.
"""

import contextlib
import secrets
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from hearing.access import Capability, require
from hearing.desk_events import GlossaryWritten, NamesListed, glossary_subject, names_subject
from hearing.errors import Conflict, Gone, NotFound, Unavailable
from hearing.glossary import Glossary
from hearing.names import Name
from hearing.qa.desk import Desk
from hearing.qa.desks import Desks
from hearing.qa.vault import Vault

C = TypeVar("C")


class Kept(msgspec.Struct, Generic[C], frozen=True):
    """A list as it stands, and its version: 0 where none was written yet."""

    content: C
    version: int = 0


class Kind(msgspec.Struct, Generic[C], frozen=True):
    """One kind of list: how a refusal calls it, what it is before anything is written, and the event that says it."""

    called: str
    empty: C
    decode: Callable[[bytes], C]
    event: type[NamesListed | GlossaryWritten]
    subject: Callable[[str], str]


NAMES = Kind[tuple[Name, ...]]("list", (), msgspec.json.Decoder(tuple[Name, ...]).decode, NamesListed, names_subject)
GLOSSARY = Kind[Glossary](
    "glossary", Glossary(), msgspec.json.Decoder(Glossary).decode, GlossaryWritten, glossary_subject
)


class Lists(Generic[C]):
    """The lists of one kind, of all meetings. Each version is sealed under a key of its own, which goes with it."""

    def __init__(self, kind: Kind[C], desks: Desks, vault: Vault, now_ms: Callable[[], int]) -> None:
        self._kind = kind
        self._desks = desks
        self._vault = vault
        self._now_ms = now_ms

    async def read(self, who: Capability | None, dialogue: str, meeting: str) -> Kept[C]:
        """Return the list of a meeting of the dialogue. Raises as `access.require`, and NotFound."""
        require(who, "turn.set", dialogue)
        return await self.known(dialogue, meeting)

    async def write(self, who: Capability | None, dialogue: str, meeting: str, content: C, version: int) -> Kept[C]:
        """Put a list in the place of the version that was seen. Raises Conflict where another took its place."""
        actor = require(who, "turn.set", dialogue).actor
        desk = await self._desk(dialogue, meeting)
        subject = self._kind.subject(meeting)
        before = desk.state.lists.get(subject)
        if version != (before[1] if before else 0):
            raise self._stale()
        event = self._kind.event(meeting, secrets.token_hex(8), actor, self._now_ms(), "")
        body = await self._vault.seal(desk.key_name(event.sealed_as), msgspec.json.encode(content))
        try:
            position = await desk.record([msgspec.structs.replace(event, body=body)], subject, expect=version)
        except Conflict:
            raise self._stale() from None
        if before:
            with contextlib.suppress(Unavailable):  # another program reads the vault: the key goes with the vault
                await self._vault.destroy(desk.key_name(before[0].sealed_as))
        return Kept(content, position)

    async def known(self, dialogue: str, meeting: str) -> Kept[C]:
        """Return the list of a meeting, for who asked for its capability before. Raises NotFound."""
        desk = await self._desk(dialogue, meeting)
        found = desk.state.lists.get(self._kind.subject(meeting))
        if found is None:
            return Kept(self._kind.empty)
        event, version = found
        try:
            body = await self._vault.open(desk.key_name(event.sealed_as), event.body)
        except (NotFound, Gone):  # a folder that was brought back without its vault
            return Kept(self._kind.empty, version)
        return Kept(self._kind.decode(body), version)

    async def _desk(self, dialogue: str, meeting: str) -> Desk:
        return (await self._desks.having(dialogue, meeting)).desk

    def _stale(self) -> Conflict:
        return Conflict(
            f"Somebody else changed the {self._kind.called} in the meantime. Look at it again, and save yours again."
        )
