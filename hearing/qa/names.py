"""The lists of who may speak, a list for each meeting: sealed at the desk, public in no part until a turn uses a name.

Whoever has `listed` may use it for more than the keys: the names are what a recogniser should know how to spell.
"""

import contextlib
import secrets
from collections.abc import Callable, Sequence

import msgspec

from hearing.access import Capability, require
from hearing.desk_events import NamesListed, names_subject
from hearing.errors import Conflict, Gone, NotFound, Unavailable
from hearing.names import Name
from hearing.qa.desk import Desk
from hearing.qa.desks import Desks
from hearing.qa.vault import Vault

_names = msgspec.json.Decoder(tuple[Name, ...])


class Listed(msgspec.Struct, frozen=True):
    """A list and its version: 0 where none was written yet."""

    names: tuple[Name, ...] = ()
    version: int = 0


class Names:
    """The lists of all meetings. Each version is sealed under a key of its own, which goes with it."""

    def __init__(self, desks: Desks, vault: Vault, now_ms: Callable[[], int]) -> None:
        self._desks = desks
        self._vault = vault
        self._now_ms = now_ms

    async def read(self, who: Capability | None, dialogue: str, meeting: str) -> Listed:
        """Return the list of a meeting of the dialogue. Raises as `access.require`, and NotFound."""
        require(who, "turn.set", dialogue)
        return await self.listed(dialogue, meeting)

    async def write(
        self, who: Capability | None, dialogue: str, meeting: str, names: Sequence[Name], version: int
    ) -> Listed:
        """Put a list in the place of the version that was seen. Raises Conflict where another took its place."""
        actor = require(who, "turn.set", dialogue).actor
        desk = await self._desk(dialogue, meeting)
        before = desk.state.names.get(meeting)
        if version != (before[1] if before else 0):
            raise _stale()
        fresh = secrets.token_hex(8)
        body = await self._vault.seal(_key(desk, fresh), msgspec.json.encode(list(names)))
        event = NamesListed(meeting, fresh, actor, self._now_ms(), body)
        try:
            position = await desk.record([event], names_subject(meeting), expect=version)
        except Conflict:
            raise _stale() from None
        if before:
            with contextlib.suppress(Unavailable):  # another program reads the vault: the key goes with the vault
                await self._vault.destroy(_key(desk, before[0].list))
        return Listed(tuple(names), position)

    async def listed(self, dialogue: str, meeting: str) -> Listed:
        """Return the list of a meeting, for who asked for its capability before. Raises NotFound."""
        desk = await self._desk(dialogue, meeting)
        known = desk.state.names.get(meeting)
        if known is None:
            return Listed()
        event, version = known
        try:
            body = await self._vault.open(_key(desk, event.list), event.body)
        except (NotFound, Gone):  # a folder that was brought back without its vault
            return Listed(version=version)
        return Listed(_names.decode(body), version)

    async def _desk(self, dialogue: str, meeting: str) -> Desk:
        return (await self._desks.having(dialogue, meeting)).desk


def _key(desk: Desk, listed: str) -> str:
    return desk.key_name(f"names-{listed}")


def _stale() -> Conflict:
    return Conflict("Somebody else changed the list in the meantime. Look at it again, and save yours again.")
