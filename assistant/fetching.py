"""Fetching a page or a file over HTTP, from a server that may be slow, broken or hostile, without harm to either side.

What comes back is never larger, later or from elsewhere than was allowed: each redirect is checked as the first address
was, bytes are counted as they come and as they are unpacked, and the whole has a time limit.
"""

import ssl
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, Self

from assistant.addresses import MAX_SHOWN_CHARACTERS, Address, describe_address, join_address, parse_address
from assistant.errors import ArticleError, FetchError
from assistant.types import Document, Entry

if TYPE_CHECKING:
    import httpcore2

    from assistant.connections import Network, Resolve

PRODUCT = "news-assistant"  # the name by which a robots.txt speaks to us
USER_AGENT = PRODUCT + "/{} (a reader's assistant; fetches the articles that its user asks for)"
PAGE_TYPES = ("", "text/html", "application/xhtml+xml", "text/plain", "text/markdown")  # what a page's limit goes for
REDIRECTS = (301, 302, 303, 307, 308)
GONE = (404, 410)
BUSY = (429, 503)
MAX_VALIDATOR_CHARACTERS = 1_000
PIECE_BYTES = 1_000_000
CLOCK_SECONDS = 0.02  # by which a wait may end before its time

_GZIP: Final = b"\x1f\x8b"
_WINDOWS: Final[Mapping[str, int]] = {  # how zlib is told of a format
    "gzip": zlib.MAX_WBITS | 16,
    "x-gzip": zlib.MAX_WBITS | 16,
    "deflate": zlib.MAX_WBITS,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a fetch may take: in seconds, in bytes (both as sent and unpacked) and in numbers.

    `idle_seconds` is the longest wait for a connection or for the next byte, `total_seconds` the longest for all with
    its redirects; a server that asks to be asked again later is, `retries` times, unless it asks for a longer wait.
    """

    total_seconds: float = 30
    idle_seconds: float = 10
    page_bytes: int = 10_000_000
    document_bytes: int = 50_000_000
    redirects: int = 5
    retries: int = 2
    retry_wait_seconds: float = 30


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server gave to ask it later whether something has changed, and the address that it was given for.

    Where `url` is None, that is the address which is asked for.
    """

    etag: str | None = None
    last_modified: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of an address, `url`: a document, or that it is unchanged since its validators were given, or gone.

    A crawl also says of a feed, sitemap or list that it has been gone through: `is_listing`, without its document; and
    `entry` is what the feed says of a page that was found in one.
    """

    url: str
    document: Document | None
    validators: Validators = Validators()
    is_unchanged: bool = False
    is_gone: bool = False
    is_final: bool = False
    is_listing: bool = False
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class _Reply:
    """An answer that has been read to its end; header names are in lower case."""

    address: Address
    status: int
    headers: Mapping[str, str]
    body: bytes


class Fetcher:
    """Fetches one address after the other, over one connection a host. Not for use by several threads at once.

    `allow_private` lets it reach hosts at addresses that aren't public, those that are named to it. Proxies that the
    environment names aren't used: behind one, it is the proxy that looks up the name, and nothing here could check
    where it leads. `offline` refuses every address, before its host is looked up.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        offline: bool = False,
        limits: Limits | None = None,
        resolve: "Resolve | None" = None,
        ssl_context: ssl.SSLContext | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limits = limits or Limits()
        self._allow_private = allow_private
        self._is_offline = offline
        self._resolve = resolve
        self._ssl_context = ssl_context
        self._sleep = sleep
        self._opened: tuple[httpcore2.ConnectionPool, Network] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the next fetch opens others."""
        if self._opened:
            self._opened[0].close()
            self._opened = None

    def fetch(self, url: str, *, validators: Validators | None = None, is_named: bool = True) -> Fetched:
        """Fetch what an address of http or https leads to, unless its validators say that it hasn't changed.

        `is_named` is an address that the user gave, rather than one that was found in what another server sent: where
        `allow_private` lets its host be at an address that isn't public, that goes for this host from now on, and for
        no other that it redirects to.

        Raises ArticleError for an address that isn't one, and FetchError for one that is refused or gives no page.
        """
        shown = describe_address(url)
        address = parse_address(url)
        if self._is_offline:
            raise FetchError(f"{shown}: not fetched offline: leave --offline out to connect to its server")
        if is_named and self._allow_private:
            self._network.private_hosts.add(address.host)
        validators = validators or Validators()
        for retry in range(self._limits.retries + 1):
            reply = self._follow(address, shown, validators, is_named=is_named)
            if reply.status == HTTPStatus.NOT_MODIFIED and (validators.etag or validators.last_modified):
                return Fetched(url, None, validators, is_unchanged=True)
            if reply.status in GONE:
                return Fetched(url, None, is_gone=True, is_final=reply.status == HTTPStatus.GONE)
            if reply.status == HTTPStatus.OK:
                return self._take(url, shown, reply)
            if reply.status not in BUSY:
                remedy = "try again later" if reply.status >= 500 else "save the page from a browser, give that file"
                raise _fail(shown, f"its server answers {_describe_status(reply.status)}: {remedy}", reply.status)
            wait = _read_wait(reply.headers)
            if retry == self._limits.retries or wait is None or wait > self._limits.retry_wait_seconds:
                break
            self._sleep(wait)
        raise _fail(
            shown, f"its server asks to wait ({_describe_status(reply.status)}): {_say_when(wait)}", reply.status
        )

    def _follow(self, address: Address, shown: str, validators: Validators, *, is_named: bool) -> _Reply:
        """Ask for an address and then for those that it redirects to, each checked like the first."""
        from assistant.connections import PrivateAddressError

        first, validated = address, validators.url or address.url
        self._network.deadline = time.monotonic() + self._limits.total_seconds
        for _ in range(self._limits.redirects + 1):
            try:
                reply = self._ask(address, shown, validators if address.url == validated else Validators())
            except PrivateAddressError as error:
                way = "it" if address is first else f"it redirects to {describe_address(address.url)}, which"
                reason = f"refused: {way} is at {error.address}{self._explain(error.address, is_named=is_named)}"
                raise FetchError(f"{shown}: {reason}", is_private=address is first) from None
            link = reply.headers.get("location")
            if reply.status not in REDIRECTS or link is None:
                return reply
            try:
                target = parse_address(join_address(address.url, link))
            except ArticleError as error:
                raise _fail(shown, f"it redirects to what can't be fetched: {error}", reply.status) from None
            if address.scheme == "https" and target.scheme == "http":
                raise _fail(
                    shown,
                    f"refused: it redirects from https to {describe_address(target.url)}, which others could change "
                    "on its way; give that address itself if you trust it",
                    reply.status,
                )
            address = target
        raise _fail(shown, f"it redirects more than {self._limits.redirects} times: open it in a browser", reply.status)

    def _explain(self, address: str, *, is_named: bool) -> str:
        from assistant.connections import is_link_local

        if is_link_local(address):
            return ", a link-local address, which nothing is ever fetched from"
        if self._allow_private or not is_named:
            return (
                ", and that is not a public address; --allow-private counts for the hosts that you name: give the "
                "address itself if you trust it"
            )
        return ", and that is not a public address; --allow-private fetches from networks of your own"

    def _ask(self, address: Address, shown: str, validators: Validators) -> _Reply:
        import httpcore2

        headers = [
            ("Host", address.authority),
            ("User-Agent", USER_AGENT.format(version(PRODUCT))),
            ("Accept", "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8"),
            ("Accept-Encoding", "gzip, deflate"),
        ]
        if validators.etag:
            headers.append(("If-None-Match", validators.etag))
        if validators.last_modified:
            headers.append(("If-Modified-Since", validators.last_modified))
        wait = self._limits.idle_seconds
        with (
            self._translating(shown),
            self._pool.stream(
                b"GET",
                # In parts, for to write it out and have it read again would let two readers differ.
                httpcore2.URL(
                    scheme=address.scheme.encode(),
                    host=address.host.encode(),
                    port=address.port,
                    target=address.target.encode(),
                ),
                headers=[(name.encode(), value.encode()) for name, value in headers],
                extensions={"timeout": {"connect": wait, "read": wait, "write": wait, "pool": wait}},
            ) as response,
        ):
            fields = {name.decode("latin-1").lower(): _decode(value) for name, value in response.headers}
            body = b"" if response.status != HTTPStatus.OK else self._read(response, fields, shown)
        return _Reply(address, response.status, fields, body)

    def _read(self, response: "httpcore2.Response", headers: Mapping[str, str], shown: str) -> bytes:
        """Read a body and unpack it, no further than is allowed."""
        kind = _read_media_type(headers)
        limit = self._limits.page_bytes if kind in PAGE_TYPES else self._limits.document_bytes
        packed = [name.strip().lower() for name in headers.get("content-encoding", "").split(",")]
        packed = [name for name in packed if name not in ("", "identity")]
        if len(packed) > 1 or not all(name in _WINDOWS for name in packed):
            # Neither was asked for; and what is packed twice can take for ever to unpack to nothing.
            raise _fail(
                shown, f"its server packs it as {_clean(', '.join(packed))}, which wasn't asked for", HTTPStatus.OK
            )
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            raise _fail_size(shown, limit)
        sent = _read_within(response.iter_stream(), limit, shown)
        body = _join(_unpack(sent, packed[0], limit, shown) if packed else sent)
        if body.startswith(_GZIP):  # a sitemap.xml.gz
            body = _join(_unpack(iter((body,)), "gzip", limit, shown))
        return body

    @staticmethod
    def _take(url: str, shown: str, reply: _Reply) -> Fetched:
        """Make a document of what was read."""
        etag, last_modified = reply.headers.get("etag"), reply.headers.get("last-modified")
        document = Document(
            name=shown,
            data=reply.body,
            media_type=reply.headers.get("content-type"),
            url=reply.address.url,
            modified=_read_time(last_modified),
        )
        return Fetched(
            url, document, Validators(_keep_validator(etag), _keep_validator(last_modified), reply.address.url)
        )

    @property
    def _pool(self) -> "httpcore2.ConnectionPool":
        return self._open()[0]

    @property
    def _network(self) -> "Network":
        return self._open()[1]

    def _open(self) -> "tuple[httpcore2.ConnectionPool, Network]":
        if self._opened is None:
            import httpcore2

            from assistant.connections import Network, resolve

            network = Network(resolve=self._resolve or resolve)
            pool = httpcore2.ConnectionPool(
                ssl_context=self._ssl_context or httpcore2.default_ssl_context(),
                max_connections=8,
                keepalive_expiry=5,
                network_backend=network,
            )
            self._opened = pool, network
        return self._opened

    @contextmanager
    def _translating(self, shown: str) -> Iterator[None]:
        """Turn what goes wrong on the way into one line."""
        import httpcore2

        try:
            yield
        except httpcore2.TimeoutException:
            if time.monotonic() >= self._network.deadline - CLOCK_SECONDS:
                raise _fail(
                    shown, f"not finished after {self._limits.total_seconds:g} seconds: try again later"
                ) from None
            raise _fail(shown, f"no answer for {self._limits.idle_seconds:g} seconds: try again later") from None
        except httpcore2.ConnectError as error:
            cause = error.args[0]
            if isinstance(cause, ssl.SSLCertVerificationError):
                reason = f"its certificate isn't valid: {_clean(cause.verify_message)}; check the address"
                raise _fail(shown, reason) from None
            raise _fail(
                shown, f"can't be reached: {_clean(str(error)) or 'no connection'}; check the address"
            ) from None
        except httpcore2.RemoteProtocolError as error:
            raise _fail(
                shown, f"its server breaks off or breaks HTTP ({_clean(str(error))}): try again later"
            ) from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, zlib.error) as error:
            raise _fail(shown, f"its server sends what can't be read ({_clean(str(error))}): try again later") from None


def _join(pieces: Iterator[bytes]) -> bytes:
    body = bytearray()  # for a list of pieces of one byte each takes fifty times its bytes
    for piece in pieces:
        body += piece
    return bytes(body)


def _read_within(pieces: Iterator[bytes], limit: int, shown: str) -> Iterator[bytes]:
    count = 0
    for piece in pieces:
        count += len(piece)
        if count > limit:
            raise _fail_size(shown, limit)
        yield piece


def _unpack(pieces: Iterator[bytes], coding: str, limit: int, shown: str) -> Iterator[bytes]:
    """Unpack as the pieces come, never more at once than may still come."""
    window = _WINDOWS[coding]
    unpacker = None
    left = limit
    for piece in pieces:
        if unpacker is None:
            # Some servers send deflate without the header that it should have.
            is_bare = coding == "deflate" and (
                piece[0] & 0x0F != 8 or (len(piece) > 1 and (piece[0] << 8 | piece[1]) % 31)
            )
            unpacker = zlib.decompressobj(-window if is_bare else window)
        while piece and not unpacker.eof:
            unpacked = unpacker.decompress(piece, min(PIECE_BYTES, left + 1))
            left -= len(unpacked)
            if left < 0:
                raise _fail_size(shown, limit)
            yield unpacked
            piece = unpacker.unconsumed_tail
    if unpacker is not None and not unpacker.eof:
        raise _fail(shown, "it ends in the middle: try again later", HTTPStatus.OK)


def _fail(shown: str, reason: str, status: int | None = None) -> FetchError:
    return FetchError(f"{shown}: {reason}", status=status)


def _fail_size(shown: str, limit: int) -> FetchError:
    reason = f"too large: at most {limit / 1_000_000:g} MB are read; save what matters of it as a text file"
    return _fail(shown, reason, HTTPStatus.OK)


def _clean(text: str) -> str:
    """Leave what can be shown of a text that is another's, on one line."""
    return "".join(character for character in text if character.isprintable())[:MAX_SHOWN_CHARACTERS]


def _decode(value: bytes) -> str:
    """Decode a header's value: ASCII by the rules, UTF-8 or Latin-1 in life."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _read_media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _keep_validator(value: str | None) -> str | None:
    """Keep what can be sent back as it is."""
    is_kept = value and value.isascii() and value.isprintable() and len(value) <= MAX_VALIDATOR_CHARACTERS
    return value if is_kept else None


def _read_time(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        parsed = parsedate_to_datetime(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _read_wait(headers: Mapping[str, str]) -> float | None:
    """Read for how many seconds a server asks to wait, where it says so."""
    value = headers.get("retry-after", "").strip()
    if value.isdecimal() and len(value) < 10:
        return float(value)
    time_named = _read_time(value)
    return max(0.0, (time_named - datetime.now(UTC)).total_seconds()) if time_named else None


def _say_when(wait: float | None) -> str:
    if wait is None:
        return "try again in a few minutes"
    return f"try again after {datetime.now(UTC) + timedelta(seconds=wait):%Y-%m-%d %H:%M} UTC"


def _describe_status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
