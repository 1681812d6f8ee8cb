"""The gate: no source is connected to but through here.

A name is resolved once; every address it has must be one that may be dialled; and the connection goes to that address,
so that a second answer of the resolver (rebinding) is never asked for.
"""

import socket
import ssl
from collections.abc import Callable
from functools import cached_property

import msgspec

from hearing.stream.address import TLS, Address, NotAdmitted, Rules, may_dial, read

CONNECT_S = 5.0
_MOST_ADDRESSES = 4

Resolve = Callable[[str, int], list[str]]


class Admitted(msgspec.Struct, frozen=True):
    """An address that may be opened, and the IP addresses that were checked for it."""

    address: Address
    ips: tuple[str, ...]


def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


class Gate:
    """Lets through what the rules allow, and connects to it."""

    def __init__(self, rules: Rules, resolve: Resolve = resolve) -> None:
        self.rules = rules
        self._resolve = resolve

    def admit(self, url: str) -> Admitted:
        """Judge an address and everything its name leads to. Raises NotAdmitted, or OSError for an unknown name."""
        address = read(url, self.rules)
        ips = self._resolve(address.host, address.port)
        if not ips or not all(may_dial(ip, private=address.private) for ip in ips):
            raise NotAdmitted(
                "private",
                f"{address.host[:100]} leads into a private network. If that is meant, have whoever runs the server "
                "add it to the setting source_private_hosts.",
            )
        return Admitted(address, tuple(ips))

    def connect(self, admitted: Admitted) -> socket.socket:
        """Connect to the first of the checked addresses that answers, by TLS where the scheme says so.

        Raises OSError.
        """
        address, error = admitted.address, OSError("nothing to connect to")
        for ip in admitted.ips[:_MOST_ADDRESSES]:
            try:
                line = _dial(ip, address.port)
            except OSError as failed:
                error = failed
                continue
            return self._secured(line, address) if address.scheme in TLS else line
        raise error

    def _secured(self, line: socket.socket, address: Address) -> socket.socket:
        try:
            return self._tls.wrap_socket(line, server_hostname=address.host)
        except OSError:
            line.close()
            raise

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def _dial(ip: str, port: int) -> socket.socket:
    """Connect to an IP address; no name is looked up here."""
    line = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM)
    try:
        line.settimeout(CONNECT_S)
        line.connect((ip, port))
    except OSError:
        line.close()
        raise
    return line
