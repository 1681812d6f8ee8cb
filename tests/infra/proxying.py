"""The proxies of infra/proxy, run as they are: only ports, certificate and upstream are changed to those of a test."""

import contextlib
import datetime
import ipaddress
import os
import signal
import socket
import ssl
import subprocess
from collections.abc import Generator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.e2e.serving import ROOT, free_port, until
from tests.needs import program

FILES = ROOT / "infra" / "proxy"
WHERE = "127.0.0.9"
"""The address that people come from, so that it can be told from the server's and the proxy's own."""


class Proxy:
    """A proxy that runs in a folder of its own; all it writes lies there."""

    def __init__(self, folder: Path, port: int, command: list[str], environ: dict[str, str]) -> None:
        self.folder = folder
        self.port = port
        self.url = f"https://localhost:{port}"
        self._command = command
        self._environ = environ
        self.context = ssl._create_unverified_context()  # noqa: S323 - its certificate is the test's own

    def __enter__(self) -> "Proxy":
        with (self.folder / "proxy.err").open("ab") as errors:
            self._process = subprocess.Popen(
                self._command, cwd=self.folder, stdout=errors, stderr=errors, env=self._environ
            )
        until(self._answers, 20, "the proxy to listen")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)

    def connect(self, *protocols: str) -> ssl.SSLSocket:
        """Connect from WHERE, speaking TLS."""
        context = ssl._create_unverified_context()  # noqa: S323 - as above
        if protocols:
            context.set_alpn_protocols(list(protocols))
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=20, source_address=(WHERE, 0))
        return context.wrap_socket(plain, server_hostname="localhost")

    def get(self, path: str, headers: str = "") -> Generator[bytes, None, None]:
        """Ask for a path from WHERE; yield what comes, as it comes, the head first."""
        with self.connect() as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n".encode())
            while chunk := sock.recv(65536):
                yield chunk

    def ask(self, path: str, headers: str = "") -> bytes:
        """Return a whole answer with its head."""
        return b"".join(self.get(path, headers))

    def authority(self) -> Path:
        """Return the certificate that its own is to be trusted by: the one a test made, or its own authority's."""
        made = self.folder / "fullchain.pem"
        return made if made.exists() else next(self.folder.rglob("root.crt"))

    def written(self) -> bytes:
        """Return every byte of every file that the proxy has written."""
        return b"".join(path.read_bytes() for path in self.folder.rglob("*") if path.is_file())

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.folder / "proxy.err").read_text()[-2000:]
        with contextlib.suppress(OSError), self.connect():
            return True
        return False


def nginx(folder: Path, upstream: int) -> Proxy:
    """Run infra/proxy/nginx.conf."""
    found, port, plain = program("nginx"), free_port(), free_port()
    certificate(folder)
    text = (FILES / "nginx.conf").read_text("utf-8")
    for before, after in (
        ("listen 80 ", f"listen 127.0.0.1:{plain} "),
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
        ("/run/nginx.pid", f"{folder}/nginx.pid"),
        ("/etc/hearing/tls", str(folder)),
        ("127.0.0.1:8080", f"127.0.0.1:{upstream}"),
    ):
        assert before in text, before
        text = text.replace(before, after)
    text = "".join(line for line in text.splitlines(keepends=True) if "listen [::]" not in line)
    places = "".join(
        f"    {name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(text.replace("http {\n", f"http {{\n{places}", 1).replace("65536", "4096"))
    command = [found, "-c", str(folder / "nginx.conf"), "-e", "stderr", "-g", "daemon off;"]
    return Proxy(folder, port, command, dict(os.environ))


def caddy(folder: Path, upstream: int) -> Proxy:
    """Run infra/proxy/Caddyfile, with a certificate of its own making."""
    found, port = program("caddy"), free_port()
    text = (FILES / "Caddyfile").read_text("utf-8")
    assert "admin off" in text
    text = text.replace("admin off", f"admin off\n\thttp_port {free_port()}\n\tskip_install_trust", 1)
    text = text.replace("request_body {", "bind 127.0.0.1\n\trequest_body {", 1)
    (folder / "Caddyfile").write_text(text)
    environ = {
        **os.environ,
        "HEARING_HOST": f"localhost:{port}",
        "HEARING_UPSTREAM": f"127.0.0.1:{upstream}",
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "HOME": str(folder),
    }
    command = [found, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    return Proxy(folder, port, command, environ)


def certificate(folder: Path) -> Path:
    """Make a certificate for this machine, and its key; return the certificate's path."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.2"))])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "privkey.pem").write_bytes(secret)
    (folder / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return folder / "fullchain.pem"
