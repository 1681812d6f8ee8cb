"""Sources as staff name and see them: judged before a meeting takes one, and shown without password or stream key."""

import hashlib
import hmac
import secrets

import msgspec

from hearing.config import Config
from hearing.events import encode
from hearing.house_events import MeetingCreated
from hearing.meeting import House
from hearing.stream.address import Rules, is_address, masked, read


def rules_of(config: Config) -> Rules:
    """Return the rules for sources by address that the settings make."""
    return Rules(
        config.source_schemes,
        config.source_hosts,
        config.source_private_hosts,
        config.source_height,
        config.source_kbps,
    )


class Sources:
    """Judges sources by the rules. What it shows of one, it takes back as the whole, for as long as it lives."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._key = secrets.token_bytes(32)

    def masked(self, source: str) -> str:
        """Return a source as people may see it."""
        return masked(source, self._key)

    def seen(self, created: MeetingCreated) -> str:
        """Return what names how a meeting is set up, so that an overwritten change is noticed.

        It stands in a form. Without this server's key nobody can try secrets of a source against it.
        """
        return hmac.digest(self._key, encode(created), hashlib.sha256).hex()[:16]

    def taken(self, wanted: MeetingCreated, house: House) -> MeetingCreated:
        """Return a meeting with its whole source, where it was sent as it is shown. Raises NotAdmitted."""
        source = wanted.source
        if is_address(source):
            shown = {self.masked(one.created.source): one.created.source for one in house.meetings.values()}
            source = shown.get(source, source)
            read(source, self._rules)
        return msgspec.structs.replace(wanted, source=source)
