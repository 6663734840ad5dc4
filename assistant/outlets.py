"""Tells outlets apart: which articles are from one of them, as far as that can be known from what stands on a page.

Anybody can write another outlet's name on a page of theirs, and nobody can serve it from another's host. So articles of
one name are of one outlet, and so are those of one host, whatever names they give.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from assistant.terms import find_words
from assistant.types import ArticleRef

UNKNOWN = "an unknown outlet"


def get_host(article: ArticleRef) -> str:
    """Get the host that an article is at, without "www."; nothing where there is none."""
    return _read_host(article.url)


def _read_host(url: str | None) -> str:
    try:
        return (urlsplit(url or "").hostname or "").removeprefix("www.")
    except ValueError:  # an article that was handed in may have any address
        return ""


def is_of_outlet(wanted: str, outlet: str | None, url: str | None) -> bool:
    """Tell whether what is of an outlet and at an address is wanted: by the outlet's name, its host, or one above."""
    name, host = _read_name(wanted), (_read_host(wanted) or wanted.strip().lower()).removeprefix("www.")
    is_at_host = "." in host.strip(".") and f".{_read_host(url)}".endswith(f".{host}")
    return bool(name) and (name == _read_name(outlet) or is_at_host)


def _read_name(outlet: str | None) -> str:
    return " ".join(find_words(outlet or "")).removeprefix("the ")


def name_outlet(article: ArticleRef) -> str:
    """Name the outlet of an article, or where it has none the host, or that neither is known."""
    return article.outlet or get_host(article) or UNKNOWN


def group_outlets(articles: Sequence[ArticleRef]) -> list[int]:
    """Give each article the number of its outlet: those of one name or one host have one number.

    So have all of which neither is known, for they may be from one.
    """
    numbers: dict[tuple[str, str], int] = {}  # by name, and by host
    found = []
    for article in articles:
        keys = [key for key in (("name", _read_name(article.outlet)), ("host", get_host(article))) if key[1]] or [
            ("", "")
        ]
        known = {numbers[key] for key in keys if key in numbers}
        number = min(known, default=len(numbers))
        if len(known) > 1:
            numbers = {key: number if other in known else other for key, other in numbers.items()}
        numbers |= dict.fromkeys(keys, number)
        found.append(keys[0])
    return [numbers[key] for key in found]
