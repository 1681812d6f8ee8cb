"""Sources as staff name and see them: judged before a meeting takes one, and shown without password or stream key."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

import msgspec

from hearing.config import Config
from hearing.events import encode
from hearing.house_events import MeetingCreated
from hearing.meeting import House
from hearing.stream.address import NotAdmitted, Rules, is_address, masked, read

_DEMO = "demo:"


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
    """Judges sources by the rules. What it shows of one, it takes back as the whole, for as long as it lives.

    Files must lie in the `folder`, unless who names one acts on this machine, where they can read it anyway.
    """

    def __init__(self, rules: Rules, folder: Path) -> None:
        self._rules = rules
        self._folder = folder
        self._key = secrets.token_bytes(32)

    def masked(self, source: str) -> str:
        """Return a source as people may see it."""
        return masked(source, self._key)

    def seen(self, created: MeetingCreated) -> str:
        """Return what names how a meeting is set up, so that an overwritten change is noticed.

        It stands in a form. Without this server's key nobody can try secrets of a source against it.
        """
        return hmac.digest(self._key, encode(created), hashlib.sha256).hex()[:16]

    def taken(self, wanted: MeetingCreated, house: House, *, near: bool = False) -> MeetingCreated:
        """Return a meeting with its whole source, where it was sent as it is shown. Raises NotAdmitted.

        `near`: who asks acts on this machine, as the user who runs the server.
        """
        source = wanted.source
        if is_address(source):
            shown = {self.masked(one.created.source): one.created.source for one in house.meetings.values()}
            source = shown.get(source, source)
            read(source, self._rules)
        elif not near and not source.startswith(_DEMO):
            source = self._file(source, house)
        return msgspec.structs.replace(wanted, source=source)

    def _file(self, source: str, house: House) -> str:
        """Return the path of a file in the folder; what a meeting has for a source already, another may have too."""
        if source in [one.created.source for one in house.meetings.values()]:
            return source
        path = Path(os.path.realpath(self._folder / source))
        if not path.is_relative_to(os.path.realpath(self._folder)):
            raise NotAdmitted(
                "folder",
                "A source file must lie in the media folder of the server. Put it there, or have whoever runs it name "
                "another folder with the setting media_folder, or create the meeting on that machine.",
            )
        return str(path)
