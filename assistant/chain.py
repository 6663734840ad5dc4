"""Answers with a language model, in explicit steps: rewrite, retrieve, lay out, ask, read, check, repair once, answer.

The steps are one generator that touches no network: it yields what it wants of a model and what can be shown, and is
sent what the model replies. `run_steps` drives it, and `arun_steps` does without blocking, with the same logic.

Where there is a verifier, what the check accepted is shown only after that other model has said yes to it, too.

Nothing that the model writes is shown as fact before the sentences that it cites have been cut from the library and
found to support it. What it wrote stays in `Answer.written`.
"""

import asyncio
import re
import secrets
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, aclosing, closing
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal, NamedTuple

from assistant.asking import (
    ENDLESS_THOUGHT,
    KEPT,
    MAX_CHARACTERS,
    Asker,
    Budget,
    Listen,
    Request,
    Role,
    Terms,
)
from assistant.citations import cite, find_context
from assistant.clauses import has_attribution
from assistant.errors import ModelError
from assistant.evidence import Evidence, ShownSentence, describe_source, lay_out_evidence, neutralise
from assistant.followups import read_rewritten
from assistant.grounding import is_repeated
from assistant.markers import Marker, SentenceReader, WrittenSentence, leave_out_links, resolve_markers
from assistant.models import ChatModel, Chunk, Message
from assistant.prompts import load_prompt
from assistant.quantities import list_rivals
from assistant.replies import CurrentReplies, Reply
from assistant.terms import find_stems, find_words
from assistant.types import Answer, Article, Citation, RetrievedPassage, Statement, Support, Understood
from assistant.verdicts import Verifier, heed, show_quote

MAX_SENTENCES = 24  # of an answer; a model that goes on is stopped
MAX_REPEATS = 3  # of sentences that it wrote before: it is in a loop
MAX_HISTORY = 3  # earlier answers that a question is understood by
MAX_HISTORY_CHARACTERS = 1_000  # of each of them
MIN_EVIDENCE_TOKENS = 200
# The score from which a sentence is cited that the model didn't name, for what is proven by none that it named. Of the
# statements of tests/fixtures/statements.jsonl, under their own evidence, four in five of the true ones have it and one
# in six of the false; from 0.5 it is one in five, and from 0.75 three in seven true ones would go.
RECITED_FROM = 0.65
NEAREST_SENTENCES = 2  # that a model is pointed to where it cited wrongly
# What only says that something came about: "the crisis began in 1979" is said by "the crisis of 1979", too.
_HAPPENING = frozenset(find_stems("take takes took taken place happen happened occur occurred begin began begun start"))

NOT_REWRITTEN = "The model made no question of this that stands alone, so it was asked as it was put."

DECLINED = "The model declined to answer, as its own rules have it; that says nothing of the articles."
CITED_NEAREST = "Where another sentence proves what the model wrote better than those that it named, that one is cited."
NOTHING_WRITTEN = "The model replied with nothing."
NO_SENTENCE = "The model wrote no sentence that could be checked."

BLENDED = "it gives two figures for one thing, of two articles, and doesn't say whose each is"
UNCITED = "it cites nothing"
NOTHING_KNOWN = "what it cites names nothing that was shown"

_SHOWN = r"(?:articles?|sentences?|texts?|passages?|context|information|excerpts?|evidence)"
_NEGATED = r"\b(?:do(?:es)?n['’]?t|do(?:es)? not|did(?:n['’]t| not)|can(?:no|['’])t|no|not|none|nothing|neither)\b"
_SAYS = r"\b(?:answer|mention|contain|provide|say|specif|state|include|give|address|cover|reveal|indicate|enough)"
_APOLOGY = r"\A\W*(?:i['’]m sorry|i am sorry|sorry,|i (?:can(?:not|['’]t)|am unable|don['’]t know|do not know))"
# What is said of what was shown, rather than of the world: in a sentence that cites something, only at its start.
_REFUSAL = re.compile(
    rf"{_SHOWN}\b[^.!?]{{0,60}}{_NEGATED}[^.!?]{{0,30}}{_SAYS}"
    rf"|{_NEGATED}[^.!?]{{0,30}}{_SHOWN}\b[^.!?]{{0,30}}{_SAYS}|{_APOLOGY}",
    re.IGNORECASE,
)
_CITED_REFUSAL = re.compile(
    rf"\A\W*the (?:(?:given|provided|numbered|news) )*{_SHOWN} (?:(?:given|provided|above) )?"
    rf"{_NEGATED} [^.!?]{{0,20}}{_SAYS}"
    rf"|\A\W*n(?:one|either) of the [^.!?]{{0,20}}{_SHOWN}\b[^.!?]{{0,20}}{_SAYS}|{_APOLOGY}",
    re.IGNORECASE,
)
# A model that won't, whatever the articles say.
_DECLINED = re.compile(
    r"\b(?:can(?:not|['’]t)|won['’]t|will not|(?:unable|not (?:able|allowed|permitted|comfortable)) to|must)"
    r"\s(?:help|assist|comply|continue|fulfil\w*|engage|discuss|decline|do that|refuse)\b",
    re.IGNORECASE,
)
_REPAIRED_LINE = re.compile(r"\A\W*(\d{1,2})\W*[:.)]\s*(.*)\Z")


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer may take.

    `window` is how many tokens the model reads and writes at once, `evidence_tokens` how many of them articles may
    have, `max_cost` how many US dollars all its requests may cost.
    """

    window: int
    evidence_tokens: int
    max_cost: float | None = None

    @property
    def answer_tokens(self) -> int:
        """How many tokens a reply may have, which for some models includes what they think."""
        return self.window // 4


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for a question: the nearest passages, best first, the articles that they are of, and notes.

    `question` is what is asked of them, `understood` says how its own words for time were read. Where those left only
    some articles, and these don't answer, `wider` finds what all articles have, without those words. `copies` are which
    copies of each article there are.
    """

    question: str
    retrieved: tuple[RetrievedPassage, ...]
    articles: Mapping[str, Article]
    notes: tuple[str, ...] = ()
    understood: tuple[Understood, ...] = ()
    wider: "Callable[[], Found] | None" = None
    copies: Mapping[str, Sequence[Article]] = field(default_factory=dict)


class Question(NamedTuple):
    """A question and what was asked and answered before it."""

    text: str
    history: Sequence[Answer] = ()


Models = Mapping[Role, ChatModel]  # by what they are asked for
Step = Request | Listen | Statement | Answer
Steps = Generator[Request | Listen | Statement, Chunk | None, Answer]
Find = Callable[[str], Found]
Check = Callable[[str, Sequence[str]], Support]


@dataclass(slots=True)
class _Draft:
    """A sentence on its way to a statement."""

    written: WrittenSentence
    numbers: tuple[int, ...]
    unresolved: tuple[str, ...]
    support: Support
    replacements: "tuple[_Draft, ...]" = ()
    lacks_verdict: bool = False  # nothing is known to be wrong with it, but the verifier didn't say that it is right


class Answerer:
    """Answers questions with one model; its state is what one answer has taken so far, so make one for each answer.

    A `verifier` is another model, which is asked about what `check` accepted.
    """

    def __init__(
        self,
        terms: Terms,
        *,
        find: Find,
        check: Check,
        limits: Limits,
        refusal: str,
        unsupported: Literal["mark", "drop"] = "mark",
        verifier: Terms | None = None,
    ) -> None:
        self._find = find
        self._check = check
        self._count_tokens = terms.count_tokens
        self._limits = limits
        self._refusal = refusal
        self._unsupported = unsupported
        self._notes: list[str] = []
        self._fence = f"===== {secrets.token_hex(8)} ====="
        self._budget = Budget(limits.max_cost)
        self._asker = Asker(terms, role="answerer", budget=self._budget, fence=self._fence, note=self._note)
        self._verifier: Verifier | None = None
        if verifier is not None:
            asker = Asker(verifier, role="verifier", budget=self._budget, fence=self._fence)
            self._verifier = Verifier(asker, fence=self._fence)
        self._citations: dict[tuple[str, int], Citation] = {}
        self._copies: Mapping[str, Sequence[Article]] = {}
        self._has_refused = False  # the last reply said that there is no answer
        self._has_declined = False  # and that the model won't give one
        self._left_out = 0  # sentences of it with markers that weren't looked at
        self._found: Found | None = None  # what is answered from
        self._standalone: str | None = None

    def note(self, answer: Answer) -> Answer:
        """Note in an answer that broke off what was found for it, how that was understood, and what was written."""
        found = self._found
        return replace(
            answer,
            retrieved=found.retrieved if found else (),
            understood=found.understood if found else (),
            standalone_question=self._standalone,
            written="\n\n".join(self._asker.written),
            notes=tuple(dict.fromkeys(self._notes)),
            usage=self._budget.usage,
            verifier=self._verifier.model if self._verifier else "",
        )

    def _note(self, text: str) -> None:
        self._notes.append(text)

    def steps(self, question: Question) -> Steps:
        """Take the steps from a question to its answer; `seconds` is left at 0 for the caller."""
        standalone = yield from self._rewrite(question)
        self._standalone = standalone if standalone != question.text else None
        found = self._found = self._find(standalone)
        statements: list[Statement] = []
        notes = list(self._notes)
        yield from self._answer(found, statements)
        if not statements and found.wider is not None:
            found = yield from self._widen(found, found.wider(), statements, notes)
        supported = [statement for statement in statements if statement.support.supported]
        abstained = not supported
        return Answer(
            question=question.text,
            text=" ".join(statement.text for statement in supported) or self._refusal,
            statements=() if abstained else tuple(statements),
            citations=() if abstained else tuple(self._citations.values()),
            abstained=abstained,
            confidence=weigh(statements),
            retrieved=found.retrieved,
            model=self._asker.model,
            usage=self._budget.usage,
            seconds=0.0,
            written="\n\n".join(self._asker.written),
            standalone_question=self._standalone,
            notes=tuple(dict.fromkeys(self._notes)),
            understood=found.understood,
            verifier=self._verifier.model if self._verifier else "",
        )

    def _rewrite(self, question: Question) -> Generator[Request | Listen, Chunk | None, str]:
        """Make a question that follows others stand alone; as it is where that comes to nothing."""
        if not question.history:
            return question.text
        turns = [
            f"Question: {neutralise(answer.question)}\nAnswer: {neutralise(answer.text)[:MAX_HISTORY_CHARACTERS]}"
            for answer in question.history[-MAX_HISTORY:]
        ]
        asked = load_prompt("rewrite_question").render(
            fence=self._fence, conversation="\n".join(turns), question=neutralise(question.text)
        )
        reply = yield from self._asker.ask(
            (Message("system", load_prompt("rewrite_system").render()), Message("user", asked)),
            self._limits.answer_tokens,
        )
        rewritten = read_rewritten(
            reply,
            question.text,
            earlier=[answer.question for answer in question.history],
            answers=[answer.text for answer in question.history],
        )
        if rewritten is None or _REFUSAL.search(rewritten):
            self._notes.append(NOT_REWRITTEN)
            return question.text
        return leave_out_links(rewritten)

    def _widen(
        self, found: Found, wider: Found, statements: list[Statement], notes: list[str]
    ) -> Generator[Request | Listen | Statement, Chunk | None, Found]:
        """Ask all articles, once, where those that the question's words for time left don't answer.

        Gives what was answered from. `notes` are those from before any article was asked: where all articles answer,
        what was noted when some were asked says nothing of the answer.
        """
        self._found = wider
        narrow, self._notes = self._notes, []
        try:
            yield from self._answer(wider, statements, is_once=True)
        except ModelError as error:
            # What passes may be answered when it is asked again. What doesn't, as what it may cost, is said.
            if error.retryable or statements:
                raise
            self._notes.append(f"All articles could not be asked: {error}")
        self._notes = [*(notes if statements else narrow), *self._notes]
        return wider if statements else found

    def _answer(
        self, found: Found, statements: list[Statement], *, is_once: bool = False
    ) -> Generator[Request | Listen | Statement, Chunk | None, None]:
        """Ask, read, check and repair; fill `statements` in reading order, and yield each as soon as it is settled.

        Without a sentence that is supported there is none. `is_once` allows one request, so nothing is repaired.
        """
        self._notes += found.notes
        self._copies = found.copies
        if not found.retrieved:
            return
        question = found.question
        room = self._limits.window - self._limits.answer_tokens - self._overhead(question)
        budget = min(self._limits.evidence_tokens, room)
        passages = [retrieved.passage for retrieved in found.retrieved]
        for is_last in (True,) if is_once else (False, True):
            evidence = lay_out_evidence(
                passages,
                found.articles,
                copies=found.copies,
                max_tokens=max(budget, MIN_EVIDENCE_TOKENS),
                count_tokens=self._count_tokens,
                question=question,
            )
            messages = self._pose(question, evidence)
            drafts: list[_Draft] = []
            try:
                yield from self._read(messages, evidence, drafts, statements)
                break
            except ModelError as error:
                if is_last or statements or not error.is_too_long:  # what is shown stays, and isn't asked for twice
                    # What is proven but waited for a sentence before it that isn't, is shown before the error is.
                    for draft in drafts[len(statements) :]:
                        if draft.support.supported:
                            statements.append(statement := self._settle(draft, evidence))
                            yield statement
                    raise
                budget //= 2
        if not is_once and any(_is_repairable(draft) for draft in drafts):
            yield from self._repair(messages, evidence, drafts)
        left = [each for draft in drafts[len(statements) :] for each in draft.replacements or (draft,)]
        if not statements and not any(each.support.supported for each in left):
            unjudged = next((each for each in left if each.lacks_verdict), None)
            if self._verifier and unjudged:  # that nothing answers isn't known
                why = "; ".join(unjudged.support.reasons)
                raise self._verifier.failure or ModelError(
                    f"{self._verifier.model}: {why}; ask again, or name another verifier", retryable=True
                )
            if left:
                self._notes.append(
                    f"Not shown, for nothing that it cites proves it: all that the model wrote ({len(left)})."
                )
            elif not self._asker.written[-1].strip():
                self._notes.append(NOTHING_WRITTEN)
            elif self._has_declined:
                self._notes.append(DECLINED)
            elif not self._has_refused and ENDLESS_THOUGHT not in self._notes:
                self._notes.append(NO_SENTENCE)
            elif self._left_out:
                self._notes.append(
                    f"Not shown, for the model said that there is no answer: what else it wrote ({self._left_out})."
                )
            return  # it abstains
        for each in left:
            if each.support.supported or self._unsupported == "mark":
                statement = self._settle(each, evidence)
                statements.append(statement)
                yield statement

    def _overhead(self, question: str) -> int:
        """Count what is sent beside the evidence, as it is when the answer has been repaired."""
        system, user = self._pose(question, Evidence("", ()))
        return self._count_tokens(system.text) + self._count_tokens(user.text) + 50

    def _pose(self, question: str, evidence: Evidence) -> tuple[Message, ...]:
        posed = load_prompt("answer_question").render(
            fence=self._fence, evidence=evidence.text, question=neutralise(question)
        )
        system = load_prompt("answer_system").render(refusal=self._refusal)
        return Message("system", system), Message("user", posed)

    def _read(
        self, messages: tuple[Message, ...], evidence: Evidence, drafts: list[_Draft], statements: list[Statement]
    ) -> Generator[Request | Listen | Statement, Chunk | None, None]:
        """Read the reply sentence by sentence; what is supported is yielded until something isn't and has to wait."""
        reader = _make_reader(evidence)
        texts: set[str] = set()
        repeats = 0
        read = 0
        has_ended = False
        self._has_refused, self._has_declined, self._left_out = False, False, 0
        yield self._asker.request(messages, self._limits.answer_tokens)
        listen = self._asker.listen()
        while not has_ended:
            piece = yield from listen()
            read += len(piece or "")
            has_ended = piece is None or read >= MAX_CHARACTERS
            for written in reader.finish(is_cut=self._asker.is_cut) if piece is None else reader.feed(piece):
                is_refusal = _is_refusal(written, self._refusal)
                self._has_refused = self._has_refused or is_refusal
                self._has_declined = self._has_declined or (is_refusal and bool(_DECLINED.search(written.text)))
                if self._has_refused and (is_refusal or not drafts or not written.markers):
                    # What comes after it is talk, but for what cites something after an answer to a part of the
                    # question. What begins with it is no answer, whatever is said then of other things.
                    self._left_out += bool(written.markers)
                    continue
                if not written.is_statement:
                    continue
                if not written.text and written.markers and drafts and not drafts[-1].written.markers:
                    written = WrittenSentence(drafts.pop().written.text, written.markers)  # on a line of their own
                    texts.discard(written.text)
                if not written.text or (written.text.endswith(":") and not written.markers):
                    continue  # markers on nothing, or words that only lead to a list
                repeats += written.text in texts
                if written.text in texts or len(drafts) == MAX_SENTENCES or repeats > MAX_REPEATS:
                    has_ended = has_ended or repeats > MAX_REPEATS or len(drafts) == MAX_SENTENCES
                    continue
                texts.add(written.text)
                draft = yield from self._judge(self._cite_best(self._draft(written, evidence), evidence), evidence)
                yield from self._share_markers(written, drafts, evidence)
                drafts.append(draft)
                while len(statements) < len(drafts) and drafts[len(statements)].support.supported:
                    statement = self._settle(drafts[len(statements)], evidence)
                    statements.append(statement)
                    yield statement

    def _share_markers(
        self, written: WrittenSentence, drafts: list[_Draft], evidence: Evidence
    ) -> Generator[Request | Listen, Chunk | None, None]:
        """Take the markers at the end of a list or a paragraph for what came before it too, where that is proven."""
        for position in reversed(range(len(drafts))):
            if drafts[position].written.markers or not written.markers:
                return
            shared = self._draft(WrittenSentence(drafts[position].written.text, written.markers), evidence)
            shared = yield from self._judge(shared, evidence)
            if not shared.support.supported:
                return
            drafts[position] = shared

    def _repair(
        self, messages: tuple[Message, ...], evidence: Evidence, drafts: Sequence[_Draft]
    ) -> Generator[Request | Listen, Chunk | None, None]:
        """Ask once for the unsupported sentences again, and take what is supported now in their place."""
        failed = [draft for draft in drafts if _is_repairable(draft)]
        problems = "\n".join(
            f"{number}: {neutralise(draft.written.text)} ({'; '.join(map(neutralise, draft.support.reasons))})"
            + "".join(
                f"\n   {neutralise(_quote(evidence[near]))} [{near}]"
                for near in find_nearest(draft.written.text, evidence)
            )
            for number, draft in enumerate(failed, start=1)
        )
        asked = load_prompt("repair").render(problems=problems)
        said = Message("assistant", self._asker.written[-1])
        try:
            reply = yield from self._asker.ask((*messages, said, Message("user", asked)), self._limits.answer_tokens)
        except ModelError as error:
            if len(failed) == len(drafts):
                raise
            # What was proven before stays proven, and what wasn't stays unsupported.
            self._notes.append(f"The answer could not be repaired: {error}")
            return
        lines = _read_repaired(reply)
        seen = {draft.written.text for draft in drafts if draft.support.supported}
        for number, draft in enumerate(failed, start=1):
            reader = _make_reader(evidence)
            is_cut = self._asker.is_cut and number == max(lines, default=0)
            again = [*reader.feed(lines.get(number, "")), *reader.finish(is_cut=is_cut)]
            repaired = []
            for written in again:
                if written.text not in seen:
                    better = self._cite_best(self._draft(written, evidence), evidence)
                    repaired.append((yield from self._judge(better, evidence)))
            draft.replacements = tuple(each for each in repaired if each.support.supported or each.lacks_verdict)
            seen.update(each.written.text for each in draft.replacements)

    def _cite_best(self, draft: _Draft, evidence: Evidence) -> _Draft:
        """Cite the one sentence that is nearest to what was written, where that proves it better than what it cites.

        Small models write what a sentence says under the number of another. Only the nearest is looked at, and checked
        as what they named is: a citation that is looked for until something fits proves nothing. It has to have every
        word of what was written, but for those that say no more than that it came about: what shares only the speaker
        or the subject says something else of it. Where what they named proves nothing, more is asked of it. What cites
        nothing gets none.
        """
        if not draft.numbers:
            return draft
        stems = set(find_stems(draft.written.text)) - _HAPPENING
        for near in find_nearest(draft.written.text, evidence, limit=1):
            if near in draft.numbers or not stems <= set(find_stems(_quote_in_context(evidence[near]))):
                continue
            cited = self._draft(WrittenSentence(draft.written.text, (Marker(f"[{near}]", (near,)),)), evidence)
            least = draft.support.score if draft.support.supported else max(draft.support.score, RECITED_FROM)
            if cited.support.supported and cited.support.score > least:
                self._notes.append(CITED_NEAREST)
                return replace(cited, unresolved=draft.unresolved)
        return draft

    def _draft(self, written: WrittenSentence, evidence: Evidence) -> _Draft:
        """Check a sentence against what it cites, and nothing else."""
        numbers, unresolved = resolve_markers(written.markers, evidence.is_shown)
        if not numbers:
            support = Support(0.0, False, (NOTHING_KNOWN if unresolved else UNCITED,))
        else:
            texts = []
            for number in sorted(numbers):  # as they are read: whom "he" stands for was named before
                texts.append(_quote_in_context(evidence[number]))
            sources = dict.fromkeys(describe_source(evidence[number].article.ref) for number in numbers)
            support = self._check(written.text, [*texts, *(source for source in sources if source)])
            if support.supported and is_blended(written.text, [evidence[number] for number in numbers]):
                support = Support(support.score, False, (BLENDED,))
        return _Draft(written, numbers, unresolved, support)

    def _judge(self, draft: _Draft, evidence: Evidence) -> Generator[Request | Listen, Chunk | None, _Draft]:
        """Ask the verifier, where there is one, about a sentence that was checked and is supported.

        What an article says in these very words needs no second opinion. Without a yes it isn't supported.
        """
        if self._verifier is None or not draft.support.supported:
            return draft
        cited = [evidence[number] for number in sorted(draft.numbers)]
        if any(is_repeated(draft.written.text, _quote(shown)) for shown in cited):
            return draft
        shown = [show_quote(each.article.ref, _quote_in_context(each)) for each in cited]
        verdict = yield from self._verifier.judge(draft.written.text, shown)
        support = heed(verdict, draft.support)
        if isinstance(verdict, str):
            self._notes.append(f"Not shown as proven what the check accepted, for {'; '.join(support.reasons)}")
        return replace(draft, support=support, lacks_verdict=isinstance(verdict, str))

    def _settle(self, draft: _Draft, evidence: Evidence) -> Statement:
        """Make a statement of a sentence, with quotes cut out of their articles."""
        citations = []
        for shown in map(evidence.__getitem__, draft.numbers):
            article, span, neighbours = shown.article, shown.span, shown.neighbours
            known = self._citations.get((article.id, span.start))
            if known is None:
                start = find_context(article.text, span, neighbours)
                number = len(self._citations) + 1
                copies = self._copies.get(article.id, ())
                is_aside = shown.is_aside
                known = cite(article, span, number=number, context_start=start, copies=copies, is_aside=is_aside)
                self._citations[article.id, span.start] = known
            citations.append(known)
        return Statement(draft.written.text, tuple(citations), draft.support, draft.unresolved)

    @property
    def spent(self) -> float:
        """What the requests so far cost, or at most could, in US dollars; 0 where no price is known."""
        return self._budget.spent


def weigh(statements: Sequence[Statement]) -> float:
    """Say how sure statements are, from 0 to 1: the share that is supported, times how well on average."""
    supported = [statement.support.score for statement in statements if statement.support.supported]
    return sum(supported) / len(statements) if statements else 0.0


def _read_repaired(reply: str) -> dict[int, str]:
    """Map the numbers of failed sentences to what was written in their place; a line without a number is the first."""
    lines: dict[int, str] = {}
    for line in filter(None, map(str.strip, reply.splitlines())):
        numbered = _REPAIRED_LINE.match(line)
        lines.setdefault(int(numbered[1]) if numbered else 1, numbered[2] if numbered else line)
    return {number: line for number, line in lines.items() if not line.upper().startswith("NONE")}


def _make_reader(evidence: Evidence) -> SentenceReader:
    return SentenceReader(evidence.is_shown, is_text=evidence.text.__contains__)


def _is_refusal(sentence: WrittenSentence, refusal: str) -> bool:
    """Whether a sentence says that there is no answer, in the words that were asked for or in others."""
    pattern = _CITED_REFUSAL if sentence.markers else _REFUSAL
    return _simplify(refusal) in _simplify(sentence.text) or bool(pattern.search(sentence.text))


def find_nearest(statement: str, evidence: Evidence, *, limit: int = NEAREST_SENTENCES) -> list[int]:
    """List the numbers of the sentences that share most words with a statement, by how rare those are, best first."""
    stems = evidence.stems
    wanted = frozenset(find_stems(statement))
    rarity = {stem: 1 / sum(stem in each for each in stems) for stem in wanted if any(stem in each for each in stems)}
    scores = {
        number: sum(rarity[stem] for stem in wanted & held)
        for number, held in enumerate(stems, start=1)
        if wanted & held
    }
    return sorted(scores, key=lambda number: (-scores[number], number))[:limit]


def _quote(sentence: ShownSentence) -> str:
    return sentence.article.text[sentence.span.start : sentence.span.end]


def _quote_in_context(sentence: ShownSentence) -> str:
    start = find_context(sentence.article.text, sentence.span, sentence.neighbours)
    return sentence.article.text[start : sentence.span.end]


def is_blended(statement: str, cited: Sequence[ShownSentence]) -> bool:
    """Whether a statement has a figure of each of two articles for the same, and names neither an outlet nor a day."""
    words = set(find_words(statement))
    if has_attribution(statement) or any(words & set(find_words(each.article.outlet or "")) for each in cited):
        return False
    return any(
        bool(list_rivals(statement, _quote(one), _quote(other)))
        for one, other in combinations(cited, 2)
        if one.article.id != other.article.id
    )


def _is_repairable(draft: _Draft) -> bool:
    """Whether something is wrong with a sentence that its writer could mend."""
    return not draft.support.supported and not draft.lacks_verdict


def _simplify(text: str) -> str:
    """Take the differences out that typesetting makes: spaces, case, the shapes of quotation marks and dashes."""
    table = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\u00a0": " "})
    return " ".join(text.translate(table).split()).casefold()


# Driving ------------------------------------------------------------------------------------------------------------


class _Listener:
    """What a reply is made of as it arrives, to be kept when it is whole."""

    def __init__(self, request: Request, replies: CurrentReplies | None) -> None:
        self._key = request.key
        self._replies = replies
        self._chunks: list[Chunk] = []
        self.kept = replies.get(request.key) if replies else None

    def hear(self, chunk: Chunk | None) -> None:
        if chunk is not None:
            self._chunks.append(chunk)
        elif self._replies and not self.kept and any(chunk.finish_reason == "stop" for chunk in self._chunks):
            counts = next((chunk for chunk in self._chunks if chunk.prompt_tokens is not None), Chunk(""))
            text = "".join(chunk.text for chunk in self._chunks)
            self._replies.put(self._key, Reply(text, counts.prompt_tokens, counts.completion_tokens))


def run_steps(
    steps: Steps, models: Models, replies: CurrentReplies | None = None
) -> Generator[Statement, None, Answer]:
    """Take steps with models: yield the statements as they are settled, return the answer; closing stops it all."""
    streams: dict[Role, Generator[Chunk, None, None]] = {}  # the verifier is asked while the answer is being read
    listeners: dict[Role, _Listener] = {}
    chunk: Chunk | None = None
    error: ModelError | None = None
    with ExitStack() as opened:
        while not isinstance(step := _advance(steps, chunk, error), Answer):
            chunk = error = None
            if isinstance(step, Statement):
                yield step
            elif isinstance(step, Request):
                if step.role in streams:
                    streams[step.role].close()
                listeners[step.role] = listener = _Listener(step, replies)
                model = models[step.role]
                stream = _repeat(listener.kept) or model.stream(step.messages, max_tokens=step.max_tokens)
                streams[step.role] = opened.enter_context(closing(stream))
            else:
                try:
                    chunk = next(streams[step.role], None)
                    listeners[step.role].hear(chunk)
                except ModelError as raised:
                    error = raised
        return step


async def arun_steps(
    steps: Steps, models: Models, replies: CurrentReplies | None = None
) -> AsyncGenerator[Statement | Answer, None]:
    """Do the same without blocking: what computes runs in a thread; the last thing that is yielded is the answer."""
    streams: dict[Role, AsyncGenerator[Chunk, None]] = {}
    listeners: dict[Role, _Listener] = {}
    chunk: Chunk | None = None
    error: ModelError | None = None
    async with AsyncExitStack() as opened:
        while not isinstance(step := await asyncio.to_thread(_advance, steps, chunk, error), Answer):
            chunk = error = None
            if isinstance(step, Statement):
                yield step
            elif isinstance(step, Request):
                if step.role in streams:
                    await streams[step.role].aclose()
                listeners[step.role] = listener = await asyncio.to_thread(_Listener, step, replies)
                model = models[step.role]
                stream = _arepeat(listener.kept) or model.astream(step.messages, max_tokens=step.max_tokens)
                streams[step.role] = await opened.enter_async_context(aclosing(stream))
            else:
                try:
                    chunk = await anext(streams[step.role], None)
                    await asyncio.to_thread(listeners[step.role].hear, chunk)
                except ModelError as raised:
                    error = raised
        yield step


def _repeat(reply: Reply | None) -> Generator[Chunk, None, None] | None:
    """Say again what was said, which takes no tokens."""
    return (chunk for chunk in [Chunk(reply.text, 0, 0, KEPT)]) if reply else None


def _arepeat(reply: Reply | None) -> AsyncGenerator[Chunk, None] | None:
    async def repeat(text: str) -> AsyncGenerator[Chunk, None]:
        yield Chunk(text, 0, 0, KEPT)

    return repeat(reply.text) if reply else None


def _advance(steps: Steps, chunk: Chunk | None, error: ModelError | None) -> Step:
    try:
        return steps.throw(error) if error else steps.send(chunk)
    except StopIteration as stopped:
        answer: Answer = stopped.value
        return answer
