"""What an export says beside what was said: where it comes from, and what it is not."""

from collections.abc import Callable, Mapping

import msgspec

from hearing.archive.record import Entry, Gap, Quiet


class Wording(msgspec.Struct, frozen=True):
    """The words around a channel's record, in the `language` that its readers know.

    `about` tells of the meeting and `status` what the text is, a sentence each. `page` is the meeting's address;
    `address` the server's, before the path of a passage, empty where it is not known. `clock` gives the time of day
    at a media time; `nobody` is said where it is not known any more who speaks. `marks` says who answers for a passage
    that is no machine text.
    """

    language: str
    title: str
    about: tuple[str, ...]
    status: tuple[str, ...]
    hidden: str
    taken: str
    missing: str
    quiet: str
    page: str
    address: str
    clock: Callable[[int], str]
    nobody: str = ""
    marks: Mapping[str, str] = {}

    def gone(self, basis: str) -> str:
        """Say what stands where a tombstone is: words that were taken out of the record, or that are hidden."""
        return self.taken if basis else self.hidden

    def wordless(self, entry: Gap | Quiet) -> str:
        """Say what stands where there is no segment: that words are missing, or that nobody spoke."""
        return self.missing if isinstance(entry, Gap) else self.quiet

    def span(self, entry: Entry) -> str:
        """Return the time of day of an entry; of a quiet one, from when to when."""
        begins = self.clock(entry.t0)
        return f"{begins}–{self.clock(entry.t1)}" if isinstance(entry, Quiet) else begins

    def mark(self, mark: str) -> str:
        """Say who answers for a passage; nothing of the machine's, which the head tells of."""
        return self.marks.get(mark, "")

    @property
    def head(self) -> tuple[str, ...]:
        """All of it but the title, a line each."""
        return (*self.about, *self.status, self.page)
