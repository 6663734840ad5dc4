from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from answer_records import make_answer, make_source, quote
from libraries import add, everywhere, opened, remove

from assistant.checking import ALTERED, RETOLD, find_cited
from assistant.checking import check_answers as check_answers_with
from assistant.errors import LibraryError
from assistant.library import Library
from assistant.quoting import ABSTENTION
from assistant.types import Answer, Article, ArticleHash, CheckedCitation, CheckReport, Citation, Statement, Support

FERRY, TRAM = make_source(1), make_source(2)


def check_answers(answers: Sequence[Answer], library: Library) -> CheckReport:
    """Check answers that no language model gave."""

    def judge(statement: str, _: Sequence[str]) -> Support:
        raise AssertionError(f"nothing but a language model's words is judged, and not {statement!r}")

    return check_answers_with(answers, library, check=judge)


@pytest.fixture
def filled(library: Library) -> Library:
    add(library, FERRY, TRAM)
    return library


def answer_of(library: Library, *citations: Citation) -> Answer:
    """Make an answer with these citations, given of the articles as they are."""
    with library.snapshot() as snapshot:
        hashes = {each.article.id: snapshot.hash(each.article.id) for each in citations}
    noted = tuple(ArticleHash(id, hash) for id, hash in hashes.items() if hash)
    return replace(make_answer(1), text="", statements=(), citations=citations, hashes=noted)


def check(library: Library, citation: Citation, *, answer: Answer | None = None) -> CheckedCitation:
    (checked,) = check_answers([answer or answer_of(library, citation)], library).citations
    assert checked.citation == citation
    return checked


def change(library: Library, text: str, **fields: str) -> datetime:
    """Let the ferry's article say something else, and say when the library came to know."""
    add(library, replace(FERRY, text=text, **fields))
    with library.snapshot() as snapshot:
        until = snapshot.revisions(FERRY.id)[-2].until
    assert until is not None
    return until


@everywhere
def test_what_articles_say_holds(filled: Library) -> None:
    answers = [answer_of(filled, quote(FERRY), quote(TRAM, number=2)), answer_of(filled, quote(TRAM))]

    report = check_answers(answers, filled)

    assert (report.answers, report.holds) == (2, True)
    assert [(each.answer, each.citation.number) for each in report.citations] == [(1, 1), (1, 2), (2, 1)]
    assert {(each.verdict, each.until, each.has_changed) for each in report.citations} == {("exact", None, False)}


def test_nothing_to_check_holds(filled: Library) -> None:
    answer = replace(make_answer(1), text=ABSTENTION, statements=(), citations=(), abstained=True)
    report = check_answers([answer], filled)

    assert (report.answers, report.citations, report.holds) == (1, (), True)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"quote": "The ferry number1 left the habrour."}, "never"),
        ({"quote": ""}, "never"),
        ({"quote": "", "start": 10**9, "end": 10**9 + 1}, "never"),
        ({"start": 19, "end": 54}, "misplaced"),
        ({"start": 2**52, "end": 2**53 - 1}, "misplaced"),
        ({"end": 2**53 - 1}, "misplaced"),
        ({"article": replace(FERRY.ref, outlet="Meridian Dispatch")}, "misattributed"),
        ({"article": replace(FERRY.ref, published=datetime(2026, 1, 2, tzinfo=UTC))}, "misattributed"),
        ({"article": TRAM.ref}, "never"),
        ({"article": replace(FERRY.ref, id="ferry-9")}, "unknown"),
        ({"article": replace(FERRY.ref, id="")}, "unknown"),
        ({"also_in": (TRAM.ref,)}, "uncopied"),
        ({"also_in": (replace(FERRY.ref, outlet="Reuters"),)}, "uncopied"),
        ({"also_in": (replace(FERRY.ref, id="elsewhere"),)}, "uncopied"),
    ],
)
def test_what_was_altered_is_found(filled: Library, changes: dict[str, object], verdict: str) -> None:
    altered = replace(quote(FERRY), **changes)  # type: ignore[arg-type]

    checked = check(filled, altered)

    assert checked.verdict == verdict
    assert not checked.holds


@everywhere
def test_a_quote_that_an_article_says_no_more_was_said_until_a_day(filled: Library) -> None:
    answer = answer_of(filled, quote(FERRY))
    until = change(filled, "The ferry stayed.")

    checked = check(filled, quote(FERRY), answer=answer)

    assert (checked.verdict, checked.holds, checked.has_changed) == ("changed", False, True)
    assert checked.until == until
    assert checked.since is not None
    assert checked.since <= until


def test_a_quote_that_stands_elsewhere_now_holds(filled: Library) -> None:
    answer = answer_of(filled, quote(FERRY))
    change(filled, f"Corrected. {FERRY.text}")

    checked = check(filled, quote(FERRY), answer=answer)

    assert (checked.verdict, checked.holds, checked.has_changed) == ("moved", True, True)


def test_a_quote_that_stands_where_it_stood_in_a_changed_article_is_exact(filled: Library) -> None:
    answer = answer_of(filled, quote(FERRY))
    change(filled, f"{FERRY.text} It was late.")

    checked = check(filled, quote(FERRY), answer=answer)

    assert (checked.verdict, checked.until, checked.has_changed) == ("exact", None, True)
    without = check(filled, quote(FERRY), answer=replace(answer, hashes=()))
    assert (without.verdict, without.has_changed) == ("exact", None)


@everywhere
def test_an_article_with_another_title_said_it_under_its_own(filled: Library) -> None:
    answer = answer_of(filled, quote(FERRY))
    change(filled, FERRY.text, title="Ferry leaves")

    checked = check(filled, quote(FERRY), answer=answer)

    assert (checked.verdict, checked.holds, checked.has_changed) == ("moved", True, True)


@everywhere
def test_a_removed_article_is_told_from_one_that_never_was(filled: Library) -> None:
    answer = answer_of(filled, quote(FERRY))
    remove(filled, FERRY.id)

    checked = check(filled, quote(FERRY), answer=answer)

    assert (checked.verdict, checked.holds, checked.has_changed) == ("removed", False, None)


def test_where_there_is_no_index_nothing_is_checked(tmp_path: Path) -> None:
    with opened(tmp_path / "nowhere") as library, pytest.raises(LibraryError, match="no index; give the one"):
        check_answers([make_answer(1)], library)


@everywhere
def test_the_latest_revision_that_says_a_quote_is_found(filled: Library) -> None:
    change(filled, f"{FERRY.text} It was late.")
    change(filled, "The ferry stayed.")
    with filled.snapshot() as snapshot:
        revisions = snapshot.revisions(FERRY.id)

    found = find_cited(quote(FERRY), revisions)
    assert found is revisions[1]
    assert find_cited(quote(TRAM), revisions) is None
    assert find_cited(quote(FERRY), ()) is None


def test_nothing_is_written_by_checking(filled: Library) -> None:
    answer = answer_of(filled, quote(FERRY), quote(Article("gone", "Gone", FERRY.text), number=2))
    before = filled.content_hash()

    check_answers([answer], filled)

    assert filled.content_hash() == before


def test_a_quote_that_was_altered_in_the_answer_alone_is_not_proven(filled: Library) -> None:
    answer = make_answer(1, sources=[FERRY])
    (statement,) = answer.statements
    altered = replace(statement, text=statement.text.replace("left", "never left"))

    kept = check_answers([answer], filled)
    told = check_answers([replace(answer, text=altered.text)], filled)
    both = check_answers([replace(answer, text=altered.text, statements=(altered,))], filled)

    assert kept.holds
    assert [each.reasons for each in told.unproven] == [(RETOLD,)]
    assert [(each.text, each.reasons) for each in both.unproven] == [(altered.text, (ALTERED,))]
    assert not told.holds
    assert not both.holds
    assert all(checked.holds for checked in both.citations)


def test_what_a_language_model_wrote_is_judged_again_by_what_it_was_judged_by(filled: Library) -> None:
    asked: list[tuple[str, Sequence[str]]] = []

    def judge(statement: str, evidence: Sequence[str]) -> Support:
        asked.append((statement, evidence))
        return Support(0.2, False, ("says more",)) if "twice" in statement else Support(0.9, True)

    text = "The ferry left. It came back on Monday. It was late."
    add(filled, Article("late", "Late", text, "Harbour Courier"))
    start = text.index("It was late")
    citation = Citation(1, Article("late", "Late", text, "Harbour Courier").ref, start, len(text), text[start:], 0)
    statements = (
        Statement("It left.", (citation,), Support(0.9, True)),
        Statement("It left twice.", (citation,), Support(0.9, True)),
        Statement("It sank.", (citation,), Support(0.1, False)),
    )
    answer = replace(make_answer(1, model="openai:tiny"), text="It left. It left twice.", statements=statements)

    report = check_answers_with([replace(answer, citations=(citation,))], filled, check=judge)

    assert [(each.text, each.reasons) for each in report.unproven] == [("It left twice.", ("says more",))]
    assert asked == [(each, [text, "Harbour Courier"]) for each in ("It left.", "It left twice.")]


def test_no_context_is_believed_that_a_quote_does_not_need(filled: Library) -> None:
    asked: list[Sequence[str]] = []

    def judge(_: str, evidence: Sequence[str]) -> Support:
        asked.append(evidence)
        return Support(0.9, True)

    citation = replace(quote(FERRY), context_start=0)
    statement = Statement("The ferry left.", (citation,), Support(0.9, True))
    answer = replace(make_answer(1, model="openai:tiny"), text="The ferry left.", statements=(statement,))

    check_answers_with([replace(answer, citations=(citation,))], filled, check=judge)

    assert asked == [[citation.quote, "Harbour Courier, 1 January 2026"]]


def test_an_abstention_says_nothing_else(filled: Library) -> None:
    answer = replace(make_answer(1), statements=(), citations=(), abstained=True)

    kept = check_answers([replace(answer, text=ABSTENTION)], filled)
    told = check_answers([replace(answer, text="The ferry sank.")], filled)

    assert kept.holds
    assert [(each.text, each.reasons) for each in told.unproven] == [("The ferry sank.", (RETOLD,))]
