"""The command line: `hearing serve`, `meeting`, `search`, `demo` and more. Errors go to stderr, JSON to stdout."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from hearing import (
    __version__,
    cli_backup,
    cli_bench,
    cli_captioner,
    cli_doctor,
    cli_glossary,
    cli_names,
    cli_publish,
    cli_ready,
    cli_redact,
    cli_revise,
    cli_search,
    cli_worker,
    creating,
)
from hearing.access import INVITED
from hearing.errors import HearingError, Refused


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 it could not be done, 2 it was asked wrongly."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    for chatty in ("uvicorn", "httpx", "faster_whisper", "websockets"):
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
    _add_serve(commands)
    _add_meeting(commands)
    _add_invite(commands)
    _add_export(commands)
    cli_redact.add_options(
        _command(commands, "redact", cli_redact.redact, "Take words and sound out of the record, for good.", _where())
    )
    cli_revise.add_options(_command(commands, "revise", cli_revise.revise, cli_revise.TEXT, _where()))
    _add_demo(commands)
    _add_search(commands)
    _add_publish(commands)
    _add_captioner(commands)
    _add_transcribe(commands)
    cli_bench.add(commands, _command)
    cli_doctor.add(commands, _command)
    cli_backup.add(commands, _command)
    cli_worker.add(commands, _command)
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


def _add_serve(commands: Any) -> None:  # noqa: ANN401 - argparse's type is private
    parser = _command(commands, "serve", _serve, "Serve the meetings of a data folder.")
    parser.add_argument("--config", type=Path, help="a TOML file with settings; docs/settings.md lists them")
    parser.add_argument("--data", help="the data folder (default: ./data)")
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1, this machine only)")
    parser.add_argument("--port", type=int, help="port to listen on (default: 8080; 0 takes a free one)")
    parser.add_argument("--model", help="speech model: a name (base) or the path of a folder")
    parser.add_argument("--tls-cert", help="PEM file of the certificate")
    parser.add_argument("--tls-key", help="PEM file of its key")
    parser.add_argument("--behind-proxy", action="store_const", const=True, help="a proxy in front speaks TLS")
    parser.add_argument("--no-worker", dest="local_worker", action="store_const", const=False, help="no captions here")
    parser.add_argument(
        "--redis", metavar="URL", help="keep the log in Redis, shared by servers: redis://user@host:6379"
    )


def _where() -> argparse.ArgumentParser:
    """Return the options that say where staff act."""
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--data", type=Path, default=Path("data"), help="the data folder (default: ./data)")
    where.add_argument("--server", default="", help="the address of a server elsewhere")
    where.add_argument("--token-file", default="", help="file with the staff token of --server")
    return where


def _add_meeting(commands: Any) -> None:  # noqa: ANN401 - argparse's type is private
    parser = commands.add_parser("meeting", help="Create, open, close and list meetings.")
    acts = parser.add_subparsers(required=True, metavar="create|check|rehearse|purge|open|close|names|list")
    where = _where()
    create = acts.add_parser("create", parents=[where], help="Create a meeting.")
    create.set_defaults(act=_create)
    creating.add_options(create)
    for name, act, text in _MEETING_ACTS:
        one = acts.add_parser(name, parents=[where], help=text)
        one.set_defaults(act=act)
        one.add_argument("id", metavar="ID")
        if name == "check":
            cli_ready.add_check(one)
    cli_names.add_options(acts.add_parser("names", parents=[where], help=cli_names.TEXT))
    cli_glossary.add_options(acts.add_parser("glossary", parents=[where], help=cli_glossary.TEXT))
    listing = acts.add_parser("list", parents=[where], help="List the meetings.")
    listing.set_defaults(act=_list)
    listing.add_argument("--json", action="store_true")


def _add_invite(commands: Any) -> None:  # noqa: ANN401 - argparse's type is private
    text = "Invite somebody to a dialogue, or staff to the house; the link that is printed works once."
    parser = _command(commands, "invite", _invite, text, _where())
    parser.add_argument("role", choices=INVITED)
    parser.add_argument("--dialogue", default="", metavar="ID", help="needed for every role but staff")
    parser.add_argument("--label", default="", help="how staff call this seat: 'Member 3', 'Secretariat'")


def _add_export(commands: Any) -> None:  # noqa: ANN401 - argparse's type is private
    text = "Write what was said in a meeting as a file; while it is on, as far as it is known."
    parser = _command(commands, "export", _export, text, _where())
    parser.add_argument("id", metavar="MEETING")
    parser.add_argument("--channel", required=True, metavar="ID", help="as in --channel en")
    parser.add_argument("--format", required=True, choices=("vtt", "srt", "txt", "md", "docx", "jsonl"))
    parser.add_argument("--out", type=Path, metavar="FILE", help="write here (default: standard output)")
    parser.add_argument("--address", default="", metavar="URL", help="the server's public address, for the links")


def _add_demo(commands: Any) -> None:  # noqa: ANN401 - argparse's type is private
    parser = _command(commands, "demo", _demo, "A live hearing on this machine, captioned as it plays.")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one (default: 8080)")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--data", type=Path, help="keep it here (default: a new temporary folder)")
    parser.add_argument("--exit-after", type=float, metavar="SECONDS", help="leave after so many seconds")


def _add_search(commands: Any) -> None:  # noqa: ANN401 - argparse's type is private
    cli_search.add_options(_command(commands, "search", cli_search.search, "Search what was said.", _where()))


def _add_captioner(commands: Any) -> None:  # noqa: ANN401 - argparse's type is private
    cli_captioner.add_options(_command(commands, "captioner", cli_captioner.captioner, cli_captioner.TEXT, _where()))


def _add_publish(commands: Any) -> None:  # noqa: ANN401 - argparse's type is private
    text = "Make a site that needs no server, of the closed meetings; again, to bring it up to date."
    cli_publish.add_options(_command(commands, "publish", cli_publish.publish, text, _where()))


def _add_transcribe(commands: Any) -> None:  # noqa: ANN401 - argparse's type is private
    parser = _command(commands, "transcribe", _transcribe, "Transcribe one file, whole or as if it were live.")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--live", action="store_true", help="hear it as it would be heard live")
    parser.add_argument("--language", default="en", help="language code (default: en)")
    parser.add_argument("--track", type=int, default=0, help="audio track, from 0")
    parser.add_argument("--model", default="base", help="a name or the path of a folder")
    parser.add_argument("--clock", choices=("cpu", "wall"), default="wall", help="cpu: deterministic, not in real time")
    parser.add_argument("--phase", type=int, default=0, metavar="MS", help="shift the ticks against the audio")
    parser.add_argument("--events", type=Path, metavar="OUT.jsonl", help="write one event a line")


def _serve(options: argparse.Namespace) -> None:
    from hearing import app, config

    given = {name: getattr(options, name) for name in _SERVE_SETTINGS}
    settings = config.from_environ(options.config, given)

    async def ready(server: app.Server) -> None:
        print(f"Serving {settings.folder} at {server.url}", flush=True)

    asyncio.run(app.serve(settings, ready))


_SERVE_SETTINGS = ("data", "host", "port", "model", "tls_cert", "tls_key", "behind_proxy", "local_worker", "redis")


def _create(options: argparse.Namespace) -> None:
    from hearing.remote import meetings

    where = _target(options)
    like = meetings.setup(where, options.like) if options.like else None
    wanted, missing = creating.wanted(options, like)
    if missing:
        _say("there is no file at --source yet. The page will say that the source is missing until there is.")
    meetings.create(where, wanted)
    print(f"Created {options.id}. Open it with: hearing meeting open {options.id}")


def _open(options: argparse.Namespace) -> None:
    from hearing.remote import meetings

    meetings.open_meeting(_target(options), options.id)
    print(f"Opened {options.id}.")


def _close(options: argparse.Namespace) -> None:
    from hearing.remote import meetings

    meetings.close_meeting(_target(options), options.id)
    print(f"Closed {options.id}.")


_MEETING_ACTS: tuple[tuple[str, Callable[[argparse.Namespace], None], str], ...] = (
    ("check", cli_ready.check, "Say whether a meeting can open: source, tracks, disk, workers, clock."),
    ("rehearse", cli_ready.rehearse, "Rehearse a meeting: open it for staff alone."),
    ("purge", cli_ready.purge, "End a rehearsal and erase everything of it."),
    ("open", _open, "Open a meeting."),
    ("close", _close, "Close a meeting."),
)


def _invite(options: argparse.Namespace) -> None:
    from hearing.remote import invitations

    print(invitations.invite(_target(options), options.dialogue, options.role, options.label))


def _export(options: argparse.Namespace) -> None:
    from hearing.remote import reading

    content = reading.export(_target(options), options.id, options.channel, options.format, options.address)
    if options.out is None:
        sys.stdout.buffer.write(content)
        return
    try:
        options.out.write_bytes(content)
    except OSError as error:
        raise Refused(f"The file of --out cannot be written ({error.strerror}).") from error
    print(f"Wrote {options.out}.")


def _list(options: argparse.Namespace) -> None:
    from hearing.remote import meetings

    found = meetings.listed(_target(options))
    if options.json:
        print(msgspec.json.encode({"meetings": found}).decode())
        return
    for meeting in found:
        channels = ",".join(channel["id"] for channel in meeting["channels"])
        print(f"{meeting['id']:24} {meeting['phase']:8} {channels:16} {meeting['title']}")
    if not found:
        print("No meetings yet. Create one with: hearing meeting create")


def _target(options: argparse.Namespace) -> Any:  # noqa: ANN401 - imported late, for a fast --help
    from hearing.remote import connection

    return connection.target(options.data, options.server, options.token_file)


def _demo(options: argparse.Namespace) -> None:
    from hearing import demo

    demo.run(options.port, browser=not options.no_browser, data=options.data, exit_after_s=options.exit_after)


def _transcribe(options: argparse.Namespace) -> None:
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
