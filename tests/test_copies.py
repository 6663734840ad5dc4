import random
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.copies import (
    BANDS,
    HASHES,
    MIN_LIKENESS,
    SHINGLE_WORDS,
    cut_bands,
    group_copies,
    is_copy,
    sign,
)
from assistant.schema import create_tables, delete_article, insert_article
from assistant.terms import find_words
from assistant.types import Article

ARTICLES = Path(__file__).parent.parent / "articles"
STORY = (
    "The council of Port Ellery voted on Tuesday to build a berth beside the quay. The berth will cost £84m, and the"
    " port company pays a quarter of it. Opponents fear for the mussel beds on Sallow Bank. A survey found that"
    " dredging would cover a tenth of the bank in silt. The first ships are expected in the spring."
)
PLACES = ("Port Ellery", "Alderwick", "Ravensholt", "Quay No. 4", "Sallow Bank", "Marrow Point", "Tern Island")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        create_tables(connection)
        yield connection


def insert(connection: sqlite3.Connection, articles: Iterable[Article]) -> None:
    for article in articles:
        insert_article(connection, article, [])


def groups_of(connection: sqlite3.Connection) -> set[frozenset[str]]:
    """List the groups of two and more."""
    stories: dict[int, set[str]] = {}
    for story, id in connection.execute("SELECT story, article_id FROM copies JOIN articles a ON a.id = article"):
        stories.setdefault(story, set()).add(id)
    return {frozenset(group) for group in stories.values() if len(group) > 1}


def make_reports(count: int, *, seed: int) -> list[Article]:
    """Write distinct reports of sentences of the sample articles, in which other places and figures stand.

    As in real news, a sentence of background may stand in several of them.
    """
    chance = random.Random(seed)
    texts = [path.read_text(encoding="utf-8").split("---\n")[2] for path in sorted(ARTICLES.glob("*.md"))]
    pool = [sentence for text in texts for sentence in re.split(r"(?<=[.”])\s+", text) if len(sentence) > 60]
    reports = []
    for number in range(count):
        sentences = []
        for sentence in chance.sample(pool, 16):
            sentence = re.sub(r"\d+", lambda _: str(chance.randrange(2, 990)), sentence)
            for place in PLACES:
                sentence = sentence.replace(place, chance.choice(PLACES))
            sentences.append(sentence)
        reports.append(Article(f"report {number}", f"Report {number}", " ".join(sentences), author=f"Author {number}"))
    return reports


def alter(report: Article, way: str, chance: random.Random) -> Article:
    """Make a copy of a report as another outlet prints it."""
    sentences = re.split(r"(?<=[.”])\s+", report.text)
    if way == "lead":
        lead = [f"{chance.choice(PLACES)} woke to news on Monday that few there had foreseen, our reporter writes."]
        text = " ".join([*lead, "What follows has been known to those concerned for some days.", *sentences[2:]])
    elif way == "byline":
        text = (
            f"By Rosa Finch and Tom Weald, for the Evening Packet\n\n{report.text}\n\nAdditional reporting: agencies."
        )
    else:
        third = len(sentences) // 3
        start = chance.choice([0, third, 2 * third])
        text = " ".join(sentences[:start] + sentences[start + third :])
    return Article(f"{way} of {report.id}", f"Packet: {report.title}", text, outlet="Evening Packet")


# Signatures


def test_a_signature_estimates_how_many_shingles_two_texts_share() -> None:
    words = [f"word{number}" for number in range(600)]
    for shared in (0, 150, 300, 450, 600):
        one, other = words, [*words[:shared], *(f"other{number}" for number in range(600 - shared))]
        sets = [
            {tuple(text[i : i + SHINGLE_WORDS]) for i in range(len(text) - SHINGLE_WORDS + 1)} for text in (one, other)
        ]
        exact = len(sets[0] & sets[1]) / len(sets[0] | sets[1])

        estimated = (sign(" ".join(one)) == sign(" ".join(other))).mean()

        assert abs(estimated - exact) < 4 * (0.25 / HASHES) ** 0.5  # standard deviations, at most


def test_signatures_are_what_they_have_always_been() -> None:
    assert sign(STORY)[:4].tolist() == [41696014, 32768459, 36441256, 26650218]
    assert cut_bands(sign(STORY))[:2] == [7127724468972491423, -703906457225318504]


@pytest.mark.parametrize(
    "other",
    [
        STORY.upper(),
        STORY.replace(" ", "\n "),
        STORY.replace(".", " …"),
        STORY.replace("The", "«The»"),
    ],
)
def test_case_signs_and_spaces_make_no_difference(other: str) -> None:
    assert np.array_equal(sign(STORY), sign(other))


@given(st.text(), st.text())
def test_every_text_is_a_copy_of_itself_and_likeness_is_mutual(one: str, other: str) -> None:
    first, second = sign(one), sign(other)

    assert is_copy(first, first) == bool(find_words(one))
    assert is_copy(first, second) == is_copy(second, first)
    assert len(cut_bands(first)) == (BANDS if find_words(one) else 0)
    if is_copy(first, second):
        assert set(cut_bands(first)) & set(cut_bands(second))


def test_texts_that_only_begin_alike_are_no_copies() -> None:
    begun = "The council met on Tuesday night. "
    assert not is_copy(sign(begun + STORY), sign(begun + "It rained on the orchestra, which played on to the end."))
    assert not is_copy(sign("It rained."), sign("It rained for days."))


# Groups


@pytest.mark.parametrize("seed", [1, 2])
def test_altered_copies_are_grouped_and_nothing_else_is(connection: sqlite3.Connection, seed: int) -> None:
    chance = random.Random(seed)
    reports = make_reports(300, seed=seed)
    ways = ["lead"] * 10 + ["byline"] * 10 + ["cut"] * 10
    copies = [alter(report, way, chance) for report, way in zip(chance.sample(reports, 30), ways, strict=True)]
    expected = {frozenset({copy.id, copy.id.partition(" of ")[2]}) for copy in copies}
    articles = [*reports, *copies]
    chance.shuffle(articles)

    insert(connection, articles)

    found = groups_of(connection)
    assert found <= expected  # precision 1.0
    assert len(found) >= 0.9 * len(expected)


def test_groups_are_the_same_in_whatever_order_articles_come_and_go(connection: sqlite3.Connection) -> None:
    articles = [Article(f"{chain}{place}", "", text) for chain in "abc" for place, text in enumerate(make_chain(chain))]
    signatures = [sign(article.text) for article in articles]
    for seed in range(6):
        chance = random.Random(seed)
        order = chance.sample(range(len(articles)), len(articles))
        insert(connection, [articles[index] for index in order])
        for index in order[::3]:
            delete_article(connection, articles[index].id)
        kept = {index: signatures[index] for index in order if index not in order[::3]}

        assert groups_of(connection) == name(group_copies(kept), articles)

        insert(connection, [articles[index] for index in order[::3]])
        assert groups_of(connection) == name(group_copies(dict(enumerate(signatures))), articles)
        for article in articles:
            delete_article(connection, article.id)
        assert connection.execute(
            "SELECT (SELECT count(*) FROM copies), (SELECT count(*) FROM copy_bands)"
        ).fetchone() == (
            0,
            0,
        )


def test_a_group_that_hung_together_by_an_article_falls_apart_without_it(connection: sqlite3.Connection) -> None:
    texts = make_chain("live")
    assert is_copy(sign(texts[0]), sign(texts[1]))
    assert is_copy(sign(texts[1]), sign(texts[2]))
    assert not is_copy(sign(texts[0]), sign(texts[2]))
    insert(connection, [Article(str(number), "", text) for number, text in enumerate(texts[:3])])
    assert groups_of(connection) == {frozenset("012")}

    delete_article(connection, "1")

    assert groups_of(connection) == set()


def make_chain(word: str) -> Sequence[str]:
    """Write the states of a live blog: each drops a quarter of what stood there, and adds as much."""
    entries = [f"{word} {number} " + " ".join(f"{word}{number}x{place}" for place in range(40)) for number in range(12)]
    return [" ".join(entries[start : start + 4]) for start in range(4)]


def name(groups: Iterable[set[int]], articles: Sequence[Article]) -> set[frozenset[str]]:
    return {frozenset(articles[index].id for index in group) for group in groups if len(group) > 1}


def test_a_text_without_words_has_no_copies(connection: sqlite3.Connection) -> None:
    insert(connection, [Article(str(number), "", "… — !") for number in range(2)])

    assert groups_of(connection) == set()
    assert 0 < MIN_LIKENESS < 1
