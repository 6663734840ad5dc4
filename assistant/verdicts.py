"""Asks a language model for a verdict: whether evidence supports a statement, yes or no.

It is the second opinion on what the check on this machine accepted (assistant/grounding.py), where there is a verifier,
and a measure of answers, where they are evaluated with a judge. What it is shown, articles and a statement that another
model wrote, stands between fences and is no instruction; whether it obeys one all the same is up to the model.
"""

import secrets
from collections.abc import Callable, Generator, Sequence

from assistant.asking import Asker, Listen, Request
from assistant.errors import ModelError
from assistant.evidence import describe_source, neutralise
from assistant.grounding import is_repeated
from assistant.models import ChatModel, Chunk, Message, read_reply
from assistant.prompts import load_prompt
from assistant.types import ArticleRef, Citation, Support

MAX_TOKENS = 1_000  # of a verdict, which for some models includes what they think
MAX_REPLY_CHARACTERS = 8_000
MAX_EVIDENCE_CHARACTERS = 8_000

TOO_LONG = f"the evidence has more than {MAX_EVIDENCE_CHARACTERS:,} characters"
NO_WORD = "it said neither yes nor no"
REFUSED = "the verifier found that what it cites doesn't prove all of this"
NO_VERDICT = "the verifier gave no verdict"

Verdict = bool | str  # whether evidence supports a statement, or why that isn't known
TextOf = Callable[[str], str]


class Verifier:
    """Has a language model judge what one answer says. After an error it isn't asked again: it was tried, and again.

    `failure` is that error.
    """

    def __init__(self, asker: Asker, *, fence: str) -> None:
        self._asker = asker
        self._fence = fence
        self._known: dict[tuple[str, ...], Verdict] = {}
        self.failure: ModelError | None = None

    @property
    def model(self) -> str:
        """The identity of the model."""
        return self._asker.model

    def judge(self, statement: str, evidence: Sequence[str]) -> Generator[Request | Listen, Chunk | None, Verdict]:
        """Ask whether evidence supports a statement; of the same, only once."""
        key = (statement, *evidence)
        if key not in self._known:
            self._known[key] = yield from self._judge(statement, evidence)
        return self._known[key]

    def _judge(self, statement: str, evidence: Sequence[str]) -> Generator[Request | Listen, Chunk | None, Verdict]:
        if is_too_long(evidence):
            return TOO_LONG
        if self.failure is not None:
            return str(self.failure)
        try:
            reply = yield from self._asker.ask(pose(statement, evidence, fence=self._fence), MAX_TOKENS)
        except ModelError as error:
            if not error.is_too_long:  # which is of this one alone
                self.failure = error
            return str(error)
        return read_verdict(reply)


def confirm(support: Support, statement: str, evidence: Sequence[str], *, model: ChatModel) -> Support:
    """Put a statement that is supported to a model, unless it is one of the texts of its evidence, word for word."""
    texts = [evidence] if isinstance(evidence, str) else evidence
    if any(is_repeated(statement, text) for text in texts):
        return support
    return heed(judge_statement(model, statement, texts), support)


def heed(verdict: Verdict, support: Support) -> Support:
    """Give what a supported statement's support is after a verdict: the same after a yes, else none, and why."""
    if verdict is True:
        return support
    return Support(0.0, False, (REFUSED if verdict is False else f"{NO_VERDICT}: {verdict}",))


def judge_statement(model: ChatModel, statement: str, evidence: Sequence[str]) -> Verdict:
    """Ask a model whether evidence supports a statement; without evidence nothing does, and it isn't asked."""
    if not evidence:
        return False
    if is_too_long(evidence):
        return TOO_LONG
    messages = pose(statement, evidence, fence=f"===== {secrets.token_hex(8)} =====")
    try:
        reply = read_reply(model, messages, max_tokens=MAX_TOKENS, max_characters=MAX_REPLY_CHARACTERS)
    except ModelError as error:
        return str(error)
    return read_verdict(reply)


def pose(statement: str, evidence: Sequence[str], *, fence: str) -> tuple[Message, ...]:
    """Write what is asked; evidence and statement stand on lines of their own, in which nothing can pass for ours."""
    lines = "\n".join(map(neutralise, evidence))
    asked = load_prompt("judge_statement").render(fence=fence, evidence=lines, statement=neutralise(statement))
    return Message("system", load_prompt("judge_system").render()), Message("user", asked)


def is_too_long(evidence: Sequence[str]) -> bool:
    """Whether evidence is more than a model is asked to judge by."""
    return sum(map(len, map(neutralise, evidence))) > MAX_EVIDENCE_CHARACTERS


def read_verdict(reply: str) -> Verdict:
    """Read the one word that was asked for, whatever marks are around it or explanations behind."""
    words = "".join(character if character.isalpha() else " " for character in reply.lower()).split()
    if words[:1] in (["yes"], ["no"]):
        return words[0] == "yes"
    return NO_WORD


def show_evidence(citations: Sequence[Citation], text_of: TextOf) -> list[str]:
    """Write what a statement cites as readers see it: outlet and day, what has to be read before it, and the quote."""
    return [show_quote(it.article, text_of(it.article.id)[it.context_start : it.end]) for it in citations]


def show_quote(article: ArticleRef, text: str) -> str:
    """Write a quote, with what has to be read before it, under the outlet and the day of its article."""
    source = describe_source(article)
    return f"{source}: {text}" if source else text
