"""`hearing revise`: hear the recording of a closed meeting once more, and propose what was understood differently."""

import argparse
import sys
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from hearing.revising import Revised

TEXT = "Hear a closed meeting once more, unhurried; what was understood differently is proposed to staff."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be asked."""
    parser.add_argument("id", metavar="MEETING")
    parser.add_argument("--channel", default="", metavar="ID", help="this one alone, as in --channel en (default: all)")
    parser.add_argument("--model", default="base", help="a name, or the path of a folder (default: base)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="where it computes")
    parser.add_argument("--compute-type", default="auto", metavar="TYPE", help="as in int8, float16 (default: auto)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def revise(options: argparse.Namespace) -> None:
    """Hear it again and say what came of it; how far it is goes to stderr."""
    from hearing import revising
    from hearing.remote import connection
    from hearing.transcribe.models import ModelChoice

    where = connection.target(options.data, options.server, options.token_file)
    model = ModelChoice(options.model, options.device, options.compute_type)
    done = revising.hear_again(where, options.id, options.channel, model, _progress)
    print(msgspec.json.encode(done).decode() if options.json else _written(done))


def _progress(channel: str, heard_ms: int, all_ms: int) -> None:
    print(f"{channel}: {heard_ms // 60_000} of {-(-all_ms // 60_000)} min", file=sys.stderr, flush=True)


def _written(done: "Revised") -> str:
    lines = [
        f"{one.channel}: {one.words} words heard again, {one.proposed} new proposals"
        if one.heard
        else f"{one.channel}: left out, the model does not know what is spoken there"
        for one in done.channels
    ]
    lines.append(f"{done.open} proposals are open. Decide on them at /staff/meetings/{done.meeting}/revision")
    return "\n".join(lines)
