"""Writes a page's markup as its text alone would say the same: figures, words that were taken back, lines, paragraphs.

What extracts an article's text forgets the elements in it, and some of them change what it says: `10<sup>6</sup>` is no
106, and `<s>12</s> 13` is 13.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from assistant.metadata import clean, fold, is_prose

if TYPE_CHECKING:
    from lxml.html import HtmlElement

MAX_FIGURES = 1_000  # above or below the line, of one page: each is written into all of the words around it
BREAK = "data-break"  # the attribute of paragraphs that begin after two line breaks

_RAISED = str.maketrans("0123456789+-−–()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-−–()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₋₍₎")
_POWER = re.compile(r"[\d+\-−–()n]+")
# The mark of a note: in brackets, a sign for it, or the number or letter of one.
_NOTE = re.compile(r"\[[^\[\]]{0,40}\]|[*†‡§]+|\d{1,3}(?:\s?[,–-]\s?\d{1,3})*|[a-z]")
# What a number above the line belongs to, where it is none of a note: a figure, a unit or the name of a variable, a
# bracket; or nothing, as in ¹⁴C.
_BASE = re.compile(r"(?:\d|(?<![^\W\d_])[^\W\d_]{1,2}|[)\]]|(?:\A|\s))\Z")

_HOLDERS = ("body", "main", "article", "section", "div", "td")
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "big",
        "br",
        "cite",
        "code",
        "data",
        "dfn",
        "em",
        "font",
        "i",
        "img",
        "ins",
        "kbd",
        "mark",
        "q",
        "ruby",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "tt",
        "u",
        "var",
        "wbr",
    ]
)


def remove_withdrawn(tree: "HtmlElement") -> None:
    """Take out, in place, what a page strikes through: what its paper has taken back. Most of a page is never that."""
    total = len(tree.text_content())
    for element in list(tree.iter("s", "strike", "del")):
        if element.getparent() is not None and len(element.text_content()) * 2 <= total:
            element.drop_tree()


def write_figures(tree: "HtmlElement") -> None:
    """Write what stands above or below the line, in place, with the characters for that; the marks of notes go.

    What stands below it behind letters stays as people write and ask for it, as in CO2.
    """
    for element in list(islice(tree.iter("sup", "sub"), MAX_FIGURES)):
        holder = element.getparent()
        if holder is None:
            continue
        text = clean(element.text_content())
        before = _get_before(element)[-8:]
        is_linked = holder.tag == "a" and clean(holder.text_content()) == text
        if element.tag == "sup" and _is_note(element, text, before, is_linked=is_linked):
            # subtle: a link without words would make its paragraph a list of links to what extracts the text
            (holder if is_linked else element).drop_tree()
            continue
        is_figure = before[-1:].isdigit() and any(map(str.isdigit, text))
        if element.tag == "sup" and _POWER.fullmatch(text):
            _replace_text(element, text.translate(_RAISED))
        elif element.tag == "sup" and is_figure and text[:1].isdigit() and not text[-1:].isalpha():
            _replace_text(element, f"^{text}")
        elif element.tag == "sub" and _POWER.fullmatch(text) and not _is_formula(element, before):
            _replace_text(element, text.translate(_LOWERED))
        element.drop_tag()


def _get_before(element: "HtmlElement") -> str:
    """Get the text directly in front of an element, as far as its neighbour or its parent has it."""
    previous = element.getprevious()
    if previous is None:
        parent = element.getparent()
        return (parent.text or "") if parent is not None else ""
    return previous.tail or ("" if previous.tag == "br" else str(previous.text_content()))


def _is_note(element: "HtmlElement", text: str, before: str, *, is_linked: bool) -> bool:
    if not _NOTE.fullmatch(text):
        return False
    is_sign = not text[:1].isalnum()
    return is_linked or element.find(".//a") is not None or is_sign or not _BASE.search(before)


def _is_formula(element: "HtmlElement", before: str) -> bool:
    return before[-1:].isalpha() and not (element.tail or "")[:1].isdigit()


def _replace_text(element: "HtmlElement", text: str) -> None:
    for part in list(element):
        part.drop_tree()
    element.text = text


def part_verse(tree: "HtmlElement") -> None:
    """Make paragraphs, in place, of the stanzas that an element of preformatted text parts by empty lines."""
    for element in list(tree.iter("pre")):
        stanzas = re.split(r"\n[^\S\n]*\n\s*", str(element.text_content()).strip("\n"))
        tail = element.tail
        element.clear()
        element.tag, element.tail = "div", tail
        for stanza in filter(str.strip, stanzas):
            paragraph = element.makeelement("p")
            first, *others = stanza.split("\n")
            paragraph.text = first
            for line in others:
                line_break = paragraph.makeelement("br")
                line_break.tail = line
                paragraph.append(line_break)
            element.append(paragraph)


def count_repeated(tree: "HtmlElement") -> Counter[str]:
    """Count how often one element holds the same paragraph, as a poem its refrain; it is listed where that is twice."""
    counted = Counter(
        (element.getparent(), clean(element.text_content())) for element in tree.iter("p") if element.text is not None
    )
    repeated: Counter[str] = Counter()
    for (_, text), count in counted.items():
        if count > 1:
            repeated[fold(text)] = max(count, repeated[fold(text)])
    return repeated


def wrap_loose_text(tree: "HtmlElement") -> None:
    """Make paragraphs, in place, of what stands beside paragraphs that begin after line breaks, or beside a headline.

    What extracts the text takes loose words and paragraphs of one element for two articles, or for none.
    """
    for holder in list(tree.iter(*_HOLDERS)):
        is_broken = any(child.tag == "p" and BREAK in child.attrib for child in holder)
        is_headed = any(child.tag in ("h1", "header") for child in holder)
        # Cells of rows are figures more often than text.
        is_alone = holder.tag in ("article", "td") and not _find_blocks(holder) and not _is_cell(holder)
        if is_broken or is_headed or is_alone:
            for before, run in list(_list_runs(holder)):
                text = clean(f"{_get_start(holder, before)} {' '.join(_write(part) for part in run)}")
                if text and (is_broken or is_prose(text)):
                    _wrap(holder, before, run)


def _list_runs(holder: "HtmlElement") -> "Iterator[tuple[HtmlElement | None, list[HtmlElement]]]":
    """List the runs of words between an element's blocks: the block before, and the elements in the run."""
    before: HtmlElement | None = None
    run: list[HtmlElement] = []
    blocks = _find_blocks(holder)
    for child in holder:
        if child not in blocks:
            run.append(child)
        else:
            yield before, run
            before, run = child, []
    yield before, run


def _find_blocks(holder: "HtmlElement") -> "set[HtmlElement]":
    """Find the elements in one that are no part of a line of words."""
    return {
        child
        for child in holder
        if child.tag not in _INLINE
        or next(child.iterdescendants("p", "div", "h1", "h2", "ul", "table"), None) is not None
    }


def _is_cell(holder: "HtmlElement") -> bool:
    parent = holder.getparent()
    return parent is not None and parent.tag == "tr"


def _get_start(holder: "HtmlElement", before: "HtmlElement | None") -> str:
    return (holder.text if before is None else before.tail) or ""


def _write(part: "HtmlElement") -> str:
    return f"{part.text_content()}{part.tail or ''}"


def _wrap(holder: "HtmlElement", before: "HtmlElement | None", run: "list[HtmlElement]") -> None:
    paragraph = holder.makeelement("p")
    paragraph.text = _get_start(holder, before)
    if before is None:
        holder.text = None
        holder.insert(0, paragraph)
    else:
        before.tail = None
        before.addnext(paragraph)
    paragraph.extend(run)
