import socket
import threading
import time
from collections.abc import Iterator

import httpcore2
import pytest

from assistant.connections import Network, PrivateAddressError, is_link_local, is_public, resolve


@pytest.fixture
def port() -> Iterator[int]:
    """A port on loopback where somebody listens and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.127.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "fe80::1",
        "fe80::1%1",
        "fec0::1",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "ff0e::1",
        "2001:db8::1",
        "100::1",
        "2002:7f00:1::",
        "2002:808:808::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::808:808",
    ],
)
def test_all_others_are_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fe80::1", "fe80::1%1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::"],
)
def test_link_local_addresses_are_refused_to_every_host(address: str, port: int) -> None:
    network = Network(resolve=lambda *_: ("10.0.0.1", address), private_hosts=["news.example"])

    with pytest.raises(PrivateAddressError) as caught:
        network.connect_tcp("news.example", port)

    assert caught.value.address == address
    assert is_link_local(address)
    assert not any(map(is_link_local, ("127.0.0.1", "10.0.0.1", "::1", "fd12:3456::1", "::ffff:10.0.0.1")))


def test_a_host_with_one_private_address_is_refused_whole(port: int) -> None:
    network = Network(resolve=lambda *_: ("8.8.8.8", "10.0.0.1"))

    with pytest.raises(PrivateAddressError) as caught:
        network.connect_tcp("news.example", port)

    assert (caught.value.host, caught.value.address) == ("news.example", "10.0.0.1")


def test_what_was_checked_is_what_is_connected_to(port: int) -> None:
    # A name that is public when it is looked at, and this machine a moment later.
    answers = [("93.184.216.34",), ("127.0.0.1",)]
    network = Network(resolve=lambda *_: answers.pop(0))

    # The tests' guard of the network says where the connection went.
    with pytest.raises(AssertionError, match=r"reached for the network: 93\.184\.216\.34"):
        network.connect_tcp("news.example", port)

    assert answers == [("127.0.0.1",)]


def test_the_next_address_is_tried_where_one_does_not_answer(port: int) -> None:
    network = Network(private_hosts=["news.example"], resolve=lambda *_: ("::1", "127.0.0.1"))

    stream = network.connect_tcp("news.example", port)

    assert stream.get_extra_info("server_addr") == ("127.0.0.1", port)
    stream.close()


def test_a_name_that_nobody_has_is_an_error_of_the_connection() -> None:
    def fail(*_: object) -> tuple[str, ...]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(httpcore2.ConnectError, match="no host of this name"):
        Network(private_hosts=["news.example"], resolve=fail).connect_tcp("news.example", 80)
    with pytest.raises(httpcore2.ConnectError, match="no address"):
        Network(private_hosts=["news.example"], resolve=lambda *_: ()).connect_tcp("news.example", 80)


def test_a_name_server_that_never_answers_is_waited_for_no_longer_than_allowed() -> None:
    release = threading.Event()

    def wait(*_: object) -> tuple[str, ...]:
        release.wait()
        return ("127.0.0.1",)

    try:
        with pytest.raises(httpcore2.ConnectTimeout, match="no name server"):
            Network(private_hosts=["news.example"], resolve=wait).connect_tcp("news.example", 80, timeout=0.05)
    finally:
        release.set()


def test_nothing_is_waited_for_beyond_the_deadline(port: int) -> None:
    network = Network(resolve=resolve, private_hosts=["localhost"])
    stream = network.connect_tcp("localhost", port)

    network.deadline = time.monotonic() + 0.05
    with pytest.raises(httpcore2.ReadTimeout):
        stream.read(1, timeout=60)
    with pytest.raises(httpcore2.TimeoutException, match="deadline"):
        stream.write(b"x", timeout=60)

    stream.close()
