import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from fakes import WordEmbedder
from hypothesis import given
from hypothesis import strategies as st

from assistant.embedding import Embedder, MiniLMEmbedder, PassageInput, PassageVectors
from assistant.grounding import SUPPORTED_FROM, verify

ARTICLE = (
    "Sir Keir Starmer led a video call from Downing Street on Saturday. He told about 25 leaders that Moscow was"
    " playing for time. The Kremlin said that it had received 3 proposals."
)


class CountingEmbedder(WordEmbedder):
    """Remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def embed_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
        self.texts += [passage.text for passage in passages]
        return super().embed_passages(passages)


@pytest.fixture
def embedder() -> Iterator[Embedder]:
    embedder = WordEmbedder()
    yield embedder
    embedder.close()


def test_what_the_evidence_says_is_supported(embedder: Embedder) -> None:
    support = verify("Sir Keir Starmer led a video call on Saturday.", [ARTICLE], embedder=embedder)

    assert support.supported
    assert SUPPORTED_FROM <= support.score <= 1
    assert support.reasons == ()


@pytest.mark.parametrize("statement", ["the Kremlin said that it had received 3 proposals", "Is it so?"])
def test_a_whole_sentence_of_the_evidence_needs_no_vectors(statement: str) -> None:
    embedder = CountingEmbedder()

    assert verify(statement, [ARTICLE, "Is it so?"], embedder=embedder).supported
    assert embedder.texts == []


def test_the_vectors_of_evidence_are_kept_for_the_next_statement() -> None:
    embedder = CountingEmbedder()
    scores = [verify(f"Starmer led a {word}.", [ARTICLE], embedder=embedder).score for word in ("call", "talk", "call")]

    assert scores[0] == scores[2]
    assert max(Counter(embedder.texts).values()) == 1


def test_no_more_words_are_kept_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.grounding.MAX_KEPT_WORDS", 3)
    embedder = CountingEmbedder()
    for _ in range(2):
        verify("Starmer led a call.", [ARTICLE], embedder=embedder)

    assert embedder.texts.count("Starmer led a call.") == 2


def test_what_the_evidence_does_not_say_is_not(embedder: Embedder) -> None:
    support = verify("Bananas ripen faster in paper bags.", [ARTICLE], embedder=embedder)

    assert not support.supported
    assert support.reasons == ("no sentence of the evidence says this",)


def test_a_number_that_the_evidence_lacks_is_named(embedder: Embedder) -> None:
    right = verify("He told about 25 leaders that Moscow was playing for time.", [ARTICLE], embedder=embedder)
    wrong = verify("He told about 29 leaders that Moscow was playing for time.", [ARTICLE], embedder=embedder)

    assert right.supported
    assert not wrong.supported
    assert "29 is not in the evidence" in wrong.reasons


def test_who_speaks_may_stand_in_the_sentence_before(embedder: Embedder) -> None:
    statement = "Moscow was playing for time, Starmer told about 25 leaders."

    alone = verify(statement, [ARTICLE[67:140]], embedder=embedder)
    together = verify(statement, [ARTICLE], embedder=embedder)

    assert "Starmer is not in the evidence" in alone.reasons
    assert together.reasons == ()
    assert together.score > alone.score


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("25", "52"),
        ("Moscow", "Downing Street"),
        ("was", "was not"),
        ("told", "never told"),
        ("leaders", "proposals"),
    ],
)
def test_one_altered_word_is_refused(embedder: Embedder, old: str, new: str) -> None:
    true = "He told about 25 leaders that Moscow was playing for time."

    assert verify(true, [ARTICLE], embedder=embedder).supported
    assert not verify(true.replace(old, new), [ARTICLE], embedder=embedder).supported
    assert verify(true.replace(old, new), [ARTICLE], embedder=embedder).reasons != ()


@pytest.mark.parametrize(
    ("statement", "is_supported"),
    [
        ("The viaduct at Tolm reopened after repairs.", True),
        ("The viaduct at Tolm reopened on Monday, 2 June 2025, after repairs.", True),
        ("The Harbour Times reported that the viaduct at Tolm reopened on Monday after repairs.", True),
        ("The viaduct at Tolm reopened after repairs on 3 June 2025.", False),
        ("The Harbour Times reopened the viaduct at Tolm on Monday after repairs.", False),
    ],
)
def test_a_header_proves_who_reports_and_when(statement: str, is_supported: bool, embedder: Embedder) -> None:
    evidence = ["The viaduct at Tolm reopened on Monday after repairs.", "Harbour Times, 3 June 2025"]

    assert verify(statement, evidence, embedder=embedder).supported is is_supported


def test_quoted_words_that_are_not_verbatim_are_refused(embedder: Embedder) -> None:
    right = verify('He told about 25 leaders that Moscow was "playing for time".', [ARTICLE], embedder=embedder)
    wrong = verify('He told about 25 leaders that Moscow was "playing for money".', [ARTICLE], embedder=embedder)

    assert right.supported
    assert "not verbatim: playing for money" in wrong.reasons


@pytest.mark.parametrize("shown", ["1. 3 million", "1 . 3 million", "1.3 million"])
def test_a_number_that_was_scanned_with_a_space_in_it_is_found(embedder: Embedder, shown: str) -> None:
    evidence = [f"Some {shown} letters were posted. The service cost 735, 000 pounds."]

    assert verify("Some 1.3 million letters were posted.", evidence, embedder=embedder).supported
    assert verify("The service cost 735,000 pounds.", evidence, embedder=embedder).supported
    assert not verify("Some 3.1 million letters were posted.", evidence, embedder=embedder).supported


def test_joined_clauses_are_weighed_one_by_one(shared_cache: Path) -> None:
    evidence = [
        "The harbour board lost money from the beginning and hired a marketing manager from Belford to turn it around.",
        "It decided in the spring that ferries, which used a berth on loan from the navy, could be profitable.",
    ]
    joined = f"{evidence[0].removesuffix('.')}, and it decided in the spring that ferries could be profitable."
    with closing(MiniLMEmbedder(cache_folder=shared_cache)) as minilm:
        assert verify(joined, evidence, embedder=minilm).supported
        assert not verify(joined.replace("spring", "autumn"), evidence, embedder=minilm).supported


@pytest.mark.parametrize("statement", [ARTICLE[:66].upper(), ARTICLE[:66].lower(), "- " + ARTICLE[:66]])
def test_capitals_and_bullets_change_nothing(embedder: Embedder, statement: str) -> None:
    assert verify(statement, [ARTICLE], embedder=embedder).supported


@pytest.mark.parametrize(
    "text",
    [
        "Der Rat genehmigte am Montag mit 9 Stimmen den Bau einer Brücke.",
        "Le conseil n'a pas approuvé le pont à 4,5 millions d'euros.",
        "委员会星期一批准了新桥的建设。",
        "Совет одобрил мост.",
    ],
)
def test_what_is_said_in_any_language_supports_itself(embedder: Embedder, text: str) -> None:
    assert verify(text, [text], embedder=embedder).supported


@given(st.text(max_size=80), st.lists(st.text(max_size=80), max_size=3))
def test_any_texts_have_a_score(statement: str, evidence: list[str]) -> None:
    support = verify(statement, evidence, embedder=WordEmbedder())

    assert 0 <= support.score <= 1
    assert support.supported or support.reasons


def test_a_long_statement_is_refused_and_a_long_sentence_read(embedder: Embedder) -> None:
    assert verify("word " * 1000, [ARTICLE], embedder=embedder).reasons == (
        "the statement is longer than 2,000 characters",
    )
    assert verify(ARTICLE[:66], ["word " * 2000 + ARTICLE], embedder=embedder).reasons == ()


@pytest.mark.parametrize("evidence", [[], [""], [" \n "]])
def test_no_evidence_supports_nothing(embedder: Embedder, evidence: list[str]) -> None:
    assert verify("The sea is wet.", evidence, embedder=embedder).score == 0
    assert not verify("The sea is wet.", evidence, embedder=embedder).supported


def test_an_empty_statement_is_not_supported(embedder: Embedder) -> None:
    assert not verify("  ", [ARTICLE], embedder=embedder).supported


def test_statements_are_told_apart_by_the_sentences_cited_for_them(shared_cache: Path) -> None:
    lines = (Path(__file__).parent / "fixtures" / "statements.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    right: dict[bool, list[bool]] = {True: [], False: []}
    with closing(MiniLMEmbedder(shared_cache)) as embedder:
        for row in rows:
            support = verify(row["statement"], row["evidence"], embedder=embedder)
            right[row["supported"]].append(support.supported is row["supported"])
            assert support.supported or support.reasons

    assert sum(right[True]) >= 0.9 * len(right[True])
    assert sum(right[False]) >= 0.77 * len(right[False])
