"""Connections to hosts: the address that is connected to is the one that was checked, and none outlasts its deadline.

A name is resolved once for each connection, all of its addresses are checked, and one of those is connected to, so a
name that is resolved to another address a moment later (DNS rebinding) changes nothing. The request's Host header, the
name that TLS asks for and the certificate's check keep the name.
"""

import math
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from ssl import SSLContext
from typing import Any

import httpcore2

Resolve = Callable[[str, int], Sequence[str]]

_PROTOCOLS = IPv4Network("192.0.0.0/24")  # for protocols (RFC 6890), which older Pythons don't know for private
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: networks without IPv4 reach the public IPv4 address in its last bits


class PrivateAddressError(Exception):
    """A host that is at an address which isn't public."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(host, address)
        self.host = host
        self.address = address


def resolve(host: str, port: int) -> tuple[str, ...]:
    """Look up a host's addresses, in the order in which the system would try them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(socket_address[0]) for *_, socket_address in found))


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet, also where it stands for an IPv4 address.

    Not public are this machine, private networks, link-local addresses (where clouds keep their keys), providers'
    shared ones (100.64.0.0/10), multicast, reserved ranges, and the tunnels 6to4 and Teredo, which nobody serves news
    through.
    """
    return _is_public(ip_address(address))


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_public(address.ipv4_mapped)
        if address in _NAT64:
            return _is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        if address.sixtofour is not None or address.teredo is not None or address.is_site_local:
            return False
    if address in _PROTOCOLS:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def is_link_local(address: str) -> bool:
    """Whether an address is one that is given out without asking, where clouds answer with a machine's keys."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        teredo = parsed.teredo[1] if parsed.teredo else None
        nat64 = IPv4Address(int(parsed) & 0xFFFFFFFF) if parsed in _NAT64 else None
        inner = parsed.ipv4_mapped or parsed.sixtofour or teredo or nat64
        return parsed.is_link_local or bool(inner and inner.is_link_local)
    return parsed.is_link_local


class Network(httpcore2.NetworkBackend):
    """A network that checks where it connects, for one request at a time: `deadline` is the one of this request.

    `private_hosts` may be at addresses that aren't public, but for link-local ones.
    """

    def __init__(self, *, resolve: Resolve, private_hosts: Iterable[str] = ()) -> None:
        self.deadline = math.inf  # in seconds of time.monotonic
        self.private_hosts = set(private_hosts)
        self._resolve = resolve
        self._backend = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first of a host's addresses that answers.

        Raises PrivateAddressError where any of them isn't public: a host with one foot in a private network is not to
        be trusted with the other.
        """
        addresses = self._look_up(host, port, timeout)
        for address in addresses:
            if is_link_local(address) or not (host in self.private_hosts or is_public(address)):
                raise PrivateAddressError(host, address)
        failure: Exception = httpcore2.ConnectError("it has no address")
        for address in addresses:
            try:
                stream = self._backend.connect_tcp(
                    address, port, self.limit(timeout), local_address=local_address, socket_options=socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return _Stream(stream, self)
        raise failure

    def limit(self, timeout: float | None) -> float | None:
        """Cut a time to what is left until the deadline, in seconds. Raises httpcore2.TimeoutException after it."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("the deadline has passed")
        limit = left if timeout is None else min(timeout, left)
        return limit if math.isfinite(limit) else None

    def _look_up(self, host: str, port: int, timeout: float | None) -> Sequence[str]:
        if ":" in host or host.rpartition(".")[2].isdecimal():  # an address already; no name ends in a number
            return (host,)
        # In a thread, for the system's resolver takes no time limit and a minute where no name server answers.
        answers: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._resolve(host, port))
            except Exception as error:
                answers.put(error)

        threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
        try:
            answer = answers.get(timeout=self.limit(timeout))
        except queue.Empty:
            raise httpcore2.ConnectTimeout("no name server answered") from None
        if isinstance(answer, OSError | UnicodeError):
            raise httpcore2.ConnectError("there is no host of this name") from answer
        if isinstance(answer, Exception):
            raise answer
        return answer


class _Stream(httpcore2.NetworkStream):
    """A connection whose every wait ends at the deadline, so that a server which drips can't hold it for ever."""

    def __init__(self, stream: httpcore2.NetworkStream, network: Network) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._network.limit(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._network.limit(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(
            self._stream.start_tls(ssl_context, server_hostname, self._network.limit(timeout)), self._network
        )

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
