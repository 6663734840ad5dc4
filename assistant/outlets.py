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
    try:
        return (urlsplit(article.url or "").hostname or "").removeprefix("www.")
    except ValueError:  # an article that was handed in may have any address
        return ""


def name_outlet(article: ArticleRef) -> str:
    """Name the outlet of an article, or where it has none the host, or that neither is known."""
    return article.outlet or get_host(article) or UNKNOWN


def group_outlets(articles: Sequence[ArticleRef]) -> list[int]:
    """Number the outlets of articles: those of one name or one host have one number.

    So have all of which neither is known, for they may be from one.
    """
    groups: dict[tuple[str, str], list[int]] = {}  # by name and by host: a number in a list, shared by what is one
    found = []
    for number, article in enumerate(articles):
        name = " ".join(find_words(article.outlet or "")).removeprefix("the ")
        host = get_host(article)
        keys = [key for key in (("name", name), ("host", host)) if key[1]] or [("", "")]
        known = [groups[key] for key in keys if key in groups]
        group = known[0] if known else [number]
        for other in known[1:]:
            other[:] = group
            groups |= {key: group for key, each in groups.items() if each is other}
        groups |= dict.fromkeys(keys, group)
        found.append(keys[0])
    return [groups[key][0] for key in found]
