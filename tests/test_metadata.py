from datetime import UTC, datetime, timedelta, timezone

import pytest
from lxml.html import document_fromstring

from assistant.metadata import Metadata, clean_authors, read_metadata, tidy_url


def read(head: str = "", body: str = "", *, address: str | None = None) -> Metadata:
    return read_metadata(document_fromstring(f"<html lang=en><head>{head}</head><body>{body}</body></html>"), address)


def wrap(data: str) -> str:
    return f'<script type="application/ld+json">{data}</script>'


@pytest.mark.parametrize(
    ("byline", "names"),
    [
        ("Jane Doe", ["Jane Doe"]),
        ("By Jane Doe, Political Correspondent", ["Jane Doe"]),
        ("BY JANE DOE", ["Jane Doe"]),
        ("jane doe", ["Jane Doe"]),
        ("By Jane Doe and John Roe in Berlin", ["Jane Doe", "John Roe"]),
        ("Jane Doe, John Roe & Ann Lee", ["Jane Doe", "John Roe", "Ann Lee"]),
        ("Jane Doe | The Courier", ["Jane Doe"]),
        ("Jane Doe for The Courier", ["Jane Doe"]),
        ("Jane Doe, Berlin", ["Jane Doe"]),
        ("Jane Doe (jane@courier.example)", ["Jane Doe"]),
        ("Jane Doe @janedoe", ["Jane Doe"]),
        ("Dr. Aoife O'Dowd-Ní Bhriain", ["Dr. Aoife O'Dowd-Ní Bhriain"]),
        ("Ludwig van der Berg", ["Ludwig van der Berg"]),
        ("Plantu", ["Plantu"]),
        ("The Courier", []),
        ("Courier Staff", []),
        ("admin", []),
        ("jdoe42", []),
        ("https://courier.example/jane", []),
        ("jane@courier.example", []),
        ("", []),
    ],
)
def test_a_byline_is_names(byline: str, names: list[str]) -> None:
    assert clean_authors(byline, ("The Courier",), "en") == names


@pytest.mark.parametrize(
    ("byline", "language", "names"),
    [
        ("Von Katrin Vogel und Jonas Reuter", "de", ["Katrin Vogel", "Jonas Reuter"]),
        ("Par Hélène Marchais et Luc Tardieu", "fr", ["Hélène Marchais", "Luc Tardieu"]),
        ("Por Rui Tavira e Ana Lobo", "pt", ["Rui Tavira", "Ana Lobo"]),
        ("بقلم ليلى منصور", "ar", ["ليلى منصور"]),
        ("מאת נועה ברק", "he", ["נועה ברק"]),
        ("Por Joana d'Ávila e Sá, g1 — São Tomé", "pt", ["Joana d'Ávila e Sá"]),
        ("José Ortega y Gasset y Ana Lobo", "es", ["José Ortega y Gasset", "Ana Lobo"]),
        ("EFE", "es", ["EFE"]),
        ("Автор: Иван Петров", "ru", ["Иван Петров"]),
        ("記者：山田太郎", "ja", ["山田太郎"]),
        ("Ultimo aggiornamento: 04/04/2025", "it", []),
        ("입력 2025.04.03.", "ko", []),
    ],
)
def test_bylines_in_other_languages(byline: str, language: str, names: list[str]) -> None:
    assert clean_authors(byline, (), language) == names


@pytest.mark.parametrize(
    ("data", "author"),
    [
        ('{"@type":"NewsArticle","headline":"Storm","author":"Jane Doe"}', "Jane Doe"),
        (
            '{"@type":"NewsArticle","headline":"Storm","author":[{"name":["Jane Doe"]},{"name":"John Roe"}]}',
            "Jane Doe, John Roe",
        ),
        (
            '[{"@type":"WebSite"},[{"@type":["Thing","Article"],"author":{"givenName":"Jane","familyName":"Doe"}}]]',
            "Jane Doe",
        ),
        (
            '{"@graph":[{"@type":"Article","author":{"@id":"#j"}},{"@id":"#j","@type":"Person","name":"Jane Doe"}]}',
            "Jane Doe",
        ),
        ('{"@type":"http://schema.org/Article","creator":["Jane Doe"],}', "Jane Doe"),
        ('<!-- {"@type":"Article","author":"Jane Doe"} -->', "Jane Doe"),
        (
            '{"@type":"Article","headline":"A "great" storm","datePublished":"2025-03-15","author":{"name":"Jane Doe"}',
            "Jane Doe",
        ),
        ('{"@type":"Article","author":{"author":{"author":[]}}}', None),
        ('{"@type":7,"author":1}', None),
        ("null", None),
    ],
)
def test_json_ld_is_read_in_all_its_shapes(data: str, author: str | None) -> None:
    assert read(wrap(data)).author == author


def test_of_several_articles_the_pages_own_is_taken() -> None:
    data = '[{"@type":"NewsArticle","headline":"Other"},{"@type":"NewsArticle","headline":"Storm","author":"Jane Doe"}]'

    assert read(wrap(data), "<h1>Storm</h1>").author == "Jane Doe"


def test_the_better_form_of_a_time_is_taken() -> None:
    eastern = timezone(timedelta(hours=-5))
    day = '{"@type":"Article","datePublished":"2025-03-15"}'
    exact = '<meta property="article:published_time" content="2025-03-15T09:30:00-05:00">'
    naive = '{"@type":"Article","datePublished":"2025-03-15T09:30:00","dateModified":"2025-03-16T09:30:00-05:00"}'

    assert read(wrap(day) + exact).published == datetime(2025, 3, 15, 9, 30, tzinfo=eastern)
    assert read(wrap(naive)).published == datetime(2025, 3, 15, 9, 30, tzinfo=eastern)
    assert dict(read(wrap(naive)).origins)["published"].endswith("in the time zone of the page's other times")


def test_a_page_that_was_not_changed_after_it_was_published_has_no_update() -> None:
    data = '{"@type":"Article","datePublished":"2025-03-15T09:30:00Z","dateModified":"2025-03-15T09:30:00Z"}'

    assert read(wrap(data)).updated is None


def test_the_times_of_other_articles_are_not_this_ones() -> None:
    body = (
        '<aside><time datetime="2025-01-01T08:00Z">then</time></aside><h1>Storm</h1>'
        '<p><time datetime="2025-03-15T09:30Z">now</time></p>'
        '<div class="related"><time datetime="2025-02-01">x</time></div>'
    )

    assert read(body=body).published == datetime(2025, 3, 15, 9, 30, tzinfo=UTC)


def test_the_last_resort_for_a_day_is_the_address() -> None:
    metadata = read(body="<h1>Storm</h1>", address="https://a.example/2025/03/15/storm")

    assert metadata.published == datetime(2025, 3, 15, tzinfo=UTC)
    assert dict(metadata.origins)["published"].startswith("address")


@pytest.mark.parametrize(
    ("head", "body", "title"),
    [
        ("<title>Storm closes harbour | The Courier</title>", "<h1>Storm closes harbour</h1>", "Storm closes harbour"),
        ("<title>The Courier - Storm closes harbour</title>", "<h1>Storm closes harbour</h1>", "Storm closes harbour"),
        ('<meta property="og:title" content="Storm closes harbour">', "<h1>The Daily</h1>", "Storm closes harbour"),
        (wrap('{"@type":"Article","headline":"Storm closes harbour and stops the fer…"}'),
         "<h1>Storm closes harbour and stops the ferry to Osk</h1>", "Storm closes harbour and stops the ferry to Osk"),
        ("<title>The A-1 - a plan</title>", "<h1>The A-1 - a plan</h1>", "The A-1 - a plan"),
    ],
)  # fmt: skip
def test_a_title_is_the_headline_without_the_site(head: str, body: str, title: str) -> None:
    assert read(head + '<meta property="og:site_name" content="The Courier">', body).title == title


@pytest.mark.parametrize(
    ("head", "body", "outlet"),
    [
        ('<meta property="og:site_name" content="The Courier">', "", "The Courier"),
        ('<meta property="article:publisher" content="https://facebook.com/courier"><title>Storm - The Courier</title>',
         "<h1>Storm</h1>", "The Courier"),
        (wrap('{"@type":"Article","publisher":{"name":"Courier Media Group Ltd"}}')
         + '<meta property="og:site_name" content="The Courier">', "", "The Courier"),
        ('<meta name="twitter:site" content="@courier">',
         "<footer>© 2025 The Courier. All rights reserved</footer>", "The Courier"),
        ("", "", "courier.example"),
    ],
)  # fmt: skip
def test_an_outlet_is_a_name(head: str, body: str, outlet: str) -> None:
    assert read(head, body, address="https://www.courier.example/storm").outlet == outlet


@pytest.mark.parametrize(
    ("url", "tidy"),
    [
        ("HTTPS://A.example:443/Storm?utm_source=x&id=3#top", "https://a.example/Storm?id=3"),
        ("http://a.example", "http://a.example/"),
        ("https://a.example:8080/x?fbclid=1", "https://a.example:8080/x"),
        ("ftp://a.example/x", None),
        ("javascript:alert(1)", None),
        ("https://a.example:port/", None),
        ("https://[broken", None),
        ("", None),
    ],
)
def test_addresses_are_written_in_one_way(url: str, tidy: str | None) -> None:
    assert tidy_url(url) == tidy


LEAD = "<p>The council of Osk voted on Monday to paint the pier, which will take its one painter until spring.</p>"


@pytest.mark.parametrize(
    "body",
    [
        f"<h1>Pier</h1>{LEAD}<p>It was opened by the Queen on 4 June 1957.</p>",
        f"<h1>Pier</h1><p>It burned down on 4 June 1957.</p>{LEAD}",
        f"<h1>Pier</h1><p>It has stood since <time datetime=1957-06-04>4 June 1957</time>, the painter said.</p>{LEAD}",
        f"<h1>Pier</h1><p>In a book, published on 4 June 1957, the painter's father told of the pier.</p>{LEAD}",
        f"<h1>Pier</h1><figure><img src=p><figcaption>The pier, 4 June 1957</figcaption></figure>{LEAD}",
        f"<h1>Pier</h1><div class=photo><p>The pier, 4 June 1957</p></div>{LEAD}",
        f"<h1>Pier</h1><p><img src=p>The pier, 4 June 1957</p>{LEAD}",
        f"<h1>Pier</h1>{LEAD}<aside><time datetime=2019-05-06>6 May 2019</time></aside>",
        f"<h1>Pier</h1>{LEAD}<div><ul><li><a href=/x>Mill burns</a> <span class=date>6 May 2019</span></ul></div>",
        f"<h1>Pier</h1><ul><li><a href=/x>Old mill burns down again</a> <time>6 May 2019</time></ul>{LEAD}",
        f"<h1>Pier</h1>{LEAD}<div class=comment><time datetime=2025-06-07>7 June 2025</time><p>No!</p></div>",
        f"<h1>Pier</h1>{LEAD}<div><b>sal</b> <time datetime=2025-06-07>7 June 2025</time><p>No!</p></div>",
        f"<h1>Pier</h1>{LEAD}<footer>Last updated 9 September 2009</footer>",
        f"<h1>Pier</h1>{LEAD}<p>Last updated 9 September 2009</p>",
        f"<h1>Pier</h1>{LEAD}<div>Founded 1 July 1998</div>",
        f"<div id=top><span class=date>22 November 2026</span></div><div><h1>Pier</h1>{LEAD}</div>",
        "<h1>Pier</h1><div>The council of Osk voted on Monday to paint the pier, which will take until spring."
        "<br>4 June 1957<br>It opened.</div>",
    ],
)
def test_a_day_that_is_not_the_articles_is_not_its_publication(body: str) -> None:
    assert read(body=body).published is None


@pytest.mark.parametrize(
    "body",
    [
        f"<h1>Pier</h1><p>15 March 2025</p>{LEAD}",
        f"<h1>Pier</h1><div>By Jane Doe</div><div>15 March 2025</div>{LEAD}",
        f"<h1>Pier</h1><p class=deck>It will take until spring, they say.</p><p>By Jane Doe | 15 March 2025</p>{LEAD}",
        f"<h1>Pier</h1>{LEAD}<p class=byline>By Jane Doe, 15 March 2025</p>{LEAD.replace('Osk', 'Lum')}",
        f"<article><p class=date>15 March 2025</p><h1>Pier</h1>{LEAD}</article>",
        f"<h1>Pier</h1>{LEAD}<p>First published on 15 March 2025</p>",
        f"<h1>Pier</h1>{LEAD}<p class=meta>Posted by Jane Doe on 15 March 2025</p>",
        f"<h1>Pier</h1>{LEAD}<p>This article was originally published on 15 March 2025.</p>",
        f"<h1>Pier</h1>{LEAD}<div>Published: <time datetime=2025-03-15>15/3</time></div>",
    ],
)
def test_a_day_near_the_headline_or_called_published_is(body: str) -> None:
    assert read(body=body).published == datetime(2025, 3, 15, tzinfo=UTC)


def test_a_rare_name_of_a_date_is_known() -> None:
    metadata = read('<meta name="bt:pubdate" content="2025-03-15">', "<h1>Pier</h1>")

    assert metadata.published == datetime(2025, 3, 15, tzinfo=UTC)


@pytest.mark.parametrize("name", ["ref", "cmp", "spm", "ito", "at_story", "pk_id", "ns_story", "itm_id", "swt_x"])
def test_two_articles_that_a_parameter_tells_apart_are_two(name: str) -> None:
    first, second = (
        read(f'<link rel=canonical href="https://a.example/story?{name}={number}">', address="https://a.example/x").url
        for number in (1, 2)
    )

    assert first != second


@pytest.mark.parametrize("day", ["2025-02-30", "2025-13-01", "2025-02", "2099-01-01T00:00:00Z"])
def test_a_day_that_can_not_be_is_none(day: str) -> None:
    assert read(f'<meta property="article:published_time" content="{day}">', "<h1>Pier</h1>").published is None


@pytest.mark.parametrize("number", ["1741045500", "1741045500000", '"1741045500"'])
def test_a_time_of_json_ld_may_be_a_number(number: str) -> None:
    metadata = read(wrap(f'{{"@type":"NewsArticle","headline":"Pier","datePublished":{number}}}'))

    assert metadata.published == datetime(2025, 3, 3, 23, 45, tzinfo=UTC)


def test_the_origin_of_a_day_says_that_its_order_was_assumed() -> None:
    metadata = read(body=f"<h1>Pier</h1><p>3/4/2025</p>{LEAD}")

    assert metadata.published == datetime(2025, 4, 3, tzinfo=UTC)
    assert "the order of day and month assumed" in dict(metadata.origins)["published"]


@pytest.mark.parametrize(
    ("lang", "head", "address", "line", "month", "reason"),
    [
        ("en-GB", "", None, "", 4, "as in en-GB"),
        ("en-US", "", None, "", 3, "as in en-US"),
        ("en", '<meta property="og:locale" content="en_US">', None, "", 3, "as in en-US"),
        ("en", "", "https://post.example.co.uk/pier", "", 4, "as in en-GB"),
        ("en-US", "", "https://post.example.com.au/pier", "", 4, "as in en-AU"),
        ("en", "", "https://news.example.us/pier", "", 3, "as in en-US"),
        ("en", "", "https://news.example.io/pier", "", 4, "assumed"),
        ("en-GB", "", None, "<p class=date>Updated 3/14/2025</p>", 3, "as in another day of the page"),
        ("en-US", "", None, "<p class=date>Updated 14/3/2025</p>", 4, "as in another day of the page"),
        ("de", "", None, "", 4, "as in de"),
        ("en-CA", "", None, "", 4, "assumed"),
    ],
)
def test_the_order_of_day_and_month_is_what_the_page_tells(
    lang: str, head: str, address: str | None, line: str, month: int, reason: str
) -> None:
    html = (
        f"<html lang={lang}><head>{head}</head><body><h1>Pier</h1><p class=date>3/4/2025</p>{line}{LEAD}</body></html>"
    )
    metadata = read_metadata(document_fromstring(html), address)

    assert metadata.published is not None
    assert metadata.published.month == month
    assert f"the order of day and month {reason}" in dict(metadata.origins)["published"]


@pytest.mark.parametrize(
    ("lines", "published", "updated"),
    [
        (("입력 2025.04.03. 오후 11:45 수정 2025.04.04. 오전 7:10",), "2025-04-03 23:45", "2025-04-04 07:10"),
        (("Updated 9:12 AM ET, Fri April 4, 2025",), None, "2025-04-04 09:12"),
        (
            ("Posted 04/03/2025 11:45 PM EDT | Updated 04/04/2025 7:10 AM EDT", "Published on April 3, 2025."),
            "2025-04-03 23:45",
            "2025-04-04 07:10",
        ),
        (("03.04.25, 21:15 Uhr", "Zuletzt aktualisiert: 04.04.25, 7:10 Uhr"), "2025-04-03 21:15", "2025-04-04 07:10"),
        (("13/04/2025 - 21:15", "Ultimo aggiornamento: 14/04/2025"), "2025-04-13 21:15", "2025-04-14 00:00"),
        (("2025年4月18日 20時19分", "更新：4月19日 7時05分"), "2025-04-18 20:19", "2025-04-19 07:05"),
    ],
)
@pytest.mark.parametrize("element", ["p", "div", "div class=info"])
def test_updates_are_read_beside_what_was_published(
    lines: tuple[str, ...], published: str | None, updated: str, element: str
) -> None:
    shown = "".join(f"<{element}>{line}</{element.split()[0]}>" for line in lines)
    found = read(body=f"<h1>Rain falls on the hills</h1>{shown}<p>It rained for a day and a night on the hills.</p>")

    times = [time and f"{time:%Y-%m-%d %H:%M}" for time in (found.published, found.updated)]
    assert times == [published, updated]


@pytest.mark.parametrize(
    ("line", "author"),
    [
        ("홍길동 기자", "홍길동"),
        ("作者：李明", "李明"),
        ("Автор: Иван Петров", "Иван Петров"),
        ("di Chiara De Rossi", "Chiara De Rossi"),
        ("Di Chiara De Rossi non si sa nulla", None),
    ],
)
def test_a_line_under_the_headline_names_who_wrote_it(line: str, author: str | None) -> None:
    found = read(body=f"<h1>Rain falls on the hills</h1><p>{line}</p><p>It rained for a day on the hills.</p>")

    assert found.author == author


def test_a_title_in_capitals_is_not_parted_without_the_name_of_its_site() -> None:
    assert (read("<title>URGENT - QUAKE</title>").title, read("<title>URGENT - QUAKE</title>").outlet) == (
        "URGENT - QUAKE",
        None,
    )
