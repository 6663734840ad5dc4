"""Pages: as text and elements by another parser, in Markdown's renderers, and in a real browser where there is one."""

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.front_matter import front_matter_plugin
from mdit_py_plugins.tasklists import tasklists_plugin
from playwright.sync_api import Browser, Page, sync_playwright
from pypdf import PdfReader

from assistant.addresses import parse_address
from assistant.errors import SettingsError
from assistant.rendering import clean, clean_line
from assistant.reports import WORD_JOINER, check_replaceable, render_html, render_markdown, write_page
from assistant.types import (
    Answer,
    ArticleRef,
    Citation,
    Passage,
    QuotedPassage,
    RetrievedPassage,
    Statement,
    Support,
    Understood,
    Usage,
)

HILL = "Jack and Jill went up the hill to fetch a pail of water.\n\nHe fell down and broke his crown, said Dame Dob."
JILL = ArticleRef(
    "jill",
    "Two fall on hill",
    "Hill Herald",
    "Mother Goose",
    datetime(2025, 3, 7, 12, tzinfo=UTC),
    "https://hill-herald.example/jill",
)
FOX = ArticleRef("fox", "Fox clears dog", "Forest Courier", url="https://forest-courier.example/fox")
RAIN = ArticleRef("rain", "مطر غزير", "صحيفة المساء", "ليلى حداد", datetime(2025, 3, 9, tzinfo=UTC))
ARABIC = "هطل مطر غزير على المدينة يوم الخميس."
PASSAGES = {
    "jill": QuotedPassage(HILL[:58], HILL[58:91], HILL[91:]),
    "fox": QuotedPassage("", "The quick brown fox jumps over the lazy dog.", " The dog did not wake up."),
    "rain": QuotedPassage("", ARABIC, ""),
}
FELL = Citation(1, JILL, 58, 91, HILL[58:91], 0, (ArticleRef("copy", "Two fall", "Evening Packet"),))
JUMPS = Citation(2, FOX, 0, 44, PASSAGES["fox"].quote, 0)
RAINED = Citation(1, RAIN, 0, len(ARABIC), ARABIC, 0)
SUPPORTED = Support(0.9, True)


def passage_of(citation: Citation) -> QuotedPassage | None:
    return PASSAGES.get(citation.article.id)


def make_answer() -> Answer:
    """An answer of a language model in which everything occurs that can."""
    return Answer(
        question="What did he break?",
        text="He broke his crown.",
        statements=(
            Statement(FELL.quote, (FELL,), SUPPORTED),
            Statement("A fox jumped, and he broke his crown.", (JUMPS, FELL), SUPPORTED, ("[9]",)),
            Statement("The dog woke up.", (JUMPS,), Support(0.1, False, ("the quote says the contrary",))),
        ),
        citations=(FELL, JUMPS),
        abstained=False,
        confidence=0.875,
        retrieved=(RetrievedPassage(Passage("jill", 0, len(HILL), HILL), 0.75, JILL),),
        model="openai:small",
        usage=Usage(),
        seconds=0.25,
        understood=(Understood("“this week” understood as 3 to 9 March 2025"),),
        standalone_question="What did Jack break when he fell?",
        notes=("All articles were asked.",),
    )


def abstain(answer: Answer) -> Answer:
    return replace(answer, text="The articles don't answer this.", statements=(), citations=(), abstained=True)


def make_arabic() -> Answer:
    statements = (Statement(ARABIC, (RAINED,), SUPPORTED),)
    return replace(make_answer(), question="متى هطل المطر؟", text=ARABIC, statements=statements, citations=(RAINED,))


CONVERSATION = (make_answer(), make_arabic(), abstain(make_answer()))


@dataclass
class Element:
    """An element that a parser found, with the text in it, of all that it holds."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Reader(HTMLParser):
    """Reads a page as a list of its elements; it shares no code with what wrote it."""

    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        assert len(element.attributes) == len(attrs)
        self.elements.append(element)
        if tag not in {"meta", "br", "hr", "img", "input"}:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open
    return reader


def find(page: str, tag: str, **attributes: str) -> list[str]:
    named = {name.rstrip("_"): value for name, value in attributes.items()}
    return [each.text for each in read(page).elements if each.tag == tag and named.items() <= each.attributes.items()]


# HTML as text


def test_a_page_has_the_answer_with_its_citations_and_each_quote_in_its_passage() -> None:
    page = render_html((make_answer(),), passage_of=passage_of)

    assert find(page, "h1") == ["What did he break?"]
    assert find(page, "title") == ["What did he break?"]
    assert [" ".join(text.split()) for text in find(page, "div", class_="sentence")] == [
        "(Jack and Jill went up the hill to fetch a pail of water.)"
        " He fell down and broke his crown, Source 1 7 March 2025",
        "A fox jumped, and he broke his crown. Source 2 Source 1 undated, 7 March 2025"
        " [9] names nothing that was shown.",
    ]
    assert [" ".join(text.split()) for text in find(page, "div", class_="sentence unsupported")] == [
        "Unsupported: the quote says the contrary. The dog woke up. Source 2 undated"
    ]
    assert find(page, "mark") == [FELL.quote, JUMPS.quote]
    assert [text.strip() for text in find(page, "blockquote")] == [
        HILL.replace("\n\n", "\n"),
        "The quick brown fox jumps over the lazy dog. The dog did not wake up.",
    ]
    for shown in ("Hill Herald", "Mother Goose", "7 March 2025", "also in Evening Packet", "Confidence 0.88"):
        assert shown in "".join(find(page, "main"))
    for shown in ("“this week” understood", "Understood as: What did Jack break", "All articles were asked."):
        assert shown in "".join(find(page, "main"))
    assert "Answered by openai:small" in "".join(find(page, "p", class_="byline"))


def test_every_link_leads_to_an_element_or_to_a_cited_article() -> None:
    reader = read(render_html(CONVERSATION, passage_of=passage_of))

    ids = [element.attributes["id"] for element in reader.elements if "id" in element.attributes]
    links = [element.attributes for element in reader.elements if element.tag == "a"]
    local = [link["href"].removeprefix("#") for link in links if link["href"].startswith("#")]
    outward = [link for link in links if not link["href"].startswith("#")]
    assert len(ids) == len(set(ids))
    assert set(local) <= set(ids)
    assert {"a1-c1", "a1-c2", "a1-s1", "a1-s2", "a1-s3", "a2-c1", "a2-s1", "a3"} <= set(local)
    assert [link["href"].partition("#")[0] for link in outward] == [JILL.url, FOX.url]
    assert all(link["rel"] == "noopener noreferrer" for link in outward)


def test_an_abstention_shows_the_nearest_passages_without_links() -> None:
    page = render_html((abstain(make_answer()),), passage_of=passage_of)

    assert find(page, "p", class_="abstained") == ["The articles don't answer this."]
    assert find(page, "h2") == ["The nearest passages"]
    assert "".join(find(page, "blockquote")).split() == HILL.split()
    assert find(page, "mark") == find(page, "a") == []
    assert "Confidence" not in page


def test_a_quote_whose_article_is_gone_stands_alone() -> None:
    page = render_html((make_answer(),), passage_of=lambda _: None)

    assert [text.strip() for text in find(page, "blockquote")] == [FELL.quote, JUMPS.quote]
    assert "any more" in "".join(find(page, "p", class_="remark"))
    assert "(Jack" not in page


def test_a_quote_over_two_paragraphs_is_marked_in_both() -> None:
    quote = HILL[40:70]
    page = render_html((make_answer(),), passage_of=lambda _: QuotedPassage(HILL[:40], quote, HILL[70:]))

    assert find(page, "mark")[:2] == quote.split("\n\n")
    assert find(page, "blockquote")[0].split() == HILL.split()


def test_without_an_answer_there_is_no_page() -> None:
    for render in (render_html, render_markdown):
        with pytest.raises(SettingsError, match="no answer yet"):
            render((), passage_of=passage_of)


# Hostile text

PAYLOADS = [
    "<script>window.pwned=1</script>",
    "<img src=http://127.0.0.1/evil onerror=window.pwned=1>",
    "</title><svg onload=window.pwned=1>",
    "</style><style>@import 'http://127.0.0.1/evil';</style>",
    "'\" autofocus onfocus=window.pwned=1 x='",
    "--><iframe src=http://127.0.0.1/evil></iframe><!--",
    "{{ 7 * 7 }}{% raw %}{# ${7*7}",
    "&lt;script&gt;&#x3c;b&#62;&colon;",
    "<base href=//127.0.0.1/><meta http-equiv=refresh content=0;url=http://127.0.0.1/evil>",
    "\x1b]8;;http://127.0.0.1/\x07\u202egnp.exe\u2066\x00\x9b31m\ud800",
    "![x](http://127.0.0.1/evil) [y](javascript:alert(1)) [z]: http://127.0.0.1/ <http://127.0.0.1/evil> <a@b.example>",
    "[a1-c1]: javascript:alert(1)",
    "http://evil.example/x www.evil.example ftp://evil.example mailto:a@evil.example a@evil.example //evil.example/x",
    "[^1] [^1]: note ~~x~~ **x** __x__ `x` $x$ $$x$$ ==x== | a | b | {.c} :::",
    "# x\n\n- x\n\n1. x\n\n> x\n\n    x\n\n```\nx\n```\n\n| a |\n|---|\n| b |\n\nx\n===\n\n---\n",
    "[ ] x\n\n<b>x</b>\n\nx\n: y\n",
    "1) x", "+ x", "-", "***", "---", "***\n", "\\", "\\[x](y)", "!", "%", ": x", "~~~", "a.example", "www.", "@", "://",
]  # fmt: skip
URLS = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " java\tscript:alert(1)",
    "java\x00script:alert(1)",
    "\x01javascript:alert(1)",
    "javascript&colon;alert(1)",
    "&#106;avascript:alert(1)",
    "javascript://news.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "//news.example/x",
    "news.example",
    "https:news.example",
    "https://",
    "https://user:password@news.example/",
    "https://news.example\\@evil.example/",
    "https://news.example\n.evil.example/",
    "blob:https://news.example/x",
    "",
]
SPEAKABLE = [
    'https://news.example/"onmouseover="alert(1)',
    "https://news.example/'><script>alert(1)</script>",
    "https://news.example/a)](javascript:alert(1))",
    "https://news.example/?a=1&copy;=2&amp;b=<>&lt;#x\"'>`[",
    "HTTPS://NEWS.example:8443/a b|c*d_e~f",
    "https://news.example/a#:~:text=planted",
]

hostile = st.lists(st.sampled_from(PAYLOADS) | st.text(st.characters(), max_size=20), max_size=4).map("".join)
addresses = st.sampled_from([*URLS, *SPEAKABLE]) | hostile | hostile.map("https://news.example/".__add__) | st.none()


@st.composite
def poisoned(draw: st.DrawFn) -> tuple[Answer, QuotedPassage]:
    """Draw an answer in which every text is whatever its writers wanted, and the passage that all its quotes are in."""
    article = ArticleRef(draw(hostile), draw(hostile), draw(hostile), draw(hostile), JILL.published, draw(addresses))
    passage = QuotedPassage(draw(hostile), draw(hostile), draw(hostile))
    copy = replace(article, outlet=draw(hostile))
    first = Citation(1, article, len(passage.before), 10**6, passage.quote, 0, (copy,))
    answer = Answer(
        question=draw(hostile),
        text=draw(hostile),
        statements=(
            Statement(passage.quote, (first,), SUPPORTED, sources=(draw(hostile), draw(hostile))),
            Statement(draw(hostile), (first,), Support(0, False, (draw(hostile),)), (draw(hostile),)),
        ),
        citations=(first,),
        abstained=False,
        confidence=0.5,
        retrieved=(RetrievedPassage(Passage("x", 0, 1, draw(hostile)), 0.5, article),),
        model=draw(hostile),
        usage=Usage(),
        seconds=0.1,
        understood=(Understood(draw(hostile)),),
        standalone_question=draw(hostile),
        notes=(draw(hostile),),
    )
    return answer, passage


def list_shapes(page: str) -> set[tuple[str, frozenset[str]]]:
    """List what elements a page has, each with the names of its attributes."""
    return {(element.tag, frozenset(element.attributes)) for element in read(page).elements}


def join(text: str) -> str:
    return "".join(text.split())


@settings(max_examples=60)
@given(poisoned())
def test_any_text_is_read_back_as_itself_and_makes_no_element(drawn: tuple[Answer, QuotedPassage]) -> None:
    answer, passage = drawn
    known = list_shapes(render_html(CONVERSATION, passage_of=passage_of))
    known |= list_shapes(render_html(CONVERSATION, passage_of=lambda _: None))
    known |= list_shapes(render_html(CONVERSATION[:1], passage_of=passage_of))
    known |= list_shapes(render_html(CONVERSATION[2:], passage_of=passage_of))

    for answers in ((answer,), (answer, abstain(answer))):
        page = render_html(answers, passage_of=lambda _: passage)

        reader = read(page)
        assert list_shapes(page) <= known
        assert reader.comments == [" Written by news-assistant "]
        assert all(character.isprintable() or character in "\n\t\xa0" for character in page)
        assert clean(answer.question) in find(page, "h1" if len(answers) == 1 else "h2")
        assert join("".join(find(page, "mark"))) == join(clean(passage.quote))
        assert join(find(page, "blockquote")[0]) == join(
            clean(passage.before) + clean(passage.quote) + clean(passage.after)
        )
        assert clean(answer.notes[0]) in "".join(find(page, "div", class_="notes"))
        for element in reader.elements:
            if element.tag == "a" and not re.fullmatch("#a[12](-[sc][12])?", element.attributes["href"]):
                assert_leads_to(element.attributes["href"], answer.citations[0].article.url)


def assert_leads_to(target: str, url: str | None) -> None:
    assert url is not None
    assert target.partition("#")[0] == parse_address(url).url
    assert re.fullmatch(r"https?://[!#$&-;=?-Z_a-z~%'\[\]]+", target)


@pytest.mark.parametrize("url", URLS)
def test_what_a_browser_should_not_open_is_no_link(url: str) -> None:
    citation = replace(FELL, article=replace(JILL, url=url))
    answer = replace(make_answer(), statements=(Statement("x", (citation,), SUPPORTED),), citations=(citation,))

    page, text = (render((answer,), passage_of=passage_of) for render in (render_html, render_markdown))

    assert find(page, "a", rel="noopener noreferrer") == []
    assert "](" not in text
    assert "]: <" not in text


def render_link(url: str, passage: QuotedPassage) -> str:
    """Render one citation and give where its link leads, in HTML and in Markdown the same."""
    citation = replace(FELL, article=replace(JILL, url=url), quote=passage.quote)
    answer = replace(make_answer(), statements=(Statement("x", (citation,), SUPPORTED),), citations=(citation,))
    page, text = (render((answer,), passage_of=lambda _: passage) for render in (render_html, render_markdown))
    (target,) = (each.attributes["href"] for each in read(page).elements if "rel" in each.attributes)
    links = [
        each.attributes["href"] for each in read(MarkdownIt("commonmark").render(text)).elements if each.tag == "a"
    ]
    assert set(links) == {target}
    return target


@pytest.mark.parametrize("url", SPEAKABLE)
def test_an_address_is_written_anew_from_its_parts(url: str) -> None:
    target = render_link(url, PASSAGES["fox"])

    assert_leads_to(target, url)
    assert target.count(":~:") == 1


QUOTE = "The quick brown fox jumps over it."
LONG = " ".join(f"word{number}" for number in range(60))


@pytest.mark.parametrize(
    ("url", "passage", "fragment"),
    [
        ("https://a.example/x", QuotedPassage("", QUOTE, ""), ":~:text=The%20quick%20brown%20fox%20jumps%20over%20it."),
        (
            "https://a.example/x",
            QuotedPassage("", "Well-known, “loved” & feared: 100%", ""),
            ":~:text=Well%2Dknown%2C%20%E2%80%9Cloved%E2%80%9D%20%26%20feared%3A%20100%25",
        ),
        (
            "https://a.example/x#/story?a=1&b",
            QuotedPassage("", QUOTE, ""),
            "/story?a=1&b:~:text=The%20quick%20brown%20fox%20jumps%20over%20it.",
        ),
        (
            "https://a.example/x#top:~:text=other",
            QuotedPassage("", QUOTE, ""),
            "top:~:text=The%20quick%20brown%20fox%20jumps%20over%20it.",
        ),
        (
            "https://a.example/x",
            QuotedPassage("", LONG, ""),
            ":~:text=word0%20word1%20word2%20word3%20word4%20word5,word54%20word55%20word56%20word57%20word58%20word59",
        ),
        (
            "https://a.example/x",
            QuotedPassage("", "The first line of it.\n\nThe  second\tline.", ""),
            ":~:text=The%20first%20line%20of%20it.,The%20second%20line.",
        ),
        (
            "https://a.example/x",
            QuotedPassage(f"{QUOTE.upper()} So it was.\n\n", QUOTE, ""),
            ":~:text=IT.%20So%20it%20was.-,The%20quick%20brown%20fox%20jumps%20over%20it.",
        ),
        (
            "https://a.example/x",
            QuotedPassage("A fox was seen to jump. ", "It did.", " The dog slept on."),
            ":~:text=was%20seen%20to%20jump.-,It%20did.",
        ),
        (
            "https://a.example/x",
            QuotedPassage("", "It did.", " The dog slept on for long."),
            ":~:text=It%20did.,-The%20dog%20slept%20on",
        ),
    ],
)
def test_a_link_finds_the_quote_on_its_page(url: str, passage: QuotedPassage, fragment: str) -> None:
    assert render_link(url, passage).partition("#")[2] == fragment


def test_a_quote_without_words_is_a_link_to_its_page() -> None:
    assert render_link("https://a.example/x", QuotedPassage("It did.", "\u200b", "")) == "https://a.example/x"


# Markdown


def make_renderers() -> Iterator[MarkdownIt]:
    yield MarkdownIt("commonmark")
    yield MarkdownIt("gfm-like", {"html": True})
    everything = MarkdownIt("js-default", {"html": True, "linkify": True})
    for plugin in (footnote_plugin, deflist_plugin, dollarmath_plugin, front_matter_plugin, tasklists_plugin):
        everything.use(plugin)
    yield everything.enable(["linkify", "table", "strikethrough"])


RENDERERS = list(make_renderers())


def test_markdown_has_all_that_the_page_has() -> None:
    assert (
        render_markdown((make_answer(),), passage_of=passage_of)
        == """\
[//]: # (Written by news-assistant)

# What did he break?

“this week” understood as 3 to 9 March 2025

Understood as: What did Jack break when he fell?

Answered by openai:small. Confidence 0.88.

(Jack and Jill went up the hill to fetch a pail of water.) He fell down and broke his crown, [1][a1-c1] (7 March 2025)

A fox jumped, and he broke his crown. [2][a1-c2] [1][a1-c1] (undated, 7 March 2025) \
\\[9\\] names nothing that was shown.

**Unsupported:** The dog woke up. [2][a1-c2] (undated) — the quote says the contrary.

All articles were asked.

## Sources

**\\[1\\]** Hill Herald, 7 March 2025: Two fall on hill (Mother Goose), also in Evening Packet. \
[Read it at hill-herald\\.example][a1-c1]

> Jack and Jill went up the hill to fetch a pail of water.
>
> **He fell down and broke his crown,**
>
> said Dame Dob.
>

**\\[2\\]** Forest Courier: Fox clears dog. [Read it at forest-courier\\.example][a1-c2]

> **The quick brown fox jumps over the lazy dog.**
>
> The dog did not wake up.
>

[a1-c1]: <https://hill-herald.example/jill#:~:text=He%20fell%20down%20and%20broke%20his%20crown%2C>
[a1-c2]: <https://forest-courier.example/fox#:~:text=The%20quick%20brown%20fox%20jumps%20over%20the%20lazy%20dog.>

"""
    )


def test_markdown_of_an_abstention_shows_the_nearest_passages() -> None:
    text = render_markdown((abstain(make_answer()),), passage_of=passage_of)

    assert "\nThe articles don't answer this.\n" in text
    assert "## The nearest passages\n\n**1.** Hill Herald, 7 March 2025: Two fall on hill\n\n> Jack and Jill" in text


@settings(max_examples=60)
@given(poisoned())
def test_no_renderer_makes_anything_of_what_was_written(drawn: tuple[Answer, QuotedPassage]) -> None:
    answer, passage = drawn
    text = render_markdown((answer, abstain(answer)), passage_of=lambda _: passage)

    for renderer in RENDERERS:
        page = renderer.render(text)
        reader = read(page)
        assert {element.tag for element in reader.elements} <= {"h1", "h2", "p", "blockquote", "strong", "a"}
        assert reader.comments == []
        assert len(find(page, "h1")) == 2
        assert find(page, "h1")[0].replace(WORD_JOINER, "") == clean_line(answer.question).replace(WORD_JOINER, "")
        for element in reader.elements:
            if element.tag == "a":
                assert_leads_to(element.attributes["href"], answer.citations[0].article.url)
                assert element.attributes.keys() == {"href"}


@pytest.mark.parametrize("around", ["{}", "x {}", "{} x", "x\n{}", "\n\n{}\n\n", "0{}", "<{}>", "[{}]"])
def test_every_payload_stays_text_in_markdown(around: str) -> None:
    answers = []
    for payload in PAYLOADS:
        said = around.replace("{}", payload)
        understood = (Understood(said),)
        answers.append(replace(make_answer(), question=said, notes=(said,), understood=understood))
    passage = QuotedPassage(*(around.replace("{}", " ".join(PAYLOADS[each::3])) for each in range(3)))

    text = render_markdown(answers, passage_of=lambda _: passage)

    for renderer in RENDERERS:
        page = renderer.render(text)
        assert {element.tag for element in read(page).elements} <= {"h1", "h2", "p", "blockquote", "strong", "a"}
        assert len(find(page, "h1")) == len(PAYLOADS)
        outward = [each.attributes["href"] for each in read(page).elements if each.tag == "a"]
        assert {target.partition("#")[0] for target in outward} == {JILL.url, FOX.url}
    # GitHub's renderer looks for these in text that it has unescaped.
    lines = "\n".join(line for line in text.split("\n") if not re.match(r"\[a[0-9]+-c", line))
    assert not re.search(r"://|www\\?\.\w|@[\w-]", lines.replace("\\/", "/"), re.IGNORECASE)


# Files


def test_a_page_is_written_whole_and_over_nothing_but_a_page(tmp_path: Path) -> None:
    path = tmp_path / "answer.html"
    for render in (render_html, render_markdown):
        page = render((make_arabic(),), passage_of=passage_of)
        write_page(path, page)
        assert path.read_text(encoding="utf-8") == page
    assert [file.name for file in tmp_path.iterdir()] == ["answer.html"]

    for name, text in (("notes.html", "<!doctype html><p>My notes"), ("empty.html", "")):
        (tmp_path / name).write_text(text, encoding="utf-8")
        for refuse in (check_replaceable, lambda path: write_page(path, "x")):
            with pytest.raises(SettingsError, match="exists already, and is no page of answers"):
                refuse(tmp_path / name)
        assert (tmp_path / name).read_text(encoding="utf-8") == text


def test_what_is_no_file_is_not_written_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name in (".", "pipe", "loop"):
        with pytest.raises(SettingsError, match="choose another"):
            write_page(tmp_path / name, "x")
    with pytest.raises(SettingsError, match=r"can't be written \(No such file or directory\)"):
        write_page(tmp_path / "missing" / "answer.html", "x")
    with pytest.raises(SettingsError, match="choose another"):
        write_page(tmp_path / ("x" * 300), "x")


# In a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium; nothing is downloaded."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("there is no Chromium on this machine (Debian: apt-get install chromium)")
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu", *quiet])
        yield browser
        browser.close()


@dataclass
class Site:
    """A server on this machine that remembers every request and answers some paths with pages."""

    address: str
    pages: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.requests.append(self.path)
            page = site.pages.get(self.path)
            self.send_response(200 if page else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Site(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield site
        server.shutdown()


@contextmanager
def show(browser: Browser, site: Site, html: str, **options: Any) -> Iterator[tuple[Page, list[str]]]:
    """Open a page from a server, and remember what it asked for and what the console said."""
    site.pages["/page"] = html
    with browser.new_context(**options) as context:
        page = context.new_page()
        events: list[str] = []
        page.on("console", lambda message: events.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: events.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (events.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: events.append(request.url))
        page.goto(f"{site.address}/page")
        yield page, events


def test_a_page_is_shown_styled_asks_for_nothing_and_complains_of_nothing(browser: Browser, site: Site) -> None:
    with show(browser, site, render_html(CONVERSATION, passage_of=passage_of)) as (page, events):
        page.wait_for_load_state("networkidle")

        assert events == [f"{site.address}/page"]
        assert site.requests == ["/page"]
        assert page.title() == "What did he break? (and 2 more)"
        assert page.locator("mark").first.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(253, 238, 176)"


def test_nothing_hostile_runs_or_is_fetched(browser: Browser, site: Site) -> None:
    said = " ".join(PAYLOADS).replace("http://127.0.0.1", site.address).replace("//127.0.0.1", site.address[5:])
    statements, citations = [], []
    for number, url in enumerate([*URLS, *SPEAKABLE], start=1):
        article = ArticleRef(said, f"{number} {said}", said, said, JILL.published, url)
        citation = Citation(number, article, 0, 1, said, 0, (article,))
        citations.append(citation)
        statements.append(Statement(said, (citation,), Support(0, number % 2 == 0, (said,)), (said,)))
    answer = replace(make_answer(), question=said, statements=tuple(statements), citations=tuple(citations), model=said)
    html = render_html((answer, abstain(answer)), passage_of=lambda _: QuotedPassage(said, said, said))

    with show(browser, site, html) as (page, events):
        page.wait_for_load_state("networkidle")

        assert events == [f"{site.address}/page"]
        assert site.requests == ["/page"]
        assert page.evaluate("window.pwned") is None
        assert page.locator("script, img, svg, iframe, base, object, form, link, [onload], [onerror]").count() == 0
        assert page.locator("style").count() == 1
        assert page.locator("h2").first.inner_text().startswith("<script>window.pwned=1</script>")
        schemes = page.locator("a.out").evaluate_all("all => all.map(a => a.protocol)")
        assert schemes == ["https:"] * len(SPEAKABLE)


def test_the_policy_alone_would_stop_what_got_through(browser: Browser, site: Site) -> None:
    planted = (
        f"<script>window.pwned=1</script><img src={site.address}/i onerror='window.pwned=1'>"
        "<style>p{color:red}</style>"
        f"<p style='background:url({site.address}/b)'>x</p><iframe src={site.address}/f></iframe>"
        f"<link rel=stylesheet href={site.address}/s><base href={site.address}/base/>"
    )
    html = render_html(CONVERSATION[:1], passage_of=passage_of).replace("<main>", f"<main>{planted}")

    with show(browser, site, html) as (page, events):
        page.wait_for_load_state("networkidle")

        assert site.requests == ["/page"]
        assert page.evaluate("window.pwned") is None
        assert page.evaluate("document.baseURI") == f"{site.address}/page"
        assert sum("Content Security Policy" in event for event in events) >= 6


def test_links_lead_to_the_quote_and_back_to_the_sentence(browser: Browser, site: Site) -> None:
    with show(browser, site, render_html(CONVERSATION, passage_of=passage_of), viewport=PHONE) as (page, _):
        for link in page.locator("a:not(.out)").all():
            target = str(link.get_attribute("href"))
            link.click()
            assert page.evaluate("location.hash") == target
            assert page.locator(":target").count() == 1
            box = page.locator(":target").bounding_box()
            assert box is not None
            assert -1 <= box["y"] < PHONE["height"]


def test_a_link_out_shows_the_quote_on_its_page(browser: Browser, site: Site) -> None:
    filler = "<p>" + "Nothing of note happened there. " * 400 + "</p>"
    site.pages["/story"] = f"{filler}<p id=quote>The <b>quick</b> brown fox jumps over the lazy dog.</p>{filler}"
    citation = replace(JUMPS, article=replace(FOX, url=f"{site.address}/story"))
    answer = replace(make_answer(), statements=(Statement("x", (citation,), SUPPORTED),), citations=(citation,))

    with show(browser, site, render_html((answer,), passage_of=passage_of)) as (page, _):
        page.locator("a.out").click()
        page.wait_for_url("**/story*")
        page.wait_for_function("window.scrollY > 0")

        box = page.locator("#quote").bounding_box()
        assert box is not None
        assert 0 <= box["y"] <= 800


PHONE = {"width": 320, "height": 640}


@pytest.mark.parametrize("media", ["screen", "print"])
@pytest.mark.parametrize("width", [320, 768, 1440])
def test_nothing_is_wider_than_the_screen(browser: Browser, site: Site, width: int, media: Any) -> None:
    long = "Donaudampfschifffahrtsgesellschaft" * 9
    article = ArticleRef("x", long, long, long, JILL.published, f"https://{'a' * 60}.example/{'b' * 300}")
    citation = replace(FELL, article=article, quote=long, also_in=(article, replace(article, outlet=None)))
    statement = Statement(long, (citation,), Support(0, False, (long,)), (long,))
    answer = replace(make_answer(), question=long, statements=(statement,), citations=(citation,), model=long)
    html = render_html((*CONVERSATION, answer), passage_of=lambda _: QuotedPassage(long, long, long))

    with show(browser, site, html, viewport={"width": width, "height": 640}) as (page, _):
        page.emulate_media(media=media)

        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_paper_all_is_there_with_addresses_and_no_citation_is_torn(browser: Browser, site: Site) -> None:
    many = []
    for number in range(1, 13):
        article = replace(
            JILL, title=f"Title of story {number:02}", url=f"https://hill-herald.example/story-{number:02}"
        )
        many.append(replace(FELL, number=number, article=article))
    statements = tuple(Statement(f"Sentence {each.number:02}.", (each,), SUPPORTED) for each in many)
    answer = replace(make_answer(), statements=statements, citations=tuple(many))

    with show(browser, site, render_html((answer,), passage_of=passage_of)) as (page, _):
        pages = [join(sheet.extract_text()) for sheet in PdfReader(BytesIO(page.pdf(prefer_css_page_size=True))).pages]

    assert len(pages) > 1
    everything = "".join(pages)
    for statement in statements:
        assert join(statement.text) in everything
    for citation in many:
        (sheet,) = (text for text in pages if join(citation.article.title) in text)
        own = sheet[sheet.index(join(citation.article.title)) :]
        assert own.startswith(join(f"{citation.article.title} Hill Herald · Mother Goose · 7 March 2025"))
        assert join(HILL) in own.partition(f"https://hill-herald.example/story-{citation.number:02}")[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("answers", [CONVERSATION, CONVERSATION[:1]], ids=["conversation", "alone"])
def test_it_is_accessible(browser: Browser, site: Site, scheme: Any, answers: tuple[Answer, ...]) -> None:
    html = render_html(answers, passage_of=passage_of)

    with show(browser, site, html, color_scheme=scheme, viewport={"width": 800, "height": 900}) as (page, _):
        standards = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        result = Axe().run(page, options={"runOnly": standards, "resultTypes": ["violations", "incomplete"]})

        assert result.response["violations"] == []
        assert result.response["incomplete"] == []
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == {"light": "rgb(255, 254, 251)", "dark": "rgb(22, 22, 20)"}[scheme]
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_the_marks_need_no_colour(browser: Browser, site: Site) -> None:
    html = render_html(CONVERSATION[:1], passage_of=passage_of)

    with show(browser, site, html, forced_colors="active") as (page, _):
        assert "underline" in page.locator("mark").first.evaluate("e => getComputedStyle(e).textDecorationLine")
        assert page.locator(".unsupported").inner_text().startswith("Unsupported:")
        page.emulate_media(media="print", forced_colors="none")
        assert "underline" in page.locator("mark").first.evaluate("e => getComputedStyle(e).textDecorationLine")


def test_text_runs_in_its_own_direction(browser: Browser, site: Site) -> None:
    direction: Callable[[Any], Any] = lambda locator: locator.evaluate("e => getComputedStyle(e).direction")  # noqa: E731
    with show(browser, site, render_html((make_arabic(),), passage_of=passage_of)) as (page, _):
        assert direction(page.locator("h1")) == "rtl"
        assert direction(page.locator(".sentence > p")) == "rtl"
        assert direction(page.locator("blockquote p")) == "rtl"
        assert direction(page.locator(".outlet bdi")) == "rtl"
        assert direction(page.locator(".meta")) == direction(page.locator(".links")) == "ltr"
