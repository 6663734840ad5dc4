"""Pages, feeds, sitemaps and lists of addresses as sources: from a server on loopback into the library, and again."""

import gzip
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fakes import WordEmbedder
from libraries import everywhere
from web_server import Page, WebServer, serve_web

from assistant import crawling
from assistant.ingest import add_sources, update_sources
from assistant.library import Library
from assistant.looking import DAY_NS, Given, Source
from assistant.types import IngestReport

PRIVATE = Given(allows_private=True)


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture
def server() -> Iterator[WebServer]:
    with serve_web() as server:
        yield server


@pytest.fixture(autouse=True)
def no_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(crawling.crawl.__kwdefaults__, "pace_seconds", 0.0)


def add(library: Library, embedder: WordEmbedder, *sources: Source, given: Given = PRIVATE) -> IngestReport:
    return add_sources(sources, library=library, embedder=embedder, given=given)


def update(library: Library, embedder: WordEmbedder) -> IngestReport:
    return update_sources(library=library, embedder=embedder)


def make_page(title: str, *, day: int = 3) -> Page:
    paragraphs = "".join(
        f"<p>{title} was what people in Vela spoke about on day {number} of the week, said Ana Ruiz, who keeps the"
        " lighthouse and had seen the ships go out before anybody else was awake.</p>"
        for number in range(4)
    )
    html = (
        f'<html lang="en"><head><title>{title} | The Vela Post</title><meta property="og:site_name"'
        f' content="The Vela Post"><meta property="article:published_time" content="2025-03-{day:02}T09:30:00+02:00">'
        f"</head><body><nav>Home</nav><article><h1>{title}</h1>{paragraphs}</article></body></html>"
    )
    return Page(html.encode(), headers={"ETag": f'"{title}"'})


def revalidating(page: Page) -> object:
    """Answer with a page, or that it hasn't changed to who has it."""

    def answer(asked: object) -> Page:
        headers = asked.headers  # type: ignore[attr-defined]
        return Page(status=304) if headers.get("if-none-match") == page.headers["ETag"] else page

    return answer


def make_feed(server: WebServer, *paths: str) -> Page:
    items = "".join(f"<item><title>{path}</title><link>{server.url(path)}</link></item>" for path in paths)
    feed = f'<?xml version="1.0"?><rss version="2.0"><channel><title>Vela</title>{items}</channel></rss>'
    return Page(feed.encode(), "application/rss+xml", headers={"ETag": f'"{len(paths)}"'})


def make_bare_page(text: str) -> Page:
    """Make a page that says nothing of itself."""
    return Page(f"<html><body><article>{f'<p>{text} Nobody in Vela had seen it come.</p>' * 4}</article>".encode())


def make_telling_feed(server: WebServer, path: str) -> Page:
    feed = (
        f'<rss xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Vela</title><item><link>{server.url(path)}'
        "</link><title>Tides &amp;amp; &lt;b&gt;fog&lt;/b&gt;</title><dc:creator>By Ana Ruiz</dc:creator>"
        "<pubDate>Mon, 03 Mar 2025 09:30:00 +0200</pubDate></item></channel></rss>"
    )
    return Page(feed.encode(), "application/rss+xml", headers={"ETag": '"telling"'})


def titles(library: Library) -> set[str]:
    with library.snapshot() as snapshot:
        return {article.title for article in snapshot.articles()}


def test_a_page_is_an_article_with_what_it_says_of_itself(
    library: Library, embedder: WordEmbedder, server: WebServer
) -> None:
    server.answers["/fog"] = make_page("Fog over the bay")
    url = server.url("/fog")

    report = add(library, embedder, f"{url}?utm_source=feed#top")

    assert report.failed == ()
    (id,) = report.added
    with library.snapshot() as snapshot:
        article = snapshot.article(id)
    assert article is not None
    assert (article.title, article.outlet, article.url) == ("Fog over the bay", "The Vela Post", url)
    assert str(article.published) == "2025-03-03 09:30:00+02:00"
    assert "Home" not in article.text
    assert {origin.field for origin in article.origins} >= {"title", "outlet", "published"}


def test_an_address_that_is_not_public_is_refused_unless_allowed(
    library: Library, embedder: WordEmbedder, server: WebServer
) -> None:
    server.answers["/fog"] = make_page("Fog over the bay")

    (failure,) = add(library, embedder, server.url("/fog"), given=Given()).failed

    assert failure.source == server.url("/fog")
    assert "--allow-private" in failure.reason
    assert server.asked == []
    assert not library.exists


def test_each_page_of_a_feed_is_taken_and_a_bad_one_stops_no_other(
    library: Library, embedder: WordEmbedder, server: WebServer
) -> None:
    server.answers |= {
        "/feed": make_feed(server, "/fog", "/lost", "/rain"),
        "/fog": make_page("Fog over the bay"),
        "/rain": make_page("Rain at last"),
    }

    report = add(library, embedder, server.url("/feed"))

    assert titles(library) == {"Fog over the bay", "Rain at last"}
    assert [failure.source for failure in report.failed] == [server.url("/lost")]


def test_a_packed_sitemap_at_hand_is_a_list_of_pages(
    library: Library, embedder: WordEmbedder, server: WebServer, tmp_path: Path
) -> None:
    server.answers["/fog"] = make_page("Fog over the bay")
    sitemap = tmp_path / "sitemap.xml.gz"
    sitemap.write_bytes(gzip.compress(f"<urlset><url><loc>{server.url('/fog')}</loc></url></urlset>".encode()))
    other = tmp_path / "story.gz"
    other.write_bytes(gzip.compress(b"It rained."))

    # A host that only a list names is none that its user named.
    refused = add(library, embedder, sitemap)
    report = add(library, embedder, server.url("/fog"), sitemap, other)

    assert [failure.source for failure in refused.failed] == [server.url("/fog")]
    assert "not a public address; --allow-private counts for the hosts that you name" in refused.failed[0].reason
    assert titles(library) == {"Fog over the bay"}
    assert [failure.reason for failure in report.failed if failure.source == str(other)] == [
        "compressed: unpack it first"
    ]


def test_one_page_by_http_and_by_https_is_one_article(library: Library, embedder: WordEmbedder, tmp_path: Path) -> None:
    page = "---\ntitle: Fog\nurl: {}://courier.example/fog\n---\nFog lay over the bay."
    for name, scheme in (("a.md", "http"), ("b.md", "https")):
        (tmp_path / name).write_text(page.format(scheme), encoding="utf-8")

    report = add(library, embedder, tmp_path)
    again = add(library, embedder, tmp_path / "b.md")

    assert report.added == ("http://courier.example/fog",)
    assert report.failed == again.failed == ()
    assert (again.added, again.updated) == ((), ())


@everywhere
def test_an_update_asks_only_whether_pages_have_changed(
    library: Library, embedder: WordEmbedder, server: WebServer
) -> None:
    feed, fog, rain = make_feed(server, "/fog", "/rain"), make_page("Fog over the bay"), make_page("Rain at last")
    server.answers |= {"/feed": revalidating(feed), "/fog": revalidating(fog), "/rain": revalidating(rain)}  # type: ignore[dict-item]
    first = add(library, embedder, server.url("/feed"))
    embedded = list(embedder.embedded)

    second = update(library, embedder)

    assert len(first.added) == 2
    assert set(second.unchanged) == set(first.added)
    assert second.failed == ()
    assert embedder.embedded == embedded
    assert [asked.path for asked in server.asked if "if-none-match" in asked.headers] == ["/feed", "/fog", "/rain"]


def test_a_page_that_changed_is_replaced_though_its_feed_has_not(
    library: Library, embedder: WordEmbedder, server: WebServer
) -> None:
    feed = make_feed(server, "/fog", "/rain")
    server.answers |= {
        "/feed": revalidating(feed),  # type: ignore[dict-item]
        "/fog": make_page("Fog over the bay"),
        "/rain": make_page("Rain at last"),
    }
    add(library, embedder, server.url("/feed"))
    server.answers["/rain"] = make_page("Rain no more")

    report = update(library, embedder)

    assert len(report.updated) == 1
    assert titles(library) == {"Fog over the bay", "Rain no more"}


def test_a_page_that_is_gone_is_reported_and_kept(library: Library, embedder: WordEmbedder, server: WebServer) -> None:
    server.answers |= {"/fog": make_page("Fog over the bay"), "/rain": make_page("Rain at last")}
    first = add(library, embedder, server.url("/fog"), server.url("/rain"))
    del server.answers["/rain"]

    report = update(library, embedder)

    assert report.gone == (first.added[1],)
    assert report.failed == ()
    assert titles(library) == {"Fog over the bay", "Rain at last"}


def test_a_dead_page_of_a_feed_takes_no_other_with_it(
    library: Library, embedder: WordEmbedder, server: WebServer
) -> None:
    server.answers |= {
        "/feed": make_feed(server, "/fog", "/rain"),
        "/fog": make_page("Fog over the bay"),
        "/rain": make_page("Rain at last"),
    }
    first = add(library, embedder, server.url("/feed"))
    server.answers |= {
        "/feed": make_feed(server, "/fog", "/rain", "/snow", "/hail"),
        "/rain": Page(b"gone", status=410),
        "/snow": make_page("Snow in the hills"),
    }

    report = update_sources(library=library, embedder=embedder, remove_gone=True)

    assert report.gone == tuple(id for id in first.added if id.endswith("/rain"))
    assert [failure.source for failure in report.failed] == [server.url("/hail")]
    assert titles(library) == {"Fog over the bay", "Snow in the hills"}


@pytest.mark.parametrize("is_update", [True, False])
@pytest.mark.parametrize(
    "failure",
    [Page(b"lost", status=404), Page(b"<html><body><p>Soon.</p></body></html>")],
    ids=["404", "no article"],
)
def test_a_page_that_failed_is_asked_for_again_though_its_feed_is_unchanged(
    library: Library, embedder: WordEmbedder, server: WebServer, failure: Page, *, is_update: bool
) -> None:
    server.answers |= {
        "/feed": revalidating(make_feed(server, "/fog", "/rain")),  # type: ignore[dict-item]
        "/fog": make_page("Fog over the bay"),
        "/rain": failure,
    }
    first = add(library, embedder, server.url("/feed"))
    server.answers["/rain"] = make_page("Rain at last")

    report = update(library, embedder) if is_update else add(library, embedder, server.url("/feed"))

    assert [failure.source for failure in first.failed] == [server.url("/rain")]
    assert (len(report.added), report.unchanged, report.failed) == (1, first.added, ())
    assert titles(library) == {"Fog over the bay", "Rain at last"}
    server.asked.clear()
    update(library, embedder)
    assert "if-none-match" in server.asked[0].headers  # the feed is whole now


def test_a_page_that_was_away_and_removed_comes_back_though_its_feed_is_unchanged(
    library: Library, embedder: WordEmbedder, server: WebServer
) -> None:
    server.answers |= {
        "/feed": revalidating(make_feed(server, "/fog", "/rain")),  # type: ignore[dict-item]
        "/fog": make_page("Fog over the bay"),
        "/rain": make_page("Rain at last"),
    }
    add(library, embedder, server.url("/feed"))
    page = server.answers.pop("/rain")
    away = update_sources(library=library, embedder=embedder, remove_gone=True)
    server.answers["/rain"] = page

    report = update(library, embedder)

    assert report.added == away.removed != ()
    assert titles(library) == {"Fog over the bay", "Rain at last"}


def test_what_a_feed_names_no_more_is_not_gone(library: Library, embedder: WordEmbedder, server: WebServer) -> None:
    server.answers |= {
        "/feed": make_feed(server, "/fog", "/rain"),
        "/fog": make_page("Fog over the bay"),
        "/rain": make_page("Rain at last"),
    }
    add(library, embedder, server.url("/feed"))
    server.answers["/feed"] = make_feed(server, "/fog")

    report = update(library, embedder)

    assert report.gone == ()
    assert len(titles(library)) == 2


def test_a_file_of_addresses_is_a_source_of_their_pages(
    library: Library, embedder: WordEmbedder, server: WebServer, tmp_path: Path
) -> None:
    server.answers |= {"/fog": make_page("Fog over the bay"), "/rain": make_page("Rain at last")}
    path = tmp_path / "addresses.txt"
    path.write_text(f"# what to read\n{server.url('/fog')}\n{server.url('/rain')}\nwww.example/x\n")

    (failure,) = add(library, embedder, path).failed

    assert "line 4" in f"{failure.source}: {failure.reason}"
    assert titles(library) == {"Fog over the bay", "Rain at last"}
    server.answers["/rain"] = make_page("Rain no more")
    assert len(update(library, embedder).updated) == 1


def test_a_list_in_a_folder_is_not_fetched_because_the_folder_is_indexed(
    library: Library, embedder: WordEmbedder, server: WebServer, tmp_path: Path
) -> None:
    (tmp_path / "addresses.txt").write_text(f"{server.url('/fog')}\n{server.url('/rain')}\n")

    (failure,) = add(library, embedder, tmp_path).failed

    assert "a list of addresses" in failure.reason
    assert server.asked == []


def test_what_a_page_does_not_say_is_taken_from_its_feed(
    library: Library, embedder: WordEmbedder, server: WebServer
) -> None:
    feed = make_telling_feed(server, "/1")
    server.answers |= {"/feed": revalidating(feed), "/1": make_bare_page("Fog came.")}  # type: ignore[dict-item]
    add(library, embedder, server.url("/feed"))

    def tell() -> list[object]:
        with library.snapshot() as snapshot:
            (id,) = [article.id for article in snapshot.articles()]
            article = snapshot.article(id)
        assert article is not None
        said = [origin.field for origin in article.origins if origin.place == "feed"]
        return [article.title, article.author, str(article.published), said, article.text[:9]]

    known = ["Tides & fog", "Ana Ruiz", "2025-03-03 09:30:00+02:00", ["title", "author", "published"]]
    assert tell() == [*known, "Fog came."]

    # A page that has changed keeps what its feed, which hasn't, said of it; and it may be given by itself too.
    server.answers["/1"] = make_bare_page("Fog went.")
    assert len(update(library, embedder).updated) == 1
    assert tell() == [*known, "Fog went."]
    for report in (
        add(library, embedder, server.url("/1")),
        update(library, embedder),
        add(library, embedder, server.url("/feed"), server.url("/1")),
        add(library, embedder, server.url("/1"), server.url("/feed")),
    ):
        assert (report.added, report.updated, report.failed, report.gone) == ((), (), (), ())
    assert tell() == [*known, "Fog went."]


def test_what_sitemaps_and_updates_of_feeds_say_is_taken_too(
    library: Library, embedder: WordEmbedder, server: WebServer
) -> None:
    news = "http://www.google.com/schemas/sitemap-news/0.9"
    sitemap = (
        f'<urlset xmlns:n="{news}"><url><loc>{server.url("/1")}</loc><lastmod>2025-03-09</lastmod><n:news>'
        "<n:publication><n:name>Bay Courier</n:name></n:publication><n:publication_date>2025-03-07</n:publication_date>"
        "</n:news></url></urlset>"
    )
    feed = f'<feed><entry><link href="{server.url("/2")}"/><updated>2025-03-05T10:00:00+02:00</updated></entry></feed>'
    server.answers |= {
        "/map": Page(sitemap.encode(), type="application/xml"),
        "/feed": Page(feed.encode(), type="application/xml"),
        "/1": make_bare_page("Fog came."),
        "/2": make_bare_page("Fog went."),
    }

    ids = add(library, embedder, server.url("/map"), server.url("/feed")).added

    with library.snapshot() as snapshot:
        first, second = (snapshot.article(id) for id in ids)
    assert first is not None
    assert second is not None
    assert (first.outlet, f"{first.published:%m-%d}", first.updated) == ("Bay Courier", "03-07", None)
    assert (second.published, f"{second.updated:%m-%d %H}") == (None, "03-05 10")
    assert dict(first.origins)["outlet"] == dict(second.origins)["updated"] == "feed"


@pytest.mark.parametrize("is_page_first", [True, False])
def test_a_page_that_is_given_beside_its_feed_is_one_article(
    library: Library, embedder: WordEmbedder, server: WebServer, is_page_first: bool
) -> None:
    server.answers |= {"/feed": make_telling_feed(server, "/1"), "/1": make_bare_page("Fog came.")}
    sources = [server.url("/1"), server.url("/feed")]

    report = add(library, embedder, *(sources if is_page_first else sources[::-1]))

    assert (len(report.added), report.failed) == (1, ())


def test_what_a_page_says_goes_before_what_its_feed_says(
    library: Library, embedder: WordEmbedder, server: WebServer
) -> None:
    server.answers |= {"/feed": make_telling_feed(server, "/fog"), "/fog": make_page("Fog over the bay", day=5)}

    (id,) = add(library, embedder, server.url("/feed")).added

    with library.snapshot() as snapshot:
        article = snapshot.article(id)
    assert article is not None
    assert (article.title, article.author, article.published and article.published.day) == (
        "Fog over the bay", "Ana Ruiz", 5,
    )  # fmt: skip
    assert [origin.field for origin in article.origins if origin.place == "feed"] == ["author"]


def test_what_is_given_of_a_feed_holds_for_its_pages_when_they_are_looked_at_again(
    library: Library, embedder: WordEmbedder, server: WebServer
) -> None:
    server.answers |= {"/feed": make_feed(server, "/fog"), "/fog": make_page("Fog over the bay")}
    add(library, embedder, server.url("/feed"), given=Given(outlet="Vela Wire", allows_private=True))
    server.answers["/fog"] = make_page("Fog has gone")

    update(library, embedder)

    with library.snapshot() as snapshot:
        assert [(article.title, article.outlet) for article in snapshot.articles()] == [("Fog has gone", "Vela Wire")]


def test_a_feed_is_settled_though_some_of_its_pages_are_refused_for_good(
    library: Library, embedder: WordEmbedder, server: WebServer
) -> None:
    feed = make_feed(server, "/ferry", "/secret", "/gone")
    feed.body = feed.body.replace(b"</channel>", b"<item><link>file:///etc/passwd</link></item></channel>")
    server.answers |= {
        "/feed": revalidating(feed),  # type: ignore[dict-item]
        "/ferry": make_page("Ferry"),
        "/gone": Page(status=410),
        "/robots.txt": Page(b"User-agent: *\nDisallow: /secret", "text/plain"),
    }

    first = add(library, embedder, server.url("/feed"))
    server.asked.clear()
    second = update(library, embedder)

    assert (len(first.added), len(first.failed)) == (1, 3)
    assert (second.unchanged, second.failed) == (first.added, ())
    assert server.paths == ["/feed", "/ferry"]


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Put the clock forward by so many days."""
    real, ahead = time.time_ns, [0]
    monkeypatch.setattr(time, "time_ns", lambda: real() + ahead[0])

    def wait(days: float) -> None:
        ahead[0] += int(days * DAY_NS)

    return wait


def test_a_page_that_stays_away_is_asked_for_ever_more_seldom_and_one_gone_for_good_never(
    library: Library, embedder: WordEmbedder, server: WebServer, wait: Callable[[float], None]
) -> None:
    server.answers |= {
        "/feed": make_feed(server, "/fog", "/rain", "/snow"),
        "/fog": make_page("Fog over the bay"),
        "/rain": Page(status=404),
        "/snow": Page(status=410),
    }
    add(library, embedder, server.url("/feed"))
    asked = []
    for days in (2, 0.5, 40, 50):
        wait(days)
        server.asked.clear()
        report = update(library, embedder)
        asked.append("/rain" in server.paths)
        assert [failure.source for failure in report.failed] == [server.url("/rain")] * asked[-1]
        assert "/snow" not in server.paths

    # Within a day of the first look, too soon after it, after twice as long, and given up.
    assert asked == [True, False, True, False]


def test_a_list_is_read_once_a_day_though_it_has_not_changed(
    library: Library, embedder: WordEmbedder, server: WebServer, wait: Callable[[float], None]
) -> None:
    server.answers |= {
        "/feed": revalidating(make_feed(server, "/fog", "/rain")),  # type: ignore[dict-item]
        "/fog": make_page("Fog over the bay"),
        "/rain": make_page("Rain at last"),
    }
    add(library, embedder, server.url("/feed"))
    with library.writing(), closing(sqlite3.connect(library.folder / "library.sqlite3")) as connection, connection:
        connection.execute("DELETE FROM items WHERE name LIKE '%/rain'")  # it never came in
    server.asked.clear()
    update(library, embedder)
    assert "/rain" not in server.paths

    wait(2)
    update(library, embedder)

    assert "/rain" in server.paths


def test_one_address_for_all_pages_of_a_site_is_not_believed(
    library: Library, embedder: WordEmbedder, server: WebServer
) -> None:
    def make(text: str) -> Page:
        page = make_bare_page(text)
        head = f'<head><link rel="canonical" href="{server.url("/news")}"></head><body>'
        return Page(page.body.replace(b"<body>", head.encode()))

    texts = [
        "The ferry to Lum broke down twice on Friday night, and those who wanted home slept in the school. " * 3,
        "A goat has won the prize of the horse show in Abend, for no horse would jump in the rain that fell. " * 3,
        "Nobody knows who painted the town hall pink, the mayor of Quill told her council, and few mind it. " * 3,
    ]
    server.answers |= {f"/{number}": make(text) for number, text in enumerate(texts)}
    urls = [server.url(f"/{number}") for number in range(3)]

    first = add(library, embedder, urls[0], urls[1])
    second = add(library, embedder, urls[2])
    server.answers |= {f"/{number}": make(f"It was said again. {text}") for number, text in enumerate(texts)}
    again = update(library, embedder)

    assert (len(first.added), first.failed, first.updated) == (2, (), ())
    assert (len(second.added), second.failed, second.updated) == (1, (), ())
    assert (again.added, again.failed, again.gone, len(again.updated)) == ((), (), (), 3)
    with library.snapshot() as snapshot:
        assert len(snapshot.articles()) == 3


def test_a_copy_of_a_page_under_another_address_is_the_page_that_it_names(
    library: Library, embedder: WordEmbedder, server: WebServer, tmp_path: Path
) -> None:
    head = f'<head><link rel="canonical" href="{server.url("/storm")}">'
    page = Page(make_page("Storm").body.replace(b"<head>", head.encode()))
    server.answers |= {"/storm": page, "/amp/storm": page}
    saved = tmp_path / "storm.html"
    saved.write_bytes(page.body.replace(b"before anybody", b"long before anybody"))

    add(library, embedder, server.url("/storm"))
    fetched = add(library, embedder, server.url("/amp/storm"))
    read = add(library, embedder, saved)

    assert (len(fetched.unchanged), fetched.added) == (1, ())
    assert (len(read.updated), read.added) == (1, ())


@pytest.mark.parametrize("media_type", ["application/json", "text/javascript; charset=utf-8", "application/ld+json"])
def test_what_a_server_calls_code_or_data_is_no_article(
    media_type: str, library: Library, embedder: WordEmbedder, server: WebServer
) -> None:
    server.answers["/data"] = Page(b'{"a": "It rained in Vela for three days, and the ferry stayed."}', media_type)

    report = add(library, embedder, server.url("/data"))

    assert report.added == ()
    assert "no article can be read from this kind of file (code or data)" in report.failed[0].reason


def test_articles_in_json_lines_are_read_whatever_a_server_calls_them(
    library: Library, embedder: WordEmbedder, server: WebServer
) -> None:
    server.answers["/data"] = Page(b'{"id": "1", "text": "It rained in Vela."}', "application/json")

    assert add(library, embedder, server.url("/data")).added == ("1",)
