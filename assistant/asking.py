"""What is asked of the language models of one answer, as steps that touch no network, and what that takes and costs."""

import hashlib
import json
from collections.abc import Callable, Generator, Sequence
from typing import Literal, NamedTuple

from assistant.errors import ModelError
from assistant.models import Chunk, CountTokens, Message, Price
from assistant.types import Usage

MAX_CHARACTERS = 8_000  # of a reply
MAX_THOUGHT_CHARACTERS = 200_000  # before its first word

KEPT = "kept"  # the reason for the end of a reply that was kept from an earlier time
CUT = frozenset({"content_filter", "length", "max_tokens"})  # the reasons for the end of one that isn't whole
KEPT_NOTE = "The model said this at an earlier time, of the same passages; --no-cache asks it again."
ENDLESS_THOUGHT = "The model was stopped, for it thought without end and said nothing."

Role = Literal["answerer", "verifier"]


class Request(NamedTuple):
    """A step: ask the model of a role this. The `key` stands for the model and all that is said to it."""

    messages: tuple[Message, ...]
    max_tokens: int
    key: str
    role: Role = "answerer"


class Listen(NamedTuple):
    """A step: send the next piece of the reply of a role's model, or None when it has ended."""

    role: Role = "answerer"


class Terms(NamedTuple):
    """What is known of a model: its identity, how its tokens are counted, and what they cost, where that is known."""

    model: str
    count_tokens: CountTokens
    price: Price | None = None


class Budget:
    """What all requests of one answer may cost together, in US dollars; None is any sum."""

    def __init__(self, max_cost: float | None = None) -> None:
        self._max_cost = max_cost
        self._askers: list[Asker] = []

    @property
    def spent(self) -> float:
        """What the requests so far cost, or at most could, in US dollars; 0 where no price is known."""
        return sum(asker.spent for asker in self._askers)

    @property
    def usage(self) -> Usage:
        """Add up what the requests took, as far as services said so; None where none did."""
        used = [asker.usage for asker in self._askers if asker.has_asked] or [self._askers[0].usage]
        prompts = [each.prompt_tokens for each in used if each.prompt_tokens is not None]
        completions = [each.completion_tokens for each in used if each.completion_tokens is not None]
        costs = [each.cost for each in used if each.cost is not None]
        if not prompts:
            return Usage(None, None, None)
        is_priced = len(costs) == len(prompts)
        return Usage(sum(prompts), sum(completions), sum(costs) if is_priced else None)

    def open(self, asker: "Asker") -> None:
        """Count what this one asks, too."""
        self._askers.append(asker)

    def check(self, cost: float) -> None:
        """Raise ModelError where a request could cost more than is left."""
        most = self.spent + cost
        if self._max_cost is not None and most > self._max_cost:
            raise ModelError(
                f"the answer could cost ${most:.4f}, more than the ${self._max_cost:g} that it may;"
                " raise --max-cost and --max-total-cost, or choose a cheaper model"
            )


class Asker:
    """Asks one model, for one answer: makes the steps, and keeps what came back and what it took.

    `note` takes what a reader should know of a reply. The `fence`, which is another for each answer, counts for
    nothing in the key of a request.
    """

    def __init__(
        self, terms: Terms, *, role: Role, budget: Budget, fence: str, note: Callable[[str], object] = lambda _: None
    ) -> None:
        self._terms = terms
        self._role: Role = role
        self._budget = budget
        self._fence = fence
        self._note = note
        self._counts: list[tuple[int | None, int | None]] = []
        self._most = 0.0  # that the requests so far could cost
        self.written: list[str] = []
        self.is_cut = False  # the last reply, at its greatest length or by a filter
        budget.open(self)

    @property
    def model(self) -> str:
        """The identity of the model."""
        return self._terms.model

    @property
    def has_asked(self) -> bool:
        """Whether anything has been asked."""
        return bool(self._counts)

    @property
    def spent(self) -> float:
        """What the requests so far cost, or at most could, where the service doesn't say; 0 where no price is known."""
        cost = self.usage.cost
        is_known = all(prompt is not None for prompt, _ in self._counts)
        return cost if is_known and cost is not None else self._most

    @property
    def usage(self) -> Usage:
        """Add up what the requests took, as far as the service said so; None where it never did."""
        prompts = [prompt for prompt, _ in self._counts if prompt is not None]
        completions = [completion for _, completion in self._counts if completion is not None]
        if self._counts and not prompts:
            return Usage(None, None, None)
        price = self._terms.price
        cost = price.cost(sum(prompts), sum(completions)) if price else None
        return Usage(sum(prompts), sum(completions), cost)

    def ask(self, messages: Sequence[Message], max_tokens: int) -> Generator[Request | Listen, Chunk | None, str]:
        """Ask, and wait for the whole reply. Raises ModelError."""
        yield self.request(messages, max_tokens)
        listen = self.listen()
        reply = ""
        while (piece := (yield from listen())) is not None and len(reply) <= MAX_CHARACTERS:
            reply += piece
        return reply

    def request(self, messages: Sequence[Message], max_tokens: int) -> Request:
        """Make a request. Raises ModelError where it could cost more than may be spent."""
        if self._terms.price is not None:
            prompt_tokens = sum(self._terms.count_tokens(message.text) for message in messages)
            cost = self._terms.price.cost(prompt_tokens, max_tokens)
            self._budget.check(cost)
            self._most = self.spent + cost
        self._counts.append((None, None))
        self.written.append("")
        self.is_cut = False
        said = [self.model, max_tokens, *((role, text.replace(self._fence, "")) for role, text in messages)]
        key = hashlib.sha256(json.dumps(said).encode()).hexdigest()
        return Request(tuple(messages), max_tokens, key, self._role)

    def listen(self) -> Callable[[], Generator[Listen, Chunk | None, str | None]]:
        """Make what waits for the next piece of text that isn't the model's thinking, or None at the end."""
        thoughts = _ThoughtFilter()

        def listen() -> Generator[Listen, Chunk | None, str | None]:
            while True:
                if thoughts.length > MAX_THOUGHT_CHARACTERS:
                    self._note(ENDLESS_THOUGHT)
                    return None
                chunk = yield Listen(self._role)
                if chunk is None:
                    return None
                self.written[-1] += chunk.text
                if chunk.prompt_tokens is not None and chunk.completion_tokens is not None:
                    self._counts[-1] = (chunk.prompt_tokens, chunk.completion_tokens)
                self.is_cut = self.is_cut or chunk.finish_reason in CUT
                if chunk.finish_reason == KEPT:
                    self._note(KEPT_NOTE)
                elif chunk.finish_reason == "content_filter":
                    self._note("The model's service stopped the answer: its content filter.")
                elif chunk.finish_reason in CUT:
                    self._note("The model's answer was cut off at its greatest length.")
                if text := thoughts.feed(chunk.text):
                    return text[:MAX_CHARACTERS]  # some services send a whole reply at once, of any length

        return listen


class _ThoughtFilter:
    """Leaves out what a model thinks before it answers, which some servers send between <think> and </think>."""

    def __init__(self) -> None:
        self.length = 0  # of what was left out so far
        self._held = ""
        self._is_begun = False
        self._is_over = False

    def feed(self, text: str) -> str:
        if self._is_over:
            return text
        self._held += text
        if not self._is_begun:
            begun = self._held.lstrip()
            if "<think>".startswith(begun[: len("<think>")]) and len(begun) < len("<think>"):
                return ""
            if not begun.startswith("<think>"):
                self._is_over = True
                return self._held
            self._is_begun = True
        thought, closed, rest = self._held.partition("</think>")
        if closed:
            self._is_over = True
            return rest
        kept = len("</think>") - 1  # of which the end may be yet to come
        self.length += max(len(thought) - kept, 0)
        self._held = thought[-kept:]
        return ""
