from collections.abc import Generator
from typing import Any

import pytest

from assistant.asking import ENDLESS_THOUGHT, MAX_THOUGHT_CHARACTERS, Asker, Budget, Listen, Request, Role, Terms
from assistant.errors import ModelError
from assistant.models import Chunk, Message, Price
from assistant.types import Usage

PRICE = Price(10.0, 100.0)
ASKED = (Message("system", "Answer."), Message("user", "===== 1 ===== Why?"))


def make_asker(budget: Budget, *, role: Role = "answerer", price: Price | None = PRICE, **options: Any) -> Asker:
    terms = Terms(f"openai:{role}", lambda text: len(text.split()), price)
    return Asker(terms, role=role, budget=budget, fence="===== 1 =====", **options)


def converse(steps: Generator[Request | Listen, Chunk | None, str], *chunks: Chunk) -> str:
    """Take the steps of one request with these pieces as its reply."""
    assert isinstance(next(steps), Request)
    left = list(chunks)
    try:
        step = next(steps)
        while True:
            assert isinstance(step, Listen)
            step = steps.send(left.pop(0) if left else None)
    except StopIteration as stopped:
        return str(stopped.value)


def test_what_models_take_is_added_up_each_at_its_own_price() -> None:
    budget = Budget()
    answerer, verifier = make_asker(budget), make_asker(budget, role="verifier", price=Price(1.0, 1.0))

    assert budget.usage == Usage(0, 0, 0.0)
    assert converse(answerer.ask(ASKED, 50), Chunk("Because."), Chunk("", 1_000, 100)) == "Because."
    assert converse(verifier.ask(ASKED, 50), Chunk("yes", 2_000, 1)) == "yes"

    assert budget.usage == Usage(3_000, 101, pytest.approx(0.02 + 0.002001))
    assert budget.spent == budget.usage.cost
    converse(verifier.ask(ASKED, 50), Chunk("yes"))
    assert budget.usage == Usage(3_000, 101, pytest.approx(0.02 + 0.002001))  # as far as it was said
    assert budget.spent > 0.022001


def test_a_price_that_is_not_known_leaves_the_cost_unknown() -> None:
    budget = Budget()
    converse(make_asker(budget).ask(ASKED, 50), Chunk("yes", 1_000, 100))
    converse(make_asker(budget, role="verifier", price=None).ask(ASKED, 50), Chunk("yes", 10, 1))

    assert budget.usage == Usage(1_010, 101, None)
    assert budget.spent == pytest.approx(0.02)


def test_one_budget_holds_for_all_models() -> None:
    budget = Budget(0.02)
    answerer, verifier = make_asker(budget), make_asker(budget, role="verifier")

    converse(answerer.ask(ASKED, 100), Chunk("Because.", 1_000, 50))

    with pytest.raises(ModelError, match=r"could cost \$0\.0250, more than the \$0\.02 "):
        verifier.request(ASKED, 100)
    assert not verifier.has_asked
    verifier.request(ASKED, 40)


def test_the_key_of_a_request_is_of_the_model_and_of_all_that_is_said_but_the_fence() -> None:
    budget = Budget()
    asker, other = make_asker(budget), make_asker(budget, role="verifier")
    refenced = (ASKED[0], Message("user", " Why?"))

    key = asker.request(ASKED, 50).key

    assert asker.request(refenced, 50).key == key
    assert len({key, other.request(ASKED, 50).key, asker.request(ASKED, 51).key, asker.request(ASKED[:1], 50).key}) == 4


def test_thoughts_are_no_part_of_a_reply_and_may_not_go_on_for_ever() -> None:
    notes: list[str] = []
    asker = make_asker(Budget(), note=notes.append)

    assert converse(asker.ask(ASKED, 50), *map(Chunk, ("<thi", "nk>No.</thi", "nk>Yes", "."))) == "Yes."
    assert notes == []
    assert converse(asker.ask(ASKED, 50), Chunk("<think>"), *[Chunk("x" * (MAX_THOUGHT_CHARACTERS // 2))] * 4) == ""
    assert notes == [ENDLESS_THOUGHT]
    assert asker.written[0] == "<think>No.</think>Yes."
