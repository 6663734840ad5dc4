from collections.abc import Iterator

import pytest
from fakes import WordEmbedder

from assistant.embedding import Embedder
from assistant.grounding import SUPPORTED_FROM, verify

ARTICLE = (
    "Sir Keir Starmer led a video call from Downing Street on Saturday. He told about 25 leaders that Moscow was"
    " playing for time. The Kremlin said that it had received 3 proposals."
)


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


def test_a_sentence_is_read_with_the_one_before_it(embedder: Embedder) -> None:
    alone = verify("Starmer told leaders that Moscow was playing for time.", [ARTICLE[67:140]], embedder=embedder)
    together = verify("Starmer told leaders that Moscow was playing for time.", [ARTICLE], embedder=embedder)

    assert together.score > alone.score


@pytest.mark.parametrize("evidence", [[], [""], [" \n "]])
def test_no_evidence_supports_nothing(embedder: Embedder, evidence: list[str]) -> None:
    assert verify("The sea is wet.", evidence, embedder=embedder).score == 0
    assert not verify("The sea is wet.", evidence, embedder=embedder).supported


def test_an_empty_statement_is_not_supported(embedder: Embedder) -> None:
    assert not verify("  ", [ARTICLE], embedder=embedder).supported
