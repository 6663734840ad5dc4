"""What models cost, as far as it is known: list prices, reviewed by hand, with the day on which they were."""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

PRICES_FILE = Path(__file__).with_name("prices.json")


class Price(NamedTuple):
    """US dollars for a million tokens that are sent, and for a million that come back."""

    prompt: float
    completion: float

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Price so many tokens, in US dollars."""
        return (self.prompt * prompt_tokens + self.completion * completion_tokens) / 1_000_000


def find_price(identity: str) -> Price | None:
    """Find the list price of a model by its identity, `provider:name`; None where it isn't known.

    Another server than the provider's own has prices of its own. A name may end in the day of its version.
    """
    known = _load()
    name, _, dated = identity.partition("-20")
    price = known.get(identity) or (known.get(name) if dated.replace("-", "").isdigit() else None)
    return Price(*price) if price else None


@cache
def _load() -> dict[str, list[float]]:
    prices: dict[str, list[float]] = json.loads(PRICES_FILE.read_text(encoding="utf-8"))["prices"]
    return prices
