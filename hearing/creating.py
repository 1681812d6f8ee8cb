"""What `hearing meeting create` takes, and the meeting it asks for: a new one, or one like another."""

import argparse
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import msgspec

from hearing import agenda, lang
from hearing.errors import Refused
from hearing.events import ChannelKind
from hearing.house_events import Channel, MeetingCreated, Profile
from hearing.stream.address import is_address

_MOST = 4096
FLOOR = "floor"
"""A channel of this name is the original, in whatever language is spoken."""
_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options. Without --from a title, a source and channels are needed."""
    parser.add_argument("--id", required=True, help="part of its address: a-z, 0-9 and '-'")
    parser.add_argument("--from", dest="like", default="", metavar="ID", help="take over what is not given here")
    parser.add_argument("--title")
    add_source(parser, "address or file with one audio track per channel; - reads it from standard input")
    parser.add_argument("--channels", help="languages in track order: floor:en+fr+es,en,fr,es")
    parser.add_argument("--floor", default="", help="which channel is the original, if one is")
    parser.add_argument("--body", help="the committee, as in 'Human Rights Committee, 148th session'")
    parser.add_argument("--dialogue", help="groups the meetings of one review (default: the id)")
    parser.add_argument("--profile", choices=get_args(Profile), help="how the dialogue works (default: treaty-body)")
    parser.add_argument("--starts", default="", help="planned start, ISO 8601 with offset: 2026-11-24T10:00+01:00")
    parser.add_argument("--agenda", action="append", metavar="TITLE[:MINUTES]", help="a block; once for each of them")
    parser.add_argument(
        "--support", action="store_true", help="readers may say that they want the answer to a published question too"
    )
    parser.add_argument("--loop", action="store_true", help="play a file source again and again")


def add_source(parser: argparse.ArgumentParser, text: str) -> None:
    """Declare the options that name a source, of which one may be given."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--source", metavar="SOURCE", help=text)
    source.add_argument(
        "--source-file", type=Path, metavar="FILE", help="a file whose one line is the source: for one with a secret"
    )


def wanted(options: argparse.Namespace, like: MeetingCreated | None) -> tuple[MeetingCreated, bool]:
    """Return the meeting, and whether its file is not there yet. Raises Refused for what is missing or no time."""
    found = source_of(options)
    base = like or MeetingCreated(options.id, options.dialogue or options.id, "", "treaty-body", (), "")
    needed = () if like else ("title", "source", "channels")
    if missing := [f"--{name}" for name in needed if (found if name == "source" else getattr(options, name)) is None]:
        raise Refused(f"A meeting needs {' and '.join(missing)}, or --from ID to take them over from another.")
    given = {name: getattr(options, name) for name in ("title", "body", "dialogue", "profile")}
    meeting = msgspec.structs.replace(
        base,
        **{name: value for name, value in given.items() if value is not None},
        meeting=options.id,
        starts_ms=starts_ms(options.starts),
        loop=options.loop or base.loop,
        support=options.support or base.support,
        rehearses="",
        created_ms=0,
    )
    if options.channels is not None:
        meeting = msgspec.structs.replace(meeting, channels=_channels(options.channels))
    if options.floor:
        meeting = msgspec.structs.replace(meeting, channels=_with_floor(meeting.channels, options.floor))
    if options.agenda is not None:
        blocks = agenda.blocks([agenda.read(text) for text in options.agenda], {})
        meeting = msgspec.structs.replace(meeting, agenda=blocks)
    if found is None:
        return meeting, False
    source = found if options.server else _source(found)
    missing_file = not options.server and os.path.isabs(source) and not os.path.exists(source)
    return msgspec.structs.replace(meeting, source=source), missing_file


def starts_ms(given: str) -> int | None:
    """Read a time with its offset. Raises Refused."""
    if not given:
        return None
    try:
        when = datetime.fromisoformat(given)
    except ValueError as error:
        raise Refused("--starts is not a time. Write it as 2026-11-24T10:00+01:00.") from error
    if when.tzinfo is None:
        raise Refused("--starts needs an offset from UTC, as in 2026-11-24T10:00+01:00.")
    return int((when - _EPOCH) / _MS)


def source_of(options: argparse.Namespace) -> str | None:
    """Return the source that is asked for, None where none is.

    What stands in a command is seen by everybody on the machine. Raises Refused for a file that cannot be read, and for
    what is not one line.
    """
    if options.source_file is None and options.source != "-":
        return None if options.source is None else str(options.source)
    try:
        if options.source_file is None:
            text = sys.stdin.buffer.read(_MOST + 1).decode()
        else:
            with options.source_file.open("rb") as file:
                text = file.read(_MOST + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused("The source cannot be read from --source-file. Name a text file that you may read.") from error
    lines = text.strip().splitlines()
    if len(lines) != 1 or len(text) > _MOST:
        raise Refused("The source is one line: an address, or the path of a file.")
    return lines[0]


def _channels(given: str) -> tuple[Channel, ...]:
    ids = [part.strip() for part in given.split(",")]
    if not all(ids):
        raise Refused("--channels has an empty place. Name a language for each audio track, in their order: en,fr,es.")
    return tuple(_channel(part, track) for track, part in enumerate(ids))


def _channel(part: str, track: int) -> Channel:
    """Read one channel: `fr`; `floor:en+fr`, where either is spoken; or `floor`, where any of the six may be."""
    name, colon, languages = part.partition(":")
    if not colon and name != FLOOR:
        return Channel(name, name.split("-")[0], track)
    spoken = tuple(languages.split("+")) if colon else lang.FLOOR
    return Channel(name, spoken[0], track, "floor", spoken if len(spoken) > 1 else ())


def _with_floor(channels: tuple[Channel, ...], floor: str) -> tuple[Channel, ...]:
    if floor not in [channel.id for channel in channels]:
        raise Refused("--floor names one of --channels.")
    kinds: dict[str, ChannelKind] = {floor: "floor"}
    return tuple(msgspec.structs.replace(one, kind=kinds.get(one.id, "interpretation")) for one in channels)


def _source(given: str) -> str:
    """Make a path absolute, so that the server finds it whatever its working directory."""
    if is_address(given) or given.startswith("demo:"):
        return given
    return os.path.realpath(os.path.expanduser(given))
