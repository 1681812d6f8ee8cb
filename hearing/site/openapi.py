"""The API as an OpenAPI 3.1 document, made of the table of operations and of the structs that go over the wire."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing import __version__
from hearing.site import answers, digest
from hearing.site.operations import EVENTS, OPERATIONS, TAGS, Operation, Parameter

PATH = "/api/openapi.json"
_REF = "#/components/schemas/{name}"
_PARTS = {
    "meeting": "The id of a meeting.",
    "dialogue": "The id of a dialogue.",
    "item": "32 hex digits, derived from the receipt.",
    "act": "What is asked.",
    "invite": "The id of an invitation.",
}
_SAYS = {
    200: "As asked.",
    201: "It was made.",
    202: "Taken up, and not done yet.",
    204: "It is done; there is nothing to say.",
    304: "Nothing has changed since.",
    400: "It was not understood; the text says what to change. Nothing was stored.",
    401: "Only for staff: there is no token.",
    403: "The token is not one of this server's, or a page of another site asks.",
    404: "There is no such thing here.",
    409: "Others were first, or it is not in a state for that.",
    410: "It was there, and was taken back for good.",
    413: "The body is over its bound.",
    503: "Not now; the same may succeed in a moment.",
}
_ACTS = ["status", "reply", "narrow", "withdraw"]
_ABOUT = (
    "Live transcripts, meetings and the question queue of a hearing server. Times named `t`, `t0`, `t1` are integer "
    "milliseconds of media time. An error is a stable `code` and a readable `text`. What is hidden or not public "
    "leaves no trace in any answer. The text is a machine's; only the sound of the floor is authentic."
)

Ref = Callable[[type[msgspec.Struct]], dict[str, Any]]


def routes() -> list[Route]:
    """Serve the document."""

    async def told(request: Request) -> Response:
        return digest.answer(request, encoded(), "application/json")

    return [Route(PATH, told)]


@cache
def encoded() -> bytes:
    """Return the document as it is served."""
    return msgspec.json.encode(document())


def document() -> dict[str, Any]:
    """Return the document."""
    refs, schemas = _schemas()
    paths: dict[str, dict[str, Any]] = {PATH: {"get": _itself()}}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hearing",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "staff": {"type": "http", "scheme": "bearer", "description": "The staff token of the server."}
            },
        },
        "x-events": {name: {"data": refs(kind)} for name, kind in EVENTS.items()},
    }


def _schemas() -> tuple[Ref, dict[str, Any]]:
    """Return what refers to a struct, and every schema that is referred to."""
    kinds = list(dict.fromkeys(_kinds()))
    found, schemas = msgspec.json.schema_components(kinds, ref_template=_REF)
    refs = dict(zip(kinds, found, strict=True))
    for one in OPERATIONS:
        if one.body and one.without:
            schemas[_body_name(one)] = _lessened(schemas[one.body.__name__], one.without)
    return lambda kind: dict(refs[kind]), {name: _tidied(schema) for name, schema in sorted(schemas.items())}


def _kinds() -> Iterable[type[msgspec.Struct]]:
    yield answers.Fault
    for one in OPERATIONS:
        yield from (kind for kind in (one.answer, one.body) if kind and not isinstance(kind, tuple))
    yield from EVENTS.values()


def _body_name(one: Operation) -> str:
    return one.name[0].upper() + one.name[1:] + "Body"


def _lessened(schema: dict[str, Any], without: tuple[str, ...]) -> dict[str, Any]:
    """Return a schema without the fields that only the server sets."""
    properties = {name: value for name, value in schema["properties"].items() if name not in without}
    required = [name for name in schema["required"] if name not in without]
    return {**schema, "title": "MeetingWanted", "properties": properties, "required": required}


def _tidied(schema: dict[str, Any]) -> dict[str, Any]:
    """Set a description in one paragraph: its lines are broken as the code's are."""
    text = schema.get("description")
    return {**schema, "description": " ".join(text.split())} if text else schema


def _operation(one: Operation, refs: Ref) -> dict[str, Any]:
    summary, _, more = one.text.partition(". ")
    made: dict[str, Any] = {"operationId": one.name, "summary": summary.rstrip("."), "tags": [one.tag]}
    if more:
        made["description"] = one.text
    if parameters := [*map(_part, re.findall(r"\{(\w+)\}", one.path)), *map(_query, one.query)]:
        made["parameters"] = parameters
    if one.body:
        schema = {"$ref": _REF.format(name=_body_name(one))} if one.without else refs(one.body)
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    answers = {str(code): _answer(one, code, refs) for code in (one.status, *([202] if one.later else []))}
    made["responses"] = answers | {str(code): _fault(code, refs) for code in one.faults}
    if one.staff:
        made["security"] = [{"staff": []}]
    return made


def _part(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "enum": _ACTS} if name == "act" else {"type": "string"}
    return {"name": name, "in": "path", "required": True, "description": _PARTS[name], "schema": schema}


def _query(one: Parameter) -> dict[str, Any]:
    return {
        "name": one.name,
        "in": "query",
        "required": one.required,
        "description": one.text,
        "schema": dict(one.schema),
    }


def _answer(one: Operation, code: int, refs: Ref) -> dict[str, Any]:
    text = _SAYS[code]
    if one.answer is None:
        return {"description": text}
    if isinstance(one.answer, tuple):
        return {"description": text, "content": {kind: {"schema": {"type": "string"}} for kind in one.answer}}
    return {"description": text, "content": {"application/json": {"schema": refs(one.answer)}}}


def _fault(code: int, refs: Ref) -> dict[str, Any]:
    text = _SAYS[code]
    if code == 304:
        return {"description": text}
    return {"description": text, "content": {"application/json": {"schema": refs(answers.Fault)}}}


def _itself() -> dict[str, Any]:
    schema = {"type": "object", "required": ["openapi", "info", "paths"]}
    return {
        "operationId": "getDocument",
        "summary": "This document",
        "tags": ["meetings"],
        "responses": {
            "200": {"description": _SAYS[200], "content": {"application/json": {"schema": schema}}},
            "304": {"description": _SAYS[304]},
        },
    }
