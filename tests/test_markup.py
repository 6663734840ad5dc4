"""The markup that changes what a page's text says, as an article's text has it."""

import pytest
from lxml import html

from assistant.markup import BREAK, remove_withdrawn, wrap_loose_text, write_figures
from assistant.pages import read_page
from assistant.types import Document

LEAD = "<p>The council of the town met on Monday to speak of the fire.</p>"


def write(markup: str) -> str:
    tree = html.document_fromstring(f"<body>{LEAD}<p>{markup}</p></body>")
    remove_withdrawn(tree)
    write_figures(tree)
    return " ".join(tree.findall(".//p")[1].text_content().split())


def read(body: str) -> str:
    page = f"<html lang=en><head><title>Storm</title></head><body>{body}</body></html>"
    return read_page(Document("page.html", page.encode())).text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("At least <s>12</s> 13 died, <del>5</del>6 of them at sea.", "At least 13 died, 6 of them at sea."),
        ("<del>12</del><ins>13</ins> ships, <strike>no</strike> crew", "13 ships, crew"),
        ("3 × 10<sup>6</sup> trees on 2 km<sup>2</sup>", "3 × 10⁶ trees on 2 km²"),
        ("10<sup>-6</sup>, 10<sup>3.5</sup>, (a+b)<sup>2</sup>, <sup>14</sup>C", "10⁻⁶, 10^3.5, (a+b)², ¹⁴C"),
        ("H<sub>2</sub>O and CO<sub>2</sub>, log<sub>2</sub>8", "H2O and CO2, log₂8"),
        ("the 5<sup>th</sup> of 9, le 3<sup>e</sup> de 2<sup>n</sup>", "the 5th of 9, le 3e de 2ⁿ"),
        ("The mayor<sup>3</sup> left.<sup>2</sup>", "The mayor left."),
        ("In 2024<sup><a href='#n1'>1</a></sup> it fell<a href='#n2'><sup>2</sup></a> again<sup>[3]</sup>.",
         "In 2024 it fell again."),
    ],
)  # fmt: skip
def test_figures_stay_what_the_markup_makes_them(markup: str, text: str) -> None:
    assert write(markup) == text


def test_a_page_that_is_struck_through_as_a_whole_stays() -> None:
    tree = html.document_fromstring(f"<body><p>Fire</p><del>{LEAD}</del></body>")

    remove_withdrawn(tree)

    assert "The council" in tree.text_content()


def test_only_loose_words_beside_broken_lines_become_paragraphs() -> None:
    tree = html.document_fromstring(
        f"<body><div>One <b>two</b>.<p {BREAK}>Three.</p></div><div>Four<p>Five</p></div></body>"
    )

    wrap_loose_text(tree)

    assert [" ".join(part.text_content().split()) for part in tree.iter("p")] == ["One two.", "Three.", "Five"]


@pytest.mark.parametrize("tag", ["div", "p", "td", "section", "article"])
@pytest.mark.parametrize("line_break", ["<br>", "<br><br />"])
def test_line_breaks_part_lines_and_paragraphs(tag: str, line_break: str) -> None:
    lines = ["The mayor stopped the bond.", "The council may override it in May.", "“No,” he said."]

    text = read(f"<article><h1>Storm</h1><{tag}>{line_break.join(lines)}</{tag}></article>")

    assert text == ("\n" if line_break == "<br>" else "\n\n").join(lines)


def test_verse_keeps_its_lines_and_its_refrain() -> None:
    refrain = "and miles of sand to cross before the water comes again,"
    verse = f"The tide goes out,\n  {refrain}\n\nWe count the boats."

    assert read(f"<article><h1>Tide</h1>{LEAD}<pre>{verse}</pre></article>").endswith(
        f"The tide goes out,\n{refrain}\n\nWe count the boats."
    )
    assert read(f"<article>{LEAD}<p>{refrain}</p><p>We wait.</p><p>{refrain}</p></article>").count(refrain) == 2


def test_what_only_those_see_who_have_not_paid_is_no_text() -> None:
    offer = '<section amp-access="NOT subscriber"><p>Here all stories are yours for a year.</p></section>'

    assert "stories" not in read(f"<article><h1>Storm</h1>{LEAD}{offer}{LEAD.replace('Monday', 'Friday')}</article>")


def test_a_colon_behind_an_element_stands_at_its_word() -> None:
    page = f"<html><body><article><h1><span>Storm</span>: no end</h1>{LEAD * 2}</article></body></html>"

    assert read_page(Document("page.html", page.encode())).title == "Storm: no end"
