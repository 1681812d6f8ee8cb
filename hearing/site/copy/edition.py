"""What a site of files is made from: one meeting as it is published, and what holds for all of them."""

import msgspec

from hearing.archive.record import Channel, Entry, Release, Segment
from hearing.meeting import Meeting
from hearing.qa.profile import Rules
from hearing.qa.shown import PublicNotice, PublicQuestion, Shown
from hearing.site import geneva
from hearing.site.copy.link import PART

_MINUTE_MS = 60_000


class Edition(msgspec.Struct, frozen=True):
    """One meeting: its record, and what its dialogue made public. `sounds` are the channels whose sound is at hand."""

    meeting: Meeting
    release: Release
    public: Shown
    rules: Rules
    sounds: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.meeting.id

    @property
    def day_ms(self) -> int:
        """The instant under which it is listed; as the server's lists have it."""
        created = self.meeting.created
        return self.release.media_zero_utc_ms or self.meeting.opened_ms or created.starts_ms or created.created_ms

    @property
    def questions(self) -> list[PublicQuestion]:
        """What was published, if anything is in such a dialogue; the newest first, answered ones last."""
        newest = list(reversed(self.public.questions)) if self.rules.publishes else []
        return sorted(newest, key=lambda one: one.answer is not None)

    @property
    def notices(self) -> list[PublicNotice]:
        """Notices and calls, the newest first."""
        return list(reversed(self.public.notices))


class Listed(msgspec.Struct, frozen=True):
    """A meeting in a list: what is shown of it after its record was let go."""

    id: str
    title: str
    body: str
    day_ms: int
    minutes: int
    provisional: bool
    channels: tuple[tuple[str, str], ...]
    texts: int

    @classmethod
    def of(cls, edition: Edition) -> "Listed":
        release = edition.release
        channels = tuple((one.id, one.language.split("-", 1)[0]) for one in release.channels)
        minutes = max(1, round(release.end_t / _MINUTE_MS))
        texts = sum(bool(one.segments) for one in release.channels)
        return cls(
            edition.id, release.title, release.body, edition.day_ms, minutes, release.provisional, channels, texts
        )

    @property
    def year(self) -> int:
        return geneva.at(self.day_ms).year

    def channel(self, language: str) -> str:
        """Return its channel in a language, empty where there is none."""
        return next((channel for channel, spoken in self.channels if spoken == language), "")


class Setting(msgspec.Struct, frozen=True):
    """What holds for the whole site. `address` is the server's, empty where it is not known.

    `language` is that of what exists once; `passages` says whether each has a page of its own.
    """

    address: str = ""
    language: str = "en"
    passages: bool = True


def parts(channel: Channel) -> list[list[Entry]]:
    """Cut a channel at the numbers of its passages; a gap or a silence stands with the passage before it."""
    found: list[list[Entry]] = [[]]
    for entry in channel.entries:
        if isinstance(entry, Segment):
            while entry.n // PART >= len(found):
                found.append([])
        found[-1].append(entry)
    return found
