"""How our own children are started, with this very package and nothing of where they happen to start, and how left."""

import asyncio
import os
import sys
from pathlib import Path


def command(module: str) -> list[str]:
    """Return what runs a module of ours in a process of its own. `-P`: a tomllib.py that lies about is not run."""
    return [sys.executable, "-P", "-m", module]


def environ() -> dict[str, str]:
    """Return this process's environment, in which a child finds this package."""
    here = str(Path(__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))}


async def leave(child: asyncio.subprocess.Process, within_s: float) -> None:
    """Close a child's standard input, which it leaves by; kill it where it has not within so many seconds."""
    if child.stdin is not None:
        child.stdin.close()
    try:
        async with asyncio.timeout(within_s):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()
