from pathlib import Path

import pytest

from assistant.errors import EvaluationError
from assistant.evaluation.cases import Case, CaseSet, Evidence, Mention, load_cases
from assistant.evaluation.locating import Located, Piece, Place, locate_evidence
from assistant.reading import list_files, read_article
from assistant.types import Span

ROOT = Path(__file__).parent.parent
TEXTS = {
    "https://one.example/fox": "A fox ran. A fox sat.",
    "file:///home/news/fox.md": "The lazy\n dog, too.",
    "https://two.example/fox": "Nothing of it.",
}


def locate(*mentions: Mention, is_published: bool = False, grade: float = 1.0) -> Located:
    cases = (Case("a", "Who?", (Evidence(mentions, grade),)), Case("b", "What?", unanswerable=True))
    return locate_evidence(
        CaseSet("mine.jsonl", cases, is_published=is_published), ids=list(TEXTS), text_of=TEXTS.__getitem__
    )


def test_a_quote_is_found_wherever_it_stands() -> None:
    located = locate(Mention(quote="A fox"), grade=2.0)

    one = "https://one.example/fox"
    assert located.pieces["a"] == (Piece((Place(one, Span(0, 5)), Place(one, Span(11, 16))), 2.0),)
    assert located.pieces["b"] == ()


def test_white_space_may_differ() -> None:
    (piece,) = locate(Mention("fox.md", "The  lazy dog")).pieces["a"]

    assert piece.places == (Place("file:///home/news/fox.md", Span(0, 13)),)


def test_offsets_and_whole_articles_are_taken_as_they_are() -> None:
    assert locate(Mention("one.example/fox", None, 2, 5)).pieces["a"][0].places == (
        Place("https://one.example/fox", Span(2, 5)),
    )
    assert locate(Mention("https://two.example/fox")).pieces["a"][0].places == (Place("https://two.example/fox", None),)


@pytest.mark.parametrize(
    ("mention", "message"),
    [
        (Mention("fox", "ran"), "fox is the end of several articles' ids; write more of it"),
        (Mention("owl", "ran"), "no article of the index is owl; add it"),
        (Mention(quote="An owl"), "no article of the index holds 'An owl'"),
        (Mention("fox.md", "An owl"), "file:///home/news/fox.md doesn't hold 'An owl'"),
        (Mention("fox.md", None, 3, 99), "fox.md ends at 19, before 99"),
        (Mention("one.example/fox", "fox", 3, 6), "'fox' doesn't stand at 3 of https://one.example/fox"),
    ],
)
def test_what_stands_nowhere_is_a_mistake(mention: Mention, message: str) -> None:
    with pytest.raises(EvaluationError) as error:
        locate(mention)

    assert str(error.value).startswith(f"mine.jsonl, case a ('Who?'): {message}")


def test_what_a_published_set_misquotes_is_counted_and_its_case_left_out() -> None:
    located = locate(Mention("fox.md", "An owl"), is_published=True)

    assert located == Located({"b": ()}, unlocated=1)
    with pytest.raises(EvaluationError, match="no article of the index is owl"):
        locate(Mention("owl", "ran"), is_published=True)


def test_all_evidence_of_the_sample_cases_is_in_the_sample_articles() -> None:
    articles = [read_article(file) for file in list_files(ROOT / "articles") if isinstance(file, Path)]
    texts = {article.id: article.text for article in articles}

    located = locate_evidence(
        load_cases(ROOT / "notebooks" / "cases.jsonl"), ids=list(texts), text_of=texts.__getitem__
    )

    assert located.unlocated == 0
    for pieces in located.pieces.values():
        assert all(len(piece.places) == 1 for piece in pieces)
