"""Where this server is reached, as who asks wrote it: what a permanent address begins with."""

from starlette.requests import Request


def address_of(request: Request) -> str:
    """Return scheme and host. A proxy in front says whether it speaks https."""
    secure = "https" in (request.url.scheme, request.headers.get("X-Forwarded-Proto", ""))
    return f"{'https' if secure else 'http'}://{request.url.netloc}"
