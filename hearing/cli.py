"""The command line: `hearing serve`, `meeting`, `search`, `demo` and more. Errors go to stderr, JSON to stdout."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hearing import (
    __version__,
    cli_backup,
    cli_bench,
    cli_captioner,
    cli_demo,
    cli_doctor,
    cli_export,
    cli_invite,
    cli_meeting,
    cli_model,
    cli_publish,
    cli_redact,
    cli_revise,
    cli_search,
    cli_serve,
    cli_transcribe,
    cli_worker,
)
from hearing.errors import HearingError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 it could not be done, 2 it was asked wrongly."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    for chatty in ("uvicorn", "httpx", "httpx2", "faster_whisper", "websockets"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    if status := _run(options):
        sys.exit(status)


def _run(options: argparse.Namespace) -> int:
    """Run the command and return its exit status; a task group says the same errors in groups."""
    status = 0
    try:
        options.act(options)
        sys.stdout.flush()
    except* HearingError as errors:
        _say(str(_first(errors)))
        status = 1
    except* BrokenPipeError:  # who read the output has gone; the interpreter would complain at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except* KeyboardInterrupt:
        status = 130
    return status


def _first(errors: BaseExceptionGroup[HearingError]) -> BaseException:
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


def _say(text: str) -> None:
    print(f"hearing: {text}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hearing", description="A live-session companion for human-rights hearings.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    where = _where()
    cli_serve.add_options(_command(commands, "serve", cli_serve.serve, cli_serve.TEXT))
    cli_meeting.add(commands, where)
    cli_invite.add_options(_command(commands, "invite", cli_invite.invite, cli_invite.TEXT, where))
    cli_export.add_options(_command(commands, "export", cli_export.export, cli_export.TEXT, where))
    cli_redact.add_options(_command(commands, "redact", cli_redact.redact, cli_redact.TEXT, where))
    cli_revise.add_options(_command(commands, "revise", cli_revise.revise, cli_revise.TEXT, where))
    cli_demo.add_options(_command(commands, "demo", cli_demo.demo, cli_demo.TEXT))
    cli_search.add_options(_command(commands, "search", cli_search.search, cli_search.TEXT, where))
    cli_publish.add_options(_command(commands, "publish", cli_publish.publish, cli_publish.TEXT, where))
    cli_captioner.add_options(_command(commands, "captioner", cli_captioner.captioner, cli_captioner.TEXT, where))
    cli_transcribe.add_options(_command(commands, "transcribe", cli_transcribe.transcribe, cli_transcribe.TEXT))
    for verb in (cli_model, cli_bench, cli_doctor, cli_backup, cli_worker):
        verb.add(commands, _command)
    return parser


def _command(
    commands: Any,  # noqa: ANN401 - argparse's type is private
    name: str,
    act: Callable[[argparse.Namespace], None],
    text: str,
    *parents: argparse.ArgumentParser,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text, parents=parents)
    parser.set_defaults(act=act)
    return parser


def _where() -> argparse.ArgumentParser:
    """Return the options that say where staff act."""
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--data", type=Path, default=Path("data"), help="the data folder (default: ./data)")
    where.add_argument("--server", default="", help="the address of a server elsewhere")
    where.add_argument("--token-file", default="", help="file with the staff token of --server")
    return where
