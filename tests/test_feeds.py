import tracemalloc
from datetime import UTC, datetime, timedelta, timezone

import pytest

from assistant import feeds
from assistant.errors import ArticleError
from assistant.feeds import list_entries
from assistant.kinds import is_list, tell_kind
from assistant.types import Document, Entry

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<!-- made by hand -->
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/"
     xmlns:atom="http://www.w3.org/2005/Atom" xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0">
<channel>
  <title>Forest Courier</title>
  <link>https://forest-courier.example/</link>
  <atom:link href="https://forest-courier.example/feed" rel="self"/>
  <image><title>Logo</title><link>https://forest-courier.example/logo</link></image>
  <item>
    <title>Fox &amp; dog: caf&#233; closes</title>
    <link> https://forest-courier.example/fox?utm_source=rss </link>
    <description><![CDATA[<p>See <a href="https://other.example/">this</a>.]]></description>
    <media:content url="https://forest-courier.example/fox.jpg"><media:title>A picture</media:title></media:content>
    <source url="https://agency.example/feed"><link>https://agency.example/</link></source>
    <pubDate>Sat, 15 Mar 2025 09:30:00 EST</pubDate>
  </item>
  <item><title>No link at all</title><guid isPermaLink="false">tag:1</guid></item>
  <item><guid>https://forest-courier.example/guid</guid><dc:date>2025-03-16T08:00:00+01:00</dc:date></item>
  <item><link>/relative</link><pubDate>some day</pubDate></item>
  <item><link>https://counter.example/1</link><feedburner:origLink>https://forest-courier.example/first</feedburner:origLink></item>
  <item><link>mailto:editor@forest-courier.example</link></item>
  <item><link>https://forest-courier.example/relative</link><title>Again</title></item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://hill-herald.example/news/">
  <link rel="self" href="feed"/><link href="/"/>
  <entry>
    <title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Two <b>fall</b> on hill</div></title>
    <link rel="enclosure" href="sound.mp3"/><link rel="alternate" href="hill"/><link href="other"/>
    <id>urn:1</id><updated>2025-03-17T12:00:00Z</updated><published>2025-03-16</published>
  </entry>
  <entry xml:base="2025/"><link href="pail"/><title>Pail</title></entry>
</feed>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
         xmlns:dc="http://purl.org/dc/elements/1.1/">
  <channel rdf:about="https://lamb.example/"><link>https://lamb.example/</link></channel>
  <item rdf:about="https://lamb.example/1"><title>Lamb</title><dc:date>2025-03-15</dc:date></item>
  <item rdf:about="urn:2"><link>https://lamb.example/2</link></item>
</rdf:RDF>"""
SITEMAP = """<?xml version="1.0"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
        xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"
        xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
  <url><loc>https://forest-courier.example/fox</loc><lastmod>2025-03-15</lastmod>
    <image:image><image:loc>https://forest-courier.example/fox.jpg</image:loc></image:image></url>
  <url><loc>https://forest-courier.example/dog</loc><lastmod>2025-03-16T01:00:00Z</lastmod>
    <news:news><news:publication><news:name>Forest Courier</news:name></news:publication>
    <news:publication_date>2025-03-15T09:30:00+02:00</news:publication_date><news:title>Dog wakes</news:title>
    </news:news></url>
</urlset>"""
INDEX = """<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
  <sitemap><loc>https://forest-courier.example/2024.xml</loc><lastmod>2024-12-31</lastmod></sitemap>
  <sitemap><loc>https://forest-courier.example/2025.xml</loc></sitemap>
</sitemapindex>"""
ADDRESSES = """\ufeff# What to read

https://forest-courier.example/fox\r
  http://hill-herald.example/hill?id=7
# https://forest-courier.example/not-this
https://forest-courier.example/fox
"""
BOMB = """<?xml version="1.0"?>
<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<rss version="2.0"><channel><item><title>&c;</title><link>https://forest-courier.example/</link></item></channel></rss>"""
QUADRATIC = BOMB.replace('"ha"', '"' + "ha" * 500 + '"').replace("&c;", "&a;" * 100_000)
EXTERNAL = BOMB.replace('<!ENTITY a "ha">', '<!ENTITY a SYSTEM "file:///etc/passwd">')
PARAMETER = BOMB.replace('<!ENTITY a "ha">', '<!ENTITY % a SYSTEM "http://127.0.0.1/"> %a;')


def read(text: str | bytes, url: str | None = "https://forest-courier.example/feeds/all") -> list[Entry | str]:
    data = text if isinstance(text, bytes) else text.encode()
    found = list_entries(Document(name="list", data=data, url=url))
    return [str(each) if isinstance(each, ArticleError) else each for each in found]


def test_a_feed_lists_its_entries_and_says_which_it_leaves_out() -> None:
    assert read(RSS) == [
        Entry(
            "https://forest-courier.example/fox?utm_source=rss",
            "Fox & dog: café closes",
            datetime(2025, 3, 15, 9, 30, tzinfo=timezone(timedelta(hours=-5))),
        ),
        "list: entry 2 (No link at all): left out: it has no link to a page",
        Entry(
            "https://forest-courier.example/guid",
            published=datetime(2025, 3, 16, 8, tzinfo=timezone(timedelta(hours=1))),
        ),
        Entry("https://forest-courier.example/relative"),
        Entry("https://forest-courier.example/first"),
        "list: entry 6: left out: mailto:editor@forest-courier.example: "
        "only addresses that begin with http:// or https:// are fetched",
    ]


def test_an_atom_feed_has_its_links_in_attributes() -> None:
    assert read(ATOM) == [
        Entry(
            "https://hill-herald.example/news/hill",
            "Two fall on hill",
            datetime(2025, 3, 16, tzinfo=UTC),
            datetime(2025, 3, 17, 12, tzinfo=UTC),
        ),
        Entry("https://hill-herald.example/news/2025/pail", "Pail"),
    ]


def test_an_rdf_feed_has_its_entries_beside_its_channel() -> None:
    assert read(RDF) == [
        Entry("https://lamb.example/1", "Lamb", datetime(2025, 3, 15, tzinfo=UTC)),
        Entry("https://lamb.example/2"),
    ]


@pytest.mark.parametrize(
    "namespace",
    ["http://my.netscape.com/rdf/simple/0.9/", "http://purl.org/rss/1.0/", "http://purl.org/atom/ns#", ""],
)
@pytest.mark.parametrize(("root", "entry"), [("rss", "item"), ("feed", "entry")])
def test_older_versions_differ_in_their_namespaces(namespace: str, root: str, entry: str) -> None:
    feed = f'<{root} xmlns="{namespace}"><{entry}><title>Fox</title><link>https://a.example/</link></{entry}></{root}>'

    assert read(feed) == [Entry("https://a.example/", "Fox")]


@pytest.mark.parametrize(
    ("feed", "author"),
    [
        ("<rss><item>{}<author>ana@vela.example (Ana Ruiz)</author></item></rss>", "Ana Ruiz"),
        ("<rss><item>{}<author>Ana Ruiz</author><author>Ben Ode</author></item></rss>", "Ana Ruiz, Ben Ode"),
        ('<rss xmlns:dc="http://purl.org/dc/elements/1.1/"><item>{}<dc:creator>Ana Ruiz</dc:creator></item></rss>',
         "Ana Ruiz"),
        ("<feed><entry>{}<author><name>Ana Ruiz</name><email>ana@vela.example</email></author><author><name>Ben Ode"
         "</name></author><contributor><name>Cem</name></contributor></entry></feed>", "Ana Ruiz, Ben Ode"),
        ('<feed xmlns:dc="http://purl.org/dc/elements/1.1/"><entry>{}<dc:creator>Ana Ruiz</dc:creator></entry></feed>',
         "Ana Ruiz"),
        ("<feed><entry>{}<source><author><name>Ana Ruiz</name></author></source></entry></feed>", None),
        ("<rss><channel><item>{}<author> </author></item></channel></rss>", None),
    ],
)  # fmt: skip
def test_an_entry_has_authors(feed: str, author: str | None) -> None:
    assert read(feed.format("<link>https://a.example/</link>")) == [Entry("https://a.example/", author=author)]


def test_a_sitemap_lists_pages_and_a_news_sitemap_when_they_were_published() -> None:
    assert read(SITEMAP) == [
        Entry("https://forest-courier.example/fox", updated=datetime(2025, 3, 15, tzinfo=UTC)),
        Entry(
            "https://forest-courier.example/dog",
            "Dog wakes",
            datetime(2025, 3, 15, 9, 30, tzinfo=timezone(timedelta(hours=2))),
            datetime(2025, 3, 16, 1, tzinfo=UTC),
            outlet="Forest Courier",
        ),
    ]


def test_an_index_lists_sitemaps() -> None:
    first, second = read(INDEX)

    assert first == Entry(
        "https://forest-courier.example/2024.xml", updated=datetime(2024, 12, 31, tzinfo=UTC), is_listing=True
    )
    assert second == Entry("https://forest-courier.example/2025.xml", is_listing=True)


def test_a_file_lists_addresses() -> None:
    assert read(ADDRESSES) == [
        Entry("https://forest-courier.example/fox"),
        Entry("http://hill-herald.example/hill?id=7"),
    ]


def test_a_line_that_is_no_address_is_named() -> None:
    assert read("https://a.example/\n\nhttps://ann:secret@b.example/\nc.example") == [
        Entry("https://a.example/"),
        "list: line 3: left out: https://b.example/: give the address without a user name and password: none are sent",
        "list: line 4: left out: c.example: only addresses that begin with http:// or https:// are fetched",
    ]


@pytest.mark.parametrize("text", [RSS, ATOM, RDF, SITEMAP, INDEX, ADDRESSES, "\n  <rss>", "<?xml?><!DOCTYPE rss><rss>"])
def test_a_list_is_told_by_its_content(text: str) -> None:
    assert is_list(Document("list", text.encode(), media_type="text/html"))
    assert (tell_kind(Document("list", text.encode())) == "addresses") is (text == ADDRESSES)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"# Only a remark",
        b"The fox jumped.\nhttps://a.example/",
        b"https://a.example/\nThe fox jumped.",
        b"<!doctype html><html><body>https://a.example/",
        b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'>",
        b"<svg><rss>",
        b"%PDF-1.7",
        b"<!---->" * 10_000 + b"x",
        b"<!DOCTYPE x [" * 1_000,
    ],
)
def test_what_is_no_list_is_told_too(data: bytes) -> None:
    assert not is_list(Document("page", data, media_type="application/rss+xml"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_a_feed_may_be_in_any_encoding(encoding: str) -> None:
    data = RSS.replace("UTF-8", encoding.removesuffix("-sig")).encode(encoding)

    first = read(data)[0]

    assert is_list(Document("list", data))
    assert isinstance(first, Entry)
    assert first.title == "Fox & dog: café closes"


def test_what_hands_write_into_feeds_is_understood() -> None:
    feed = """<rss><item><title>Fox & dog&nbsp;at the Caf&eacute; &lt;b&gt; &bogus; &#38; &#233;</title>
        <link>https://a.example/?a=1&b=2</link></item>
        <item><title>\x0bDog</title><x:y>z</x:y><link><![CDATA[https://a.example/?c=3&d=4&amp=5]]></link></item></rss>"""

    assert read(feed) == [
        Entry("https://a.example/?a=1&b=2", "Fox & dog at the Café <b> &bogus; & é"),
        Entry("https://a.example/?c=3&d=4&amp=5", "Dog"),
    ]


@pytest.mark.parametrize(
    "broken",
    [
        "<rss><item><title>Fox</title><link>https://a.example/</link></item><item><title>Hal",
        "<rss><item><title>Fox</title><link>https://a.example/</link></item><item><p>Hal</item></rss>",
        "<rss><item><title>Fox</title><link>https://a.example/</link></item>",
    ],
)
def test_a_broken_feed_gives_what_can_be_read_and_says_that_it_is(broken: str) -> None:
    first, *_, last = read(broken)

    assert first == Entry("https://a.example/", "Fox")
    assert str(last).startswith("list: its XML is broken, so entries may be missing")


@pytest.mark.parametrize("bomb", [BOMB, QUADRATIC, EXTERNAL, PARAMETER], ids=["laughs", "quadratic", "file", "network"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_list_with_entities_is_refused(bomb: str, encoding: str) -> None:
    document = Document("list", bomb.encode(encoding))

    assert is_list(document)
    with pytest.raises(ArticleError, match=r"^list: refused: it declares entities"):
        list_entries(document)


@pytest.mark.parametrize(
    ("piece", "before"),
    [
        (b"<a>", b""),
        (b"<item>", b""),
        (b'<item xml:base="a/">', b""),
        (b"<a/>", b""),
        (b"<item/>", b""),
        (b"<item><link>https://a.example/</link></item>", b""),
        (b"a&amp;", b"<item><title>"),
        (b"&x; 1234567890123456789012345678901234567890", b"<item><title>"),
        (b"&", b""),
        (b"<![CDATA[", b"<item><title>"),
        (b"<b/>a", b"<item><title>"),
        (b'a="b" ', b"<item "),
        (b'a%d="b" ', b"<item "),
        (b"<!--", b""),
        (b"<", b""),
    ],
)
def test_a_hostile_feed_takes_no_memory(piece: bytes, before: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MAX_EVENTS", 20_000)
    monkeypatch.setattr(feeds, "MAX_REFERENCES", 20_000)
    monkeypatch.setattr(feeds, "MAX_ENTRIES", 5_000)
    data = b"<rss><channel>" + before + piece * (1_000_000 // len(piece))
    document = Document("list", data, url="https://a.example/")
    tracemalloc.start()

    try:
        found = list(list_entries(document))
    except ArticleError as error:
        found = [error]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert all(str(each).isprintable() for each in found if isinstance(each, ArticleError))
    assert peak < 10_000_000


def test_what_is_too_large_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MAX_XML_BYTES", 1_000)
    monkeypatch.setattr(feeds, "MAX_ENTRIES", 2)

    with pytest.raises(ArticleError, match=r"^list: too large: a feed or sitemap"):
        read(RSS)
    assert read("https://a.example/1\nhttps://a.example/2\nhttps://a.example/3")[2:] == [
        "list: has more than 2 entries; the rest were left out"
    ]


@pytest.mark.parametrize("text", ["<rss></rss>", "<urlset/>", "# nothing", "<feed><title>Empty</title></feed>"])
def test_a_list_of_nothing_says_so(text: str) -> None:
    with pytest.raises(ArticleError, match=r"^list: no entries"):
        read(text)
