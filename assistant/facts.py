"""Reads what can be checked word by word in a text: numbers with units, names, days, negations, quoted words.

Tokens of two texts are equal where their forms are: "£1.5bn" and "1,500,000,000 pounds", "isn't" and "not", "Sept." and
"September". Everything here is a rule about text in general, mostly English; what is in no list here is a word.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, TypeAlias

from assistant.lexicon import is_known
from assistant.terms import STOP_WORDS, find_words, read_words, stem

Kind = Literal["word", "name", "number", "weekday", "month", "negation"]


@dataclass(frozen=True, slots=True)
class Token:
    """One word or number of a text that isn't a stop word.

    `form` is what is compared, `unit` a number's, if any, and `before` the word that stands before it, if not "the".
    `is_apposed` says that it belongs to the name before or after it: "Penhallow's manager", ", the Penhallow manager,",
    and `is_definite` that "the" stands before it.
    """

    form: str
    kind: Kind
    text: str
    start: int
    end: int
    unit: str = ""
    before: str = ""
    is_apposed: bool = False
    is_definite: bool = False

    @property
    def is_fact(self) -> bool:
        """Whether it is something that a statement may not have without its evidence."""
        return self.kind in {"name", "number", "weekday", "month"}


Cited: TypeAlias = Sequence[tuple[str, Sequence[Token]]]  # sentences, each with its tokens


def _read_synonyms(lines: str) -> dict[str, str]:
    """Map every word of a line to the first."""
    return {word: line.split()[0] for line in lines.strip().splitlines() for word in line.split()}


_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_SHORT_DAYS = {"mon": 0, "tue": 1, "tues": 1, "wed": 2, "thu": 3, "thur": 3, "thurs": 3, "fri": 4, "sat": 5, "sun": 6}
# "march" and "may" are months only where they stand beside a number or have a capital inside a sentence.
_AMBIGUOUS = frozenset({"march", "may", "mar", "dec", "sat", "sun", "mon", "wed", "jan", "august"})

_NEGATIONS = read_words("""
    not never no nor none neither nobody nothing nowhere without cannot hardly scarcely
""")
# Words that deny what follows, so that "failed to" may stand for "did not".
_DENIALS = frozenset(
    stem(word)
    for word in read_words("""
        fail failed fails failing refuse refused refuses refusing deny denied denies denying decline declined declines
        lack lacked lacks lacking unable avoid avoided avoids
    """)
)
# These don't negate a sentence for certain, but excuse that another has a negation which it hasn't.
_NEGATIVE_WORDS = frozenset(
    stem(word)
    for word in read_words("""
        reject rejected unlikely false untrue ban banned stop stopped prevent prevented absent absence impossible zero
        few little rarely seldom except but unless against prohibit prohibited forbid forbidden eliminate eliminated
        lose lost ceased
    """)
)


def _number_words(words: str, *, start: int, step: int = 1) -> dict[str, int]:
    return {word: start + step * place for place, word in enumerate(words.split())}


_UNITS_OF_ONE = _number_words(
    """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen
    """,
    start=0,
)
_TENS = _number_words("twenty thirty forty fifty sixty seventy eighty ninety", start=20, step=10)
_ORDINALS = _number_words(
    """
    first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
    sixteenth seventeenth eighteenth nineteenth twentieth
    """,
    start=1,
)
_SCALES = {
    "hundred": 1e2, "thousand": 1e3, "k": 1e3, "million": 1e6, "mn": 1e6, "mln": 1e6, "billion": 1e9, "bn": 1e9,
    "trillion": 1e12, "tn": 1e12, "trn": 1e12,
}  # fmt: skip
_AMOUNTS = {  # that are said in a word: they are compared where they stand, but may be missing
    "half": "half", "halves": "half", "twice": "double", "double": "double", "doubled": "double", "triple": "triple",
    "tripled": "triple", "quarter": "quarter", "quarters": "quarter", "dozen": "12", "dozens": "dozens",
    "hundreds": "hundreds", "thousands": "thousands", "millions": "millions", "billions": "billions",
    "trillions": "trillions",
}  # fmt: skip
_UNITS = _read_synonyms("""
    percent percentage pc
    dollar dollars usd
    pound pounds gbp sterling lb lbs
    euro euros eur
    yen jpy
    rupee rupees inr
    yuan renminbi rmb
    kilometre kilometres kilometer kilometers km kms
    metre metres meter meters m
    centimetre centimetres centimeter centimeters cm
    millimetre millimetres millimeter millimeters mm
    mile miles mi
    mph
    kph kmh
    foot feet ft
    inch inches
    yard yards yd
    krone kroner nok dkk
    krona kronor sek
    peso pesos
    franc francs chf
    zloty zlotys zloties
    rouble roubles ruble rubles
    lira liras lire
    rand
    shekel shekels
    dinar dinars
    dirham dirhams
    riyal riyals
    baht
    ringgit
    forint forints
    koruna korunas
    naira
    shilling shillings
    rupiah
    kilogram kilograms kilogramme kilogrammes kilo kilos kg
    gram grams gramme grammes g
    tonne tonnes ton tons
    ounce ounces oz
    stone
    litre litres liter liters
    gallon gallons
    barrel barrels
    hectare hectares ha
    acre acres
    degree degrees
    celsius centigrade
    fahrenheit
    watt watts
    kilowatt kilowatts kw
    megawatt megawatts mw
    gigawatt gigawatts gw
    second seconds sec secs
    minute minutes min mins
    hour hours hr hrs
    day days
    week weeks
    month months
    year years yr yrs
    decade decades
    century centuries
""")
_SIGNS = {"$": "dollar", "£": "pound", "€": "euro", "¥": "yen", "₹": "rupee", "%": "percent", "°": "degree"}
# Two names of one thing, or of its people.
_NAMES = _read_synonyms("""
    soviet soviets ussr
    america american americans us usa
    britain british uk briton britons
    china chinese
    france french
    spain spanish
    netherlands dutch holland
    poland polish
    turkey turkish
    ireland irish
    england english
    scotland scottish scots
    wales welsh
    greece greek greeks
    sweden swedish
    denmark danish
    finland finnish
    switzerland swiss
    thailand thai
    portugal portuguese
    norway norwegian
    philippines filipino philippine
    un
    eu
""")
# Words of respect and office before a name say little of who it is.
_TITLES = read_words("mr mrs ms miss dr sir dame lord lady prof professor president minister prime sen gov rep")

# What a person, a thing or a place with a name is called next time: "the company", "the team".
CLASS_NOUNS = read_words("""
    company firm group business team club side party organisation organization agency body institution country nation
    state city town village place area region man woman person people official government court event film book show
""")

_OPPOSITES = """
    create cost, creates costs, approve block, approved blocked, allow block, allowed blocked, raise cut, raises
    cuts, keep close, increase decrease, increase fall, increase drop, increase reduce, increase decline, increase
    cut, rise fall, rise decline, rise drop, rose fell, rose dropped, rose declined, risen fallen, grow shrink, grew
    shrank, gain lose, gain loss, gained lost, win lose, won lost, victory defeat, winner loser, up down, above
    below, over under, before after, more less, more fewer, most least, higher lower, high low, highest lowest,
    larger smaller, large small, largest smallest, biggest smallest, big small, bigger smaller, longer shorter, long
    short, older younger, old young, oldest youngest, early late, earlier later, first last, best worst, better
    worse, good bad, accept reject, approve reject, allow ban, allow forbid, allow prevent, support oppose,
    supporter opponent, agree disagree, agree refuse, confirm deny, admit deny, begin end, began ended, start end,
    start finish, open close, opened closed, arrive leave, arrived left, enter leave, join
    leave, joined left, remember forget, succeed fail, success failure, pass fail, passed failed, guilty innocent,
    convicted acquitted, alive dead, male female, man woman, men women, boy girl, boys girls, son daughter, father
    mother, brother sister, husband wife, north south, northern southern, east west, eastern western, left right,
    inside outside, import export, always never, all some, all none, all few, most few, many few, everyone nobody,
    everyone none, include exclude, hire fire, strong weak, stronger weaker, strengthen weaken, improve worsen,
    expand contract, raise lower, raised lowered, raised cut, hot cold, warm cool, rich poor, easy difficult, easy
    hard, legal illegal, possible impossible, safe dangerous, true false, public private, presence absence, heavier
    lighter, heavy light, minimum maximum, war peace, attack defend, love hate, friend enemy, ally enemy, major
    minor, positive negative, day week, week month, month year, week year, decade century, daily weekly, weekly
    monthly, monthly annual, fast slow, faster slower, often rarely, near far, cheap expensive, full empty,
    accelerate slow, backed opposed, all not, some not, always not, every not, praised criticised, praised
    criticized, praise criticise, praise criticize, upgrade downgrade, appoint dismiss, appointed dismissed, hired
    fired, ascend descend, majority minority, maximise minimise, optimistic pessimistic, absent present, ancient
    modern, advance retreat, same different, forward back, forwards backwards, forward backward, ahead behind,
    arrest release, arrested released, detained released, detained freed, arrested freed, convicted cleared, welcome
    criticise, welcomed criticised, welcomed condemned, welcomed criticized, praised condemned, praised attacked,
    suspended reinstated, dismissed reinstated, reopened closed, reopened shut, opened shut, open shut, busiest
    quietest, busy quiet, hottest coldest, fastest slowest, richest poorest, closest farthest, nearest farthest,
    youngest oldest, tallest shortest, strongest weakest, cheapest dearest, lifted imposed, lift impose, eased
    tightened, ease tighten, banned allowed, borrow return, granted
    refused, granted denied, upheld overturned, uphold overturn, resumed suspended, resumed halted, resume halt,
    resume stop, continued stopped, continue stop, kept dropped, saved spent, save spend, credit debit, surplus
    deficit, profit loss, sank rose, sank surfaced, added removed, add remove, built demolished, build demolish,
    doubled halved, double halve, widened narrowed, widen narrow, deepened eased, calm violent, voluntary
    compulsory, optional compulsory, temporary permanent, temporary lasting, restore demolish, restore destroy, rebuild
    demolish, preserve demolish, preserve destroy, forbid urge, forbade urged, forbid ask, forbade asked, domestic
    foreign, senior junior, upper lower, inner outer, front back, plaintiff defendant, landlord tenant, employer
    employee, buyer seller, urban rural, summer winter, morning evening, dawn dusk, sunrise sunset, victim attacker,
    creditor debtor, wife mother, uncle aunt, host guest, interior exterior, ignored heeded, praise attack, morning
    afternoon, morning night, afternoon evening, resigned dismissed, resigned sacked, resigned fired, resign dismiss,
    slowed sped, slow speed, succeed precede, followed preceded, rejected approved, rejected passed, quashed upheld,
    quash uphold, overruled upheld, ratified rejected, boosted dented, soared plunged, soared slumped, surged plunged,
    surged slumped, jumped plunged, jumped slumped, climbed fell, climbed dropped, climbed slipped, rose slipped, rose
    plunged, rose slumped, soared fell, surged fell, jumped fell, joined quit, founded dissolved, survived died,
    survived killed, survive die, alive killed, accelerated slowed, hailed condemned, hailed criticised, acquitted
    jailed, cleared jailed, freed jailed, released jailed, acquitted sentenced, evacuate return, merged split, merge
    split, loosened tightened, withdrew deployed, withdraw deploy, promoted relegated, promoted demoted, promote demote,
    promotion relegation, ahead behind, defeat victory, buyer vendor, upstream downstream, overtook trailed, outside
    within, spring autumn, old new, oldest newest, incoming outgoing, winning losing, principle practice, theory
    practice, theory full, emptied filled, empty fill, started stopped, start stop, starts stops, began stopped, receive
    forgo, received forwent, take forgo, accept forgo, keep forgo, receive waive, prosecution defence, prosecution
    defense, prosecutor defender
"""


def _list_opposites() -> dict[str, frozenset[str]]:
    pairs = [pair.split() for pair in " ".join(_OPPOSITES.split()).split(",")]
    opposites: dict[str, set[str]] = {}
    for one, other in pairs:
        opposites.setdefault(stem(one), set()).add(stem(other))
        opposites.setdefault(stem(other), set()).add(stem(one))
    return {word: frozenset(others) for word, others in opposites.items()}


_OPPOSITE_STEMS = _list_opposites()
UNIT_STEMS = {stem(word): unit for word, unit in _UNITS.items() if len(word) > 3}
# Stop words that turn a sentence round when they are changed for another.
_KEPT = frozenset(word for word in STOP_WORDS if stem(word) in _OPPOSITE_STEMS)
_NEGATIVE_PREFIXES = ("un", "in", "im", "il", "ir", "dis", "non", "mis", "de")

_TOKEN = re.compile(
    r"(?P<iso>(?<!\d)(?:19|20)\d\d-(?:0\d|1[0-2])-[0-3]\d)(?!\d)"
    r"|(?P<digits>(?<![^\W_])\d{1,3}(?:,\s?\d{3}(?!\d))+(?:\.\d+)?|(?<![^\W_])\d+(?:[.,:]\d+)*)"
    r"(?P<suffix>[^\W\d_]{1,3}(?![^\W_]))?"
    r"|(?P<dotted>(?<![^\W_])[^\W\d_]\.(?:[^\W\d_]\.)*[^\W\d_](?![^\W_])\.?)"
    r"|(?P<word>[^\W_]+(?:['’][^\W_]+)*)"
    r"|(?P<sign>[$£€¥₹%°])"
)
_SENTENCE_START = re.compile(r"(?:^|[.!?:;\n])[\s\"'“”‘’«»`(\[*•–—-]*$")
_POSSESSED = re.compile(r"['’]s?\s|\s(?:[a-z]+\s)?(?:manager|minister|president|chief|spokes\w+|leader|captain|boss)\b")
_GAP = re.compile(r"[\s-]{0,3}")


@lru_cache(maxsize=1 << 10)
def read_tokens(text: str) -> tuple[Token, ...]:
    """Read the tokens of a text in order. A word is a name if it has a capital where lower case was to be expected."""
    raw = list(_read_raw(text))
    has_case = _has_case(text)
    tokens: list[Token] = []
    index = 0
    while index < len(raw):
        match, word = raw[index]
        kind = match.lastgroup
        if match["iso"]:
            tokens += _read_iso(match)
        elif match["digits"] or word in _UNITS_OF_ONE or word in _TENS:
            index = _read_quantity(raw, index, text, tokens)
            continue
        elif kind != "sign":
            tokens += _read_word(match, word, raw, index, text, has_case)
        index += 1
    return tuple(
        replace(
            token,
            before=before,
            is_apposed=bool(_POSSESSED.match(text, token.end)),
            is_definite=text[max(0, token.start - 4) : token.start].lower() == "the ",
        )
        for token, before in zip(tokens, _list_before(raw, tokens), strict=True)
    )


def _list_before(raw: Sequence[tuple[re.Match[str], str]], tokens: Sequence[Token]) -> Iterator[str]:
    """Yield the word before each token, without case; articles are passed over."""
    words = [(match.start(), word) for match, word in raw if word not in {"the", "a", "an", ""}]
    starts = [start for start, _ in words]
    for token in tokens:
        place = bisect_left(starts, token.start)
        yield words[place - 1][1] if place else ""


def _read_raw(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Yield the matches with their words in lower case, without possessive, accents or the dots of "U.S."."""
    for match in _TOKEN.finditer(text):
        if match["dotted"]:
            yield match, match["dotted"].replace(".", "").lower()
        elif match["word"]:
            word = match["word"].lower().replace("’", "'")
            word = word.removesuffix("'s")
            parts = find_words(word)
            yield match, "'".join(parts) if parts else word
        else:
            yield match, ""


def _has_case(text: str) -> bool:
    """Tell whether capitals mean anything: neither in a headline in capitals nor in a text without any."""
    letters = [letter for letter in text if letter.isalpha()]
    capitals = sum(letter.isupper() for letter in letters)
    return capitals < 0.5 * len(letters)


def _read_iso(match: re.Match[str]) -> Iterator[Token]:
    year, month, day = match["iso"].split("-")
    start, end = match.span("iso")
    yield Token(year, "number", year, start, end)
    yield Token(_MONTHS[max(0, int(month) - 1)], "month", match["iso"], start, end)
    yield Token(str(int(day)), "number", match["iso"], start, end)


def _read_quantity(raw: Sequence[tuple[re.Match[str], str]], index: int, text: str, tokens: list[Token]) -> int:
    """Read the number that begins at a place, with its scale and unit; return where to go on."""
    first = raw[index][0]
    unit = ""
    if index and raw[index - 1][0]["sign"] and text[raw[index - 1][0].end() : first.start()].strip() == "":
        unit = _SIGNS[raw[index - 1][0]["sign"]]
    value: float | None
    if first["digits"]:
        form, value, unit = _read_digits(first, unit)
        end = index + 1
    else:
        value, end = _read_spelled(raw, index, text)
        form = _write(value)
    while end < len(raw) and value is not None and raw[end][1] in _SCALES and _joins(raw, end, text):
        value *= _SCALES[raw[end][1]]
        form = _write(value)
        end += 1
    if end < len(raw) and not unit:
        following = raw[end][1]
        if raw[end][0]["sign"] in ("%", "°") and _joins(raw, end, text):
            unit = _SIGNS[raw[end][0]["sign"]]
        elif following == "per" and end + 1 < len(raw) and raw[end + 1][1] == "cent":
            unit = "percent"
        elif following == "percentage" and end + 1 < len(raw) and raw[end + 1][1] in {"point", "points"}:
            unit = "percentage point"
        elif following in _UNITS and _joins(raw, end, text):
            unit = _UNITS[following]
    start, stop = first.start(), raw[end - 1][0].end()
    if form.endswith("th") and any(0 <= at < len(raw) and raw[at][1][:3] in _SHORT_MONTHS for at in (index - 1, end)):
        form = form.removesuffix("th")  # "4th July"
    if not unit and index > 1 and raw[index - 1][1] == "in" and (end == len(raw) or raw[end][1] not in _UNITS):
        small, whole = _UNITS_OF_ONE.get(raw[index - 2][1], 0), _UNITS_OF_ONE.get(raw[index][1], 0)
        if 0 < small < whole <= 10:  # "two in three" are two thirds
            form = "quarter" if whole == 4 else f"{whole}th"
    tokens.append(Token(form, "number", text[start:stop], start, stop, unit))
    return end


def _read_digits(match: re.Match[str], unit: str) -> tuple[str, float | None, str]:
    digits, suffix = match["digits"], (match["suffix"] or "").lower()
    plain = re.sub(r",\s?(?=\d{3}(?!\d))", "", digits)
    plain = plain.replace(",", ".") if plain.count(",") == 1 and "." not in plain else plain
    try:
        value: float | None = float(plain)
    except ValueError:  # 10:30, or 1.2.3
        return plain + suffix, None, unit
    assert value is not None  # noqa: S101 - for the type checker
    if suffix in {"st", "nd", "rd", "th", "s"}:
        return f"{_write(value)}{'s' if suffix == 's' else 'th'}", None, unit
    if suffix == "m" and unit:
        value *= 1e6
    elif suffix in _SCALES:
        value *= _SCALES[suffix]
    elif suffix in _UNITS:
        unit = _UNITS[suffix]
    return _write(value), value, unit


def _read_spelled(raw: Sequence[tuple[re.Match[str], str]], index: int, text: str) -> tuple[float, int]:
    """Read a number in words, as "two hundred and fifty-one"; return its value and where to go on."""
    total = 0.0
    current = 0.0
    end = index
    while end < len(raw):
        word = raw[end][1]
        if end > index and not _joins(raw, end, text):
            break
        if word in _TENS and current % 100 == 0:
            current += _TENS[word]
        elif (
            word in _UNITS_OF_ONE
            and ((current % 10 == 0 and current % 100 != 10) or not current)
            and (current % 100 == 0 or _UNITS_OF_ONE[word] < 10)
        ):
            if end > index and current == 0 and total == 0:
                break
            current += _UNITS_OF_ONE[word]
        elif word == "hundred" and current:
            current *= 100
        elif word in {"thousand", "million", "billion"} and current:
            total += current * _SCALES[word]
            current = 0.0
        elif (
            word == "and"
            and (total or current >= 100)
            and end + 1 < len(raw)
            and (raw[end + 1][1] in _UNITS_OF_ONE or raw[end + 1][1] in _TENS)
        ):
            pass
        else:
            break
        end += 1
    return total + current, end


def _joins(raw: Sequence[tuple[re.Match[str], str]], index: int, text: str) -> bool:
    """Tell whether a word is joined to the one before it by a space or a hyphen."""
    return bool(_GAP.fullmatch(text, raw[index - 1][0].end(), raw[index][0].start()))


def _write(value: float) -> str:
    return format(value, ".15g")


def _read_word(
    match: re.Match[str],
    word: str,
    raw: Sequence[tuple[re.Match[str], str]],
    index: int,
    text: str,
    has_case: bool,
) -> Iterator[Token]:
    start, end = match.span()
    shown = match.group()
    capital = shown[:1].isupper()
    following = raw[index + 1][0] if index + 1 < len(raw) else None
    if word == "no" and following and following["digits"]:
        return  # "no. 10"
    if word == "longer" and index and raw[index - 1][1] == "no":
        return  # "no longer" is one
    if word in _NEGATIONS or word.endswith("n't"):
        yield Token("not", "negation", shown, start, end)
        return
    if "'" in word:
        head, _, tail = word.partition("'")
        if tail == "t" and head.endswith("n"):
            yield Token("not", "negation", shown, start, end)
            return
        if tail in {"s", "ll", "ve", "re", "d", "m"}:
            word = head
        elif len(head) <= 2:
            word = tail  # "d'orge"; "o'brien", which is as good
    word = word.replace("'", "")
    beside_number = any(
        0 <= at < len(raw) and raw[at][0]["digits"] and abs(at - index) == 1 for at in (index - 1, index + 1)
    )
    is_day = word not in _AMBIGUOUS or beside_number or (capital and has_case and _is_inside(text, start))
    if is_day and (word in _WEEKDAYS or word.rstrip("s") in _WEEKDAYS):
        yield Token(word if word in _WEEKDAYS else word.rstrip("s"), "weekday", shown, start, end)
    elif is_day and capital and word in _SHORT_DAYS:
        yield Token(_WEEKDAYS[_SHORT_DAYS[word]], "weekday", shown, start, end)
    elif is_day and word in _MONTHS:
        yield Token(word, "month", shown, start, end)
    elif is_day and beside_number and word in _SHORT_MONTHS:
        yield Token(_SHORT_MONTHS[word], "month", shown, start, end)
    elif word == "second" and index and raw[index - 1][1] in {"a", "one", "single", "per", "every", "split"}:
        yield Token("second", "word", shown, start, end)
    elif word in _ORDINALS or (word[:-1] in _ORDINALS and word != "seconds"):
        yield Token(f"{_ORDINALS.get(word) or _ORDINALS[word[:-1]]}th", "number", shown, start, end)
    elif word in _AMOUNTS:
        yield Token(_AMOUNTS[word], "number", shown, start, end)
    elif word in _SCALES and len(word) > 3:
        yield Token(_write(_SCALES[word]), "number", shown, start, end)
    elif word not in STOP_WORDS or word in _KEPT or (capital and shown.isupper() and len(word) > 1 and has_case):
        form = _NAMES.get(word, stem(word)) if capital or not has_case else stem(word)
        if word in _NAMES and word not in STOP_WORDS:
            form = _NAMES[word]
        is_name = (
            capital
            and has_case
            and word not in _TITLES
            and (_is_inside(text, start) or (len(shown) > 1 and (shown.isupper() or not is_known(word))))
        )
        yield Token(form, "name" if is_name else "word", shown, start, end)


_SHORT_MONTHS = {name[:3]: name for name in _MONTHS} | {"sept": "september"}


def _is_inside(text: str, start: int) -> bool:
    """Tell whether a place is inside a sentence, where a capital says that a word is a name."""
    return not _SENTENCE_START.search(text, max(0, start - 12), start)


def are_opposites(one: str, other: str) -> bool:
    """Tell whether two stems turn a sentence round where one stands for the other."""
    if other in _OPPOSITE_STEMS.get(one, ()):
        return True
    if one in UNIT_STEMS and other in UNIT_STEMS:
        return UNIT_STEMS[one] != UNIT_STEMS[other]
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) > 3 and any(longer == prefix + shorter for prefix in _NEGATIVE_PREFIXES)


_FRACTIONS = {
    "half": 0.5,
    "quarter": 0.25,
    "3th": 1 / 3,
    "4th": 0.25,
    "5th": 0.2,
    "10th": 0.1,
    "double": 2.0,
    "triple": 3.0,
}
_IN_HOURS = {"hour": 1.0, "day": 24.0, "week": 168.0, "month": 730.0, "year": 8760.0, "decade": 87_600.0}
_NEAR = 0.02  # of an amount: 33 percent are a third


def are_equal_amounts(one: Token, other: Token) -> bool:
    """Tell whether two numbers are one amount in other words: a quarter and 25 percent, two days and 48 hours."""
    if one.kind != "number" or other.kind != "number" or one.form == other.form:
        return False
    for unit, factors in (("percent", {"percent": 0.01, "": 1.0}), ("hour", _IN_HOURS)):
        amounts = [_measure(token, factors, is_fraction=unit == "percent") for token in (one, other)]
        if amounts[0] and amounts[1] and abs(amounts[0] - amounts[1]) <= _NEAR * max(amounts[0], amounts[1]):
            return True
    return False


def _measure(token: Token, factors: dict[str, float], *, is_fraction: bool) -> float | None:
    if is_fraction and token.form in _FRACTIONS:
        return _FRACTIONS[token.form]
    if token.unit not in factors or (is_fraction and not token.unit):
        return None
    try:
        return float(token.form) * factors[token.unit]
    except ValueError:
        return None


def is_negative(token: Token) -> bool:
    """Tell whether a token turns what follows it into its contrary."""
    return token.kind == "negation" or token.form in _DENIALS


def may_be_negative(token: Token) -> bool:
    """Tell whether a token may stand where another text has a negation."""
    return is_negative(token) or token.form in _NEGATIVE_WORDS or token.form.startswith(_NEGATIVE_PREFIXES[:6])


_QUOTED = re.compile(
    r"[“„]([^“”„]{2,}?)[”“]|«([^«»]{2,}?)»|\"([^\"]{2,}?)\"|``(.{2,}?)(?:''|``)"
    r"|(?<![\w’])‘(?=\S)([^‘]{2,}?)(?<=\S)’(?!\w)|(?<![\w'])[`'](?=\w|(?<=`)\s\w)([^`\"]{2,}?)(?<=[\w.,!?])'(?!\w)",
    re.DOTALL,
)
_LEFT_OUT = re.compile(r"…|\.\s?\.\s?\.|\[[^\[\]]*\]|\([^()]*\)")


def find_quotations(text: str) -> list[str]:
    """List what stands in quotation marks, in pieces where something is left out ("...") or put in ("[he]")."""
    return [
        piece.strip()
        for match in _QUOTED.finditer(text)
        for piece in _LEFT_OUT.split(next(group for group in match.groups() if group is not None))
        if find_words(piece)
    ]
