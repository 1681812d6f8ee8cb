"""Open a source by its address: each kind of address by what receives it."""

from hearing.stream.address import NotAdmitted, read
from hearing.stream.dial import open_rtmp, open_rtsp, open_udp
from hearing.stream.frames import Open
from hearing.stream.gate import Gate
from hearing.stream.join import Joined
from hearing.stream.opened import OpenFailedError
from hearing.stream.web import open_web


def open_address(wanted: Open) -> Joined:
    """Open it, if the rules allow. Raises OpenFailedError."""
    gate = Gate(wanted.rules)
    try:
        address = read(wanted.source, wanted.rules)
    except NotAdmitted:
        raise OpenFailedError("refused") from None
    match address.scheme:
        case "http" | "https":
            return open_web(wanted, gate)
        case "rtmp" | "rtmps":
            return open_rtmp(wanted, gate)
        case "rtsp" | "rtsps":
            return open_rtsp(wanted, gate)
        case _:
            return open_udp(wanted, address)
