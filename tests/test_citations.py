from dataclasses import replace
from itertools import pairwise

import pytest
from fakes import NEWS_TEXTS
from hypothesis import given
from hypothesis import strategies as st

from assistant.citations import cite, find_context, holds_quote, needs_context, place_quote
from assistant.sentences import split_sentences
from assistant.types import Article, Passage, Span

TEXT = "On Thursday, Putin said that conditions had to be met.\nHe wants Ukraine to stay out of NATO. Kyiv refused."


@given(NEWS_TEXTS.filter(str.strip), st.data())
def test_a_quote_is_the_slice_it_says_it_is(text: str, data: st.DataObject) -> None:
    sentences = split_sentences(text)
    span = data.draw(st.sampled_from(sentences))
    article = Article("a", "A", text)

    citation = cite(article, span, number=1, context_start=find_context(text, span, sentences))

    assert article.text[citation.start : citation.end] == citation.quote
    assert 0 <= citation.context_start <= citation.start


@pytest.mark.parametrize(
    "sentence",
    [
        "He has said he wants Ukraine to drop its ambitions to join NATO.",
        "“They measured it in July,” said Crewe.",
        "Its statement said that aid must stop.",
        "It also asked for an end to curbs.",
    ],
)
def test_a_sentence_that_begins_with_a_pronoun_needs_context(sentence: str) -> None:
    assert needs_context(sentence)


@pytest.mark.parametrize(
    "sentence", ["Putin said so.", "It is unlikely that rates will fall.", "That said, prices rose.", "", "…"]
)
def test_a_sentence_that_speaks_for_itself_needs_none(sentence: str) -> None:
    assert not needs_context(sentence)


def test_the_context_is_the_sentence_before() -> None:
    sentences = split_sentences(TEXT)
    span = next(span for span in sentences if TEXT[span.start :].startswith("He wants"))

    assert find_context(TEXT, span, sentences) == 0


def test_the_context_goes_back_to_a_name_for_him_but_no_further() -> None:
    text = "Ann Lee lost. Putin set out terms. The call was long. He spoke first. He wants the sanctions lifted."
    sentences = split_sentences(text)

    assert text[find_context(text, sentences[-1], sentences) :].startswith("Putin set out")
    assert text[find_context(text, sentences[-2], sentences) :].startswith("Putin set out")


def test_who_is_named_in_direct_speech_is_not_who_spoke() -> None:
    text = "Starmer said so on Friday. “Tell the Kremlin to stop. Tell them now.” He accused Putin of delay."
    sentences = split_sentences(text)

    assert find_context(text, sentences[-1], sentences) == 0


def test_the_context_is_three_sentences_at_most() -> None:
    text = "Putin set out terms. He spoke. He waited. He left. He wants the sanctions lifted."
    sentences = split_sentences(text)

    assert find_context(text, sentences[-1], sentences) == sentences[1].start


def test_a_heading_is_no_context() -> None:
    text = "Putin set out terms.\n\n## The terms\n\nHe wants the sanctions lifted."
    sentences = split_sentences(text)

    assert find_context(text, sentences[-1], sentences) == 0


def test_the_first_sentence_has_no_context() -> None:
    assert find_context("He won.", Span(0, 7), [Span(0, 7)]) == 0


def test_a_name_at_the_start_is_context_enough() -> None:
    sentences = split_sentences(TEXT)

    assert find_context(TEXT, sentences[-1], sentences) == sentences[-1].start


@pytest.mark.parametrize(
    ("span", "context_start"), [(Span(0, 0), 0), (Span(5, 4), 0), (Span(0, 9), 0), (Span(2, 4), 3)]
)
def test_what_is_no_stretch_of_the_article_is_refused(span: Span, context_start: int) -> None:
    with pytest.raises(ValueError, match=r"article|context"):
        cite(Article("a", "A", "12345678"), span, number=1, context_start=context_start)


def test_copies_that_hold_a_quote_stand_beside_it() -> None:
    def make(id: str, text: str) -> Article:
        return Article(id, f"About {id}", text, outlet=id.title())

    article = make("herald", "It rained. “We must act,” the mayor said. The sun shone.")
    copies = [
        make("courier", "The mayor spoke. 'We must act', the\nmayor said."),
        make("packet", "“We must act,” the mayors said."),
        make("post", "Nobody said so."),
    ]

    citation = cite(article, Span(11, 41), number=1, copies=copies)

    assert citation.quote == "“We must act,” the mayor said."
    assert citation.also_in == (copies[0].ref,)
    assert cite(article, Span(10, 11), number=1, copies=copies).also_in == ()  # a space is in no text


@given(NEWS_TEXTS.filter(str.strip), st.data())
def test_a_quote_stands_in_a_stretch_of_its_article_with_its_context(text: str, data: st.DataObject) -> None:
    sentences = split_sentences(text)
    edges = [0, *sorted(data.draw(st.sets(st.sampled_from([span.start for span in sentences])))), len(text)]
    passages = [Passage("a", *pair, text[slice(*pair)]) for pair in pairwise(edges)]
    span = data.draw(st.sampled_from(sentences))
    context_start = data.draw(st.sampled_from([each.start for each in sentences if each.start <= span.start]))
    citation = cite(Article("a", "A", text), span, number=1, context_start=context_start)

    placed = place_quote(text, citation, passages)

    assert holds_quote(text, citation)
    before, after = text[: span.start], text[span.end :]
    assert before.endswith(placed.before)
    assert after.startswith(placed.after)
    assert placed.quote == text[span.start : span.end]
    assert len(placed.before) >= span.start - context_start
    assert f"{placed.before}{placed.quote}{placed.after}" == f"{placed.before}{placed.quote}{placed.after}".strip()
    (around,) = (each for each in passages if each.start <= span.start < each.end)
    assert around.text.strip() in f"{placed.before}{placed.quote}{placed.after}"


@pytest.mark.parametrize(("start", "end"), [(-5, -1), (0, 4), (3, 3), (1, 999)])
def test_a_quote_that_is_not_in_its_place_is_not_held(start: int, end: int) -> None:
    citation = replace(cite(Article("a", "A", "He won."), Span(3, 6), number=1), start=start, end=end)

    assert not holds_quote("He won.", citation)
    assert not holds_quote("He lost", cite(Article("a", "A", "He won."), Span(3, 6), number=1))
