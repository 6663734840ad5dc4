import gzip
import itertools
import pickle
import ssl
import tracemalloc
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import trustme
from web_server import Answer, Page, Raw, WebServer, redirect, serve_web

from assistant import connections
from assistant.errors import ArticleError, FetchError
from assistant.fetching import Fetched, Fetcher, Limits, Validators

PATIENT = Limits(total_seconds=60, idle_seconds=30)  # what a busy machine doesn't reach
IMPATIENT = Limits(total_seconds=60, idle_seconds=0.1)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


def loopback(*_: object) -> tuple[str, ...]:
    return ("127.0.0.1",)


@pytest.fixture
def web() -> Iterator[WebServer]:
    with serve_web() as web:
        yield web


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    with Fetcher(allow_private=True, resolve=loopback) as fetcher:
        yield fetcher


def fetch(url: str, *, limits: Limits = PATIENT, waits: list[float] | None = None) -> Fetched:
    sleep = (lambda _: None) if waits is None else waits.append
    with Fetcher(allow_private=True, limits=limits, resolve=loopback, sleep=sleep) as fetcher:
        return fetcher.fetch(url)


def refuse(url: str, **options: object) -> str:
    """Fetch what can't be, and give the reason, which is one line that begins with the address."""
    with pytest.raises(FetchError) as caught:
        fetch(url, **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert message.startswith(f"{url}: ")
    assert message.isprintable()
    return message.removeprefix(f"{url}: ")


def test_a_page_comes_with_what_is_known_of_it(web: WebServer, fetcher: Fetcher) -> None:
    web.answers["/story?id=7"] = Page(
        b"<p>News", headers={"ETag": 'W/"7"', "Last-Modified": "Sat, 15 Mar 2025 09:30:00 GMT"}
    )

    fetched = fetcher.fetch(web.url("/story?id=7#part", host="News.example"))

    assert fetched.document is not None
    assert fetched.document.data == b"<p>News"
    assert fetched.document.name == web.url("/story?id=7#part", host="News.example")
    assert fetched.document.media_type == "text/html; charset=utf-8"
    assert fetched.document.url == web.url("/story?id=7", host="news.example")
    assert fetched.document.modified == datetime(2025, 3, 15, 9, 30, tzinfo=UTC)
    assert fetched.validators == Validators('W/"7"', "Sat, 15 Mar 2025 09:30:00 GMT", fetched.document.url)
    assert fetched == Fetched(fetched.url, fetched.document, fetched.validators)


def test_a_request_says_who_asks_and_nothing_else(web: WebServer, fetcher: Fetcher) -> None:
    web.answers["/"] = Page(headers={"Set-Cookie": "id=7"})

    fetcher.fetch(web.url("/", host="news.example"))
    fetcher.fetch(web.url("/", host="news.example"))

    headers = web.asked[1].headers
    assert headers["host"] == f"news.example:{web.port}"
    assert headers["user-agent"].startswith("news-assistant/")
    assert headers["accept-encoding"] == "gzip, deflate"
    assert set(headers) == {"host", "user-agent", "accept", "accept-encoding"}


def test_proxies_of_the_environment_are_not_used(web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    web.answers["/"] = Page(b"direct")

    document = fetch(web.url()).document

    assert document is not None
    assert document.data == b"direct"


# What is unchanged, gone or refused


def test_what_is_unchanged_does_not_come_again(web: WebServer, fetcher: Fetcher) -> None:
    def answer(_: object) -> Answer:
        is_known = web.asked[-1].headers.get("if-none-match") == '"7"'
        return Page(status=304) if is_known else Page(b"News", headers={"ETag": '"7"', "Last-Modified": "yesterday"})

    web.answers["/story"] = answer
    first = fetcher.fetch(web.url("/story"))

    again = fetcher.fetch(web.url("/story"), validators=first.validators)

    assert first.document is not None
    assert again == Fetched(web.url("/story"), None, first.validators, is_unchanged=True)
    assert web.asked[-1].headers["if-modified-since"] == "yesterday"
    assert first.document.modified is None


def test_validators_go_to_the_address_that_gave_them(web: WebServer, fetcher: Fetcher) -> None:
    web.answers["/old"] = redirect("/new")
    web.answers["/new"] = [Page(b"News", headers={"ETag": '"7"'}), Page(status=304)]
    first = fetcher.fetch(web.url("/old"))

    again = fetcher.fetch(web.url("/old"), validators=first.validators)

    assert again.is_unchanged
    assert [asked.headers.get("if-none-match") for asked in web.asked] == [None, None, None, '"7"']


def test_validators_of_an_article_are_not_sent_to_where_it_redirects_now(web: WebServer, fetcher: Fetcher) -> None:
    web.answers["/story"] = redirect("/front")
    web.answers["/front"] = Page(b"Front page")

    fetcher.fetch(web.url("/story"), validators=Validators('"7"', "Sat, 15 Mar 2025 09:30:00 GMT"))

    assert [asked.headers.get("if-none-match") for asked in web.asked] == ['"7"', None]


def test_a_server_that_claims_unasked_that_nothing_changed_is_not_believed(web: WebServer) -> None:
    web.answers["/"] = Page(status=304)

    assert "304 Not Modified" in refuse(web.url())


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_gone_is_no_error(web: WebServer, fetcher: Fetcher, status: int) -> None:
    web.answers["/"] = Page(b"gone", status=status)

    assert fetcher.fetch(web.url()) == Fetched(web.url(), None, is_gone=True, is_final=status == 410)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "401 Unauthorized: save the page"),
        (403, "403 Forbidden: save the page"),
        (451, "451 Unavailable For Legal Reasons: save the page"),
        (500, "500 Internal Server Error: try again later"),
        (502, "502 Bad Gateway: try again later"),
        (299, "299: save the page"),
        (300, "300 Multiple Choices: save the page"),
        (302, "302 Found: save the page"),
    ],
)
def test_other_answers_are_errors_that_say_what_to_do(web: WebServer, status: int, reason: str) -> None:
    web.answers["/"] = Page(b"no", status=status)

    assert f"its server answers {reason}" in refuse(web.url())


def test_an_error_keeps_its_status_from_one_process_to_another(web: WebServer, fetcher: Fetcher) -> None:
    web.answers["/"] = Page(status=403)
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(web.url())

    copy = pickle.loads(pickle.dumps(caught.value))

    assert (str(copy), copy.status) == (str(caught.value), 403)


# A server that asks to wait


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_to_wait_is_asked_again(web: WebServer, status: int) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    busy = [Page(status=status, headers={"Retry-After": value}) for value in ("7", later)]
    web.answers["/"] = [*busy, Page(b"News")]
    waits: list[float] = []

    document = fetch(web.url(), waits=waits).document

    assert document is not None
    assert waits[0] == 7
    assert 0 < waits[1] <= 20


def test_but_not_for_ever(web: WebServer) -> None:
    web.answers["/"] = Page(status=429, headers={"Retry-After": "1"})
    waits: list[float] = []

    reason = refuse(web.url(), waits=waits)

    assert reason.startswith("its server asks to wait (429 Too Many Requests): try again after 20")
    assert len(web.asked) == 3
    assert waits == [1, 1]


@pytest.mark.parametrize("value", [None, "86400", "soon", "9" * 50, "-1", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_nor_for_longer_than_a_user_would_sit_there(web: WebServer, value: str | None) -> None:
    web.answers["/"] = Page(status=503, headers={} if value is None else {"Retry-After": value})
    waits: list[float] = []

    assert "its server asks to wait (503 Service Unavailable): try again " in refuse(web.url(), waits=waits)
    assert waits == []


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_to_the_address_in_the_end(
    web: WebServer, fetcher: Fetcher, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "is_public", lambda address: address == "127.0.0.1")
    web.answers["/a/b"] = redirect("../c?d=ü", status)
    web.answers["/c?d=%C3%BC"] = redirect(web.url("/e", host="other.example"), status)
    web.answers["/e"] = Page(b"News")

    document = fetcher.fetch(web.url("/a/b")).document

    assert document is not None
    assert document.url == web.url("/e", host="other.example")
    assert document.name == web.url("/a/b")


def test_a_loop_of_redirects_ends(web: WebServer) -> None:
    web.answers["/a"] = redirect("/b")
    web.answers["/b"] = redirect("/a")

    assert refuse(web.url("/a")) == "it redirects more than 5 times: open it in a browser"
    assert len(web.asked) == 6


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "javascript:alert(1)",
        "https://ann:secret@news.example/",
        "//[bad",
        "http://2130706433/",
        "http://0177.1/",
        "http://0x7f.1/",
    ],
)
def test_a_redirect_leads_nowhere_that_the_user_could_not_go(web: WebServer, location: str) -> None:
    web.answers["/"] = redirect(location)

    reason = refuse(web.url())

    assert reason.startswith("it redirects to what can't be fetched: ")
    assert "secret" not in reason


# What isn't public


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "localhost",
    ],
)
def test_an_address_that_is_not_public_is_refused(web: WebServer, host: str) -> None:
    url = web.url(host=host)

    with (
        Fetcher() as fetcher,
        pytest.raises(FetchError, match=r"not a public address; --allow-private|link-local") as caught,
    ):
        # The literal addresses go through the system's own resolver, as they do in life.
        fetcher.fetch(url)

    assert str(caught.value).startswith(f"{url}: refused: it is at ")
    assert web.asked == []


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[::ffff:a00:1]", "[::1]", "intranet.example"])
def test_a_redirect_to_an_address_that_is_not_public_is_refused(
    web: WebServer, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    # The test's own server plays the internet, and all else is private as ever.
    monkeypatch.setattr(connections, "is_public", lambda address: address == "127.0.0.1")
    web.answers["/"] = redirect("/again")
    web.answers["/again"] = redirect(f"http://{host}/latest/meta-data/")

    with (
        Fetcher(resolve=lambda name, _: ("10.0.0.1" if name == "intranet.example" else "127.0.0.1",)) as fetcher,
        pytest.raises(FetchError) as caught,
    ):
        fetcher.fetch(web.url("/", host="news.example"))

    assert f"refused: it redirects to http://{host}/latest/meta-data/, which is at " in str(caught.value)
    assert web.paths == ["/", "/again"]


@pytest.mark.parametrize(
    ("host", "address", "reason"),
    [
        ("other.example", "127.0.0.1", "--allow-private counts for the hosts that you name"),
        ("metadata.example", "169.254.169.254", "a link-local address, which nothing is ever fetched from"),
    ],
)
def test_to_allow_one_private_host_allows_no_other_that_it_redirects_to(
    web: WebServer, host: str, address: str, reason: str
) -> None:
    web.answers["/"] = redirect("/again")
    web.answers["/again"] = redirect(web.url("/secret", host=host))

    with (
        Fetcher(allow_private=True, resolve=lambda name, _: (address if name == host else "127.0.0.1",)) as fetcher,
        pytest.raises(FetchError) as caught,
    ):
        fetcher.fetch(web.url("/", host="news.example"))

    assert reason in str(caught.value)
    assert web.paths == ["/", "/again"]


def test_a_name_that_changes_its_address_leads_nowhere_private(web: WebServer) -> None:
    answers = iter([("93.184.216.34",), ("127.0.0.1",)])

    # The guard of the tests says where the connection went: to what was checked.
    with (
        Fetcher(resolve=lambda *_: next(answers)) as fetcher,
        pytest.raises(AssertionError, match=r"reached for the network: 93\.184\.216\.34"),
    ):
        fetcher.fetch(web.url("/", host="news.example"))

    assert web.asked == []


def test_a_name_is_looked_up_once_for_a_connection(web: WebServer) -> None:
    web.answers["/"] = Page(b"News")
    answers = iter([("127.0.0.1",), ("93.184.216.34",)])

    with Fetcher(allow_private=True, resolve=lambda *_: next(answers)) as fetcher:
        fetcher.fetch(web.url("/", host="news.example"))
        fetcher.fetch(web.url("/", host="news.example"))  # over the same connection

    assert next(answers) == ("93.184.216.34",)


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[WebServer]:
    """A server with the certificate of news.example."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("news.example").configure_cert(context)
    with serve_web(context) as web:
        yield web


@pytest.fixture
def secure_fetcher(authority: trustme.CA) -> Iterator[Fetcher]:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with Fetcher(allow_private=True, resolve=loopback, ssl_context=context) as fetcher:
        yield fetcher


def test_the_certificate_is_checked_for_the_name_not_the_number(secure: WebServer, secure_fetcher: Fetcher) -> None:
    secure.answers["/"] = Page(b"News")

    document = secure_fetcher.fetch(secure.url(host="news.example", scheme="https")).document

    assert document is not None
    assert document.data == b"News"
    for host in ("other.example", "127.0.0.1"):
        with pytest.raises(FetchError, match=r"its certificate isn't valid: .*(mismatch|match)"):
            secure_fetcher.fetch(secure.url(host=host, scheme="https"))
    assert len(secure.asked) == 1


def test_a_certificate_of_nobody_known_is_refused(secure: WebServer) -> None:
    url = secure.url(host="news.example", scheme="https")

    assert "its certificate isn't valid: " in refuse(url)


def test_a_redirect_from_https_to_http_is_refused(secure: WebServer, secure_fetcher: Fetcher, web: WebServer) -> None:
    secure.answers["/"] = redirect(web.url("/", host="news.example"))

    with pytest.raises(FetchError, match=r"redirects from https to http://news.example") as caught:
        secure_fetcher.fetch(secure.url(host="news.example", scheme="https"))

    assert caught.value.status == 302
    assert web.asked == []


# Slow servers


def test_a_server_that_never_answers_is_left(web: WebServer) -> None:
    web.answers["/"] = Raw([], is_silent=True)

    assert refuse(web.url(), limits=IMPATIENT) == "no answer for 0.1 seconds: try again later"


def test_a_server_that_stops_in_the_middle_is_left(web: WebServer) -> None:
    web.answers["/"] = Raw([OK + b"Content-Length: 100\r\n\r\nhalf"], is_silent=True)

    assert refuse(web.url(), limits=IMPATIENT) == "no answer for 0.1 seconds: try again later"


@pytest.mark.parametrize(
    "start",
    [OK + b"Content-Length: 100000\r\n\r\n", OK + b"X: ", b"HTTP/1.1 100 Continue\r\n\r\n", b""],
    ids=["body", "header", "informational", "status"],
)
def test_a_server_that_drips_is_ended_by_the_time_for_all(web: WebServer, start: bytes) -> None:
    web.answers["/"] = Raw(itertools.chain([start], itertools.repeat(b"x")), pause_seconds=0.02)

    reason = refuse(web.url(), limits=Limits(total_seconds=0.3, idle_seconds=60))

    assert reason.startswith(("not finished after 0.3 seconds", "its server breaks off or breaks HTTP"))


def test_the_time_for_all_covers_the_redirects_too(web: WebServer) -> None:
    web.answers["/"] = lambda _: Raw(
        [b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n", b"\r\n"], pause_seconds=0.1
    )

    reason = refuse(web.url(), limits=Limits(total_seconds=0.35, idle_seconds=60, redirects=1_000))

    assert reason == "not finished after 0.35 seconds: try again later"


def test_a_server_that_nobody_runs_cannot_be_reached() -> None:
    with serve_web() as gone:
        url = gone.url()

    assert refuse(url).startswith("can't be reached: ")


# Large and broken answers

SMALL = Limits(total_seconds=60, idle_seconds=30, page_bytes=100_000, document_bytes=1_000_000)


def pack(size: int, window: int = zlib.MAX_WBITS | 16) -> bytes:
    packer = zlib.compressobj(9, wbits=window)
    return b"".join(packer.compress(bytes(1_000_000)) for _ in range(size // 1_000_000)) + packer.flush()


def test_a_page_may_be_as_large_as_allowed_and_no_byte_larger(web: WebServer) -> None:
    web.answers["/most"] = Page(bytes(100_000))
    web.answers["/more"] = Page(bytes(100_001))
    web.answers["/file"] = Page(bytes(1_000_000), type="application/pdf")
    web.answers["/larger"] = Page(bytes(1_000_001), type="application/pdf")

    assert fetch(web.url("/most"), limits=SMALL).document is not None
    assert refuse(web.url("/more"), limits=SMALL).startswith("too large: at most 0.1 MB are read")
    assert fetch(web.url("/file"), limits=SMALL).document is not None
    assert refuse(web.url("/larger"), limits=SMALL).startswith("too large: at most 1 MB are read")


def test_an_answer_without_end_is_not_read_to_it(web: WebServer) -> None:
    web.answers["/"] = Raw(itertools.chain([OK + b"\r\n"], itertools.repeat(bytes(50_000))))

    assert refuse(web.url(), limits=SMALL).startswith("too large")


def test_an_answer_in_tiny_pieces_takes_no_more_memory(web: WebServer) -> None:
    chunks = b"2\r\nxx\r\n" * 40_000 + b"0\r\n\r\n"
    web.answers["/"] = Raw([OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunks])
    tracemalloc.start()

    document = fetch(web.url(), limits=SMALL).document
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert document is not None
    assert document.data == b"x" * 80_000
    assert peak < 1_500_000


@pytest.mark.parametrize(
    ("coding", "window"),
    [("gzip", zlib.MAX_WBITS | 16), ("x-gzip", zlib.MAX_WBITS | 16), ("deflate", zlib.MAX_WBITS), ("deflate", -15)],
)
def test_a_packed_page_is_unpacked_as_far_as_allowed(web: WebServer, coding: str, window: int) -> None:
    packer = zlib.compressobj(wbits=window)
    story = packer.compress(b"News " * 1_000) + packer.flush()
    web.answers["/story"] = Page(story, headers={"Content-Encoding": coding.upper()})
    web.answers["/bomb"] = Page(pack(20_000_000, window), headers={"Content-Encoding": coding})

    document = fetch(web.url("/story"), limits=SMALL).document
    tracemalloc.start()
    reason = refuse(web.url("/bomb"), limits=SMALL)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert document is not None
    assert document.data == b"News " * 1_000
    assert reason.startswith("too large: at most 0.1 MB")
    assert peak < 5_000_000


def test_a_file_that_is_packed_itself_is_unpacked_as_far_as_allowed(web: WebServer) -> None:
    web.answers["/sitemap.xml.gz"] = Page(gzip.compress(b"<urlset/>"), type="application/gzip")
    web.answers["/twice"] = Page(
        gzip.compress(gzip.compress(b"<urlset/>")), type="application/gzip", headers={"Content-Encoding": "gzip"}
    )
    web.answers["/bomb.gz"] = Page(pack(20_000_000), type="application/x-gzip")

    for path in ("/sitemap.xml.gz", "/twice"):
        document = fetch(web.url(path), limits=SMALL).document
        assert document is not None
        assert document.data == b"<urlset/>"
    assert refuse(web.url("/bomb.gz"), limits=SMALL).startswith("too large: at most 1 MB")


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "gzip,deflate", "compress"])
def test_what_is_packed_otherwise_than_asked_for_is_refused(web: WebServer, coding: str) -> None:
    web.answers["/"] = Page(b"x", headers={"Content-Encoding": coding})

    assert f"packs it as {', '.join(coding.replace(' ', '').split(','))}" in refuse(web.url())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (gzip.compress(b"News" * 100, mtime=0)[:-9], "it ends in the middle"),
        (b"not gzip", "its server sends what can't be read"),
        (gzip.compress(b"News" * 100, mtime=0)[:20] + b"x" * 50, "its server sends what can't be read"),
    ],
)
def test_what_is_badly_packed_is_refused(web: WebServer, body: bytes, reason: str) -> None:
    web.answers["/"] = Page(body, headers={"Content-Encoding": "gzip"})

    assert refuse(web.url()).startswith(reason)


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 100\r\n\r\nless",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        OK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nNews",
        OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffffffff\r\nNews",
        OK + b"X: " + b"x" * 200_000 + b"\r\n\r\n",
        OK + b"X: x\r\n" * 50_000 + b"\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"",
    ],
    ids=[
        "short",
        "negative",
        "twice",
        "huge",
        "cut-chunk",
        "huge-chunk",
        "long-header",
        "many-headers",
        "no-status",
        "not-HTTP",
        "nothing",
    ],
)
def test_what_breaks_the_rules_of_http_is_one_clear_line(web: WebServer, answer: bytes) -> None:
    web.answers["/"] = Raw([answer])

    reason = refuse(web.url())

    assert reason.startswith(("its server breaks off or breaks HTTP (", "too large", "its server sends what"))


def test_what_stands_after_the_end_of_a_page_is_not_part_of_it(web: WebServer) -> None:
    web.answers["/"] = Raw([OK + b"Content-Length: 4\r\n\r\nNewsHTTP/1.1 200 OK\r\n\r\nEvil"])

    document = fetch(web.url()).document

    assert document is not None
    assert document.data == b"News"


def test_a_declared_length_above_the_limit_is_not_waited_for(web: WebServer) -> None:
    web.answers["/"] = Raw([OK + b"Content-Length: 999999999\r\n\r\n"], is_silent=True)

    assert refuse(web.url()).startswith("too large: at most 10 MB")


@pytest.mark.parametrize("etag", ['"ü"', "x" * 2_000])
def test_validators_that_could_not_be_sent_back_are_not_kept(web: WebServer, fetcher: Fetcher, etag: str) -> None:
    web.answers["/"] = Page(b"News", headers={"ETag": etag})

    assert fetcher.fetch(web.url()).validators == Validators(url=web.url())


def test_what_a_server_writes_reaches_no_terminal_as_it_is(web: WebServer) -> None:
    web.answers["/"] = redirect("http://news.example/\x9b2J\u202e:x")

    with pytest.raises(ArticleError) as caught:
        fetch(web.url())

    assert str(caught.value).isprintable()


def test_a_fetcher_that_was_closed_opens_again(web: WebServer, fetcher: Fetcher) -> None:
    web.answers["/"] = Page(b"News")
    fetcher.fetch(web.url())

    fetcher.close()

    assert fetcher.fetch(web.url()).document is not None


@pytest.mark.parametrize("address", ["https://news.example/story", "http://127.0.0.1:1/story"])
def test_offline_no_address_is_fetched_and_no_name_looked_up(address: str) -> None:
    looked_up: list[str] = []

    def resolve(host: str, _: int) -> tuple[str, ...]:
        looked_up.append(host)
        return ("127.0.0.1",)

    with (
        Fetcher(allow_private=True, offline=True, resolve=resolve) as fetcher,
        pytest.raises(FetchError, match=r"not fetched offline: leave --offline out") as caught,
    ):
        fetcher.fetch(address)

    assert looked_up == []
    assert str(caught.value).startswith(f"{address}: ")
