"""Cuts citations out of articles: a quote is a slice of its article's text, never a copy from anywhere else."""

import re
from bisect import bisect_left
from collections.abc import Sequence

from assistant.passages import find_asides
from assistant.planted import find_flags
from assistant.terms import find_names, find_words
from assistant.types import Article, Citation, Passage, QuotedPassage, Span

# A sentence that begins with one of these says of whom or what it speaks only in the sentence before it.
PRONOUNS = frozenset(
    {"he", "she", "it", "they", "this", "that", "these", "those", "his", "her", "hers", "its", "their", "theirs",
     "such", "both"}
)  # fmt: skip
_SPEECH = re.compile(r'“[^”]*(?:”|\Z)|\A[^“”]*”|"[^"]*"')  # which may go on from one sentence to the next
_PERSONS = frozenset({"he", "she", "his", "her", "hers"})
MAX_CONTEXT = 3  # sentences
MAX_CONTEXT_CHARACTERS = 800  # beyond the first of them
# "It is unlikely that ..." speaks of nothing before it.
_EMPTY_VERBS = frozenset({"is", "was", "would", "will", "has", "seems", "appears", "may", "might"})


def needs_context(sentence: str) -> bool:
    """Tell whether a sentence can't stand alone because it begins with a pronoun, as in "He has said he wants..."."""
    words = find_words(sentence[:128])[:8]
    if not words or words[0] not in PRONOUNS or words[:2] == ["that", "said"]:
        return False
    return not (words[0] == "it" and "that" in words and words[1] in _EMPTY_VERBS)


def find_context(text: str, span: Span, sentences: Sequence[Span]) -> int:
    """Find where the context of a quote starts: at the sentence before it where it needs one, else at the quote itself.

    `sentences` are spans of the article's text in order. A sentence on the other side of a blank line that is no
    sentence of its own (a heading) doesn't help, and is passed over for the one before it. Where the one before needs
    context itself, or has no name for "he" or "she", it goes back further, up to `MAX_CONTEXT` sentences. It never goes
    over what is none of them, as what is planted for a machine isn't.
    """
    start = span.start
    if not needs_context(text[start : span.end]):
        return start
    is_person = find_words(text[start : start + 32])[0] in _PERSONS
    taken = 0
    reached = start
    for before in reversed(sentences[: bisect_left(sentences, span)]):
        sentence = text[before.start : before.end]
        if text[before.end : reached].strip():
            break
        reached = before.start
        if before.end > start or not sentence.rstrip("\"'”’»)").endswith((".", "!", "?", ":")):
            continue
        if taken and span.start - before.start > MAX_CONTEXT_CHARACTERS:
            break
        start = before.start
        taken += 1
        # Who is named in direct speech is hardly ever the one who speaks.
        is_enough = not needs_context(sentence) and (find_names(_SPEECH.sub(" ", sentence)) or not is_person)
        if taken == MAX_CONTEXT or is_enough:
            break
    return start


def cite(
    article: Article,
    span: Span,
    *,
    number: int,
    context_start: int | None = None,
    copies: Sequence[Article] = (),
    is_aside: bool = False,
) -> Citation:
    """Cut a citation out of an article; the context is nothing unless `context_start` says where it begins.

    Those of its `copies` that hold the quote, word for word, stand beside it. `is_aside` says that it was set aside
    when the article was cut into passages, for it is planted for a machine.
    """
    start, end = span
    if not 0 <= start < end <= len(article.text):
        raise ValueError(f"{start}:{end} is no stretch of an article of {len(article.text)} characters")
    if context_start is None:
        context_start = start
    if not 0 <= context_start <= start:
        raise ValueError(f"the context of a quote at {start} can't start at {context_start}")
    quote = article.text[start:end]
    also_in = tuple(copy.ref for copy in copies if holds_words(copy.text, quote))
    flags = find_flags(quote, is_aside=is_aside)
    return Citation(number, article.ref, start, end, quote, context_start, also_in, flags)


def holds_quote(text: str, citation: Citation) -> bool:
    """Tell whether an article's text has a quote, word for word, in its place."""
    return 0 <= citation.start < citation.end and text[citation.start : citation.end] == citation.quote


def place_quote(text: str, citation: Citation, passages: Sequence[Passage]) -> QuotedPassage:
    """Show a quote in its passage, from where its context starts if that is in an earlier one.

    `text` is that of an article that holds the quote, `passages` are its own, in order. What was set aside in them, as
    it is planted for a machine, ends what is shown.
    """
    start, end = citation.start, citation.end
    around = [passage for passage in passages if passage.end > start and passage.start < end]
    first = min((passage.start for passage in around), default=start)
    last = max((passage.end for passage in around), default=end)
    for aside in (aside for passage in around for aside in find_asides(passage)):
        first = max(first, aside.end) if aside.end <= start else first
        last = min(last, aside.start) if aside.start >= end else last
    before = text[min(first, max(citation.context_start, 0)) : start]
    return QuotedPassage(before.lstrip(), citation.quote, text[end : max(last, end)].rstrip())


def holds_words(text: str, quote: str) -> bool:
    """Whether a text holds the words of a quote one after the other, whatever signs and spaces stand between them."""
    words = f" {' '.join(find_words(quote))} "
    return bool(words.strip()) and words in f" {' '.join(find_words(text))} "
