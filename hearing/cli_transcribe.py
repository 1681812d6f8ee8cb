"""`hearing transcribe`: one file turned into words, whole or as if it were live."""

import argparse
from pathlib import Path

TEXT = "Transcribe one file, whole or as if it were live."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be asked."""
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--live", action="store_true", help="hear it as it would be heard live")
    parser.add_argument("--language", default="en", help="language code (default: en)")
    parser.add_argument("--track", type=int, default=0, help="audio track, from 0")
    parser.add_argument("--model", default="base", help="a name or the path of a folder")
    parser.add_argument("--clock", choices=("cpu", "wall"), default="wall", help="cpu: deterministic, not in real time")
    parser.add_argument("--phase", type=int, default=0, metavar="MS", help="shift the ticks against the audio")
    parser.add_argument("--events", type=Path, metavar="OUT.jsonl", help="write one event a line")


def transcribe(options: argparse.Namespace) -> None:
    """Transcribe the file."""
    from hearing import transcribing

    transcribing.run(
        options.file,
        language=options.language,
        track=options.track,
        model=options.model,
        live=options.live,
        clock=options.clock,
        phase_ms=options.phase,
        events=options.events,
    )
