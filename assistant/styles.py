"""Tells whether what a page says of an element's looks hides it: in its own style, or in the page's style sheets.

Anybody may write what a program reads and no reader sees, and a class hides it as well as a style of the element's own.
Of sheets only what the page itself holds is read, in its <style> elements, and of that only rules for elements by their
name, class or id, and for those inside others, or right in them. A rule that holds on some screens, or while something
is pointed at, hides nothing here, but one that shows something on some screen shows it: what a reader may see stays.
Classes of the whole page (<html>, <body>) hide nothing inside it, for scripts change those.

The grammar is CSS's (https://www.w3.org/TR/css-syntax-3/) as far as that needs it. The time is linear in the length of
the sheets, and what is looked up for an element is bounded.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_SHEET_CHARACTERS = 3_000_000  # of all of a page's sheets; what comes after those hides nothing
MAX_RULES = 10_000
MAX_NAMES = 50  # of one element's classes
MAX_STEPS = 6  # of one selector
MAX_DEPTH = 50  # of what an element stands in
MAX_LOOKUPS = 2_000_000  # of rules for elements

_ASIDE = re.compile(r"/\*.*?(?:\*/|\Z)|\"[^\"\n]*+\"|'[^'\n]*+'", re.DOTALL)
_BRACE = re.compile(r"[{}]")
_APPLIED = re.compile(r"\s*@(?:media\s+(?:only\s+)?(?:all|screen)\s*\Z|layer\b)", re.IGNORECASE)
_SCREEN = re.compile(r"\s*@(?:media\b(?!\s+(?:only\s+)?(?:print|speech))|supports\b|container\b)", re.IGNORECASE)
_NAME = r"(?:[\w-]|\\.)+"
_COMPOUND = re.compile(rf"(?P<tag>[a-z][a-z0-9]*|\*)?(?P<names>(?:[.#]{_NAME})*)", re.IGNORECASE)
_PART = re.compile(rf"[.#]{_NAME}")
_EITHER = re.compile(r":(?:is|where|matches|-webkit-any|-moz-any)\(([^()]*)\)", re.IGNORECASE)
_COMMA = re.compile(r",(?![^()]*\))")
_COMBINATOR = re.compile(r"\s*(>)\s*|\s+")
_ESCAPE = re.compile(r"\\(?:([0-9a-f]{1,6})\s?|(.))", re.IGNORECASE)

_LENGTH = re.compile(r"(?<![\w.#-])(-?(?:\d+\.?\d*|\.\d+))([a-z%]*)", re.IGNORECASE)
_FONT_SIZE = re.compile(r"(?<![\w.#-])(?:(?:\d+\.?\d*|\.\d+)(?:[a-z]+|%)|0+(?:\.0*)?(?=\s*/|\s))", re.IGNORECASE)
_SCALE = re.compile(r"\bscale(?:x|y|3d)?\(([^)]*)\)")
_SHIFT = re.compile(r"\btranslate(?:x|y|3d)?\(([^)]*)\)")
_SHAPE = re.compile(r"(rect|inset|circle|ellipse|polygon)\(([^)]*)\)")
_FILTER = re.compile(r"\bopacity\(([^)]*)\)")
_COLOR = re.compile(r"#([\da-f]{3,8})|(rgb|hsl)a?\(([^)]*)\)|([a-z]+)")
_PIXELS = {"em": 16.0, "rem": 16.0, "vw": 10.0, "vh": 10.0, "%": 5.0, "pt": 4 / 3, "in": 96.0, "cm": 38.0, "ch": 8.0}
_WHITES = frozenset(("white", "snow", "ghostwhite", "ivory", "floralwhite", "azure", "mintcream"))
_PLACES = ("left", "top", "right", "bottom", "text-indent", "margin-left", "margin-top", "margin-right", "translate")
_SIZES = ("height", "width", "max-height", "max-width", "block-size", "inline-size")
FAINT = 0.1  # of what is opaque, or of a size: less isn't seen
MIN_FONT_PIXELS = 2
FAR_PIXELS = 500  # off the page to the left or above
FAR_AHEAD_PIXELS = 2_000  # and to the right or below
NEAR_WHITE = 250  # of 255, of all three colours

Color = tuple[float, float, float, float]  # red, green and blue up to 255, and how opaque


def read_ways(declarations: str, *, is_white: bool = True) -> dict[str, bool]:
    """Read by which ways declarations hide what they are for (true) or show it (false).

    White hides only where the ground `is_white`. The ways are each decided alone, as a browser does it: what has a size
    is hidden all the same where it isn't displayed.
    """
    said = _read_declarations(declarations)
    ways: dict[str, bool] = {}
    if value := said.get("display"):
        ways["display"] = value == "none"
    if value := said.get("visibility"):
        ways["visibility"] = value in ("hidden", "collapse")
    if value := said.get("content-visibility"):
        ways["content-visibility"] = value == "hidden"
    faint = {"opacity": said.get("opacity"), "zoom": said.get("zoom"), "scale": said.get("scale")}
    faint |= {"filter": _find(_FILTER, said.get("filter")), "transform": _find(_SCALE, said.get("transform"))}
    for way, value in faint.items():
        if value:
            ways[way] = any(abs(number) < FAINT for number in _read_shares(value))
    size = said.get("font-size") or _find(_FONT_SIZE, said.get("font"))
    if size and (lengths := _read_pixels(size, percent=0.16)):
        ways["font-size"] = lengths[0] < MIN_FONT_PIXELS
    shifts = [_read_pixels(said[name], percent=0 if "margin" in name else 5) for name in _PLACES if name in said]
    shifts.append(_read_pixels(_find(_SHIFT, said.get("transform")), percent=5))
    if "translate" in said or "left" in said or any(shifts):
        ways["place"] = any(not -FAR_PIXELS < pixels < FAR_AHEAD_PIXELS for each in shifts for pixels in each)
    shapes = [said[name] for name in ("clip", "clip-path", "-webkit-clip-path") if name in said]
    if shapes:
        ways["clip"] = any(map(_cuts_all, shapes))
    sizes = [said[name] for name in _SIZES if name in said]
    if sizes:
        is_cut = any(
            said.get(name, "").startswith(("hidden", "clip")) for name in ("overflow", "overflow-y", "overflow-x")
        )
        ways["size"] = is_cut and any(
            (_read_pixels(value, percent=0) or [9.0])[0] <= 1 for value in sizes if "%" not in value
        )
    if (hides := _is_color_unseen(said, is_white=is_white)) is not None:
        ways["color"] = hides
    return ways


def _read_declarations(text: str) -> dict[str, str]:
    """Read the value of each property: the last one, or the last that is important."""
    said: dict[str, str] = {}
    important = set()
    for declaration in _unescape(_ASIDE.sub(" ", text)).lower().split(";"):
        name, _, value = declaration.partition(":")
        value, mark, _ = value.partition("!")
        name = name.strip()
        if not value.strip() or (name in important and not mark):
            continue
        said[name] = " ".join(value.split())
        if mark:
            important.add(name)
    return said


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(min(int(found[1], 16), 0x10FFFF)) if found[1] else found[2], text)


def _find(pattern: re.Pattern[str], value: str | None) -> str:
    """Find what a value holds of a function, or of a size."""
    found = pattern.search(value or "")
    return (found[1] if pattern.groups else found[0]) if found else ""


def _read_shares(value: str) -> list[float]:
    return [float(number) / (100 if unit == "%" else 1) for number, unit in _LENGTH.findall(value)]


def _read_pixels(value: str, *, percent: float) -> list[float]:
    """Read lengths in pixels, roughly."""
    units = {**_PIXELS, "%": percent}
    return [float(number) * units.get(unit, 1.0) for number, unit in _LENGTH.findall(value)]


def _cuts_all(shape: str) -> bool:
    """Whether a shape that something is cut to leaves nothing of it."""
    found = _SHAPE.search(shape)
    if found is None:
        return False
    numbers = _LENGTH.findall(found[2])
    if found[1] == "inset":
        return any(unit == "%" and float(number) >= 50 for number, unit in numbers)
    if found[1] in ("circle", "ellipse"):
        return any(float(number) < 1 for number, _ in numbers[:1])
    return bool(numbers) and len({float(number) for number, _ in numbers}) == 1 and float(numbers[0][0]) <= 1


def _is_color_unseen(said: Mapping[str, str], *, is_white: bool) -> bool | None:
    """Whether letters are drawn in no colour, or in that of the ground; None where no colour is given."""
    value = said.get("-webkit-text-fill-color") or said.get("color")
    if not value:
        return None
    color = _read_color(value)
    if any("text" in said.get(name, "") for name in ("background-clip", "-webkit-background-clip")):
        return False  # the letters are windows to the ground
    if color is not None and color[3] < FAINT:
        return True
    background = said.get("background-color") or said.get("background")
    if background:
        return value == background or (color is not None and color == _read_color(background))
    return is_white and color is not None and min(color[:3]) >= NEAR_WHITE


def _read_color(value: str) -> Color | None:
    """Read a colour; None for one that isn't read."""
    found = _COLOR.fullmatch(value)
    if found is None:
        return None
    digits, model, parts, name = found.groups()
    if name:
        return {"transparent": (0.0, 0.0, 0.0, 0.0), "black": (0.0, 0.0, 0.0, 1.0)}.get(
            name, (255.0, 255.0, 255.0, 1.0) if name in _WHITES else None
        )
    if digits:
        pairs = (
            [digit * 2 for digit in digits]
            if len(digits) < 5
            else [digits[i : i + 2] for i in range(0, len(digits), 2)]
        )
        numbers = [float(int(pair, 16)) for pair in pairs]
        return (*numbers[:3], numbers[3] / 255 if len(numbers) > 3 else 1.0) if len(numbers) in (3, 4) else None  # type: ignore[return-value]
    read = _LENGTH.findall(parts)
    if len(read) not in (3, 4):
        return None
    opaque = _read_shares("".join(read[3]))[0] if len(read) > 3 else 1.0
    if model == "hsl":  # white and black are told by their lightness alone
        light = float(read[2][0]) * 2.55
        is_grey = float(read[1][0]) == 0 or light in (0.0, 255.0)
        return (
            (light, light, light, opaque)
            if is_grey or light >= NEAR_WHITE
            else (light, -1.0, float(read[0][0]), opaque)
        )
    red, green, blue = (float(number) * (2.55 if unit == "%" else 1) for number, unit in read[:3])
    return red, green, blue, opaque


class Place(NamedTuple):
    """An element as a rule sees it: its tag, and the names (".class", "#id") that it has beside that."""

    tag: str
    names: frozenset[str]


class _Step(NamedTuple):
    """A part of a selector: the names that an element must have, and whether it holds the next one right in it."""

    names: frozenset[str]
    is_parent: bool


class _Rule(NamedTuple):
    """What a rule is for, in the order in which one goes before another, and by which ways it hides or shows that."""

    weight: tuple[bool, int, int, int, int]  # important, its ids, its classes, its tags, its place
    names: frozenset[str]
    holders: tuple[_Step, ...]  # from the inside out
    ways: dict[str, bool]


@dataclass(slots=True)
class Hiding:
    """The rules of a page that hide or show something, by a name ("tag", ".class", "#id") that each is for."""

    rules: dict[str, list[_Rule]] = field(default_factory=dict)
    lookups_left: int = MAX_LOOKUPS

    def hides(self, places: Sequence[Place], style: str = "") -> bool:
        """Whether the rules that count for an element hide it; not for those beyond MAX_LOOKUPS.

        `places` are the element and what it stands in, from the inside out, and `style` is its own, which goes first.
        """
        tag, names = places[0]
        names |= {tag}
        best: dict[str, tuple[tuple[int, ...], bool]] = {}
        for name in names & self.rules.keys():
            rules = self.rules[name]
            self.lookups_left -= len(rules)
            if self.lookups_left < 0:
                return False
            for rule in rules:
                if rule.names <= names and (not rule.holders or _stands_in(places[1:], rule.holders)):
                    for way, hides in rule.ways.items():
                        if way not in best or rule.weight > best[way][0]:
                            best[way] = (rule.weight, hides)
        hiding = [way for way, (_, hides) in best.items() if hides]
        return bool(hiding) and not (style and read_ways(style).keys() >= set(hiding))


def _stands_in(places: Sequence[Place], holders: tuple[_Step, ...]) -> bool:
    """Whether what an element stands in, from the inside out, has these steps."""
    if not holders:
        return True
    step = holders[0]
    for position, (tag, names) in enumerate(places[:1] if step.is_parent else places[:MAX_DEPTH]):
        known = frozenset() if tag in ("html", "body") else names
        if step.names <= known | {tag} and _stands_in(places[position + 1 :], holders[1:]):
            return True
    return False


def read_hiding(sheets: Iterable[str], *, has_others: bool = False) -> Hiding:
    """Read the style sheets of a page, in their order; it `has_others` where some stand in files of their own."""
    text = _ASIDE.sub(" ", "\n".join(sheets)[:MAX_SHEET_CHARACTERS])
    # White is read on anything else, which those that aren't here may draw.
    is_white = not has_others and "background" not in text.lower()
    hiding = Hiding()
    for place, (selectors, declarations, is_applied) in enumerate(_list_rules(text)):
        if place == MAX_RULES:
            break
        ways = read_ways(declarations, is_white=is_white)
        if not is_applied:
            ways = {way: False for way, hides in ways.items() if not hides}
        if not ways:
            continue
        for selector in _list_selectors(selectors):
            steps = _read_selector(selector)
            if steps is None:
                continue
            names = [name for step in steps for name in step.names]
            ids, classes = (sum(name.startswith(sign) for name in names) for sign in "#.")
            weight = ("!important" in declarations, ids, classes, len(names) - ids - classes, place)
            first = min(steps[0].names)  # an id before a class before a tag, for those are of fewest elements
            hiding.rules.setdefault(first, []).append(_Rule(weight, steps[0].names, tuple(steps[1:]), ways))
    return hiding


def _list_selectors(selectors: str) -> list[str]:
    """List what a rule is for, each by itself: `:is(a, b) c` is for two."""
    listed: list[str] = []
    left = _COMMA.split(selectors)[::-1][-MAX_NAMES:]
    while left and len(listed) < MAX_NAMES:
        selector = left.pop()
        found = _EITHER.search(selector)
        if found is None:
            listed.append(selector.strip())
        elif len(left) < MAX_NAMES:
            left += [
                f"{selector[: found.start()]}{one.strip()}{selector[found.end() :]}" for one in found[1].split(",")
            ]
    return listed


def _read_selector(selector: str) -> list[_Step] | None:
    """Read a selector into its steps from the inside out; None where it is for anything else than names."""
    steps: list[_Step] = []
    pieces = _COMBINATOR.split(selector)
    if len(pieces) > 2 * MAX_STEPS:
        return None
    for compound, combinator in zip(pieces[::2], [*pieces[1::2], None], strict=True):
        match = _COMPOUND.fullmatch(compound)
        if match is None or not compound:
            return None
        names = {_unescape(part) for part in _PART.findall(match["names"])}
        if match["tag"] not in (None, "*"):
            names.add(match["tag"].lower())
        steps.append(_Step(frozenset(names), combinator == ">"))
    return steps[::-1] if steps[-1].names else None


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
