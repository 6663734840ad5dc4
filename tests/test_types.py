from dataclasses import FrozenInstanceError, fields, is_dataclass
from datetime import UTC, datetime

import pytest

from assistant import types
from assistant.types import Article, ArticleRef, Span

RECORDS = [value for value in vars(types).values() if is_dataclass(value)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_a_record_has_its_fields_and_nothing_else(record: type) -> None:
    empty = object.__new__(record)

    with pytest.raises(FrozenInstanceError):
        setattr(empty, fields(record)[0].name, None)
    assert not hasattr(empty, "__dict__")
    assert record.__doc__


def test_a_reference_is_the_article_without_its_text() -> None:
    time = datetime(2025, 3, 15, tzinfo=UTC)
    article = Article("fox", "Fox clears dog", "It jumps.", "Courier", "Rey", time, "https://courier.example/fox")

    assert article.ref == ArticleRef("fox", "Fox clears dog", "Courier", "Rey", time, "https://courier.example/fox")
    assert {field.name for field in fields(Article)} - {field.name for field in fields(ArticleRef)} == {
        *("text", "updated", "section", "language", "origins", "hidden")
    }


def test_a_span_is_a_stretch_of_text() -> None:
    start, end = Span(3, 8)

    assert "It jumps."[start:end] == "jumps"
    assert sorted([Span(3, 8), Span(0, 2)]) == [Span(0, 2), Span(3, 8)]
