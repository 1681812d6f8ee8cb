"""No address, no name and nothing that a server answers makes a source connect to where the rules do not let it.

Every attempt to connect is counted twice: those of Python as they are made, those of libav by who listens there.
"""

import http.server
import ipaddress
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hearing.stream import fetch, follow, join, source, web
from hearing.stream.address import Rules
from hearing.stream.child import source_child
from hearing.stream.frames import Failed, Open
from hearing.stream.gate import Gate
from hearing.stream.opened import OpenFailedError

INSIDE = "127.0.0.2"
SCHEMES = ("https", "http", "rtmps", "rtmp", "rtsps", "rtsp", "udp")
NAMES: dict[str, list[str]] = {
    "loop.example.org": ["127.0.0.2"],
    "mapped.example.org": ["::ffff:127.0.0.2"],
    "nat.example.org": ["64:ff9b::7f00:2"],
    "six.example.org": ["2002:7f00:2::1"],
    "local.example.org": ["::1"],
    "unique.example.org": ["fd12::2"],
    "cgnat.example.org": ["100.64.1.1"],
    "meta.example.org": ["169.254.169.254"],
    "azure.example.org": ["168.63.129.16"],
    "any.example.org": ["0.0.0.0"],  # noqa: S104 - an attack
    "both.example.org": ["8.8.8.8", "127.0.0.2"],
    "zone.example.org": ["fe80::1%lo"],
    "many.example.org": ["224.0.0.1"],
    "mine.lan": ["169.254.169.254"],
    "mapped.lan": ["::ffff:169.254.169.254"],
}
RULES = Rules(
    schemes=SCHEMES,
    hosts=(".example.org", "localhost", "8.8.8.8", "::ffff:127.0.0.2", "127.0.0.3"),
    private_hosts=("127.0.0.1", ".lan"),
)


class Watch(msgspec.Struct):
    """Where connections were tried: by Python, and by whoever reached the two listeners."""

    port: int
    tried: list[str] = []
    reached: list[str] = []


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Count all connections but those to 127.0.0.1; let none leave this machine, and answer for names."""
    with listening(INSIDE) as (port, reached), listening("127.0.0.3", port) as (_, other):
        seen = Watch(port)
        connect, names = socket.socket.connect, itertools.count()

        def counted(self: socket.socket, place: tuple[str, int]) -> None:
            if place[0] != "127.0.0.1":
                seen.tried.append(str(place[0]))
                raise ConnectionRefusedError("a test connects nowhere else")
            connect(self, place)

        def answered(host: str, port: int, **_: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
            if host == "rebind.example.org":  # public when asked first, inside ever after
                ips = ["127.0.0.2"] if next(names) else ["8.8.8.8"]
            else:
                ips = NAMES.get(host) or (["127.0.0.1", "::1"] if host == "localhost" else [host])
            return [(2, 1, 6, "", (ip, port)) for ip in ips]

        monkeypatch.setattr(socket.socket, "connect", counted)
        monkeypatch.setattr(socket, "getaddrinfo", answered)
        yield seen
        seen.reached += [*reached, *other]


@contextmanager
def listening(host: str, port: int = 0) -> Iterator[tuple[int, list[str]]]:
    """Listen, and note who comes."""
    came: list[str] = []
    with socket.create_server((host, port)) as server:
        server.settimeout(0.05)
        stopped = threading.Event()

        def accept() -> None:
            while not stopped.is_set():
                with suppress(OSError):
                    line, _ = server.accept()
                    came.append(host)
                    line.close()

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1], came
        stopped.set()
        thread.join()


def tops(port: int) -> list[str]:
    """Return addresses that lead inside, or to no source at all."""
    here = f"{INSIDE}:{port}"
    webs = [
        here,
        f"2130706434:{port}",
        f"0x7f000002:{port}",
        f"0x7f.0.0.2:{port}",
        f"0177.0.0.2:{port}",
        f"127.2:{port}",
        f"127.0.2:{port}",
        f"[::ffff:{INSIDE}]:{port}",
        f"[::ffff:7f00:2]:{port}",
        f"[64:ff9b::{INSIDE}]:{port}",
        f"[2002:7f00:2::]:{port}",
        f"[::1]:{port}",
        f"[::]:{port}",
        f"[fe80::1%25lo]:{port}",
        f"127.0.0.3:{port}",
        f"localhost:{port}",
        f"127.0.0.1@{here}",
        f"live.example.org:x@{here}",
        f"{here}\\@live.example.org",
        f"{here}%2f@live.example.org",
        f"live.example.org@{here}#@127.0.0.1",
        f"live.example.org.{here}.nip.io",
        f"１２７.0.0.2:{port}",
        f"127。0。0。2:{port}",
        f"xexample.org:{port}",
        f"127.0.0.1.:{port}.example.org",
        *[f"{name}:{port}" for name in NAMES],
    ]
    others = [
        f"{scheme}://{here}/live/x" for scheme in (*SCHEMES, "gopher", "ftp", "tcp", "tls", "rtp", "srt", "rtmpt")
    ]
    return [
        *[f"http://{place}/live.m3u8" for place in webs],
        *others,
        f"HTTP://{here}/",
        f"http:///{here}/",
        f"http://\t{here}/",
        f"http:\\\\{here}\\",
        "file:///etc/passwd",
        "file://127.0.0.1/etc/passwd",
        f"hls+http://{here}/live.m3u8",
        f"crypto+http://{here}/x",
        f"concat:http://{here}/a|http://{here}/b",
        f"subfile,,start,0,end,9,,:http://{here}/a",
        f"async:http://{here}/a",
        f"cache:http://{here}/a",
        f"ffrtmphttp://{here}/a",
        "data:application/vnd.apple.mpegurl;base64,I0VYVE0zVQ==",
        "unix:///run/docker.sock",
        f"udp://@:{port}",
        "udp://@239.1.2.3:5004",
    ]


async def test_no_address_that_leads_inside_is_connected_to(watch: Watch) -> None:
    for url in tops(watch.port):
        with pytest.raises(OpenFailedError):
            source.open_source(Open(url, (("en", 0),), rules=RULES))
    assert (watch.tried, watch.reached) == ([], [])


async def test_by_default_nothing_is_connected_to_and_a_host_that_is_allowed_is(watch: Watch) -> None:
    for url in ("https://live.example.org/a", f"http://127.0.0.1:{watch.port}/a", "rtmps://127.0.0.1/a/b"):
        with pytest.raises(OpenFailedError, match="refused"):
            source.open_source(Open(url, (("en", 0),)))
    assert watch.tried == []
    with pytest.raises(OpenFailedError, match="unreachable"):
        source.open_source(Open("https://8.8.8.8/a", (("en", 0),), rules=RULES))
    assert watch.tried == ["8.8.8.8"], "the count counts"
    for scheme in ("rtmp", "rtsp", "http"):
        with pytest.raises(OpenFailedError, match="unreachable"):
            source.open_source(
                Open(f"{scheme}://{INSIDE}:{watch.port}/a/b", (("en", 0),), rules=Rules((scheme,), (), (INSIDE,)))
            )
    assert set(watch.tried[1:]) == {INSIDE}
    assert len(watch.tried[1:]) >= 3


def test_a_connection_goes_to_the_address_that_was_checked_whatever_the_name_says_next(watch: Watch) -> None:
    door = Gate(RULES)
    admitted = door.admit("http://rebind.example.org/a")
    with suppress(OSError):
        door.connect(admitted)
    assert watch.tried == ["8.8.8.8"]
    with pytest.raises(Exception, match="private network"):
        door.admit("http://rebind.example.org/a")


class Served:
    """What a hostile server at 127.0.0.1 answers, by path; for every other path a playlist that leads inside."""

    def __init__(self, inside: int) -> None:
        self.inside = inside
        self.asked: list[str] = []
        self.port = 0
        self.paths: dict[str, Callable[[http.server.BaseHTTPRequestHandler], None]] = {
            "/endless": _endless,
            "/slow": _slow,
            "/loop": lambda to: _redirect(to, "/loop"),
            "/away": lambda to: _redirect(to, f"http://{INSIDE}:{inside}/x.m3u8"),
            "/file": lambda to: _redirect(to, "file:///etc/passwd"),
            "/named": lambda to: _redirect(to, f"http://loop.example.org:{inside}/x.m3u8"),
            "/rtmp": lambda to: _redirect(to, f"rtmp://{INSIDE}:{inside}/x"),
        }

    def put(self, path: str, text: str) -> str:
        """Serve a text; return its address."""
        content = text.replace("INSIDE", f"{INSIDE}:{self.inside}").encode()
        self.paths[path] = lambda to: _answer(to, content)
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def served(watch: Watch) -> Iterator[Served]:
    told = Served(watch.port)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(self.path)
            with suppress(OSError):
                told.paths.get(self.path, _missing)(self)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


MEDIA = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n"
INSIDERS = ("http://INSIDE/x", "//INSIDE/x", "file:///etc/passwd", "rtmp://INSIDE/x", "http://loop.example.org/x")
NESTED = {
    "segment": MEDIA + "#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n",
    "map": MEDIA + '#EXT-X-MAP:URI="{}"\n#EXTINF:2,\na.m4s\n#EXT-X-ENDLIST\n',
    "key": MEDIA + '#EXT-X-KEY:METHOD=AES-128,URI="{}"\n#EXTINF:2,\na.ts\n#EXT-X-ENDLIST\n',
    "variant": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{}\n",
    "part": MEDIA + '#EXT-X-PART:DURATION=1,URI="{}"\n#EXTINF:2,\n{}\n#EXT-X-BYTERANGE:9@9\n',
    "media": '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",URI="{}"\n'
    '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nvariant.m3u8\n',
    "hints": MEDIA + '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{}"\n#EXT-X-SESSION-KEY:METHOD=AES-128,URI="{}"\n'
    '#EXT-X-RENDITION-REPORT:URI="{}"\n#EXT-X-CONTENT-STEERING:SERVER-URI="{}"\n#EXT-X-ENDLIST\n',
}


async def test_nothing_a_playlist_leads_to_is_connected_to_inside(
    watch: Watch, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(join, "OPEN_S", 0.3)
    for (kind, text), where in itertools.product(NESTED.items(), INSIDERS):
        url = served.put(f"/{kind}.m3u8", text.replace("{}", where))
        with pytest.raises(OpenFailedError):
            source.open_source(Open(url, (("en", 0),), rules=RULES))
    many = MEDIA + "".join(f"#EXTINF:2,\nhttp://INSIDE/{n}\n" for n in range(10_000)) + "#EXT-X-ENDLIST\n"
    crowd = "".join(f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="{n}",URI="http://INSIDE/{n}"\n' for n in range(10_000))
    for path, text in (("/many", many), ("/crowd", f"#EXTM3U\n{crowd}#EXT-X-STREAM-INF:AUDIO=a\nv\n")):
        with pytest.raises(OpenFailedError):
            source.open_source(Open(served.put(path, text), (("en", 0),), rules=RULES))
    assert (watch.tried, watch.reached) == ([], [])
    assert {"/segment.m3u8", "/many", "/crowd"} <= set(served.asked)


@pytest.mark.parametrize("path", ["loop", "away", "file", "named", "rtmp", "endless", "slow"])
async def test_redirects_and_answers_without_end_are_given_up(
    path: str, watch: Watch, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "_HEAD_S", 0.5)
    monkeypatch.setattr(web, "_TOP_S", 1.0)
    monkeypatch.setattr(follow, "_SEGMENT_S", 1.0)
    began = time.monotonic()
    with pytest.raises(OpenFailedError):
        source.open_source(Open(f"http://127.0.0.1:{served.port}/{path}", (("en", 0),), rules=RULES))
    assert time.monotonic() - began < 20
    assert len(served.asked) <= 6
    assert (watch.tried, watch.reached) == ([], [])


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.2:{}/live.m3u8", "refused"),
        ("http://localhost:{}/live.m3u8", "refused"),
        ("rtmp://[::ffff:127.0.0.2]:{}/live/x", "refused"),
        ("http://127.0.0.1:{}/live.m3u8", "unreachable"),
    ],
)
async def test_the_source_process_itself_connects_to_what_is_allowed_alone(url: str, reason: str) -> None:
    host = "127.0.0.1" if "127.0.0.1" in url or "localhost" in url else INSIDE
    with listening(host) as (port, came):
        rules = Rules(SCHEMES, ("localhost", "::ffff:127.0.0.2"), ("127.0.0.1",))
        async with source_child(Open(url.format(port), (("en", 0),), rules=rules)) as child:
            answer = await child.read(20)
        assert answer == Failed(reason)  # type: ignore[arg-type]  # a parameter
    assert bool(came) == (reason == "unreachable"), "only where it is allowed, and there it does"


def test_a_server_must_prove_that_it_is_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = certified(tmp_path, "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = http.server.HTTPServer(("127.0.0.1", 0), _Hello)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that leaves is what is tested
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        rules = Rules(private_hosts=("127.0.0.1", "localhost"))
        url = f"https://127.0.0.1:{server.server_address[1]}/"
        with pytest.raises(ssl.SSLCertVerificationError):
            fetch.Fetcher(Gate(rules)).get(url, most=99, within_s=5)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        fetcher = fetch.Fetcher(Gate(rules))
        assert fetcher.get(url, most=99, within_s=5).content == b"hello"
        fetcher.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            fetch.Fetcher(Gate(rules)).get(url.replace("127.0.0.1", "localhost"), most=99, within_s=5)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        _answer(self, b"hello")

    def log_message(self, *_: object) -> None:
        pass


def certified(folder: Path, ip: str) -> tuple[Path, Path]:
    """Make a certificate of an IP address that nobody but this test trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ip))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(pem))
    private = serialization.PrivateFormat.PKCS8
    files[1].write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()))
    return files


def _missing(to: http.server.BaseHTTPRequestHandler) -> None:
    to.send_error(404)


def _answer(to: http.server.BaseHTTPRequestHandler, content: bytes) -> None:
    to.send_response(200)
    to.send_header("content-length", str(len(content)))
    to.end_headers()
    to.wfile.write(content)


def _redirect(to: http.server.BaseHTTPRequestHandler, place: str) -> None:
    to.send_response(302)
    to.send_header("location", place)
    to.send_header("content-length", "0")
    to.end_headers()


def _endless(to: http.server.BaseHTTPRequestHandler) -> None:
    to.send_response(200)
    to.end_headers()
    while True:
        to.wfile.write(b"#EXTM3U\n" * 8192)


def _slow(to: http.server.BaseHTTPRequestHandler) -> None:
    while True:
        to.wfile.write(b"H")
        time.sleep(0.05)
