"""Look at everything, one after the other."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from hearing import readiness
from hearing.config import Config
from hearing.doctor import machine, network, place, secrets, shared, software, speech
from hearing.doctor.report import Report, Seen, report
from hearing.house_events import Channel, MeetingCreated
from hearing.meeting import Meeting
from hearing.site.readiness import answer
from hearing.sources import rules_of
from hearing.stream.probe import probe


class Wanted(msgspec.Struct, frozen=True):
    """What to look at besides the settings. `channels` are those of the source, or how many are to be carried."""

    source: str = ""
    channels: Sequence[str] = ("en", "fr", "es")
    address: str = ""
    measure: bool = True


def examine(config: Config, environ: Mapping[str, str], wanted: Wanted, now_ms: int) -> Report:
    """Look at all of it. Blocks for some seconds; changes nothing."""
    return report(list(_looks(config, environ, wanted, now_ms)))


def _looks(config: Config, environ: Mapping[str, str], wanted: Wanted, now_ms: int) -> Iterator[Seen]:
    many = len(wanted.channels)
    yield software.python()
    yield software.packages()
    yield software.player()
    yield from place.look(config.folder, many)
    yield from shared.look(config, environ)
    yield from secrets.look(config, environ)
    yield network.port(config)
    yield from network.address(config, wanted.address)
    yield from machine.look(now_ms)
    yield from speech.look(config, environ, many, measure=wanted.measure)
    if wanted.source:
        yield from asyncio.run(_source(config, wanted))


async def _source(config: Config, wanted: Wanted) -> list[Seen]:
    """Open the source as a meeting would by these settings, and listen to it."""
    channels = tuple(Channel(name, name, track, "interpretation") for track, name in enumerate(wanted.channels))
    meeting = Meeting(MeetingCreated("source", "source", "Source", "open", channels, wanted.source))
    found = await probe(wanted.source, tuple((one.id, one.track) for one in channels), rules=rules_of(config))
    told = answer([*readiness.judge_source(meeting, found), *readiness.judge_tracks(meeting, found)]).findings
    return [Seen("source", one.verdict, one.code, one.text, one.mend) for one in told]
