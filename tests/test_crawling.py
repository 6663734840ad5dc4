import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest
from web_server import Page, Raw, WebServer, redirect, serve_web

from assistant import connections, crawling
from assistant.crawling import crawl
from assistant.errors import ArticleError
from assistant.fetching import Fetched, Fetcher, Limits, Validators
from assistant.types import Document

LIMITS = Limits(total_seconds=60, idle_seconds=30, retries=0)


@pytest.fixture
def web() -> Iterator[WebServer]:
    with serve_web() as web:
        yield web


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    with Fetcher(allow_private=True, limits=LIMITS, resolve=lambda *_: ("127.0.0.1",)) as fetcher:
        yield fetcher


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tests' own server play the internet, for hosts that nobody named."""
    monkeypatch.setattr(connections, "is_public", lambda address: address == "127.0.0.1")


@pytest.fixture
def news(web: WebServer) -> WebServer:
    """A site with three pages."""
    for name in "abc":
        web.answers[f"/{name}"] = Page(f"<p>Page {name}".encode())
    return web


def write_feed(*links: str, dates: Sequence[str] = ()) -> Page:
    items = (
        f"<item><link>{link}</link>{f'<pubDate>{date}</pubDate>' if date else ''}</item>"
        for link, date in zip(links, [*dates, *[""] * len(links)], strict=False)
    )
    body = f"<rss><channel>{''.join(items)}</channel></rss>"
    return Page(body.encode(), type="application/rss+xml", headers={"ETag": '"feed"'})


def write_sitemap(*links: str, root: str = "urlset", entry: str = "url") -> Page:
    body = f"<{root}>{''.join(f'<{entry}><loc>{link}</loc></{entry}>' for link in links)}</{root}>"
    return Page(body.encode(), type="application/xml", headers={"ETag": '"sitemap"'})


def write_index(*links: str) -> Page:
    return write_sitemap(*links, root="sitemapindex", entry="sitemap")


def run(source: str | Document, fetcher: Fetcher, **options: object) -> list[Fetched | ArticleError]:
    return list(crawl(source, fetcher=fetcher, **{"pace_seconds": 0, **options}))  # type: ignore[arg-type]


def tell(found: Sequence[Fetched | ArticleError], web: WebServer) -> list[str]:
    """Say what was found: the path of each page, a list in brackets, an error as it is."""
    names = []
    for each in found:
        if isinstance(each, ArticleError):
            names.append(str(each).replace(web.url(""), ""))
        else:
            path = each.url.replace(web.url(""), "")
            names.append(f"[{path}]" if each.is_listing else path)
    return names


def test_a_page_is_fetched_whatever_robots_are_told(news: WebServer, fetcher: Fetcher) -> None:
    news.answers["/robots.txt"] = Page(b"User-agent: *\nDisallow: /", type="text/plain")

    (fetched,) = run(news.url("/a"), fetcher)

    assert isinstance(fetched, Fetched)
    assert fetched.document is not None
    assert fetched.document.data == b"<p>Page a"
    assert news.paths == ["/a"]


def test_the_pages_of_a_feed_come_before_the_feed(news: WebServer, fetcher: Fetcher) -> None:
    news.answers["/feed"] = write_feed("/a", news.url("/b"), "/c#part", "/a?utm_source=feed")

    found = run(news.url("/feed"), fetcher)

    assert tell(found, news) == ["/a", "/b", "/c", "[/feed]"]
    assert found[-1] == Fetched(news.url("/feed"), None, Validators('"feed"', None, news.url("/feed")), is_listing=True)
    assert news.paths == ["/feed", "/robots.txt", "/a", "/b", "/c"]


def test_pages_come_as_they_are_fetched(news: WebServer, fetcher: Fetcher) -> None:
    news.answers["/feed"] = write_feed("/a", "/b", "/c")

    next(crawl(news.url("/feed"), fetcher=fetcher, pace_seconds=0))

    assert news.paths == ["/feed", "/robots.txt", "/a"]


def test_the_newest_come_first_and_no_more_than_allowed(news: WebServer, fetcher: Fetcher) -> None:
    news.answers["/feed"] = write_feed("/a", "/b", "/c", "/d", dates=["", "2025-03-15", "2025-03-16"])

    found = run(news.url("/feed"), fetcher, max_pages=2)

    assert tell(found, news) == [
        "/c",
        "/b",
        "/feed: names more pages than one crawl fetches; the newest were fetched: for others, give a file with "
        "their addresses",
        "[/feed]",
    ]
    assert isinstance(found[-1], Fetched)
    assert found[-1].validators == Validators()


def test_a_bad_page_stops_no_other(news: WebServer, fetcher: Fetcher) -> None:
    news.answers["/b"] = Page(status=500)
    news.answers["/feed"] = write_feed("/a", "ftp://a.example/", "/b", "/gone", "/c")

    found = run(news.url("/feed"), fetcher)

    assert tell(found, news) == [
        "/a",
        "/feed: entry 2: left out: ftp://a.example/: only addresses that begin with http:// or https:// are fetched",
        "/b: its server answers 500 Internal Server Error: try again later",
        "/gone",
        "/c",
        "[/feed]",
    ]
    assert isinstance(found[3], Fetched)
    assert found[3].is_gone
    # What failed is to be looked for again, though the feed may not have changed.
    assert isinstance(found[-1], Fetched)
    assert found[-1].validators == Validators()


def test_an_index_leads_to_its_sitemaps_and_their_pages(news: WebServer, fetcher: Fetcher) -> None:
    news.answers["/index.xml"] = write_index(news.url("/one.xml"), news.url("/two.xml"))
    news.answers["/one.xml"] = write_sitemap(news.url("/a"), news.url("/b"))
    news.answers["/two.xml"] = write_sitemap(news.url("/b"), news.url("/c"))

    found = run(news.url("/index.xml"), fetcher)

    assert tell(found, news) == ["/a", "/b", "[/one.xml]", "/c", "[/two.xml]", "[/index.xml]"]
    lists = [each for each in found if isinstance(each, Fetched) and each.is_listing]
    assert [each.validators.etag for each in lists] == ['"sitemap"', '"sitemap"', None]


def test_indexes_of_indexes_end(web: WebServer, fetcher: Fetcher) -> None:
    for number in range(5):
        web.answers[f"/{number}.xml"] = write_index(web.url(f"/{number + 1}.xml"), web.url("/0.xml"))

    found = run(web.url("/0.xml"), fetcher)

    assert tell(found, web)[0] == "/3.xml: left out: a sitemap of a sitemap of a sitemap"
    assert web.paths == ["/0.xml", "/robots.txt", "/1.xml", "/2.xml"]


def test_no_more_sitemaps_are_read_than_allowed(
    web: WebServer, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crawling, "MAX_SITEMAPS", 2)
    for name in ("/1.xml", "/2.xml", "/3.xml"):
        web.answers[name] = write_sitemap(web.url("/a"))
    web.answers["/index.xml"] = write_index(web.url("/1.xml"), web.url("/2.xml"), web.url("/3.xml"))

    found = run(web.url("/index.xml"), fetcher)

    assert tell(found, web)[-2].startswith("/index.xml: names more pages than one crawl fetches")
    assert "/3.xml" not in web.paths


def test_a_list_of_addresses_is_the_users_own(news: WebServer, fetcher: Fetcher) -> None:
    news.answers["/robots.txt"] = Page(b"User-agent: *\nDisallow: /", type="text/plain")
    data = "\n".join(["# mine", news.url("/c"), news.url("/a"), "http://0177.1/", news.url("/c")])

    found = run(Document("list.txt", data.encode()), fetcher, max_pages=1)

    assert tell(found, news) == [
        "/c",
        "/a",
        "list.txt: line 4: left out: http://0177.1/: write its host in four decimal numbers, "
        "like 192.0.2.1, or by name",
        "[list.txt]",
    ]
    assert news.paths == ["/c", "/a"]


def test_a_list_may_name_feeds_but_a_feed_may_not(news: WebServer, fetcher: Fetcher) -> None:
    news.answers["/feed"] = write_feed("/a", "/other")
    news.answers["/other"] = write_feed("/b")
    news.answers["/list"] = Page(f"{news.url('/feed')}\n{news.url('/c')}".encode(), type="text/plain")

    found = run(news.url("/list"), fetcher)

    assert tell(found, news) == ["/a", "/other", "[/feed]", "/c", "[/list]"]
    assert isinstance(found[1], Fetched)
    assert found[1].document is not None  # a page like another, which its reader will refuse


def test_each_feed_of_a_list_has_as_many_pages_as_one_alone(news: WebServer, fetcher: Fetcher) -> None:
    news.answers["/one"] = write_feed("/a", "/b")
    news.answers["/two"] = write_feed("/a", "/c")
    data = f"{news.url('/one')}\n{news.url('/two')}"

    found = run(Document("list.txt", data.encode()), fetcher, max_pages=1)

    assert [each for each in tell(found, news) if "names more pages" not in each] == [
        "/a",
        "[/one]",
        "/c",
        "[/two]",
        "[list.txt]",
    ]
    assert len(found) == 6  # with one line that /one has more


def test_two_addresses_of_one_page_give_it_once(news: WebServer, fetcher: Fetcher) -> None:
    news.answers["/feed"] = write_feed("/short", "/a", "/other", "/b")
    news.answers["/short"] = redirect("/a")
    news.answers["/other"] = redirect("/a?utm_medium=feed")
    news.answers["/a?utm_medium=feed"] = Page(b"<p>Page a")

    assert tell(run(news.url("/feed"), fetcher), news) == ["/short", "/b", "[/feed]"]


def test_what_is_known_is_asked_for_only_if_changed(news: WebServer, fetcher: Fetcher) -> None:
    def answer(_: object) -> Page:
        return Page(status=304) if "if-none-match" in news.asked[-1].headers else Page(b"<p>Page a")

    news.answers["/a"] = answer
    news.answers["/feed"] = write_feed("/a", "/b")
    known = {news.url("/a"): Validators('"a"')}

    found = run(news.url("/feed"), fetcher, validators=known.get)

    assert [each.is_unchanged for each in found if isinstance(each, Fetched)] == [True, False, False]


def test_a_feed_that_is_unchanged_comes_alone(news: WebServer, fetcher: Fetcher) -> None:
    news.answers["/feed"] = Page(status=304)

    (found,) = run(news.url("/feed"), fetcher, validators=lambda _: Validators('"feed"'))

    assert isinstance(found, Fetched)
    assert found.is_unchanged
    assert news.paths == ["/feed"]


def test_a_list_that_is_refused_is_one_error(web: WebServer, fetcher: Fetcher) -> None:
    web.answers["/feed"] = Page(b'<!DOCTYPE rss [<!ENTITY a "b">]><rss/>')
    web.answers["/empty"] = Page(b"<rss><channel/></rss>")

    assert tell(run(web.url("/feed"), fetcher), web) == [
        "/feed: refused: it declares entities, which no feed or sitemap does"
    ]
    assert tell(run(web.url("/empty"), fetcher), web) == ["/empty: no entries: there is no page in this list"]
    assert tell(run("ftp://a.example/", fetcher), web) == [
        "ftp://a.example/: only addresses that begin with http:// or https:// are fetched"
    ]


# Manners


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ("User-agent: *\nDisallow: /a", "bc"),
        ("User-agent: *\nDisallow: /\nAllow: /c$", "c"),
        ("User-agent: *\nDisallow: /*b", "ac"),
        ("User-agent: News-Assistant # us\nDisallow: /b\n\nUser-agent: *\nDisallow: /", "ac"),
        ("User-agent: other\nUser-agent: news-assistant\nDisallow: /c", "ab"),
        ("User-agent: news-assistant\nAllow: /\nUser-agent: *\nDisallow: /", "abc"),
        ("User-agent: news\nDisallow: /", "abc"),
        ("User-agent: GPTBot\nDisallow: /\n\nUser-agent: *\nAllow: /", "abc"),
        ("\ufeffUser-agent: *\r\nDisallow: /a\r\n", "bc"),
        ("<html>no such page", "abc"),
        ("", "abc"),
    ],
)
def test_what_was_found_is_fetched_only_where_robots_may(
    news: WebServer, fetcher: Fetcher, rules: str, allowed: str
) -> None:
    news.answers["/robots.txt"] = Page(rules.encode(), type="text/plain")
    news.answers["/feed"] = write_feed("/a", "/b", "/c")

    found = run(news.url("/feed"), fetcher)

    refused = [each for each in found if isinstance(each, ArticleError)]
    assert [path.removeprefix("/") for path in news.paths[2:]] == list(allowed)
    assert len(refused) == 3 - len(allowed)
    assert all("not fetched: its robots.txt asks programs not to" in str(each) for each in refused)


@pytest.mark.parametrize(
    ("answer", "is_allowed"),
    [
        (Page(status=404), True),
        (Page(status=410), True),
        (Page(status=403), True),
        (Page(status=401), True),
        (Page(status=429), False),
        (Page(status=500), False),
        (Page(status=503), False),
        (Raw([b"nonsense\r\n"]), False),
        (redirect("/robots.txt"), False),
        (redirect("/rules"), False),
    ],
    ids="404 410 403 401 429 500 503 nonsense loop moved".split(),  # noqa: SIM905
)
def test_robots_that_cannot_be_read_forbid_and_absent_ones_allow(
    news: WebServer, fetcher: Fetcher, answer: Page | Raw, is_allowed: bool
) -> None:
    news.answers["/robots.txt"] = answer
    news.answers["/rules"] = Page(b"User-agent: *\nDisallow: /", type="text/plain")
    news.answers["/feed"] = write_feed("/a", "/b")

    first, *_ = run(news.url("/feed"), fetcher)

    assert isinstance(first, Fetched) is is_allowed
    assert news.paths.count("/a") == is_allowed


@pytest.mark.usefixtures("public")
def test_each_host_has_its_own_rules(news: WebServer, fetcher: Fetcher) -> None:
    other = news.url("/b", host="other.example")
    news.answers["/robots.txt"] = lambda asked: Page(
        b"User-agent: *\nDisallow: /" if asked.headers["host"].startswith("other") else b"", type="text/plain"
    )
    news.answers["/feed"] = write_feed("/a", other, "/c")

    found = run(news.url("/feed"), fetcher)

    assert tell(found, news)[1].startswith(f"{other}: not fetched: its robots.txt asks programs not to")
    assert news.paths == ["/feed", "/robots.txt", "/a", "/robots.txt", "/c"]


def test_a_private_host_that_only_a_feed_names_is_not_asked(news: WebServer, fetcher: Fetcher) -> None:
    others = [news.url(f"/{number}", host="other.example") for number in range(crawling.MAX_SILENCES + 1)]
    news.answers["/feed"] = write_feed("/a", *others)

    found = run(news.url("/feed"), fetcher)

    assert tell(found, news) == [
        "/a",
        *(
            f"{other}: refused: it is at 127.0.0.1, and that is not a public address; --allow-private counts for the "
            "hosts that you name: give the address itself if you trust it"
            for other in others
        ),
        "[/feed]",
    ]
    assert news.paths == ["/feed", "/robots.txt", "/a"]


def test_each_private_host_of_a_list_says_how_to_allow_it(news: WebServer) -> None:
    urls = [news.url(f"/{number}", host="other.example") for number in range(crawling.MAX_SILENCES + 1)]

    with Fetcher(limits=LIMITS, resolve=lambda *_: ("127.0.0.1",)) as fetcher:
        found = run(Document("list.txt", "\n".join(urls).encode()), fetcher)

    assert tell(found, news)[:-1] == [
        f"{url}: refused: it is at 127.0.0.1, and that is not a public address; --allow-private fetches from networks "
        "of your own"
        for url in urls
    ]
    assert news.asked == []


def test_robots_that_lead_into_a_private_network_can_not_be_read(
    news: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "is_public", lambda address: address == "127.0.0.1")
    news.answers["/robots.txt"] = redirect("http://inner.example/robots.txt")
    news.answers["/feed"] = write_feed("/a")

    with Fetcher(
        limits=LIMITS, resolve=lambda name, _: ("10.0.0.1" if name == "inner.example" else "127.0.0.1",)
    ) as it:
        found = run(news.url("/feed"), it)

    assert tell(found, news)[0].startswith("/a: not fetched: its robots.txt can't be read")


def test_who_waits_is_told_of_the_pages_to_come_and_of_a_slower_pace(news: WebServer, fetcher: Fetcher) -> None:
    news.answers["/robots.txt"] = Page(b"User-agent: *\nCrawl-delay: 45", type="text/plain")
    news.answers["/feed"] = write_feed("/a", "/b", "/c")
    expected: list[int] = []
    said: list[str] = []

    list(
        crawl(
            news.url("/feed"),
            fetcher=fetcher,
            max_pages=2,
            sleep=lambda _: None,
            expect=expected.append,
            say=said.append,
        )
    )

    assert expected == [2]
    (line,) = said
    assert line.endswith(" asks for 45 seconds between two pages (robots.txt); 30 are kept")


def test_rules_for_a_great_many_programs_take_no_memory() -> None:
    agents = "".join(f"User-agent: robot{number}\n" for number in range(20_000))
    rules = "".join(f"Disallow: /{number}\n" for number in range(20_000))

    kept = crawling._drop_other_agents(f"{agents}{rules}User-agent: *\nDisallow: /a")

    assert kept.count("robot") == 0
    assert kept.endswith("User-agent: *\nDisallow: /a")
    assert len(set(kept.splitlines()[:20_000])) == 1


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    script = "import sys, assistant.crawling\nprint(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()

    assert not {"httpcore2", "httpx2", "lxml", "protego", "idna", "numpy"} & set(loaded)


def test_a_host_is_not_hurried(news: WebServer, fetcher: Fetcher) -> None:
    waits: list[float] = []
    news.answers["/feed"] = write_feed("/a", "/b")

    run(news.url("/feed"), fetcher, pace_seconds=20, sleep=waits.append)

    assert len(waits) == 3  # before the robots.txt and each page
    assert all(10 < wait <= 20 for wait in waits)


@pytest.mark.parametrize(("delay", "wait"), [("20", 20), ("100000", 30), ("nan", 0), ("-5", 0), ("soon", 0)])
def test_a_host_may_ask_for_more_time_within_reason(news: WebServer, fetcher: Fetcher, delay: str, wait: float) -> None:
    waits: list[float] = []
    news.answers["/robots.txt"] = Page(f"User-agent: *\nCrawl-delay: {delay}".encode(), type="text/plain")
    news.answers["/feed"] = write_feed("/a", "/b")

    run(news.url("/feed"), fetcher, sleep=waits.append)

    assert len(waits) == (2 if wait else 0)
    assert all(wait / 2 < each <= wait for each in waits)


@pytest.mark.usefixtures("public")
def test_a_host_that_asks_to_wait_is_left_alone(news: WebServer, fetcher: Fetcher) -> None:
    news.answers["/a"] = Page(status=429)
    other = news.url("/c", host="other.example")
    news.answers["/feed"] = write_feed("/a", "/b", other)

    found = run(news.url("/feed"), fetcher)

    assert tell(found, news) == [
        "/a: its server asks to wait (429 Too Many Requests): try again in a few minutes",
        "/b: not fetched: its server has asked to wait; try again later",
        other,
        "[/feed]",
    ]


def test_a_host_that_gives_nothing_is_not_waited_for_again_and_again(news: WebServer, fetcher: Fetcher) -> None:
    for path in "1234":
        news.answers[f"/{path}"] = Raw([])
    news.answers["/feed"] = write_feed("/1", "/2", "/a", "/1?again", "/3", "/4", "/b")
    news.answers["/1?again"] = Raw([])

    found = run(news.url("/feed"), fetcher)

    assert tell(found, news)[2] == "/a"
    assert news.paths[-1] == "/4"
    assert tell(found, news)[-2] == ("/b: not fetched: nothing came from its server 3 times in a row; try again later")
