"""Refuse modules past 500 lines: a module is one idea."""

import subprocess
import sys
from pathlib import Path

LIMIT = 500
KINDS = (".py", ".js", ".css", ".html")


def main() -> int:
    """Print what is too long and return 1 if anything is."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], check=True, capture_output=True, text=True
    )
    files = [Path(name) for name in listed.stdout.splitlines() if name.endswith(KINDS)]
    long = [(len(path.read_text("utf-8").splitlines()), path) for path in files if path.exists()]
    long = [(lines, path) for lines, path in long if lines > LIMIT]
    for lines, path in long:
        sys.stderr.write(f"{path}: {lines} lines, at most {LIMIT}. Split it by idea.\n")
    return bool(long)


if __name__ == "__main__":
    sys.exit(main())
