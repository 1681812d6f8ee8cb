"""A webcast in a test: an HLS program with several audio tracks, on air from a server that can be cut and come back."""

import http.server
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import av
import msgspec

from tests.stream.made import BEEPS, SECONDS, make

SEGMENT_S = 1.0
_WINDOW = 4


class Program(msgspec.Struct, frozen=True):
    """Segments by playlist: (length in seconds, name). `master` is text; `files` holds everything by name."""

    master: str
    playlists: dict[str, list[tuple[float, str]]]
    files: dict[str, bytes]
    init: dict[str, str]


def film(path: Path, *, seconds: float = SECONDS, beeps: Sequence[float] = BEEPS, tracks: int = 2) -> Path:
    """Make a file with a picture and audio tracks, each beeping 0.3 s later than the one before."""
    return make(path, seconds=[seconds] * tracks, picture="libx264", beeps=beeps, later_s=0.3, key_every=25)


def program(source: Path, folder: Path, *, kind: str = "mpegts", segment_s: float = SEGMENT_S) -> Program:
    """Cut a file with a picture into an HLS program: a rendition for each of its audio tracks, and the picture."""
    folder.mkdir()
    with av.open(str(source)) as film:
        count = len(film.streams.audio)
        names = ["en", "fr", "es"][:count]
        rows = [f"a:{n},agroup:aud,language:{name},name:{name}" for n, name in enumerate(names)]
        options = {
            "hls_time": str(segment_s),
            "hls_flags": "independent_segments",
            "hls_segment_type": kind,
            "hls_playlist_type": "vod",
            "master_pl_name": "master.m3u8",
            "var_stream_map": " ".join([*rows, "v:0,agroup:aud,name:v"]),
            "hls_segment_filename": str(folder / ("%v-%d.ts" if kind == "mpegts" else "%v-%d.m4s")),
            "hls_fmp4_init_filename": "%v-init.mp4",
        }
        with av.open(str(folder / "%v.m3u8"), "w", format="hls", options=options) as output:
            made = {s.index: output.add_stream_from_template(s) for s in (*film.streams.audio, film.streams.video[0])}
            for packet in film.demux(list(made)):
                if packet.size:
                    packet.stream = made[packet.stream.index]
                    output.mux(packet)
    return _read(folder)


def _read(folder: Path) -> Program:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    playlists, init = {}, {}
    for name, content in files.items():
        text = content.decode("utf-8", "replace") if name.endswith(".m3u8") else ""
        if "#EXTINF" in text:
            playlists[name] = [(float(s), n) for s, n in re.findall(r"#EXTINF:([\d.]+),\n(\S+)", text)]
            if found := re.search(r'#EXT-X-MAP:URI="([^"]+)"', text):
                init[name] = found[1]
    return Program(files["master.m3u8"].decode(), playlists, files, init)


class Air:
    """A server of 127.0.0.1 that has the program on air, from `ahead_s` into it when it starts.

    `asked` holds the path of every request, `logins` who it was; `extra` what else is served, by path.
    """

    def __init__(self, program: Program, *, ahead_s: float = 0.0, ended: bool = False, port: int = 0) -> None:
        self.program = program
        self.ended = ended
        self.asked: list[str] = []
        self.logins: list[str] = []
        self.extra: dict[str, bytes] = {}
        self.protocol = "HTTP/1.1"
        self._ahead_s = ahead_s
        self._began_s = 0.0
        self._server: http.server.ThreadingHTTPServer | None = None
        self.port = port

    @property
    def url(self) -> str:
        """Return the address of the master playlist."""
        return f"http://127.0.0.1:{self.port}/master.m3u8"

    def start(self, ahead_s: float | None = None) -> None:
        """Go on air: the program begins anew, its timestamps too."""
        self._began_s = time.monotonic() - (self._ahead_s if ahead_s is None else ahead_s)
        self._listen()

    def cut(self) -> None:
        """Leave at once: what connects is refused."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def heal(self) -> None:
        """Come back as if the program had gone on meanwhile."""
        self._listen()

    def answer(self, path: str) -> bytes | None:
        """Return what is on air at a path."""
        self.asked.append(path)
        name = path.lstrip("/").partition("?")[0]
        if name in self.extra:
            return self.extra[name]
        if name in self.program.playlists:
            return self._playlist(name).encode()
        return self.program.files.get(name)

    def _playlist(self, name: str) -> str:
        rows = self.program.playlists[name]
        now_s, end_s, shown = time.monotonic() - self._began_s, 0.0, 0
        for length_s, _ in rows:
            end_s += length_s
            shown += end_s <= now_s
        first = 0 if self.ended else max(0, shown - _WINDOW)
        shown = len(rows) if self.ended else shown
        lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:2", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
        lines += [f'#EXT-X-MAP:URI="{self.program.init[name]}"'] if name in self.program.init else []
        for length_s, file in rows[first:shown]:
            lines += [f"#EXTINF:{length_s},", file]
        return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if self.ended else [])]) + "\n"

    def _listen(self) -> None:
        air = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = air.protocol

            def do_GET(self) -> None:
                air.logins.append(self.headers.get("authorization", ""))
                content = air.answer(self.path)
                if air._server is not server or content is None:
                    self.close_connection = air._server is not server
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass

        server = Server(("127.0.0.1", self.port), Handler)
        self._server, self.port = server, server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@contextmanager
def on_air(program: Program, *, ahead_s: float = 0.0, ended: bool = False) -> Iterator[Air]:
    """Have a program on air while the context lasts."""
    air = Air(program, ahead_s=ahead_s, ended=ended)
    air.start()
    try:
        yield air
    finally:
        air.cut()
