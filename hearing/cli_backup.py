"""`hearing backup` and `hearing restore`: copies of a data folder, and one brought back."""

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hearing.errors import Refused

_KEEP = 7


def add(commands: Any, command: Callable[..., argparse.ArgumentParser]) -> None:  # noqa: ANN401 - argparse's type is private
    """Add both commands."""
    _add_backup(command(commands, "backup", backup, "Add a backup of a data folder, whether its server runs or not."))
    _add_restore(command(commands, "restore", restore, "Bring a backup back into an empty folder."))


def _add_backup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="a folder on another disk, empty or with backups")
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder (default: ./data)")
    parser.add_argument(
        "--keep", type=int, default=_KEEP, metavar="N", help=f"keep the newest N (default: {_KEEP}); 0: all"
    )
    parser.add_argument("--verify", action="store_true", help="read every byte of the backups there are; make none")
    parser.add_argument(
        "--note", action="store_true", help="only note what was withdrawn, hidden or erased; takes a moment"
    )


def _add_restore(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder with the backups")
    parser.add_argument("--data", type=Path, required=True, help="the folder to restore into: a new or an empty one")
    parser.add_argument("--at", default="", metavar="ID", help="which backup (default: the newest)")
    parser.add_argument("--since", type=Path, metavar="OLD", help="the old data folder, or a newer taken-back.jsonl")
    parser.add_argument("--all-media", action="store_true", help="media too that later backups did not find any more")
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument(
        "--vault", type=Path, metavar="FILE", help="the vault.db that was kept apart, or lies in the old folder"
    )
    keys.add_argument(
        "--without-vault", action="store_true", help="it is lost: what was sent can be read by nobody any more"
    )
    parser.add_argument("--key-file", default="", metavar="FILE", help="with --without-vault: as the setting key_file")


def backup(options: argparse.Namespace) -> None:
    """Make a backup, or verify those there are."""
    from hearing.backup import make
    from hearing.backup.restore import verify

    if options.keep < 0:
        raise Refused("--keep takes a number of backups; 0 keeps all.")
    now_ms = time.time_ns() // 1_000_000
    if options.verify:
        whole = verify(options.out, lambda line: print(line, flush=True))
        _leave(not whole or whole < _count(options.out))
    elif options.note:
        known = make.note(options.data, options.out, now_ms=now_ms)
        print(f"Noted what was taken back: {len(known.taken)} records.")
    else:
        made = make.make(options.data, options.out, now_ms=now_ms, keep=options.keep)
        copied = f"copied {made.copied_files}, {made.copied_size / 1e6:.1f} MB"
        print(f"Backup {made.id}: {made.files} files, {made.size / 1e6:.1f} MB; {copied}.")
        if made.dropped:
            print(f"Dropped {', '.join(made.dropped)}.")
        print("The keys of what participants sent are not in it: docs/administrator.md says how to keep them.")


def restore(options: argparse.Namespace) -> None:
    """Restore a backup into an empty folder."""
    from hearing import restoring

    done = restoring.run(
        options.out,
        options.data,
        at=options.at,
        since=options.since,
        vault=options.vault,
        without_vault=options.without_vault,
        all_media=options.all_media,
        key_file=options.key_file,
    )
    print(f"Restored {done.id} of {_utc(done.made_ms)}: {done.files} files, {done.size / 1e6:.1f} MB.")
    print(f"Taken back again: {done.taken_back} records; left out: {done.left_out} media files.")
    if done.through_ms:
        print(f"Withdrawn, hidden or erased later than {_utc(done.through_ms)}: that must be done again.")
    if options.vault:
        print(f"{options.vault} opens what is withdrawn from now on: erase it once this one serves.")
    print(f"Start it with: hearing serve --data {options.data}")


def _count(place: Path) -> int:
    from hearing.backup import manifest

    return len(manifest.ids(place))


def _utc(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _leave(failed: bool) -> None:
    if failed:
        sys.stdout.flush()
        sys.exit(1)
