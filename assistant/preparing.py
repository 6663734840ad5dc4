"""Prepares articles for the library: refuses what it can't hold, cuts the rest into passages and embeds those.

Changes when something else is to be embedded, or another article to be refused.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from assistant.embedding import Embedder, PassageInput, PassageVectors
from assistant.errors import ArticleError
from assistant.passages import MAX_ARTICLE_SENTENCES, leave_out_asides, split_article
from assistant.planted import find_planted
from assistant.schema import EmbeddedPassage
from assistant.types import Article, Passage

MAX_HEADER_TOKENS = 64  # a quarter of what the embedding model reads at once
MAX_TEXT_CHARACTERS = 10_000_000
MAX_FIELD_CHARACTERS = 20_000  # of an id, a title and the like; the longest paths, escaped in an address, have 12,000
MAX_SHOWN_CHARACTERS = 200  # of an id in a message
STEP_PASSAGES = 256  # embedded at once, so that somebody can say how it goes

_TEXT_FIELDS = ("id", "title", "text", "outlet", "author", "url", "section", "language")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE = re.compile(r"\S[^\n]*")
_MARK = re.compile(r"[.!?…؟।][^\w\s]{0,3}\s|[。！？｡]")

# What isn't written in words takes minutes to embed, and no question finds it: it is refused, where it is long.
#
# Letters and figures are counted together, for a page of results and a table of figures are articles with hardly a
# letter in them. They are all of prose in any script but for a tenth of stops and a third of vowel signs (Thai, Hindi),
# half of a table that is drawn with signs, and a fifth of a list of contents with its rows of dots; of rows of signs,
# rules, emoji or marks heaped on a letter they are next to nothing.
SHORT_TEXT = 20_000  # characters, whose vectors take a second
MIN_WRITTEN = 0.1  # of what isn't space, in letters and figures
MIN_LETTERS = 0.001  # and in letters, unless its figures stand in rows
MAX_ROW = 1_000  # characters of a row, on average
# Data in letters (base64, a key, a picture) has no gaps, nor the marks that part a table's cells. No word is as long in
# the scripts that part their words, most of which stand in front of Thai in Unicode; an address is, and a letter to
# readers may be half addresses.
MAX_UNBROKEN = 0.5  # of what isn't space
_UNBROKEN = re.compile(r"(?<![^\s,;|])(?!\S{0,99}://)[!-+\--:<-{}~\xa1-\u0dff\u1e00-\u1fff\u200b-\u200f]{60,}+")


@dataclass(frozen=True, slots=True)
class PreparedArticle:
    """An article that is ready to be embedded: its passages, and what is embedded in front of each."""

    article: Article
    passages: tuple[Passage, ...]
    header: str
    has_asides: bool = False  # whether something in it was set aside


def check_article(article: Article) -> None:
    """Refuse an article that can't be stored as it is: its owner's offsets point into it. Raises ArticleError."""
    name = f"article {article.id[:MAX_SHOWN_CHARACTERS]!r}" if isinstance(article.id, str) else "an article"
    for field_name in _TEXT_FIELDS:
        value = getattr(article, field_name)
        if not isinstance(value, str) and (value is not None or field_name in ("id", "title", "text")):
            raise ArticleError(f"{name}: its {field_name} is no text, but {type(value).__name__}")
        if field_name != "text" and value is not None and len(value) > MAX_FIELD_CHARACTERS:
            raise ArticleError(
                f"{name}: its {field_name} is too long: it may have at most {MAX_FIELD_CHARACTERS:,} characters"
            )
    for field_name in ("published", "updated"):
        time = getattr(article, field_name)
        if not isinstance(time, datetime | None):
            raise ArticleError(f"{name}: {field_name} is no datetime, but {type(time).__name__}")
        if time is not None and time.utcoffset() is None:
            raise ArticleError(f"{name}: {field_name} has no time zone; give it one")
    if not article.id.strip():
        raise ArticleError("an article has no id; give it one")
    if not article.text.strip():
        raise ArticleError(f"{name}: empty: there is no text in it")
    if len(article.text) > MAX_TEXT_CHARACTERS:
        raise ArticleError(
            f"{name}: too large: an article may have at most {MAX_TEXT_CHARACTERS:,} characters; split it"
        )
    _check_writing(article.text, name)
    # Each line may be a sentence, and lines are counted fast.
    if article.text.count("\n") > MAX_ARTICLE_SENTENCES < sum(1 for _ in _LINE.finditer(article.text)):
        raise ArticleError(
            f"{name}: too large: an article may have at most {MAX_ARTICLE_SENTENCES:,} lines with text; split it"
        )
    # And each mark may end a sentence, which takes longer to tell; prose has some more of them than sentences.
    if sum(1 for _ in islice(_MARK.finditer(article.text), MAX_ARTICLE_SENTENCES + 1)) > MAX_ARTICLE_SENTENCES:
        raise ArticleError(
            f"{name}: too large: an article may have at most {MAX_ARTICLE_SENTENCES:,} sentences; split it"
        )
    for value in (*(getattr(article, field_name) for field_name in _TEXT_FIELDS), *sum(article.origins, ())):
        if value is not None and "\0" in value:
            raise ArticleError(f"{name}: holds a NUL character; remove it")
        if value is not None and _SURROGATE.search(value):
            raise ArticleError(f"{name}: holds half of a surrogate pair; decode its text with errors='replace'")


def _check_writing(text: str, name: str) -> None:
    """Refuse a long text that isn't written in words. Raises ArticleError."""
    if len(text) <= SHORT_TEXT:
        return
    seen = sum(map(len, text.split()))
    if sum(map(str.isalnum, text)) < MIN_WRITTEN * seen:
        raise ArticleError(f"{name}: no article: it holds hardly any letters or figures, but signs; give its text")
    if sum(end - start for start, end in map(re.Match.span, _UNBROKEN.finditer(text))) > MAX_UNBROKEN * seen:
        raise ArticleError(f"{name}: no article: most of it is no words, but data without gaps; give its text alone")
    if sum(map(str.isalpha, text)) < MIN_LETTERS * seen and text.count("\n") * MAX_ROW < len(text):
        raise ArticleError(f"{name}: no article: it holds hardly any letters, but figures in no table; give its text")


def prepare_article(article: Article, embedder: Embedder) -> PreparedArticle:
    """Cut an article into passages that the embedding model can read whole.

    What is planted in it for a machine is set aside: it is no sentence of them, and no part of their vectors.

    Raises ArticleError for one of more sentences than an article has.
    """
    header = write_header(article, embedder)
    asides = find_planted(article.text, article.title)
    passages = split_article(
        article,
        header_tokens=embedder.count_tokens([header + "\n"])[0],
        count_tokens=embedder.count_tokens,
        max_tokens=embedder.max_tokens,
        asides=asides,
    )
    return PreparedArticle(article, passages, header, has_asides=bool(asides))


def write_header(article: Article, embedder: Embedder) -> str:
    """Write what is embedded in front of every passage of an article: its title on one line, cut if it is very long."""
    header = " ".join(article.title.split())
    while embedder.count_tokens([header])[0] > MAX_HEADER_TOKENS:
        header = header[: len(header) * 3 // 4]
    return header


def embed_articles(articles: Iterable[Article], embedder: Embedder) -> list[tuple[Article, list[EmbeddedPassage]]]:
    """Cut articles into passages and embed those, as an ingest does."""
    return embed_prepared([prepare_article(article, embedder) for article in articles], embedder)


def embed_prepared(
    prepared: Sequence[PreparedArticle],
    embedder: Embedder,
    *,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[tuple[Article, list[EmbeddedPassage]]]:
    """Embed the passages of articles; `progress` is told how many of how many are done, now and then."""
    inputs = [PassageInput(each.header, *leave_out_asides(passage)) for each in prepared for passage in each.passages]
    embedded: list[PassageVectors] = []
    for start in range(0, len(inputs), STEP_PASSAGES):
        embedded += embedder.embed_passages(inputs[start : start + STEP_PASSAGES])
        progress(len(embedded), len(inputs))
    vectors = iter(embedded)
    return [
        (each.article, [EmbeddedPassage(passage, *next(vectors)) for passage in each.passages]) for each in prepared
    ]
