"""Answers that are fetched again and again: unchanged ones cost a weak link a few bytes (RFC 9110, 13.1.2)."""

import hashlib

from starlette.requests import Request
from starlette.responses import Response


def answer(request: Request, content: bytes, media_type: str) -> Response:
    """Answer with the content, or with 304 where the reader has it already."""
    tag = f'W/"{hashlib.sha256(content).hexdigest()[:24]}"'
    headers = {"ETag": tag, "Vary": "Accept-Language, Accept-Encoding", "Cache-Control": "no-cache"}
    known = [one.strip() for one in request.headers.get("If-None-Match", "").split(",")]
    if tag in known:
        return Response(status_code=304, headers=headers)
    return Response(content, 200, headers, media_type)
