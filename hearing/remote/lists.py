"""Read and write who may speak in a meeting, and its glossary."""

import msgspec

from hearing.access import Capability
from hearing.glossary import Glossary
from hearing.names import Name
from hearing.qa.lists import Kept
from hearing.remote.connection import Target, at_meeting, reach, request
from hearing.remote.folder import with_office
from hearing.site.lists import GlossaryWanted, Listed, NamesWanted, Written

_STAFF = Capability("staff", "")
_NAMES, _GLOSSARY = "/names", "/glossary"


def names(where: Target, meeting: str) -> Kept[tuple[Name, ...]]:
    """Return the list of who may speak in a meeting."""
    found = reach(where)
    if found:
        told = msgspec.convert(request(found, "GET", at_meeting(meeting, _NAMES)), Listed)
        return Kept(told.names, told.version)
    return with_office(where.data, lambda office, at: office.names.read(_STAFF, *at), meeting)


def write_names(where: Target, meeting: str, listed: tuple[Name, ...], version: int) -> None:
    """Put a list in the place of the version that was seen. Raises Conflict."""
    found = reach(where)
    if found:
        request(found, "PUT", at_meeting(meeting, _NAMES), msgspec.json.encode(NamesWanted(listed, version)))
    else:
        with_office(where.data, lambda office, at: office.names.write(_STAFF, *at, listed, version), meeting)


def glossary(where: Target, meeting: str) -> Kept[Glossary]:
    """Return the glossary of a meeting."""
    found = reach(where)
    if found:
        told = msgspec.convert(request(found, "GET", at_meeting(meeting, _GLOSSARY)), Written)
        return Kept(told.glossary, told.version)
    return with_office(where.data, lambda office, at: office.glossaries.read(_STAFF, *at), meeting)


def write_glossary(where: Target, meeting: str, wanted: Glossary, version: int) -> None:
    """Put a glossary in the place of the version that was seen. Raises Conflict."""
    found = reach(where)
    if found:
        request(found, "PUT", at_meeting(meeting, _GLOSSARY), msgspec.json.encode(GlossaryWanted(wanted, version)))
    else:
        with_office(where.data, lambda office, at: office.glossaries.write(_STAFF, *at, wanted, version), meeting)
