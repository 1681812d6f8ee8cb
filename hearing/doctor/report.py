"""What a look at the machine found: a verdict, a sentence, and one command or setting that mends it."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from hearing.finding import Verdict

Check = Literal[
    "python",
    "packages",
    "player",
    "folder",
    "disk",
    "log",
    "redis",
    "keys",
    "port",
    "address",
    "limits",
    "clock",
    "model",
    "source",
]

TITLES: Mapping[Check, str] = {
    "python": "Python",
    "packages": "Packages",
    "player": "Video player",
    "folder": "Data folder",
    "disk": "Disk",
    "log": "Log",
    "redis": "Redis",
    "keys": "Keys",
    "port": "Port",
    "address": "Address",
    "limits": "Limits",
    "clock": "Clock",
    "model": "Speech model",
    "source": "Source",
}
_SIGNS: Mapping[Verdict, str] = {"go": "ok", "warn": "warn", "no-go": "MEND"}
_WIDTH = max(map(len, TITLES.values()))


class Seen(msgspec.Struct, frozen=True):
    """One thing that was found. `code` is stable; `mend` is empty where nothing is to be mended."""

    check: Check
    verdict: Verdict
    code: str
    text: str
    mend: str = ""


class Report(msgspec.Struct, frozen=True):
    """All of it, with the worst verdict."""

    verdict: Verdict
    findings: Sequence[Seen]


def report(findings: Sequence[Seen]) -> Report:
    """Join the findings, in the order of the checks."""
    order = list(TITLES)
    verdicts = {one.verdict for one in findings}
    worst: Verdict = "no-go" if "no-go" in verdicts else "warn" if "warn" in verdicts else "go"
    return Report(worst, sorted(findings, key=lambda one: order.index(one.check)))


def written(found: Report) -> str:
    """Write it for people."""
    lines, last = list[str](), ""
    for one in found.findings:
        title = "" if one.check == last else TITLES[one.check]
        lines.append(f"{_SIGNS[one.verdict]:4}  {title:{_WIDTH}}  {one.text}")
        if one.mend:
            lines.append(f"{'':4}  {'':{_WIDTH}}  -> {one.mend}")
        last = one.check
    return "\n".join([*lines, "", _summary(found)])


def _summary(found: Report) -> str:
    wrong = sum(one.verdict == "no-go" for one in found.findings)
    warned = sum(one.verdict == "warn" for one in found.findings)
    if wrong:
        return f"Not ready: {wrong} to mend{f', {warned} warned of' if warned else ''}."
    return f"Ready, with {warned} warning{'s' if warned > 1 else ''}." if warned else "Ready."
