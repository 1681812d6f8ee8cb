"""As much of JSON Schema 2020-12 as an OpenAPI document of ours uses; anything else in a schema is an error here."""

import re
from typing import Any

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
    "array": list,
    "object": dict,
}
_KNOWN = {
    *("$ref", "type", "enum", "anyOf", "properties", "required", "additionalProperties", "items", "prefixItems"),
    *("minItems", "maxItems", "pattern", "maxLength", "format", "title", "description", "default"),
}


def faults(value: Any, schema: Any, root: Any, at: str = "$") -> list[str]:  # noqa: ANN401 - JSON
    """Return what is wrong with a value. A property that no schema names is wrong: the document must tell all."""
    if unknown := set(schema) - _KNOWN:
        return [f"{at}: the schema says {unknown}, which nobody checks"]
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        return faults(value, root["components"]["schemas"][name], root, at)
    if "anyOf" in schema:
        tried = [faults(value, one, root, at) for one in schema["anyOf"]]
        return [] if [] in tried else [f"{at}: none of {len(tried)} fits: {tried}"]
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is none of {schema['enum']}")
    kind = schema.get("type")
    if kind and (not isinstance(value, _TYPES[kind]) or (kind in ("integer", "number") and isinstance(value, bool))):
        return [*found, f"{at}: {value!r} is no {kind}"]
    if kind == "string" and "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{at}: {value!r} does not match {schema['pattern']}")
    if kind == "array":
        found += _items(value, schema, root, at)
    if kind == "object":
        found += _properties(value, schema, root, at)
    return found


def _items(value: list[Any], schema: Any, root: Any, at: str) -> list[str]:  # noqa: ANN401 - JSON
    found = []
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        found.append(f"{at}: {len(value)} items")
    first = schema.get("prefixItems", [])
    for number, one in enumerate(value):
        of = first[number] if number < len(first) else schema.get("items")
        if of is False:
            found.append(f"{at}: more items than there may be")
        elif of is not None:
            found += faults(one, of, root, f"{at}[{number}]")
    return found


def _properties(value: dict[str, Any], schema: Any, root: Any, at: str) -> list[str]:  # noqa: ANN401 - JSON
    known, other = schema.get("properties", {}), schema.get("additionalProperties", False)
    found = [f"{at}: {name} is missing" for name in schema.get("required", ()) if name not in value]
    for name, one in value.items():
        if name in known:
            found += faults(one, known[name], root, f"{at}.{name}")
        elif isinstance(other, dict):
            found += faults(one, other, root, f"{at}.{name}")
        elif other is not True:
            found.append(f"{at}: {name} is not in the document")
    return found
