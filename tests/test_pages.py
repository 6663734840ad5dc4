"""Pages in the layouts of real news sites, with what a reader takes from them; all of them are made up.

`tests/pages` are those the reader of pages was made with, `tests/pages/held_out` were written when it was done and have
changed nothing in it.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import ArticleError
from assistant.pages import MAX_PAGE_BYTES, MAX_TITLE_CHARACTERS, read_page
from assistant.reading import normalise
from assistant.types import Article, Document

PAGES = Path(__file__).parent / "pages"
FIELDS = ("title", "author", "outlet", "published", "updated")
STORY = (
    "<p>The wall of the old harbour fell at dawn, the port said, after a night of wind from the west.</p>"
    "<p>Engineers will look at it on Monday.</p><p>It had held for ninety years, said its keeper, Ann Whitlow.</p>"
)


def read(html: str | bytes, *, name: str = "page.html", **known: Any) -> Article:
    return read_page(Document(name, html.encode() if isinstance(html, str) else html, **known))


def make_page(body: str = STORY, head: str = "") -> str:
    return f"<!DOCTYPE html><html lang=en><head>{head}</head><body><article>{body}</article></body></html>"


def count_words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.casefold()))


def measure_f1(text: str, gold: str) -> float:
    found, wanted = count_words(text), count_words(gold)
    return 2 * (found & wanted).total() / (found.total() + wanted.total())


def measure(folder: Path) -> dict[str, float]:
    """Measure the shares of pages whose fields are right, and the mean F1 of their texts' words."""
    gold = json.loads((folder / "gold.json").read_text(encoding="utf-8"))
    right: Counter[str] = Counter()
    shared = 0.0
    for name, wanted in gold.items():
        article = read_page(Document(name, (folder / name).read_bytes()))
        for field in ("published", "updated"):
            wanted[field] = datetime.fromisoformat(wanted[field]) if wanted[field] else None
        right.update(field for field in FIELDS if getattr(article, field) == wanted[field])
        shared += measure_f1(article.text, wanted["text"])
    return {field: right[field] / len(gold) for field in FIELDS} | {"text": shared / len(gold)}


@pytest.mark.parametrize("folder", [PAGES, PAGES / "held_out"], ids=lambda folder: folder.name)
def test_what_pages_say_is_found(folder: Path, record_property: Callable[[str, object], None]) -> None:
    measured = measure(folder)

    for name, value in measured.items():
        record_property(name, value)
    assert measured["title"] >= 0.95
    assert measured["published"] >= 0.95
    assert measured["author"] >= 0.9
    assert measured["outlet"] >= 0.95
    assert measured["text"] >= 0.95


def test_every_page_has_its_gold() -> None:
    for folder in (PAGES, PAGES / "held_out"):
        gold = json.loads((folder / "gold.json").read_text(encoding="utf-8"))

        assert set(gold) == {path.name for path in folder.glob("*.html")}


def test_the_text_is_paragraphs_without_what_stands_around_them() -> None:
    article = read_page(Document("page", (PAGES / "wordpress-local.html").read_bytes()))

    paragraphs = article.text.split("\n\n")
    assert paragraphs[0].startswith("The library van of Upper Fenn")
    assert paragraphs[-1] == "The council had planned to sell it in April."
    assert article.text == normalise(article.text)
    assert not re.search(r"[*#>]|Share|Related|Well done|Road works|Recent Posts", article.text)


def test_headings_are_paragraphs_and_lists_are_lines() -> None:
    article = read(
        make_page(f"<h1>Storm</h1>{STORY}<h2>What comes next</h2><ul><li>Ferries stay</li><li>Trains run</li></ul>")
    )

    assert article.text.endswith("\n\nWhat comes next\n\nFerries stay\nTrains run")


def test_the_lines_of_a_text_in_json_are_its_paragraphs() -> None:
    story = {"@type": "NewsArticle", "headline": "Storm", "articleBody": "The wall fell.\n\nNobody was hurt, she said."}

    text = read(make_page("", f"<script type='application/ld+json'>{json.dumps(story)}</script>")).text

    assert text == "The wall fell.\n\nNobody was hurt, she said."


def test_a_box_of_facts_is_text_and_one_of_links_is_none() -> None:
    boxes = (
        "<aside class=factbox><h3>Key facts</h3><p>The wall is 600 metres long and was built in 1934.</p></aside>"
        "<aside class=facts><p><a href=/a>The town has had four walls since it was first burnt.</a></p></aside>"
    )

    text = read(make_page(f"<h1>Storm</h1>{STORY}{boxes}")).text

    assert text.endswith("\n\nKey facts\n\nThe wall is 600 metres long and was built in 1934.")


def test_every_field_says_where_it_is_from() -> None:
    article = read_page(Document("page", (PAGES / "wordpress-local.html").read_bytes()))

    assert dict(article.origins) == {
        "title": "JSON-LD",
        "author": "JSON-LD",
        "outlet": "JSON-LD",
        "published": "JSON-LD",
        "updated": "JSON-LD",
        "url": "canonical link",
        "section": "JSON-LD",
        "language": "html lang",
    }
    assert (article.section, article.language) == ("Local news", "en")


def test_the_updates_of_a_live_blog_stand_with_their_times() -> None:
    article = read_page(Document("page", (PAGES / "live-blog.html").read_bytes()))

    assert "17.00 GMT\n\nThe water is falling\n\nThe river has dropped" in article.text
    assert "13.45 GMT\n\nPower is back" in article.text


# Identity


@pytest.mark.parametrize(
    ("canonical", "address", "identity"),
    [
        ("https://a.example/storm?utm_source=x#top", None, "https://a.example/storm"),
        ("http://a.example/storm", None, "https://a.example/storm"),
        ("/storm", "https://a.example/amp/storm?fbclid=1", "https://a.example/storm"),
        ("https://a.example/", "https://a.example/storm", "https://a.example/storm"),
        ("https://www.a.example/storm", "https://amp.a.example/storm", "https://www.a.example/storm"),
        ("javascript:alert(1)", "https://a.example/storm?id=3&utm_medium=y", "https://a.example/storm?id=3"),
        ("https://[broken", "https://a.example:443/storm", "https://a.example/storm"),
        ("https://a.example/", "https://a.example/?p=7", "https://a.example/?p=7"),
        ("https://a.example/?p=7", "https://a.example/storm", "https://a.example/?p=7"),
    ],
)
def test_an_article_is_known_by_its_canonical_address(canonical: str, address: str | None, identity: str) -> None:
    page = make_page(head=f'<title>Storm</title><link rel="canonical" href="{canonical}">')

    assert read(page, url=address).id == identity


def test_a_page_can_not_take_the_place_of_another_sites_article() -> None:
    page = make_page(head='<link rel="canonical" href="https://victim.example/storm">')

    article = read(page, url="https://other.example/copy")

    assert article.id == article.url == "https://other.example/copy"


def test_a_saved_page_without_an_address_is_known_by_its_file(tmp_path: Path) -> None:
    article = read(make_page(), name=str(tmp_path / "harbour-wall.html"))

    assert article.id == (tmp_path / "harbour-wall.html").as_uri()
    assert article.title == "harbour wall"
    assert article.url is None


@pytest.mark.parametrize("canonical", ["https://a.example/", "/storm", "file:///etc/passwd", "javascript:alert(1)"])
def test_a_saved_page_is_known_by_no_home_page_and_no_part_of_an_address(canonical: str, tmp_path: Path) -> None:
    path = tmp_path / "storm.html"

    article = read(make_page(head=f'<link rel="canonical" href="{canonical}">'), name=str(path), url=path.as_uri())

    assert article.id == path.as_uri()
    assert article.url is None


def test_a_saved_page_is_the_article_of_the_address_that_it_declares(tmp_path: Path) -> None:
    path = tmp_path / "storm.html"
    page = make_page(head='<link rel="canonical" href="https://www.a.example/storm?utm_source=x">')

    article = read(page, name=str(path), url=path.as_uri())

    assert article.id == article.url == "https://www.a.example/storm"
    assert article.outlet == "a.example"


def test_a_page_that_is_part_of_a_mail_can_not_take_the_place_of_an_article(tmp_path: Path) -> None:
    mail = tmp_path / "mail.eml"
    page = make_page(head='<link rel="canonical" href="https://victim.example/storm">')

    article = read(page, name=f"{mail}/storm.html", url=f"{mail.as_uri()}/1-storm.html")

    assert article.id == f"{mail.as_uri()}/1-storm.html"


def test_a_long_title_is_cut() -> None:
    assert len(read(make_page(head=f"<title>{'long ' * 200}</title>")).title) <= MAX_TITLE_CHARACTERS


# Charsets


@pytest.mark.parametrize(
    ("charset", "media_type", "meta"),
    [
        ("utf-8", None, ""),
        ("utf-8", "text/html; charset=iso-8859-1", '<meta charset="ascii">'),
        ("utf-8-sig", None, '<meta charset="cp1252">'),
        ("utf-16", None, ""),
        ("cp1252", "text/html; charset=windows-1252", ""),
        ("cp1252", None, '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">'),
        ("cp1252", None, '<meta charset="utf-8">'),
        ("cp1252", None, '<meta charset="no-such-thing">'),
        ("cp1252", None, '<meta charset="zip">'),
    ],
)
def test_the_charset_is_found_out(charset: str, media_type: str | None, meta: str) -> None:
    page = make_page(f"<p>The café in Málaga is closed, “for good” – the mayor said.</p>{STORY}", head=meta)

    article = read(page.encode(charset), media_type=media_type)

    assert article.text.startswith("The café in Málaga is closed, “for good” – the mayor said.")


def test_a_page_that_is_cut_off_in_a_letter_is_read() -> None:
    assert read(make_page(f"{STORY}<p>Málaga").encode()[:-1] + "é".encode()[:1]).text


# Pages without an article


@pytest.mark.parametrize(
    "page",
    [
        "",
        " \n",
        "\0" * 99,
        "<html><body></body></html>",
        "<!-- only a comment -->",
        "<html><head><title>App</title></head><body><div id=root></div><script>start()</script></body></html>",
        "<html><head><title>404 - Page not found</title></head><body><h1>404</h1>"
        "<p>The page you are looking for can't be found. It may have moved. Try the search instead.</p></body></html>",
        "<html><head><title>Just a moment...</title></head><body><h1>shop.example</h1>"
        "<p>Checking your browser before you go on. Enable JavaScript and cookies to continue.</p></body></html>",
        "<html><head><title>Before you continue</title></head><body><h1>Before you continue</h1><div><p>We and our 732 "
        "partners use cookies to store and access personal data.</p><p>You can give your consent to cookies or change "
        "your privacy settings at any time.</p><button>Accept all</button></div></body></html>",
        "<html><body><h1>Weiter mit Werbung lesen</h1><p>Lesen Sie wie immer mit Werbung und Tracking, siehe Privacy "
        "Center.</p><p>Oder ein Pur-Abo: unsere 212 Partner verarbeiten personenbezogene Daten.</p></body></html>",
        "<html><body><h1>Benvenuto</h1><p>Per leggere accetta i cookie di profilazione oppure abbonati.</p><p>Noi e i "
        "nostri 815 partner archiviamo informazioni su un dispositivo.</p></body></html>",
        "<html><body><h1>One moment</h1><p>Press &amp; Hold to confirm you are a human (and no bot).</p></body></html>",
        "<html><body><h1>451: Unavailable due to legal reasons</h1><p>You come from a country where we can't be read, "
        "for its law forbids it.</p></body></html>",
        "<html><body><h1>Search results</h1><p>No results were found.</p></body></html>",
        "<html><body><h1>Contact us</h1><p>Please contact us by mail.</p></body></html>",
        "<html><body><nav><a href=/a>News</a><a href=/b>Sport</a></nav><footer>© 2025</footer></body></html>",
        "<" * 10_000,
        bytes(range(256)) * 40,
    ],
)
def test_a_page_without_an_article_is_refused(page: str | bytes) -> None:
    with pytest.raises(ArticleError, match=r"^page\.html: no article text in it"):
        read(page)


def test_an_article_about_consent_is_no_wall() -> None:
    page = (
        "<h1>Vela bans tracking without consent</h1><p>The regulator of Vela has banned tracking cookies that are set "
        "without consent, and fined three firms that sold personal data.</p><p>Its head said that consent to tracking "
        "has to be given by a person, not by a cookie.</p>"
    )

    assert "has banned tracking cookies" in read(page).text


@pytest.mark.parametrize(
    ("page", "cause"),
    [
        (
            "<head><meta http-equiv=Refresh content='0; url=https://a.example/storm'></head><body>Moved</body>",
            "it only leads to another page: give that, https://a.example/storm",
        ),
        (
            "<body><div id=app></div><noscript>You need to enable JavaScript to run this app.</noscript></body>",
            "only scripts show what it says: save the page from a browser",
        ),
        (
            "<body><p>It rained.</p><p>Already a subscriber?</p></body>",
            "it is behind a paywall: save the page where you can read it",
        ),
    ],
)
def test_the_cause_is_said_where_a_page_has_no_article(page: str, cause: str) -> None:
    with pytest.raises(ArticleError, match=rf"no article text in it: {re.escape(cause)}$"):
        read(f"<html>{page}</html>")


@pytest.mark.parametrize(
    "line",
    [
        "Support us from just 1 pound a month",
        "Updated: March 5, 2025 10:00 a.m. EST | First published: March 3, 2025 11:45 p.m. EST",
        "This story was first published on March 3, 2025, at 8 a.m. EST.",
        "Subscribe to our newsletter.",
        "10.20 Uhr",
        "£4 a month. Cancel any time.",
        "Already a subscriber? Sign in.",
    ],
)
def test_what_asks_for_money_and_tells_of_days_is_no_text(line: str) -> None:
    assert line not in read(make_page(f"<h1>Storm</h1><p>{line}</p>{STORY}")).text


@pytest.mark.parametrize(
    ("headline", "flash"),
    [("President Vargas resigns", "President Vargas has resigned."), ("总统辞职", "总统周一宣布辞职，立即生效。")],
)
def test_a_flash_is_an_article_of_one_sentence(headline: str, flash: str) -> None:
    assert read(f"<html><body><h1>{headline}</h1><p>{flash}</p></body></html>").text == flash


@pytest.mark.parametrize(
    "line",
    [
        "This story was first published on March 3, 2025. It was updated to correct the cost of the wall.",
        "Subscribe or lose your seat, the club told 4,000 members.",
        "Get ready for rain in your inbox, says the weather service.",
        "Updated: the death toll has risen to 41, the governor said on Friday, April 4, 2025.",
        "Published: April 3, 2025. The report says 41 people died in the fire.",
        "10:20 p.m. First call",
        "9.45 Uhr: Feuerwehr rückt aus",
    ],
)
def test_a_line_that_says_more_than_its_label_is_text(line: str) -> None:
    assert line in read(make_page(f"<h1>Storm</h1><p>{line}</p>{STORY}<p>{line}</p>")).text


@pytest.mark.parametrize("title", ["Painting not found in raid", "Fishing forbidden off Osk"])
def test_a_short_story_of_what_is_not_found_or_forbidden_is_no_error_page(title: str) -> None:
    assert read(f"<html><body><h1>{title}</h1>{STORY}</body></html>").title == title


def test_a_page_that_is_too_large_is_refused() -> None:
    with pytest.raises(ArticleError, match=r"^page\.html: too large: a page may have at most 10 MB$"):
        read(b" " * (MAX_PAGE_BYTES + 1))


def test_the_libraries_that_read_pages_say_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ArticleError):
        read("<html><body><div></div></body></html>")

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "figure",
    [
        "£410,000 for the harbour",
        "£ 404 a year for a berth",
        "$500",
        "503 homes flooded",
        "Port cuts 500 jobs",
        "Court fines 403 skippers",
        "Why 404 matters here",
        "Runner falls in error 500 metres from home",
        "410 gone from the yard since May",
        "Area code 410 runs out",
        "Turnover of 502.5 million",
        "Route 404 Not in Service",
        "The 500: who is on the list",
    ],
)
def test_a_figure_that_is_a_status_elsewhere_makes_no_error_page(figure: str) -> None:
    assert figure in read(make_page(f"<p>{figure}, the port said on the quay.</p>{STORY}", "<title>Port</title>")).text
    assert read(make_page(f"<h1>{figure}</h1>{STORY}", f"<title>{figure}</title>")).title == figure


@pytest.mark.parametrize(
    "title",
    [
        "404",
        "404 Not Found",
        "404 - Page not found",
        "Error 404",
        "Error: 500",
        "HTTP 503",
        "HTTP Status 404 – Not Found",
        "HTTP/1.1 502 Bad Gateway",
        "410 Gone",
        "403 Forbidden",
        "500 Internal Server Error",
        "503: Service Temporarily Unavailable",
        "500 error",
        "Fehler 404",
    ],
)
def test_a_status_as_servers_write_it_makes_an_error_page(title: str) -> None:
    body = "<p>We could not show you what you asked for on this occasion. Try the search, or go to the front page.</p>"

    for page in (make_page(f"<h1>{title}</h1>{body}", f"<title>{title}</title>"), make_page(f"<p>{title}</p>{body}")):
        with pytest.raises(ArticleError, match="it is an error page"):
            read(page)


def test_a_story_with_a_date_is_no_error_page() -> None:
    head = '<title>404 Not Found</title><meta property="article:published_time" content="2025-03-03T09:30:00Z">'

    assert read(make_page(f"<h1>404 Not Found</h1>{STORY}", head)).text


def test_an_article_about_an_error_or_cookies_is_one() -> None:
    head = '<meta property="og:type" content="article"><title>Why 404 pages got funny</title>'

    assert read(make_page(f"<h1>Why 404 pages got funny</h1>{STORY}", head=head)).text
    assert read(make_page(f"<p>Browsers will block cookies of other sites from May, they said.</p>{STORY}")).text


# Hostile pages

SENTENCE = "<p>The wall of the old harbour fell on day {}, the port said, after a night of wind from the west.</p>"
JSON = "<html><head><script type='application/ld+json'>{}</script></head><body>" + STORY
ENTITIES = "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(12))
HOSTILE = {
    "100,000 nested divs": "<html><body>" + "<div>" * 100_000 + STORY + "</div>" * 100_000,
    "nested lists, never closed": "<html><body>" + "<ul><li>" * 50_000 + STORY,
    "nested tables": "<html><body>" + "<table><tr><td>" * 30_000 + STORY,
    "nested inline elements": "<html><body>" + "<span><b>" * 50_000 + STORY,
    "billion laughs": f'<?xml version="1.0"?><!DOCTYPE html [<!ENTITY a "lol">{ENTITIES}]>'
    f'<html xmlns="http://www.w3.org/1999/xhtml"><body><p>&m;</p>{STORY}</body></html>',
    "5 MB of paragraphs": "<html><body><article>" + "".join(map(SENTENCE.format, range(50_000))) + STORY,
    "5 MB in one word": f"<html><body>{STORY}<p>" + "x" * 5_000_000,
    "5 MB in one line": f"<html><body>{STORY}<p>" + "word " * 1_000_000,
    "a class of 2 MB": f"<html><body><article class='{'a ' * 1_000_000}'>{STORY}",
    "50,000 dates": "<html><body>" + "<div class=date>1 March 2025</div>" * 50_000 + STORY,
    "50,000 authors": "<html><head>" + "<meta name=author content='Jane Doe'>" * 50_000 + "</head><body>" + STORY,
    "200 nested asides": "<html><body>" + "<div class='related'>" * 200 + STORY * 600,
    "deep JSON": JSON.format("[" * 200_000),
    "deep JSON-LD": JSON.format('{"@graph":' * 90_000 + "1" + "}" * 90_000),
    "a million values of JSON": JSON.format("1 " * 1_000_000),
    "broken JSON": JSON.format('{"author":{"x":"y' * 200_000),
    "half a million line breaks": f"<html><body>{STORY}" + "<br>" * 500_000,
    "a title of 2 MB": f"<html><head><title>{'a | ' * 500_000}</title></head><body>{STORY}",
    "a headline of 2 MB": f"<html><body><h1>{'a - ' * 500_000}</h1>{STORY}",
    "a byline of 2 MB": f"<html><body><h1>k</h1><div class=byline>{'By Jane Doe, ' * 150_000}</div>{STORY}",
    "lone surrogates": f"<html><body><p>a\ud800b &#xd800;</p>{STORY}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_is_read_like_another(name: str) -> None:
    article = read(HOSTILE[name].encode("utf-8", "surrogatepass"))

    assert "Ann Whitlow" in article.text
    assert article.text == normalise(article.text)


def test_hostile_pages_cost_little() -> None:
    """Read them where neither the memory of a test nor time is left over for more."""
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_CPU, (60, 60))\n"
        "from test_pages import HOSTILE, read\n"
        "for page in HOSTILE.values(): read(page.encode('utf-8', 'surrogatepass'))\n"
        "from pathlib import Path\n"
        "status = Path('/proc/self/status')\n"
        # What a process inherits of its parent's greatest size counts for the resource module, not for the kernel.
        "taken = status.read_text().partition('VmHWM:')[2].split()[0] if status.exists() else None\n"
        "print(taken or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    # macOS counts bytes, Linux kilobytes.
    assert int(done.stdout) / (1024 if sys.platform == "darwin" else 1) < 500 * 1024


def test_an_element_of_more_attributes_than_one_has_is_an_error() -> None:
    attributes = " ".join(f"a{number}='x'" for number in range(300_000))

    with pytest.raises(ArticleError, match=r"^page\.html: refused: an element of this page has more than 2,000 attr"):
        read(f"<html><body>{STORY}<p {attributes}>It rained.</p>")


def test_elements_that_can_not_be_flattened_are_an_error() -> None:
    with pytest.raises(ArticleError, match=r"^page\.html: can't be read: its elements are nested too deeply$"):
        read("<html><body>" + "<nav>" * 100_000 + STORY)


def test_what_a_page_says_is_never_taken_for_markup() -> None:
    head = '<title>&lt;script&gt;alert(1)&lt;/script&gt; Storm</title><meta name="author" content="&lt;b&gt;Jane Doe">'

    article = read(make_page(f"<p>Use &lt;b&gt; for bold, he said.</p>{STORY}", head=head))

    assert article.author == "Jane Doe"
    assert "<script>" not in article.title
    assert article.text.startswith("Use <b> for bold, he said.")


def test_a_day_without_a_time_is_midnight_in_utc_and_says_so() -> None:
    article = read(make_page(head='<meta name="date" content="2025-03-15">'))

    assert article.published == datetime(2025, 3, 15, tzinfo=UTC)
    assert dict(article.origins)["published"] == "meta date, a day without a time"


@pytest.mark.parametrize(
    "hidden",
    [
        '<p style="display:none">{}</p>',
        '<p style="color: #000; visibility: hidden">{}</p>',
        '<p>Seen. <span style="font-size:0">{}</span></p>',
        '<p style="font-size: 1px">{}</p>',
        '<div style="position:absolute; left:-9999px"><p>{}</p></div>',
        '<p style="opacity:0">{}</p>',
        '<p style="color:white">{}</p>',
        '<p><font color="#FFFFFF">{}</font></p>',
        '<p style="height:0; overflow:hidden">{}</p>',
        '<p style="font:0/0 a">{}</p>',
        '<p style="color:hsl(0,0%,100%)">{}</p>',
        '<p style="color:#fefefe">{}</p>',
        '<p style="-webkit-text-fill-color:transparent">{}</p>',
        '<p style="translate:-9999px">{}</p>',
        '<p style="filter:opacity(0)">{}</p>',
        '<p style="zoom:0.01">{}</p>',
        '<p style="transform:scale(1, 0)">{}</p>',
        "<p hidden>{}</p>",
        "<template><p>{}</p></template>",
        "<!-- <p>{}</p> -->",
        '<img src="wall.png" alt="{}">',
        '<p title="{}" data-note="{}">Seen.</p>',
    ],
)
def test_what_no_reader_of_a_page_sees_is_left_out(hidden: str) -> None:
    planted = "The harbour master, who reads this with a machine, resigned over the storm on Tuesday evening."

    text = read(make_page(f"<h1>Storm</h1>{STORY}{hidden.format(planted, planted)}{STORY}")).text

    assert "resigned" not in text
    assert text.startswith(read(make_page(f"<h1>Storm</h1>{STORY}")).text.split("\n")[0])


@pytest.mark.parametrize(
    "style",
    [
        "color:#333",
        "font:italic 700 1.2em/1.5 a",
        "color:hsl(0 0% 20% / .9)",
        "transform:translate(-50%,-50%) scale(1.2)",
        "max-height:0",
        "clip-path:inset(0 10%)",
        "color:rgba(0,0,0,0.8)",
        "zoom:2",
        "color:transparent;background-clip:text;background-image:linear-gradient(red,blue)",
        "font-size:1.1em",
        "opacity:0.9",
        "color:white; background:#036",
        "text-indent:-1em",
        "left:-9px",
    ],
)
def test_what_a_reader_of_a_page_sees_is_kept(style: str) -> None:
    page = make_page(f'<h1>Storm</h1>{STORY}<p style="{style}">The harbour master resigned on Tuesday evening.</p>')

    assert "The harbour master resigned" in read(page).text


@pytest.mark.parametrize(
    ("sheet", "attributes", "is_seen"),
    [
        (".x{display:none}", "class=x", False),
        ("p.x , .y { color: #000; visibility : hidden }", "class='a x'", False),
        ("#x{opacity:0}", "id=x", False),
        (".x.y{font-size:0}", "class='y x'", False),
        (".x{position:absolute;left:-9999px}", "class=x", False),
        (".x{background:#0a0a0a;color:#0A0A0A}", "class=x", False),
        (".x{color:white}", "class=x", False),
        (".x{height:0;overflow:hidden}", "class=x", False),
        (".x{max-height:0;overflow-y:hidden}", "class=x", False),
        (".x{transform:scale(0)}", "class=x", False),
        (".x{clip-path:inset(100%)}", "class=x", False),
        (".x{color:rgba(0,0,0,0)}", "class=x", False),
        ("body > * > p.x{display:none}", "class=x", False),
        ("article p.x{display:none}", "class=x", False),
        (":is(.y,.x){display:none}", "class=x", False),
        ("p:where(.x) {disp\\6c ay:none}", "class=x", False),
        (".x{display:none;font-size:1em} .x{opacity:1}", "class=x", False),
        (".x{display:none}", "class=x style=display:block", True),
        (".x{height:0;overflow:hidden} .x.open{height:auto}", "class='x open'", True),
        (".js .x{display:none} p > .x{display:none} p:not(.y){display:none}", "class=x", True),
        ("@media screen{.x{display:none}}", "class=x", False),
        ("/* } { */ @import 'a{b'; .x{display:none}", "class=x", False),
        (".x{display:none!important} .x{display:block}", "class=x", False),
        (".x{display:none}", "class=y", True),
        (".x.y{display:none}", "class=x", True),
        (".y .x{display:none} .x:hover{display:none} .x::before{display:none}", "class=x", True),
        (".x{display:none} .x{display:block}", "class=x", True),
        ("p.x{display:block} .x{display:none}", "class=x", True),
        ("@media print{.x{display:none}}", "class=x", True),
        ("@media (max-width:600px){.x{display:none}}", "class=x", True),
        (".x{display:none} @media (min-width:600px){.md\\:x{display:block}}", "class='x md:x'", True),
        ("@keyframes in{from{opacity:0}} .x{animation:in 1s}", "class=x", True),
        ("body{background:#036} .x{color:white}", "class=x", True),
    ],
)
def test_what_the_pages_own_style_sheets_hide_is_left_out_and_counted(
    sheet: str, attributes: str, is_seen: bool
) -> None:
    page = make_page(
        f"<h1>Storm</h1>{STORY}<p {attributes}>The harbour master resigned over it on Tuesday.</p>{STORY}",
        head=f"<style>{sheet}</style>",
    )

    article = read(page)

    assert ("resigned" in article.text, article.hidden) == (is_seen, 0 if is_seen else 1)


def test_a_page_that_waits_for_its_scripts_is_read_and_menus_are_not_counted() -> None:
    sheet = "<style>.fade{opacity:0} .menu,.ask{display:none}</style>"
    menu = "<nav class=menu><p>All of the news of the town, every day.</p></nav>"
    dialog = "<div class=ask role=dialog>May we show you some of the news of the town?</div>"

    article = read(make_page(f"{menu}<h1>Storm</h1>{STORY.replace('<p>', '<p class=fade>')}{dialog}", head=sheet))

    assert article.text == read(make_page(f"<h1>Storm</h1>{STORY}")).text
    assert article.hidden == 0
