"""Addresses of pages: taken apart once, strictly, and written in one form, so that one page has one address.

Everything that fetches, compares or shows an address goes through here. What is connected to is what was checked, for
no second reader takes the address apart in its own way.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, urljoin, urlsplit

from assistant.errors import ArticleError

MAX_SHOWN_CHARACTERS = 200
MAX_CHARACTERS = 8_000  # what servers take at most
DEFAULT_PORTS = {"http": 80, "https": 443}

# What says where a reader came from, and not what is read. Only names that can't be anything else: to take a parameter
# off that tells two articles apart would lose one of them.
TRACKING_PREFIXES = ("utm_", "mtm_", "hsa_")
TRACKING_NAMES = frozenset(
    [
        "__twitter_impression",
        "_ga",
        "_gac",
        "_gl",
        "_hsenc",
        "_hsmi",
        "at_campaign",
        "at_custom1",
        "at_custom2",
        "at_custom3",
        "at_custom4",
        "at_link_id",
        "at_link_origin",
        "at_link_type",
        "at_medium",
        "cmpid",
        "dclid",
        "epik",
        "fb_action_ids",
        "fb_action_types",
        "fb_source",
        "fbclid",
        "gad_source",
        "gbraid",
        "gclid",
        "gclsrc",
        "guccounter",
        "guce_referrer",
        "guce_referrer_sig",
        "igsh",
        "igshid",
        "li_fat_id",
        "mc_cid",
        "mc_eid",
        "mkt_tok",
        "msclkid",
        "ns_campaign",
        "ns_linkname",
        "ns_mchannel",
        "ns_source",
        "oly_anon_id",
        "oly_enc_id",
        "pk_campaign",
        "pk_content",
        "pk_keyword",
        "pk_kwd",
        "pk_medium",
        "pk_source",
        "sc_campaign",
        "smid",
        "smtyp",
        "srsltid",
        "ttclid",
        "twclid",
        "vero_id",
        "wbraid",
        "wt_mc",
        "xtor",
        "yclid",
        "ysclid",
    ]
)

_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_USER = re.compile(r"^(\s*[^/?#]*//)[^/?#]*@")


@dataclass(frozen=True, slots=True)
class Address:
    """An address of HTTP in its parts, in ASCII; `port` is None where it is the scheme's own, and no fragment is kept.

    `host` is a name or a number in lower case, an IPv6 one without brackets; `query` has no question mark.
    """

    scheme: str
    host: str
    port: int | None
    path: str
    query: str

    @property
    def authority(self) -> str:
        """The host and, unless it is the scheme's own, the port, as a request names them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def target(self) -> str:
        """What a request asks the host for."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def url(self) -> str:
        """The whole address."""
        return f"{self.scheme}://{self.authority}{self.target}"


def parse_address(url: str) -> Address:
    """Take an address apart: http and https only, no user name, and a host that is a name or an address in full.

    Raises ArticleError for any other, also for one whose host is a number that programs read differently (2130706433,
    0177.1 and 0x7f000001 are all 127.0.0.1 to some).
    """
    shown = describe_address(url)
    text = url.strip()
    if len(text) > MAX_CHARACTERS:
        raise ArticleError(f"{shown}: longer than an address is: at most {MAX_CHARACTERS:,} characters")
    if _CONTROL.search(text.replace(" ", "")):
        raise ArticleError(f"{shown}: not an address: it holds control characters")
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
        if scheme not in DEFAULT_PORTS:
            raise ArticleError(f"{shown}: only addresses that begin with http:// or https:// are fetched")
        if "@" in parts.netloc:
            raise ArticleError(f"{shown}: give the address without a user name and password: none are sent")
        return Address(
            scheme=scheme,
            host=_read_host(host, shown),
            port=None if port == DEFAULT_PORTS[scheme] else port,
            path=_remove_dots(_escape(parts.path or "/", "/:@!$&'()*+,;=~%")),
            query=_escape(parts.query, "/:@!$&'()*+,;=~%?"),
        )
    except ValueError:  # a bracket without the other, a port that is no number, half of a surrogate pair
        raise ArticleError(f"{shown}: not an address: check its host and port") from None


def normalise_url(url: str) -> str:
    """Write an address in the form in which one page has one: no fragment, no tracking, one spelling of the rest.

    Raises ArticleError for what isn't an address of http or https.
    """
    address = parse_address(url)
    kept = [part for part in address.query.split("&") if part and not _is_tracking(part.partition("=")[0].lower())]
    return Address(address.scheme, address.host, address.port, address.path, "&".join(kept)).url


def join_address(base: str | None, link: str) -> str:
    """Read a link as it is meant on the page that has it. Raises ArticleError where the two make no address."""
    try:
        return urljoin(base or "", link.strip())
    except ValueError:
        raise ArticleError(f"{describe_address(link)}: not an address") from None


def describe_address(url: str) -> str:
    """Write an address for a reader: without a password, on one line, and cut if it is very long."""
    line = _USER.sub(r"\1", "".join(character for character in url.strip() if character.isprintable()))
    return line if len(line) <= MAX_SHOWN_CHARACTERS else f"{line[: MAX_SHOWN_CHARACTERS - 1]}…"


def _read_host(host: str, shown: str) -> str:
    host = host.removesuffix(".")
    if ":" in host:
        return str(IPv6Address(host)) if "%" not in host else _refuse_host(shown)
    if not host.isascii():
        import idna

        try:
            host = idna.encode(host, uts46=True).decode()
        except UnicodeError:  # which its errors are
            _refuse_host(shown)
    host = host.lower()
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise ArticleError(f"{shown}: write its host in four decimal numbers, like 192.0.2.1, or by name") from None
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        _refuse_host(shown)
    return host


def _refuse_host(shown: str) -> str:
    raise ArticleError(f"{shown}: not an address: its host is no name that a host can have")


def _escape(text: str, safe: str) -> str:
    """Write what an address can't hold as %XX, and what it can as itself."""

    def rewrite(match: re.Match[str]) -> str:
        if match[1] is None:
            return "%25"
        character = chr(int(match[1], 16))
        return character if character in _UNRESERVED else match[0].upper()

    return _ESCAPE.sub(rewrite, quote(text, safe=safe))


def _remove_dots(path: str) -> str:
    """Resolve the segments `.` and `..` (RFC 3986, 5.2.4)."""
    segments: list[str] = []
    parts = path.split("/")[1:]
    for number, part in enumerate(parts):
        if part == ".." and segments:
            segments.pop()
        elif part not in (".", ".."):
            segments.append(part)
        if part in (".", "..") and number == len(parts) - 1:
            segments.append("")
    return "/" + "/".join(segments)


def _is_tracking(name: str) -> bool:
    return name.startswith(TRACKING_PREFIXES) or name in TRACKING_NAMES
