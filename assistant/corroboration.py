"""How many sources stand behind each statement of an answer, independently of each other.

An article that anybody may have planted is answered from as any other is; how many others say the same tells a reader
what that is worth (against poisoned corpora: Zou et al., PoisonedRAG, 2025). Outlets are told apart by name and host
(assistant/outlets.py), copies of one story are one source (assistant/copies.py), and whether another article says the
same is measured as support is (assistant/grounding.py), with two differences, for reports of one thing are never the
same sentence. Who said it to whom is left out. And a detail that only one of them gives, as the day of the week, is no
other claim; where both give one of a kind, and not the same, it is.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from assistant.citations import needs_context
from assistant.embedding import Embedder
from assistant.facts import Token, read_tokens
from assistant.grounding import MAX_STATEMENT_CHARACTERS, measure, weigh
from assistant.outlets import group_outlets, name_outlet
from assistant.snapshot import StoredPassage
from assistant.terms import find_stems
from assistant.types import Answer, ArticleRef, Citation, Span, Statement

MAX_OTHERS = 3  # sources beside those that are cited, that are looked for
MAX_READ, MAX_MEASURED = 3, 2  # sentences of one outlet that are read, and that are measured, for a statement
MAX_READ_IN_ALL, MAX_MEASURED_IN_ALL = 12, 5
NEAR_FROM = 0.5  # the cosine of two sentences, each as it reads in its passage, from which they are compared
SAME_FROM = 0.6  # the score, but for such details, from which a sentence says what a statement does
HELD_FROM = 0.75  # the same, from which the statement holds all that the sentence says: what is short is easily held
LEAST_COMMON = 1 / 3  # of the words of the shorter of two sentences that say the same, that both have
MIN_CORE_CHARACTERS = 20

_SPEECH = (
    r"(?:said|says?|saying|told|tells?|announce[ds]?|according to|report(?:s|ed)|confirm(?:s|ed)|estimate[ds]?"
    r"|show(?:s|ed)|decided|wrote|writes?|added|adds)"
)
_SAID_LAST = re.compile(rf",\s[^,“”\"]{{0,80}}\b{_SPEECH}\b[^,“”\"]{{0,60}}(?=[.!?]?\Z|,\s)")
_SAID_FIRST = re.compile(rf"\A[^,.“”\"]{{0,80}}\b{_SPEECH}\b[^,.“”\"]{{0,30}}\bthat\s(?=\w)", re.IGNORECASE)
_NO_FIGURE = re.compile(r"\b(?:who|whom|whose|which|where|why)\b", re.IGNORECASE)  # asks for neither number nor day
_DETAILS = (frozenset({"number"}), frozenset({"name"}), frozenset({"month", "weekday"}))


def corroborate(answer: Answer, candidates: Sequence[StoredPassage], *, embedder: Embedder) -> Answer:
    """Name the independent sources of each supported statement: those that it cites, then others that say the same.

    `candidates` are what was found for the question, those that are cited among them. Other sources that are named are
    at most MAX_OTHERS, so there may be more.
    """
    if not answer.statements:
        return answer
    articles = [candidate.article for candidate in candidates] + [each.article for each in answer.citations]
    outlets = {article.id: outlet for article, outlet in zip(articles, group_outlets(articles), strict=True)}
    finder = _Finder(candidates, outlets, answer.standalone_question or answer.question, embedder)
    statements = tuple(
        replace(statement, sources=finder.find_sources(statement)) if statement.support.supported else statement
        for statement in answer.statements
    )
    return replace(answer, statements=statements)


class _Finder:
    def __init__(
        self,
        candidates: Sequence[StoredPassage],
        outlets: dict[str, int],
        question: str,
        embedder: Embedder,
    ) -> None:
        self._candidates = candidates
        self._outlets = outlets
        self._asked = frozenset(find_stems(question))
        self._asks_other = bool(_NO_FIGURE.search(question))
        self._embedder = embedder
        self._stories = {candidate.article.id: candidate.story for candidate in candidates}

    def find_sources(self, statement: Statement) -> tuple[str, ...]:
        """Name the sources of a statement, the cited ones first."""
        names: dict[int, str] = {}  # by the outlet
        stories: set[int] = set()

        def is_new(article_id: str) -> bool:
            return self._outlets[article_id] not in names and self._stories.get(article_id) not in stories

        def add(article: ArticleRef) -> None:
            names[self._outlets[article.id]] = name_outlet(article)
            if article.id in self._stories:
                stories.add(self._stories[article.id])

        cited: dict[int, list[Citation]] = {}
        for citation in statement.citations:
            cited.setdefault(self._outlets[citation.article.id], []).append(citation)
        for citations in cited.values():
            quotes = " ".join(citation.quote for citation in citations)
            if is_new(citations[0].article.id) and (len(cited) == 1 or self._says(statement.text, quotes, quotes)):
                add(citations[0].article)
        if not names and statement.citations:  # it takes several to prove it
            add(statement.citations[0].article)

        count, read, measured = len(names), Counter[int](), Counter[int]()
        for candidate, number in self._list_nearest(statement.citations, [id for id in self._stories if is_new(id)]):
            outlet = self._outlets[candidate.article.id]
            # One outlet can't use up what there is for all.
            if not is_new(candidate.article.id) or read[outlet] == MAX_READ or measured[outlet] == MAX_MEASURED:
                continue
            read[outlet] += 1
            text, evidence = _read(candidate, number)
            if self._may_say(statement.text, text):
                measured[outlet] += 1
                if self._says(statement.text, text, evidence):
                    add(candidate.article)
            if (
                len(names) == count + MAX_OTHERS
                or read.total() == MAX_READ_IN_ALL
                or measured.total() == MAX_MEASURED_IN_ALL
            ):
                break
        return tuple(names.values())

    def _list_nearest(
        self, citations: Sequence[Citation], article_ids: Sequence[str]
    ) -> Iterator[tuple[StoredPassage, int]]:
        """Yield the sentences of articles that are near to one that is cited, the nearest first: passage and place."""
        cited = {(citation.article.id, citation.start) for citation in citations}
        citing, ids = {id for id, _ in cited}, set(article_ids)
        vectors = [
            candidate.sentence_vectors[number]
            for candidate in self._candidates
            if candidate.article.id in citing
            for number, span in enumerate(candidate.passage.sentences)
            if (candidate.article.id, span.start) in cited
        ]
        others = [each for each in self._candidates if each.article.id in ids and each.passage.sentences]
        if not vectors or not others:
            return
        firsts = np.cumsum([0, *(len(each.passage.sentences) for each in others)])
        nearness = (np.concatenate([each.sentence_vectors for each in others]) @ np.stack(vectors).T).max(axis=1)
        near = np.flatnonzero(nearness >= NEAR_FROM)
        for place in near[np.argsort(-nearness[near], kind="stable")]:
            passage = int(np.searchsorted(firsts, place, side="right")) - 1
            yield others[passage], int(place - firsts[passage])

    def _may_say(self, statement: str, sentence: str) -> bool:
        """Tell by their facts whether a sentence may say what a statement does, and its answer to the question."""
        if statement.rstrip().endswith("?") or sentence.rstrip().endswith("?"):
            return False  # to ask says nothing
        ours, theirs = read_tokens(cut_attribution(statement)), read_tokens(cut_attribution(sentence))
        forms = [{token.form for token in tokens} for tokens in (ours, theirs)]
        held = forms[0] & forms[1]
        if len(held) < LEAST_COMMON * min(map(len, forms)):
            return False
        new = [token for token in ours if not self._is_asked(token)]
        facts = [token for token in new if token.is_fact]
        if self._asks_other and not any(token.kind == "name" for token in facts):
            facts = []  # "which bird" is answered by a word, and no number
        if new and not any(token.form in held for token in facts or new):
            return False
        rivals = [[token for token in tokens if token.form not in held] for tokens in (ours, theirs)]
        return not any(
            all(any(self._is_of(token, kinds) for token in tokens) for tokens in rivals) for kinds in _DETAILS
        )

    def _is_asked(self, token: Token) -> bool:
        return not self._asked.isdisjoint(find_stems(token.text))

    def _is_of(self, token: Token, kinds: frozenset[str]) -> bool:
        """Tell whether a token is a detail of a kind that the question doesn't name; a first word may be a name."""
        if self._is_asked(token):
            return False
        is_name = token.kind == "word" and token.text[:1].isupper() and not self._is_lower(token.text.lower())
        return token.kind in kinds or ("name" in kinds and is_name)

    def _is_lower(self, word: str) -> bool:
        """Tell whether a word stands anywhere in lower case, which a name doesn't."""
        pattern = re.compile(rf"\b{re.escape(word)}\b")
        return any(pattern.search(candidate.passage.text) for candidate in self._candidates)

    def _says(self, statement: str, sentence: str, evidence: str) -> bool:
        """Tell whether a sentence says what a statement does, or the statement all that it says of what was asked."""
        if self._is_supported(cut_attribution(statement), evidence, SAME_FROM):
            return True
        theirs = cut_attribution(sentence)
        return not self._asked.isdisjoint(find_stems(theirs)) and self._is_supported(theirs, statement, HELD_FROM)

    def _is_supported(self, statement: str, evidence: str, least: float) -> bool:
        measures = measure(statement[:MAX_STATEMENT_CHARACTERS], [evidence], embedder=self._embedder)
        if measures is None:
            return False
        faults = tuple(fault for fault in measures.faults if fault not in measures.missing)
        return not faults and weigh(replace(measures, faults=())) >= least


def cut_attribution(sentence: str) -> str:
    """Cut off who said something, and to whom and when: at the end of a sentence, or before its "that"."""
    core = _SAID_FIRST.sub("", _SAID_LAST.sub("", sentence))
    return core if len(core) >= MIN_CORE_CHARACTERS else sentence


def _read(candidate: StoredPassage, number: int) -> tuple[str, str]:
    """Read a sentence, and with it the one before it where it can't stand alone."""

    def cut(span: Span) -> str:
        return candidate.passage.text[span.start - candidate.passage.start : span.end - candidate.passage.start]

    sentences = candidate.passage.sentences
    text = cut(sentences[number])
    before = f"{cut(sentences[number - 1])} " if number and needs_context(text) else ""
    return text, f"{before}{text}"
