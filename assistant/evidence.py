"""Lays out what a language model may cite: numbered sentences under a header for each article, within a budget.

The number stands at a sentence's end, as it is to stand in the answer: a small model that takes the words over goes on
to the number that follows them, and rarely finds the right one in front of them.

What is shown may be altered, so that nothing in an article can pass for a number, a header, a fence or a role; what is
quoted never is, for it is cut from the library by the number.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from assistant.passages import find_asides
from assistant.planted import is_asked_about, speaks_to_machine
from assistant.terms import find_stems, find_words
from assistant.types import Article, ArticleRef, Passage, Span

MAX_TITLE_CHARACTERS = 200
GAP = "..."  # between sentences that don't follow each other in their article

CountTokens = Callable[[str], int]

_TAG = re.compile(r"<(/?[|\w｜][^<>\n]{0,60})>")
_BRACKETED_ROLE = re.compile(r"\[(/?[A-Z_]{3,30})\]")
_BRACKETED_NUMBER = re.compile(r"[\[【［](\s*[\d#^][^\[\]【】［］\n]{0,30})[\]】］]")
_INVISIBLE = re.compile(
    r"[^\S \n]|[\u0000-\u0008\u000e-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
_LINE_SIGN = re.compile(r"\A(?:(?:#+|=+|-{2,}|`{3,}|~{3,})\s*)+")


@dataclass(frozen=True, slots=True)
class ShownSentence:
    """A sentence that was shown under a number: where it stands, and the sentences of its article to read it with.

    `is_aside` says that it was set aside when its article was cut into passages, for it is planted for a machine.
    """

    article: Article
    span: Span
    neighbours: tuple[Span, ...]
    is_aside: bool = False


@dataclass(frozen=True)
class Evidence:
    """What was shown: the text, and its sentences by number from 1."""

    text: str
    sentences: tuple[ShownSentence, ...]

    @cached_property
    def stems(self) -> tuple[frozenset[str], ...]:
        """The stems of each sentence, for every sentence of an answer is compared with all of them."""
        return tuple(frozenset(find_stems(_cut(each.article, each.span))) for each in self.sentences)

    def is_shown(self, number: int) -> bool:
        """Whether a sentence of this number was shown."""
        return 1 <= number <= len(self.sentences)

    def __getitem__(self, number: int) -> ShownSentence:
        return self.sentences[number - 1]


def lay_out_evidence(
    passages: Sequence[Passage],
    articles: Mapping[str, Article],
    *,
    max_tokens: int,
    count_tokens: CountTokens,
    copies: Mapping[str, Sequence[Article]] = MappingProxyType({}),
    question: str = "",
) -> Evidence:
    """Lay out as many passages, best first, as fit into so many tokens; of the best one at least a sentence.

    What is planted in them for a machine is shown only where the `question` asks about it.

    Articles stand in the order of their best passage, and within one everything in the order in which it is read. A
    sentence that one of an article's `copies` was already shown with isn't shown again.
    """
    chosen: dict[str, set[Span]] = {}
    said: dict[str, set[str]] = {}  # the words of each sentence, by the article
    left = max_tokens
    asked = find_stems(question)
    for passage in passages:
        article = articles.get(passage.article_id)
        if article is None:
            continue
        header = 0 if article.id in chosen else count_tokens(f"\n\n## {_describe(article.ref)}\n")
        said_elsewhere = set[str]().union(*(said.get(copy.id, ()) for copy in copies.get(article.id, ())))
        for span in sorted((*passage.sentences, *find_asides(passage))):
            if _is_planted(article, span, passage) and not is_asked_about(_cut(article, span), asked):
                continue
            words = " ".join(find_words(_cut(article, span)))
            if words in said_elsewhere:
                continue
            cost = header + count_tokens(f"{_show(article, span)} [000]\n{GAP}\n")  # as it may stand there at most
            if cost > left and chosen:
                return _number(chosen, articles, passages)
            chosen.setdefault(article.id, set()).add(span)
            said.setdefault(article.id, set()).add(words)
            left -= cost
            header = 0
    return _number(chosen, articles, passages)


def _number(chosen: Mapping[str, set[Span]], articles: Mapping[str, Article], passages: Sequence[Passage]) -> Evidence:
    every: dict[str, list[Span]] = {id: [] for id in chosen}
    for passage in passages:
        if passage.article_id in every:
            every[passage.article_id].extend(passage.sentences)
    lines: list[str] = []
    sentences: list[ShownSentence] = []
    for article_id, spans in chosen.items():
        article = articles[article_id]
        order = sorted(set(every[article_id]))
        neighbours = tuple(order)
        lines.append(f"\n## {_describe(article.ref)}" if lines else f"## {_describe(article.ref)}")
        previous: Span | None = None
        for span in sorted(spans):
            if previous is not None and article.text[previous.end : span.start].strip():
                lines.append(GAP)
            sentences.append(ShownSentence(article, span, neighbours, is_aside=span not in neighbours))
            lines.append(f"{_show(article, span)} [{len(sentences)}]")
            previous = span
    return Evidence("\n".join(lines), tuple(sentences))


def neutralise(text: str) -> str:
    """Put a text on one line in which nothing can pass for a marker, a header, a role or another special token."""
    line = " ".join(_INVISIBLE.sub(" ", text).split())
    line = _TAG.sub(r"‹\1›", line)
    line = _BRACKETED_ROLE.sub(r"(\1)", line)
    line = _BRACKETED_NUMBER.sub(r"(\1)", line)
    return _LINE_SIGN.sub("", line)


def describe_source(article: ArticleRef) -> str:
    """Name the outlet and the day of an article, as far as they are known."""
    date = f"{article.published.day} {article.published:%B %Y}" if article.published else ""
    return ", ".join(part for part in (neutralise(article.outlet or ""), date) if part)


def _describe(article: ArticleRef) -> str:
    title = neutralise(article.title)[:MAX_TITLE_CHARACTERS]
    source = describe_source(article)
    return f"{source}: {title}" if source else title


def _is_planted(article: Article, span: Span, passage: Passage) -> bool:
    """Whether a sentence was set aside, or would have been if its article were taken in today."""
    return span not in passage.sentences or speaks_to_machine(_cut(article, span))


def _show(article: Article, span: Span) -> str:
    return neutralise(_cut(article, span))


def _cut(article: Article, span: Span) -> str:
    return article.text[span.start : span.end]
