"""Reads what a page's own style sheets hide: the rules for classes and ids that draw what has those as nothing.

Anybody may write what a program reads and no reader sees, and a class hides it as well as a style of the element's own.
Only what the page itself holds is read, in its <style> elements, and of that only rules that hold by themselves: for a
class, an id, or several of one element. A rule that holds inside another element, on some screens or while something is
pointed at hides nothing here, but one that shows something on some screen shows it: what a reader may see stays.

The grammar is CSS's (https://www.w3.org/TR/css-syntax-3/) as far as that needs it. The time is linear in the length of
the sheets, and what is looked up for an element is bounded.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_SHEET_CHARACTERS = 3_000_000  # of all of a page's sheets; what comes after those hides nothing
MAX_RULES = 10_000
MAX_NAMES = 50  # of one element's classes
MAX_LOOKUPS = 2_000_000  # of rules for elements

_ASIDE = re.compile(r"/\*.*?(?:\*/|\Z)|\"[^\"\n]*+\"|'[^'\n]*+'", re.DOTALL)
_BRACE = re.compile(r"[{}]")
_APPLIED = re.compile(r"\s*@(?:media\s+(?:only\s+)?(?:all|screen)\s*\Z|layer\b)", re.IGNORECASE)
_SCREEN = re.compile(r"\s*@(?:media\b(?!\s+(?:only\s+)?(?:print|speech))|supports\b|container\b)", re.IGNORECASE)
_NAME = r"(?:[\w-]|\\.)+"
_SELECTOR = re.compile(rf"(?P<tag>[a-z][a-z0-9]*)?\*?(?P<names>(?:[.#]{_NAME})+)", re.IGNORECASE)
_PART = re.compile(rf"[.#]{_NAME}")
_ESCAPE = re.compile(r"\\(.)")

_HIDDEN = re.compile(
    r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*(?:0|0?\.0\d*|0%)\s*(?:;|!|$)"
    r"|font-size\s*:\s*0(?:\.0*)?[a-z%]*\s*(?:;|!|$)|(?:left|top|text-indent)\s*:\s*-\d{4,}|color\s*:\s*transparent)",
    re.IGNORECASE,
)
_SHOWN = re.compile(
    r"(?:^|[;\s])(?:display\s*:\s*(?!none)[a-z]|visibility\s*:\s*visible|opacity\s*:\s*(?:1|0?\.[1-9]|[1-9]\d*%))",
    re.IGNORECASE,
)
_COLOR = re.compile(r"(?:^|[;\s])color\s*:\s*([^;!]{1,99})", re.IGNORECASE)
_BACKGROUND = re.compile(r"(?:^|[;\s])background(?:-color)?\s*:\s*([^;!]{1,99})", re.IGNORECASE)
_WHITE = re.compile(r"white|#fff(?:fff)?|rgba?\(\s*255\s*,\s*255\s*,\s*255\b[^)]*\)", re.IGNORECASE)


class _Rule(NamedTuple):
    """What a rule is for, in the order in which one goes before another, and whether it hides that."""

    weight: tuple[bool, int, int, bool, int]  # important, its ids, its classes, its tag, its place
    tag: str
    names: frozenset[str]
    hides: bool


@dataclass(slots=True)
class Hiding:
    """The rules of a page that hide or show something, by one of the names (".class", "#id") that each is for."""

    rules: dict[str, list[_Rule]] = field(default_factory=dict)
    lookups_left: int = MAX_LOOKUPS

    def hides(self, tag: str, classes: str, id: str) -> bool:
        """Whether the rule that counts for an element hides it; not for those beyond MAX_LOOKUPS."""
        names = {f".{name}" for name in classes.split()[:MAX_NAMES]} | ({f"#{id}"} if id else set())
        best: _Rule | None = None
        for name in names & self.rules.keys():
            rules = self.rules[name]
            self.lookups_left -= len(rules)
            if self.lookups_left < 0:
                return False
            for rule in rules:
                if rule.names <= names and rule.tag in ("", tag) and (best is None or rule.weight > best.weight):
                    best = rule
        return best is not None and best.hides


def read_hiding(sheets: Iterable[str], *, has_others: bool = False) -> Hiding:
    """Read the style sheets of a page, in their order; it `has_others` where some stand in files of their own."""
    text = _ASIDE.sub(" ", "\n".join(sheets)[:MAX_SHEET_CHARACTERS])
    # White is read on anything else, which those that aren't here may draw.
    is_white = not has_others and "background" not in text.lower()
    hiding = Hiding()
    for place, (selector, declarations, is_applied) in enumerate(_list_rules(text)):
        if place == MAX_RULES:
            break
        hides = _tell(declarations, is_white=is_white)
        if hides is None or (hides and not is_applied):
            continue
        for one in selector.split(",")[:MAX_NAMES]:
            match = _SELECTOR.fullmatch(one.strip())
            if match is None:
                continue
            parts = [_ESCAPE.sub(r"\1", part) for part in _PART.findall(match["names"])]
            ids = sum(part.startswith("#") for part in parts)
            tag = (match["tag"] or "").lower()
            weight = ("!important" in declarations, ids, len(parts) - ids, bool(tag), place)
            hiding.rules.setdefault(parts[-1], []).append(_Rule(weight, tag, frozenset(parts), hides))
    return hiding


def _list_rules(text: str) -> Iterator[tuple[str, str, bool]]:
    """List the rules of a sheet: what each is for, what it says, and whether it holds on every screen."""
    above: list[tuple[str, bool | None]] = []  # what is open, and whether what is in that holds; None for never
    is_innermost = False
    holds: bool | None
    position = 0
    for match in _BRACE.finditer(text):
        words, position = text[position : match.start()], match.end()
        if match[0] == "{":
            opening = words.rpartition(";")[2]  # behind an @import
            outer = above[-1][1] if above else True
            if _APPLIED.match(opening):
                holds = outer
            elif _SCREEN.match(opening):
                holds = None if outer is None else False
            else:
                holds = None
            above.append((opening, holds))
            is_innermost = True
        elif above:
            opening, _ = above.pop()
            holds = above[-1][1] if above else True
            if is_innermost and holds is not None and "@" not in opening:
                yield opening, words, holds
            is_innermost = False


def _tell(declarations: str, *, is_white: bool) -> bool | None:
    """Tell whether a rule hides what it is for or shows it; None where it does neither."""
    if _HIDDEN.search(declarations):
        return True
    color, background = _COLOR.search(declarations), _BACKGROUND.search(declarations)
    if color and background and color[1].strip().lower() == background[1].strip().lower():
        return True
    if color and is_white and _WHITE.fullmatch(color[1].strip()):
        return True
    return False if _SHOWN.search(declarations) else None
