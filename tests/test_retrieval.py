import random
from collections.abc import Sequence
from dataclasses import astuple, fields, replace
from datetime import UTC, datetime

import numpy as np
import pytest
from fakes import WordEmbedder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.ingest import add_sources
from assistant.library import Library as SQLiteLibrary
from assistant.port import Library
from assistant.retrieval import (
    DEFAULT_WEIGHTS,
    Retrieval,
    RetrievalWeights,
    embed_question,
    retrieve,
    score_passages,
    share_out,
)
from assistant.schema import PassageFilter
from assistant.snapshot import choose_search_terms
from assistant.types import Article, ArticleRef, Passage, RetrievedPassage, ScoreParts


@pytest.fixture
def library(any_library: Library) -> Library:
    return any_library


def ask(
    library: Library,
    articles: Sequence[Article],
    question: str,
    *,
    limit: int = 10,
    filter: PassageFilter = PassageFilter(),  # noqa: B008 (immutable)
) -> Retrieval:
    embedder = WordEmbedder()
    if articles:
        add_sources(articles, library=library, embedder=embedder)
    with library.snapshot() as snapshot:
        return retrieve(question, library=snapshot, embedder=embedder, limit=limit, filter=filter)


def found(retrieval: Retrieval) -> list[str]:
    return [it.article.id for it in retrieval.passages]


def report(id: str, text: str, **details: object) -> Article:
    return Article(id=id, title=f"Report {id}", text=text, **details)  # type: ignore[arg-type]


def test_passage_that_answers_comes_first(library: Library, articles: tuple[Article, ...]) -> None:
    retrieval = ask(library, articles, "What did Jack break?")

    assert found(retrieval)[0] == "jill"
    assert retrieval.passages[0].passage.article_id == "jill"


def test_scores_fall_and_none_is_above_one(library: Library, articles: tuple[Article, ...]) -> None:
    retrieval = ask(library, articles, "Which dog did the fox of the Forest Courier jump over on 15 March 2025?")

    assert list(retrieval.scores) == sorted(retrieval.scores, reverse=True)
    assert max(retrieval.scores) <= 1
    assert [it.score for it in retrieval.passages] == list(retrieval.scores)
    assert [it.passage for it in retrieval.passages] == [it.passage for it in retrieval.candidates]


def test_limit_cuts_the_passages_and_not_the_candidates(library: Library, articles: tuple[Article, ...]) -> None:
    retrieval = ask(library, articles, "Who had a lamb?", limit=1)

    assert found(retrieval) == ["lamb"]
    assert len(retrieval.candidates) == 3


def test_each_clause_finds_its_passage(library: Library) -> None:
    articles = [
        report("envoy", "The envoy landed in Riyadh with a draft agreement for the talks."),
        report("harvest", "Farmers harvested record barley after a wet spring."),
        *(report(f"other{n}", f"The council of town {n} met on a Monday about parking.") for n in range(12)),
    ]

    retrieval = ask(
        library, articles, "Where did the envoy land with a draft agreement, and which farmers harvested barley?"
    )

    assert set(found(retrieval)[:2]) == {"envoy", "harvest"}
    assert len(retrieval.question.clauses) == len(retrieval.question.clause_vectors) == 2


def test_named_outlet_decides_between_equal_reports(library: Library) -> None:
    text = "The minister resigned over the contract."
    articles = [report("a", text, outlet="Morning Post"), report("b", text, outlet="Time")]

    assert found(ask(library, articles, "What does Time say of the minister's contract?"))[0] == "b"
    assert found(ask(library, [], "what does the morning post say of the minister's contract?"))[0] == "a"


def test_word_that_is_also_an_outlet_names_it_only_with_a_capital(library: Library) -> None:
    text = "The minister resigned over the contract."
    articles = [report("a", text), report("b", text, outlet="Time")]
    embedder = WordEmbedder()
    add_sources(articles, library=library, embedder=embedder)
    with library.snapshot() as snapshot:
        near = snapshot.nearest(embedder.embed_questions([text])[0], limit=2)
        stored = snapshot.load([id for id, _ in near])
    question = embed_question("Did Smith resign in time?", embedder=embedder)

    scores = score_passages(question, stored, frequencies={}, passage_count=2)

    assert scores.sum(axis=1)[0] == scores.sum(axis=1)[1]


def test_named_day_decides_between_equal_reports(library: Library) -> None:
    text = "The minister resigned over the contract."
    articles = [
        report("a", text, published=datetime(2025, 3, 14, 9, tzinfo=UTC)),
        report("b", text, published=datetime(2025, 3, 15, 9, tzinfo=UTC)),
    ]

    assert found(ask(library, articles, "What happened to the minister on March 15?"))[0] == "b"


def test_of_two_passages_as_good_the_one_from_a_new_article_comes_first(library: Library) -> None:
    embedder = WordEmbedder()
    sentence = "The minister resigned over the contract on a rainy day in the capital city of the north. "
    articles = [
        report("a", (sentence * 5).strip() + "\n\n" + (sentence * 5).strip()),
        report("b", (" ".join(reversed(sentence.split())) + " ") * 5),  # the same words, and no copy
    ]
    add_sources(articles, library=library, embedder=embedder)

    with library.snapshot() as snapshot:
        retrieval = retrieve("Why did the minister resign?", library=snapshot, embedder=embedder, limit=3)

    assert sorted(found(retrieval)[:2]) == ["a", "b"]
    assert found(retrieval)[2] == "a"


def test_filter_leaves_only_what_it_lets_through(library: Library, articles: tuple[Article, ...]) -> None:
    retrieval = ask(library, articles, "dog fox lamb water", filter=PassageFilter(outlet="hill herald"))

    assert found(retrieval) == ["jill"]


@pytest.mark.parametrize(
    "question",
    [
        "?! ... —",
        "who is it and why",
        '" OR text:fox* NEAR(dog) -lamb ^("',
        "狐は何を飛び越えましたか？",
        "كم عدد الكلاب؟",
        "\x00 fox \ud800 dog",
        "fox, " * 25_000,
        "x" * 100_000,
    ],
)
def test_any_text_is_a_question(library: Library, articles: tuple[Article, ...], question: str) -> None:
    retrieval = ask(library, articles, question)

    assert sorted(found(retrieval)) == ["fox", "jill", "lamb"]
    assert np.isfinite(retrieval.scores).all()


def test_empty_library_has_no_passages(library: Library) -> None:
    retrieval = ask(library, [], "Who jumps over the dog, and who went up the hill with a pail?")

    assert (retrieval.passages, retrieval.candidates, retrieval.scores) == ((), (), ())
    assert retrieval.question_vector.shape == (256,)


def test_frequencies_count_the_passages_of_each_term(library: Library, articles: tuple[Article, ...]) -> None:
    retrieval = ask(library, articles, "Which dogs fell near the unicorn?")

    assert retrieval.frequencies == {"dogs": 1, "fell": 1, "near": 0, "unicorn": 0}


def test_search_terms_are_the_rarest_and_at_least_one() -> None:
    frequencies = {"said": 900, "minister": 40, "barley": 3, "unicorn": 0}

    assert choose_search_terms(frequencies, max_postings=50) == ["barley", "minister"]
    assert choose_search_terms(frequencies, max_postings=1) == ["barley"]


def test_same_question_gives_the_same_order(library: Library) -> None:
    words = ["the", "same", "words", "stand", "here", "in", "every", "order"]
    chance = random.Random(0)  # for copies count as one
    articles = [report(str(number), " ".join(chance.sample(words, len(words)))) for number in range(20)]

    first = found(ask(library, articles, "Which words stand here?"))

    assert first == found(ask(library, [], "Which words stand here?"))
    if isinstance(library, SQLiteLibrary):  # which knows the order in which they came
        assert first == [str(number) for number in range(10)]


# Copies

LEAD = "The council of Port Ellery voted on Tuesday night to build a berth beside the quay for larger ships."
BODY = (
    "The berth will cost the town £84m, of which the port company pays a quarter. Opponents fear for the mussel beds on"
    " Sallow Bank, which the dredging would cover in silt. A survey found that a tenth of the bank would be lost."
)


def test_copies_of_a_story_take_the_place_of_one(library: Library) -> None:
    copies = [
        report(f"copy {number}", f"{LEAD} {BODY}", published=datetime(2025, 3, day, tzinfo=UTC))
        for number, day in enumerate([9, 2, *[5, 7] * 23])
    ]
    others = [report(f"other {number}", f"The berth costs {number} m. Ship {number} came.") for number in range(4)]

    retrieval = ask(library, [*copies, *others], "What will the berth cost the town?", limit=5)

    assert sorted(found(retrieval)) == ["copy 1", *(f"other {number}" for number in range(4))]
    assert found(retrieval)[0] == "copy 1"  # the first that was published
    assert list(retrieval.scores) == sorted(retrieval.scores, reverse=True)


def test_what_only_one_copy_says_is_found_in_it(library: Library) -> None:
    first = report("first", f"{LEAD} {BODY}", published=datetime(2025, 3, 1, tzinfo=UTC))
    longer = report(
        "longer",
        f"{LEAD} {BODY}\n\nThe mayor, Una Tarrow, has since resigned over the berth, an aide confirmed. "
        + "So it goes. " * 30,
        published=datetime(2025, 3, 2, tzinfo=UTC),
    )

    cost = ask(library, [first, longer], "What will the berth cost the town?")
    mayor = ask(library, [], "Which mayor has resigned over the berth?")

    assert {each.story for each in cost.candidates} == {each.story for each in mayor.candidates}
    assert mayor.passages[0].article.id == "longer"
    assert sum("£84m" in each.passage.text for each in cost.passages) == 1


# The parts of a score

WORDS = st.sampled_from(("fox", "dog", "lamb", "Jack", "water,", "and", "who", "Hill Herald", "15 March 2025", "?"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(WORDS, min_size=1, max_size=20))
def test_the_parts_sum_to_the_score(library: Library, articles: tuple[Article, ...], words: list[str]) -> None:
    retrieval = ask(library, articles, " ".join(words))

    for retrieved in retrieval.passages:
        assert retrieved.parts is not None
        assert sum(astuple(retrieved.parts)) == pytest.approx(retrieved.score, abs=1e-9)
        *gains, taken_off = astuple(retrieved.parts)
        assert min(gains) >= 0 >= taken_off or retrieved.parts.cosine < 0


@pytest.mark.parametrize("part", [part.name for part in fields(ScoreParts)])
def test_a_part_without_weight_contributes_nothing(library: Library, articles: tuple[Article, ...], part: str) -> None:
    embedder = WordEmbedder()
    text = "The dog did not wake up."
    add_sources([*articles, report("dogs", "\n\n".join([text * 20, text * 20]))], library=library, embedder=embedder)
    question = "What does the Forest Courier of 15 March 2025 say, and did the dog wake up near the fox?"

    def weigh(weights: RetrievalWeights) -> list[float]:
        with library.snapshot() as snapshot:
            found = retrieve(question, library=snapshot, embedder=embedder, limit=10, weights=weights).passages
        return [getattr(retrieved.parts, part) for retrieved in found]

    assert any(weigh(DEFAULT_WEIGHTS))
    assert not any(weigh(replace(DEFAULT_WEIGHTS, **{part: 0.0})))


def test_without_clauses_the_question_is_one() -> None:
    embedder = WordEmbedder()
    question = "Which lazy dog did the fox jump over, and who went up the hill with a pail?"

    assert len(embed_question(question, embedder=embedder).clauses) == 2
    assert embed_question(question, embedder=embedder, max_clauses=1).clauses == ((0, len(question)),)


# Shares


def _make_found(*outlets: tuple[str, float], named: str | None = None) -> list[RetrievedPassage]:
    """Make passages of these outlets and scores, each of an article of its own."""
    found = []
    for number, (outlet, score) in enumerate(outlets):
        article = ArticleRef(f"a{number}", "Title", outlet=outlet)
        parts = ScoreParts(0, 0, 0, 0, float(outlet == named), 0, 0)
        found.append(RetrievedPassage(Passage(article.id, 0, 4, "Text"), score, article, parts))
    return found


def _list_outlets(found: Sequence[RetrievedPassage]) -> str:
    return "".join(each.article.outlet or "" for each in found)


def test_an_outlet_has_its_share_where_others_have_something_to_say() -> None:
    found = _make_found(*[("P", 0.9)] * 8, ("A", 0.8), ("B", 0.7), ("C", 0.3))

    assert _list_outlets(share_out(found, 4)) == "PPAB"
    assert _list_outlets(share_out(found, 6)) == "PPPPAB"  # what C says is far from the best
    assert share_out(found[:8], 4) == tuple(found[:4])  # there is no other


def test_an_outlet_that_is_named_has_what_it_takes() -> None:
    found = _make_found(*[("P", 0.9)] * 8, ("A", 0.8), ("B", 0.7), named="P")

    assert share_out(found, 4) == tuple(found[:4])


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.floats(0, 1)), max_size=12), st.integers(1, 10))
def test_shares_leave_as_many_passages_in_their_order(outlets: list[tuple[str, float]], limit: int) -> None:
    found = _make_found(*sorted(outlets, key=lambda each: -each[1]))

    shared = share_out(found, limit)

    places = [found.index(each) for each in shared]
    assert len(shared) == min(limit, len(found))
    assert places == sorted(places)
