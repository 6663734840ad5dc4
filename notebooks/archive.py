"""Makes archives of any size, to measure speed and memory on.

Articles are made of the words of the sample articles and of invented names, as often as words are in a language (Zipf);
their vectors are ready and clustered, as those of articles on the same subjects are, so that nothing is embedded.
"""

import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import numpy as np

from assistant.embedding import DIMENSION, FloatArray
from assistant.library import Library
from assistant.schema import EmbeddedPassage
from assistant.types import Article, Passage, Span

PASSAGES_AN_ARTICLE = 5
SENTENCES_A_PASSAGE = 7
WORDS_A_SENTENCE = 18
NAMES = 20_000
SUBJECTS = 2_000  # clusters of vectors
OUTLETS = 40
FIRST_DAY = datetime(2023, 1, 1, tzinfo=UTC)
DAYS = 700
BATCH_ARTICLES = 100
ARTICLES_FOLDER = Path(__file__).parents[1] / "articles"

Embedded = tuple[Article, list[EmbeddedPassage]]


def fill(
    folder: Path,
    passages: int,
    *,
    embedding_model: str,
    has_sentence_vectors: bool = True,
    publish: bool = True,
    spread: float = 0.9,
) -> float:
    """Fill a library, and say in how many seconds: without the time in which its articles were made."""
    library = Library(folder, embedding_model=embedding_model)
    seconds = 0.0
    with library.writing():
        made = make_articles(passages, spread=spread, has_sentence_vectors=has_sentence_vectors)
        for batch in batches(made):
            started = time.perf_counter()
            library.add(batch)
            seconds += time.perf_counter() - started
        if publish:
            started = time.perf_counter()
            library.publish()
            seconds += time.perf_counter() - started
    library.close()
    return seconds


def batches(articles: Iterator[Embedded]) -> Iterator[list[Embedded]]:
    """Give articles in batches, as they are added."""
    while batch := list(islice(articles, BATCH_ARTICLES)):
        yield batch


def make_articles(passages: int, *, spread: float = 0.9, has_sentence_vectors: bool = True) -> Iterator[Embedded]:
    """Make articles with so many passages together; `spread` is how far the vectors of a subject are apart."""
    chance, numbers = random.Random(7), np.random.default_rng(7)  # noqa: S311  # nothing secret
    words, weights = make_vocabulary()
    subjects = numbers.standard_normal((SUBJECTS, DIMENSION)).astype(np.float32)

    def embed(subject: int, count: int) -> FloatArray:
        noise = numbers.standard_normal((count, DIMENSION)).astype(np.float32)
        return normalise(subjects[subject] + np.float32(spread) * noise)

    for number in range(passages // PASSAGES_AN_ARTICLE):
        sentences = SENTENCES_A_PASSAGE * PASSAGES_AN_ARTICLE
        drawn = numbers.choice(len(words), size=(sentences, WORDS_A_SENTENCE), p=weights)
        written = [" ".join(words[place] for place in row).capitalize() + ". " for row in drawn]
        text = "".join(written)
        ends = np.cumsum([len(sentence) for sentence in written]).tolist()
        starts = [0, *ends[:-1]]
        id = f"article-{number}"
        subject = chance.randrange(SUBJECTS)
        vectors = embed(subject, PASSAGES_AN_ARTICLE)
        embedded = []
        for place, vector in enumerate(vectors):
            of_passage = slice(place * SENTENCES_A_PASSAGE, (place + 1) * SENTENCES_A_PASSAGE)
            spans = tuple(Span(start, end - 1) for start, end in zip(starts[of_passage], ends[of_passage], strict=True))
            start, end = starts[of_passage][0], ends[of_passage][-1]
            own = embed(subject, len(spans)) if has_sentence_vectors else np.zeros((0, DIMENSION), np.float32)
            kept = spans if has_sentence_vectors else ()
            embedded.append(EmbeddedPassage(Passage(id, start, end, text[start:end], kept), vector, own))
        published = FIRST_DAY + timedelta(days=chance.uniform(0, DAYS))
        outlet = f"Outlet {chance.randrange(OUTLETS)}"
        yield Article(id, " ".join(written[0].split()[:8]), text, outlet=outlet, published=published), embedded


def make_vocabulary() -> tuple[list[str], FloatArray]:
    """Make the words that articles are made of, and how often each is drawn: (words,)."""
    texts = " ".join(path.read_text(encoding="utf-8") for path in sorted(ARTICLES_FOLDER.glob("*.*")))
    words = [word for word, _ in Counter(re.findall(r"[a-z]{2,}", texts.lower())).most_common()]
    chance = random.Random(3)  # noqa: S311  # nothing secret
    parts = ["ka", "ro", "min", "tel", "sov", "an", "der", "ber", "lin", "os", "ta", "vik", "mar", "el", "son", "ny"]
    names = {"".join(chance.choices(parts, k=chance.randint(2, 4))).capitalize() for _ in range(NAMES)}
    words += sorted(names)
    weights = 1 / np.arange(1, len(words) + 1)
    return words, weights / weights.sum()


def make_questions(count: int, *, passages: int) -> list[str]:
    """Make questions of the words of sentences that are in an archive of so many passages."""
    chance = random.Random(11)  # noqa: S311  # nothing secret
    texts = [article.text for article, _ in islice(make_articles(passages), 400)]
    sentences = [chance.choice(text.split(". ")[:-1]) for text in chance.choices(texts, k=count)]
    return [f"What did {' '.join(chance.sample(sentence.split(), 8))}?" for sentence in sentences]


def normalise(rows: FloatArray) -> FloatArray:
    """Make rows of length 1."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
