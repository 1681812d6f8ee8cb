"""A hub for tests: what its client asks when it fetches one model, on a free port of this machine."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c0" * 20
LARGE = "model.bin"
"""Known by its SHA-256, as large files are; all others by git's name."""


@contextmanager
def hub(files: Mapping[str, bytes], served: Mapping[str, bytes]) -> Iterator[str]:
    """Serve one model under every name, and yield the address: `served`, and what it says of it is of `files`."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if "/revision/" in path:
                self._say(json.dumps({"id": "owner/name", "sha": COMMIT, "siblings": []}).encode())
            elif f"/tree/{COMMIT}" in path:
                self._say(json.dumps([_listed(name, body) for name, body in files.items()]).encode())
            elif (name := path.rpartition(f"/resolve/{COMMIT}/")[2]) in files:
                self._say(served[name], _known(name, files[name]))
            else:
                self.send_error(404)

        def do_HEAD(self) -> None:
            self.do_GET()

        def _say(self, body: bytes, etag: str = "") -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Repo-Commit", COMMIT)
            if etag:
                self.send_header("ETag", f'"{etag}"')
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()


def _listed(name: str, body: bytes) -> dict[str, object]:
    told: dict[str, object] = {"type": "file", "path": name, "size": len(body), "oid": _git(body)}
    return told | ({"lfs": {"oid": _known(name, body), "size": len(body), "pointerSize": 134}} if name == LARGE else {})


def _known(name: str, body: bytes) -> str:
    return hashlib.sha256(body).hexdigest() if name == LARGE else _git(body)


def _git(body: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest()
