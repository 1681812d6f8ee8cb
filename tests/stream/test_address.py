"""Addresses: which may be opened at all, which IP addresses may be dialled, and what of one is shown."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.stream.address import NotAdmitted, Rules, check_form, is_address, masked, may_dial, read

RULES = Rules(hosts=("live.example.org", ".cdn.example.org", "2001:4860:4860::8888"), private_hosts=("encoder.lan",))


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://live.example.org/a.m3u8?x=1", "live.example.org", 443),
        ("HTTPS://LIVE.example.ORG./a", "live.example.org", 443),
        ("https://a.cdn.example.org:8443/", "a.cdn.example.org", 8443),
        ("https://[2001:4860:4860:0::8888]/", "2001:4860:4860::8888", 443),
        ("rtmps://encoder.lan/app/key", "encoder.lan", 443),
        ("rtsps://me:pass@live.example.org/x", "live.example.org", 322),
    ],
)
def test_what_the_rules_name_is_read(url: str, host: str, port: int) -> None:
    address = read(url, RULES)
    assert (address.host, address.port, address.private) == (host, port, host == "encoder.lan")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://example.org/a", "host"),
        ("https://cdn.example.org/a", "host"),
        ("https://xcdn.example.org/a", "host"),
        ("https://live.example.org.evil.org/a", "host"),
        ("http://live.example.org/a", "scheme"),
        ("srt://live.example.org:9000", "unknown"),
        ("file:///etc/passwd", "malformed"),
        ("https://live.example.org:99999/", "malformed"),
        ("https://live.example.org:x/", "malformed"),
        ("https:///a", "malformed"),
        ("https://live.exämple.org/", "malformed"),
        ("https://127.1/", "malformed"),
        ("https://live.example.org/a b", "malformed"),
        ("https://live.example.org/" + "a" * 5000, "malformed"),
        ("rtmps://live.example.org/live/…0a1b2c3d", "malformed"),
    ],
)
def test_what_they_do_not_name_is_refused_with_its_reason_and_without_its_secret(url: str, why: str) -> None:
    with pytest.raises(NotAdmitted) as refused:
        read(url.replace("//", "//me:secret@", 1) if "///" not in url else url, RULES)
    assert refused.value.why == why
    assert "secret" not in str(refused.value)


def test_without_settings_no_address_is_admitted() -> None:
    with pytest.raises(NotAdmitted, match="source_hosts"):
        read("https://live.example.org/", Rules())
    check_form("https://live.example.org/")


@given(st.ip_addresses())
def test_no_address_that_is_not_public_is_dialled(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if may_dial(str(ip), private=False):
        assert ip.is_global
        assert not any((ip.is_private, ip.is_loopback, ip.is_link_local, ip.is_multicast, ip.is_reserved))
        assert may_dial(str(ip), private=True), "whoever may be near may be far"
    if isinstance(ip, ipaddress.IPv6Address) and (ip.ipv4_mapped or ip.sixtofour or ip.teredo):
        assert not may_dial(str(ip), private=False)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_inside_an_ipv6_address_opens_nothing(ip: ipaddress.IPv4Address) -> None:
    for prefix in ("::ffff:", "::", "64:ff9b::", "64:ff9b:1::", "::ffff:0:"):
        assert not may_dial(f"{prefix}{ip}", private=False)
    for prefix in ("::ffff:", "64:ff9b::"):
        assert not may_dial(f"{prefix}{ip}", private=True)


@pytest.mark.parametrize(
    ("ip", "far", "near"),
    [
        ("8.8.8.8", True, True),
        ("2001:4860:4860::8888", True, True),
        ("10.1.2.3", False, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("fd12::1", False, True),
        ("100.64.0.1", False, True),
        ("100.100.100.200", False, False),
        ("169.254.169.254", False, False),
        ("168.63.129.16", False, False),
        ("fd00:ec2::254", False, False),
        ("fe80::1", False, False),
        ("fd20:ce::254", False, False),
        ("2002:a9fe:a9fe::", False, False),
        ("fe80::1%eth0", False, False),
        ("0.0.0.0", False, False),  # noqa: S104 - not to be dialled
        ("::", False, False),
        ("239.1.2.3", False, False),
        ("255.255.255.255", False, True),
        ("example.org", False, False),
    ],
)
def test_private_addresses_are_for_hosts_that_are_named_and_some_for_none(ip: str, far: bool, near: bool) -> None:
    assert (may_dial(ip, private=False), may_dial(ip, private=True)) == (far, near)


SECRET = st.text("abcdefghijkmnpqrstuvwxyz0123456789-", min_size=6, max_size=30).map(lambda text: f"S{text}S")


@given(SECRET, st.sampled_from(["https", "rtmp", "rtmps", "rtsp", "http", "srt"]), st.binary(max_size=8))
def test_no_secret_is_shown(secret: str, scheme: str, key: bytes) -> None:
    urls = [
        f"{scheme}://me:{secret}@h/a",
        f"{scheme}://h/a/b?key={secret}",
        f"{scheme}://h/a#{secret}",
        f"rtmps://h/a/{secret}",
        f"rtmp://h/a/{secret}/",
        f"rtmp://h/{secret}/live",
        f"{scheme}://h/{secret}",
        f"{scheme}://h/{secret}/",
        f"{scheme}://h/live/{secret}/hls/master.m3u8",
        f"{scheme}://h/live/{secret}.m3u8",
        f"{scheme}://h/live/master;{secret}",
        f"{scheme}://h/live-{secret}/index.m3u8?a=1",
        f"https:/me:{secret}@h/a",
    ]
    for url in urls:
        assert secret not in masked(url, key)
        assert masked(url, key).startswith(f"{url.partition(':')[0]}://{'h' if '://' in url else ''}/")


def test_what_holds_no_secret_is_shown_as_it_is() -> None:
    for source in (
        "https://h/live/master.m3u8",
        "https://h/hls/en/index-2.m3u8",
        "/films/a.mp4",
        "demo:",
        "udp://h:5004",
    ):
        assert masked(source) == source
    assert is_address("udp://@:5004")
    assert not is_address("/films/a.mp4")


def test_of_what_holds_one_the_last_part_is_shown_that_says_what_it_is() -> None:
    assert masked("https://h/live/K3yK3yK3y/hls/master.m3u8?token=x") == "https://h/…/master.m3u8"
    assert masked("https://h:8443/live/en.m3u8?token=x") == "https://h:8443/live/en.m3u8…"
    assert masked("rtmps://h/live/K3yK3yK3y") == "rtmps://h/live/…"
    assert masked("https://h/K3yK3yK3y/master.m3u8", b"1") != masked("https://h/K3yK3yK3z/master.m3u8", b"1")


@pytest.mark.parametrize("url", ["https:/me:secret@h/a", "RTMPS:h/app/secret"])
def test_an_address_with_a_slash_too_few_is_refused_not_kept_and_shown_as_a_file(url: str) -> None:
    assert is_address(url)
    with pytest.raises(NotAdmitted) as refused:
        check_form(url)
    assert refused.value.why == "malformed"
