"""Sources by RTMP and RTSP, which libav speaks to a port of this machine; and MPEG-TS that others send here by UDP."""

import socket
from collections.abc import Iterator
from urllib.parse import quote

import av
from av.container import InputContainer

from hearing.stream.address import Address, NotAdmitted
from hearing.stream.carry import Carrier, RtspGuard
from hearing.stream.frames import Open
from hearing.stream.gate import Admitted, Gate
from hearing.stream.join import Demuxed, Feed, Joined, Plan
from hearing.stream.opened import OpenFailedError
from hearing.stream.web import WRAP_S, demuxer

_OPEN_S, _READ_S = 10.0, 5.0
_FLV_WRAP_S = 2**32 / 1000
_COMMON = {"analyzeduration": "2000000", "correct_ts_overflow": "0"}
_TS_PACKET, _SYNC, _RTP_HEAD = 188, 0x47, 12
_UDP_BUFFER = 4 * 1024 * 1024
_DATAGRAM = 65_536


def open_rtmp(wanted: Open, gate: Gate) -> Joined:
    """Open an rtmp or rtmps address. Raises OpenFailedError."""
    admitted = _admit(wanted, gate)
    address = admitted.address

    def containers(_: float) -> Iterator[Demuxed]:
        carrier = Carrier(gate, admitted, lambda: bytes)
        options = {
            "protocol_whitelist": "rtmp,tcp",
            "rtmp_tcurl": f"{address.scheme}://{address.authority}/{_app(address.path)}",
            "rtmp_live": "live",
        }
        yield Demuxed(_open("rtmp", address, carrier, options), wrap_s=_FLV_WRAP_S)

    return Joined(wanted, Plan((Feed(containers),)))


def open_rtsp(wanted: Open, gate: Gate) -> Joined:
    """Open an rtsp or rtsps address, all of it over the one connection. Raises OpenFailedError."""
    admitted = _admit(wanted, gate)
    address = admitted.address

    def containers(_: float) -> Iterator[Demuxed]:
        carrier = Carrier(gate, admitted, RtspGuard)
        if not address.user:  # with a password the address is part of what is proven, and must stay as libav has it
            here, there = f"rtsp://127.0.0.1:{carrier.port}/", f"{address.scheme}://{address.authority}/"
            carrier.bind(lambda said: said if said[:1] == b"$" else said.replace(here.encode(), there.encode()))
        options = {"protocol_whitelist": "rtsp,tcp,rtp", "rtsp_transport": "tcp"}
        yield Demuxed(_open("rtsp", address, carrier, options))

    return Joined(wanted, Plan((Feed(containers),)))


def open_udp(wanted: Open, address: Address) -> Joined:
    """Listen for MPEG-TS, bare or in RTP, at an address and port of this machine or in a group. Raises OpenFailedError.

    Nothing is connected to; but whoever can send to the port is the source, so the rules must list it as private.
    """
    if not address.private:
        raise OpenFailedError("refused")
    try:
        line = _listen(address.host, address.port)
    except (OSError, ValueError):
        raise OpenFailedError("unreachable") from None

    def containers(_: float) -> Iterator[Demuxed]:
        with line:
            yield Demuxed(demuxer(_Datagrams(line), "mpegts"), wrap_s=WRAP_S)

    return Joined(wanted, Plan((Feed(containers),)))


class _Datagrams:
    """What comes by UDP as libav reads it."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._left = b""

    def read(self, size: int) -> bytes:
        """Return the next bytes; waits for them, and raises TimeoutError after a while."""
        while not self._left:
            self._left = _payload(self._line.recv(_DATAGRAM))
        found, self._left = self._left[:size], self._left[size:]
        return found


def _payload(datagram: bytes) -> bytes:
    """Return the MPEG-TS packets of a datagram; empty for any other (RFC 2250: behind an RTP header, maybe)."""
    for begin in (0, _RTP_HEAD):
        body = datagram[begin:]
        if body and len(body) % _TS_PACKET == 0 and body[0] == _SYNC:
            return body
    return b""


def _listen(host: str, port: int) -> socket.socket:
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _UDP_BUFFER)
    line.bind((host, port))
    group = socket.inet_aton(host)
    if group[0] & 0xF0 == 0xE0:
        line.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + socket.inet_aton("0.0.0.0"))  # noqa: S104
    line.settimeout(_OPEN_S)
    return line


def _admit(wanted: Open, gate: Gate) -> Admitted:
    try:
        return gate.admit(wanted.source)
    except NotAdmitted:
        raise OpenFailedError("refused") from None
    except OSError:
        raise OpenFailedError("unreachable") from None


def _open(scheme: str, address: Address, carrier: Carrier, options: dict[str, str]) -> InputContainer:
    """Have libav connect to the carrier. Raises OSError, or what libav raises."""
    login = f"{quote(address.user, safe='%')}:{quote(address.password, safe='%')}@" if address.user else ""
    url = f"{scheme}://{login}127.0.0.1:{carrier.port}{address.path}"
    kind = "flv" if scheme == "rtmp" else scheme
    try:
        return av.open(url, "r", format=kind, options={**_COMMON, **options}, timeout=(_OPEN_S, _READ_S))
    except av.FFmpegError as error:
        if not carrier.reached:
            raise ConnectionError("nobody answers there") from error
        raise


def _app(path: str) -> str:
    """Return the application of an RTMP address as libav finds it: two parts of the path if there are three."""
    parts = path.partition("?")[0].strip("/").split("/")
    return "/".join(parts[:2] if len(parts) > 2 and ":" not in parts[1] else parts[:1])
