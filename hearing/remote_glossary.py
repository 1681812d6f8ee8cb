"""Glossaries from the command line: through the server that runs on a folder, or on the folder itself."""

import asyncio
from urllib.parse import quote

import msgspec

from hearing.glossary import Glossary
from hearing.qa.lists import Kept
from hearing.remote import _STAFF, Target, _on_office, _reach, _request
from hearing.site.lists import GlossaryWanted, Written


def read(where: Target, meeting: str) -> Kept[Glossary]:
    """Return the glossary of a meeting."""
    found = _reach(where)
    if found:
        written = msgspec.convert(_request(found, "GET", _path(meeting)), Written)
        return Kept(written.glossary, written.version)
    return asyncio.run(_on_office(where.data, lambda office, at: office.glossaries.read(_STAFF, *at), meeting))


def write(where: Target, meeting: str, glossary: Glossary, version: int) -> None:
    """Put a glossary in the place of the version that was seen. Raises Conflict."""
    found = _reach(where)
    if found:
        _request(found, "PUT", _path(meeting), msgspec.json.encode(GlossaryWanted(glossary, version)))
        return
    asyncio.run(
        _on_office(where.data, lambda office, at: office.glossaries.write(_STAFF, *at, glossary, version), meeting)
    )


def _path(meeting: str) -> str:
    return f"/api/meetings/{quote(meeting, safe='')}/glossary"
