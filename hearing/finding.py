"""What a check before a meeting found: a verdict, a code with a sentence of its own, and the figures for it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

Check = Literal["meeting", "source", "tracks", "disk", "worker", "clock"]
Verdict = Literal["go", "warn", "no-go"]

CHECKS: tuple[Check, ...] = ("meeting", "source", "tracks", "disk", "worker", "clock")


class Finding(msgspec.Struct, frozen=True):
    """One thing that was found. `code` is stable; `values` go into its sentence and its mend."""

    check: Check
    verdict: Verdict
    code: str
    values: Mapping[str, str | int | float] = {}


def overall(findings: Sequence[Finding]) -> Verdict:
    """Return the worst verdict: the meeting can open unless that is `no-go`."""
    verdicts = {finding.verdict for finding in findings}
    return next((verdict for verdict in ("no-go", "warn") if verdict in verdicts), "go")
