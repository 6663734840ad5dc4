"""Reads a web page into an article: its text without what stands around it, and what the page says of it."""

import codecs
import logging
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from assistant.addresses import describe_address
from assistant.decoding import normalise
from assistant.errors import ArticleError
from assistant.markup import BREAK, count_repeated, part_verse, remove_withdrawn, wrap_loose_text, write_figures
from assistant.metadata import Metadata, clean, clean_authors, fold, get_label, get_text, is_prose, read_metadata
from assistant.styles import MAX_DEPTH, MAX_NAMES, Place, read_hiding, read_ways
from assistant.timestamps import find_timestamps
from assistant.types import Article, Document

if TYPE_CHECKING:
    from lxml.etree import _Element
    from lxml.html import HtmlElement

MAX_PAGE_BYTES = 10_000_000
MAX_TITLE_CHARACTERS = 300
SHORT_TEXT = 250  # characters: an extraction shorter than this may have missed the article
SAMPLE_CHARACTERS = 100_000  # that tell text from binary data
MAX_ATTRIBUTES = 2_000  # of one element: the parser compares each with all before it
MAX_ELEMENTS = 20_000  # of a page that is extracted by rules that go over it many times
MUCH_LONGER = 1.5  # times: how much more text a second, less careful extraction must find to be believed
WALL_TEXT = 2_500  # characters: consent walls and error pages aren't longer
MAX_METAS = 300  # among which a page may say that it leads to another
MAX_PIECES = 200  # of a page's text that are searched for the words of a wall
MIN_TEXT = 40  # characters: what a page must have that is no article by its own account, and no flash
MIN_SUBJECT = 4  # letters of a word that a headline and its story share; two where words aren't parted
HEAD_BYTES = 4_096  # in which a page names its charset

# What a browser takes these names for.
_ALIASES = {"iso-8859-1": "cp1252", "latin-1": "cp1252", "latin1": "cp1252", "ascii": "cp1252", "us-ascii": "cp1252",
            "iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "iso-8859-9": "cp1254",
            "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "x-sjis": "cp932"}  # fmt: skip
_CHARSET = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_LONG_TAG = re.compile(r"<[a-z][^<>]{4000,}", re.IGNORECASE)  # the shortest that so many attributes fit in
_QUOTED = re.compile(r"\"[^\"]*+\"|'[^']*+'")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

# What parts paragraphs on pages that have no elements for them.
_BREAKS = re.compile(r"<br\b[^<>]{0,99}>\s*+(?:<br\b[^<>]{0,99}>\s*+)+", re.IGNORECASE)
# A page that is nested deeper than the parser follows is read without the elements that nest.
_BLOCK_TAG = re.compile(
    r"(?:</?(?:div|section|li|ul|ol|dl|dd|dt|table|tbody|tr|td|th|blockquote|center|address|p)\b[^<>]*+>\s*+)++",
    re.IGNORECASE,
)
_INLINE_TAG = re.compile(
    r"</?(?!(?:html|head|body|title|meta|link|script|style|h[1-6]|p|br|time|hr|article|main|nav|aside|footer|"
    r"form|figure)\b)"
    r"[a-z][^<>]*+>",
    re.IGNORECASE,
)

# Parts of a page that are no part of its article, told by their class or id.
_BOILERPLATE = re.compile(
    r"(?:^|[\s_-])(?:cookie[\w-]*|consent[\w-]*|gdpr[\w-]*|cmp|onetrust[\w-]*|newsletter[\w-]*|sign-?up[\w-]*|"
    r"subscri(?:be|ption)[\w-]*|"
    r"related[\w-]*|recommend[\w-]*|recirc[\w-]*|read-?(?:more|next|also)[\w-]*|also-?read|more-(?:from|on|in|"
    r"stories|news)[\w-]*|"
    r"most-?(?:read|popular|viewed)[\w-]*|trending[\w-]*|popular[\w-]*|up-?next|share[\w-]*|sharing|"
    r"social[\w-]*|follow-us|"
    r"comments?(?:-(?:list|section|area|thread|wrap\w*|container|box|form|count|link)[\w-]*)?|commentlist|disqus[\w-]*|"
    r"breadcrumbs?|byline[\w-]*|author-?(?:bio|box|card|info|profile)[\w-]*|about-(?:the-)?author|post-tags|"
    r"tags?(?:-list|s)?|"
    r"photo-?credit|image-?credit|credits?|caption[\w-]*|wp-caption-text|advert[\w-]*|ad-(?:slot|container|"
    r"unit|label|wrap)[\w-]*|"
    r"promo[\w-]*|teaser-?list|sponsored[\w-]*|paywall-?(?:offer|prompt|banner|box|cta|barrier)[\w-]*|"
    r"regwall[\w-]*|offer|"
    r"skip-?link|sr-only|visually-hidden|screen-reader-text|print-only|site-?(?:header|footer|nav)[\w-]*|"
    r"masthead|toolbar|"
    r"audio-player|listen|reading-time|read-time|correction-link|donate[\w-]*|donation[\w-]*|app-banner|popup|"
    r"modal)(?:$|[\s])",
    re.IGNORECASE,
)
_FACT_BOX = re.compile(
    r"(?:^|[\s_-])(?:fact-?(?:s|box|file|sheet)|info-?(?:box|kasten)|key-?(?:facts|points)|at-a-glance|explainer|"
    r"factoide|faktenbox|hintergrund|encadre|recuadro|despiece)(?:$|[\s_-])",
    re.IGNORECASE,
)
_BOILERPLATE_ROLES = frozenset(
    {"navigation", "banner", "contentinfo", "complementary", "dialog", "alertdialog", "search", "menu"}
)
_BLOCKS = (
    "div", "section", "article", "p", "ul", "ol", "dl", "table", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote",
    "figure",
    "form", "header", "footer", "main", "nav", "aside", "pre",
)  # fmt: skip
_PRUNED = (
    "div", "section", "ul", "ol", "p", "span", "header", "nav", "aside", "details", "dl", "h2", "h3", "h4", "a",
    "button", "table", "dialog", "amp-consent", "small",
)  # fmt: skip
_APART = ("nav", "footer", "aside", "form", "dialog", "noscript", "button", "select", "svg")
_PLAIN_BLOCKS = ("p", "li", "h2", "h3", "h4", "blockquote", "td", "pre", "dd", "dt")
_LABELS = ("itemprop", "data-testid", "data-component", "data-gu-name")
_STANDFIRST = re.compile(
    r"standfirst|(?:^|[\s_-])(?:dek|deck|sub-?(?:dek|deck|title|head(?:ing|line)?)|sub-?headline|summary|"
    r"excerpt|intro(?:duction)?|"
    r"lead-?(?:paragraph|in)?|lede|abstract|chapo|chapeau|entradilla|bajada|vorspann|teaser-?text|sommario|"
    r"occhiello)(?:$|[\s_-])"
    r"|[a-z]Dek\b|article__desc",
    re.IGNORECASE,
)
_LIVE = re.compile(r"live-?(?:blog|update|post|entry|ticker|feed|event)|ticker-?(?:entry|item)|liveblog", re.IGNORECASE)

# Lines that are no sentences of an article, where they are all of a short paragraph.
_IDLE_LINE = re.compile(
    r"(?:read (?:more|next|also|on|the full story)|more on this|related|see also|also read|recommended|"
    r"you may also like|"
    r"most (?:read|popular)|don['’]t miss|advertisement|advert|sponsored|anzeige|werbung|publicité|publicidad|"
    r"share(?: (?:this|on|via)\b.*)?|share (?:article|story)|teilen|partager|compartir|copy link|"
    r"print|save|"
    r"newsletter|comments?(?: \(\d+\))?|"
    r"leave a (?:comment|reply).*|\d+ comments?|join the conversation|back to top|skip to .*|view (?:all )?comments|"
    r"\d+ min(?:ute)?s? read|\d+ min|reading time.*|listen to (?:this )?article.*|image (?:source|caption|credit).*|"
    r"(?:photo(?:graph)?|image|picture|foto|bild|photo credit|crédit photo)\s*(?::|by\b|©).*|"
    r"lesen sie (?:auch|mehr).*|mehr zum thema.*|lire aussi.*|à lire aussi.*|"
    r"lea también.*|leer más.*|te puede interesar.*|leggi anche.*|lees ook.*|tags?\s*:.*|topics?\s*:.*|filed under.*|"
    r"(?:read (?:more|also|next)|related(?: (?:story|article)s?)?|more on this(?: story)?|see also|watch|"
    r"also read)\s*:.*|"
    r"(?:updated?:? |published:? )?\d+ (?:min(?:ute)?|hour|hr|day|week)s? ago|vor \d+ \w+|il y a \d+ \w+|hace \d+ \w+|"
    r"(?:(?:just|only|from) )?[£$€]\s?\d[\d.,]* (?:a|per) (?:week|month|year)(?:\W+cancel any ?time)?|cancel any ?time|"
    r"live (?:updates? )?feed|load more.*|show more.*|facebook|twitter|x|whatsapp|email|e-mail|linkedin|reddit|"
    r"telegram)"
    r"\s*[.:!»→>]*",
    re.IGNORECASE,
)
MAX_IDLE_CHARACTERS = 160
# What pages ask of their readers and say of themselves: idle too, unless it says that somebody says something.
_PITCH_LINE = re.compile(
    r"(?:follow us\b|sign up\b.*newsletter|subscribe\b|sign up (?:to|for) |get .* in your inbox|©|copyright |"
    r"all rights reserved|already (?:a|have a) subscri(?:ber|ption)\b|suscríbete para |"
    r"(?:support (?:us|our \w+|independent journalism)|donate|"
    r"become a (?:member|subscriber|supporter))\b.*\b(?:a|per) (?:day|week|month|year)\b).*",
    re.IGNORECASE,
)
_CLAIM = re.compile(
    r"[\"“”„«»]|\b(?:says?|said|tells?|told|announce[sd]|according to|warn(?:s|ed)|report(?:s|ed)|claim(?:s|ed)|"
    r"ask(?:s|ed)|argue[sd]|showed|shows)\b",
    re.IGNORECASE,
)
# What an article says of its own first day; what it says behind that is a correction.
_ORIGIN_LINE = re.compile(
    r"this (?:article|story) (?:is|was) (?:first |originally )?published (?:on|in|by)[^\n]*?"
    r"(?:(?<![ap]\.m)(?<!\b[A-Z])[.!](?=\s)(?P<rest>.*)|$)",
    re.IGNORECASE | re.DOTALL,
)
MIN_NOTE_WORDS = 5
_DATED_LINE = re.compile(
    r"\W*(?:(?:first|last|originally)\s+)?(?:published|posted|updated|modified)\s*:", re.IGNORECASE
)
_DATING_WORD = re.compile(
    r"\b(?:(?:first|last|originally|published|posted|updated|modified|at|on|in|of|the|local|time)\b|[ap]\.?m\b)",
    re.IGNORECASE,
)
MIN_CLAIM_WORDS = 4
_CLOCK = re.compile(r"\b\d{1,2}[:.h]\d\d(?![:.]?\d)\s*(?:(?:[ap]\.?m\b|uhr\b|h\b)\.?)?", re.IGNORECASE)
MIN_TEXT_WORDS = 2  # behind a time of day, which then is one of the story

_CONSENT = re.compile(
    r"\b(?:cookies?|consent|gdpr|personal data|personali[sz]ed (?:ads?|content)|our (?:\d+ )?(?:trusted )?partners|"
    r"privacy (?:policy|settings|preferences|notice)|accept all|reject all|manage (?:preferences|settings|options)|"
    r"legitimate interest|einwilligung|zustimm\w*|datenschutz\w*|akzeptieren|consentement|traceurs|partenaires|"
    r"consentimiento|privacidad|socios|aceptar|toestemming|samtykke|informasjonskapsler|consenso|tracking|"
    r"privacy center|pur-abo|personenbezogene\w* daten|unsere (?:bis zu )?(?:\d+ )?partner|accetta\w*|"
    r"profilazione|i nostri (?:\d+ )?partner|su un dispositivo|on (?:a|your) device)\b",
    re.IGNORECASE,
)
# Who asks for consent speaks to somebody, which an article about consent seldom does.
_ASKING = re.compile(
    r"\b(?:you|your|we|us|our|accept|agree|sie|ihre?n?|wir|uns|unsere?n?|du|vous|votre|vos|nous|notre|nos|usted|sus?|"
    r"nuestr\w+|acept\w+|tu|te|tuo|tua|noi|nostr\w+|accetta|abbonati|você|seu|je|jij|jouw|uw|wij|onze|vi|din|deg|dig)\b",
    re.IGNORECASE,
)
_REFRESH = re.compile(r"url\s*=\s*[\"']?\s*([^\"'\s]+)", re.IGNORECASE)
_SCRIPTED = re.compile(r"\bjavascript\b", re.IGNORECASE)
_PAYWALL = re.compile(
    r"\b(?:to (?:continue|keep) reading|already (?:a|have a) subscri\w+|subscribe to (?:read|continue|unlock)|"
    r"(?:sign|log) in to (?:read|continue)|subscribers only|this (?:article|story|content) is for subscribers)\b",
    re.IGNORECASE,
)
# What a page says to its readers, as a flash does not.
_SPOKEN = re.compile(
    r"\b(?:please|you|your|we|us|our|no (?:results?|articles?|posts?|stories|items?))\b", re.IGNORECASE
)
_UNPARTED = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff]")  # of letters that say as much as two
_END = r"(?=\W*$|\s*[|·–—:(])"
_REASON = (
    r"(?:(?:page|file|url|object) )?not found|forbidden|access denied|(?:internal )?server error|bad gateway|"
    rf"service (?:temporarily )?unavailable|(?:gone|error){_END}"
)
# A status as servers write it: with its reason, behind what says that it is one, or as all of a line. Any other figure
# is one of the story: £410,000, 503 homes, 500 jobs.
_STATUS = re.compile(
    rf"(?<![\w£$€¥₹.,])(?<![£$€¥₹]\s)(?:403|404|410|500|502|503)(?:\s|\s?[:|·–—-]\s?)(?:{_REASON})\b|"
    r"\b(?:http(?: error| status(?: code)?|/[\d.]+)?|error(?: code)?|status code|fehler|erreur|errore)"
    rf"(?:\s|\s?[:#–—-]\s?)(?:403|404|410|500|502|503)(?:{_END}|\s(?:{_REASON})\b|\.(?!\d))|"
    r"^[\s\"'(]*(?:403|404|410|500|502|503)(?:[\s.!?\"')]*$|\s[|·–—-]\s*$)",
    re.IGNORECASE | re.MULTILINE,
)
_ERROR = re.compile(
    r"(?:page|article|story|content)\b.{0,40}\b(?:not found|can(?:no|"
    r"')t be found|no longer|unavailable|"
    r"does(?:n['’]t| not) exist|has (?:been )?(?:moved|removed|deleted))|"
    rf"^\W*(?:error\W+)?(?:(?:page|file|url) )?(?:not found|access denied|forbidden){_END}|"
    r"internal server error|bad gateway|service unavailable|just a moment|checking your browser|"
    r"are you a (?:robot|human)|press (?:and|&) hold to confirm|"
    r"^access to this (?:page|site|website) has been denied|^\W*(?:451\W+)?unavailable (?:due to|for) legal reasons|"
    r"ページ.{0,10}(?:見つかりません|存在しません)|页面不存在|找不到.{0,4}页面|페이지를 찾을 수 없|"
    r"(?:verify|confirm) (?:that )?you are (?:a )?human|unusual traffic|"
    r"enable javascript|javascript is (?:disabled|required)|"
    r"seite (?:wurde )?nicht gefunden|page introuvable|página no encontrada|pagina non trovata|"
    r"something went wrong|temporarily unavailable|too many requests",
    re.IGNORECASE | re.MULTILINE,
)  # fmt: skip


def read_page(document: Document) -> Article:
    """Read an HTML page into an article; its id is its canonical address, or else where it is from.

    What is part of another document, as an attachment is of a mail, can't say that it is a page of the web.

    The paragraphs of the text are parted by blank lines, headings are paragraphs. Raises ArticleError for a page that
    is too large or has no article in it: an empty one, an error, a wall that asks for consent.
    """
    if len(document.data) > MAX_PAGE_BYTES:
        limit = MAX_PAGE_BYTES // 1_000_000
        raise ArticleError(f"{document.name}: too large: a page may have at most {limit} MB")
    tree = _parse(_decode(document.data, document.media_type), document.name)
    metadata = read_metadata(tree, None if _is_saved(document) else document.url)
    cause = _find_cause(tree)
    heading = next((get_text(element) for element in tree.iter("h1")), "")
    hidden = _remove_unseen(tree)
    remove_withdrawn(tree)
    write_figures(tree)
    part_verse(tree)
    wrap_loose_text(tree)
    paragraphs = _find_paragraphs(tree, metadata)
    text = normalise("\n\n".join(paragraphs)).strip()
    _check_article(text, metadata, document.name, heading, cause)
    title = normalise(metadata.title or "") or _name_page(document, text)
    identity = metadata.url or document.url or Path(document.name).resolve().as_uri()
    return Article(
        id=re.sub(r"^http://", "https://", identity),
        title=title if len(title) <= MAX_TITLE_CHARACTERS else title[: MAX_TITLE_CHARACTERS - 1].rstrip() + "…",
        text=text,
        outlet=_tidy(metadata.outlet),
        author=_tidy(metadata.author),
        published=metadata.published,
        url=metadata.url,
        updated=metadata.updated,
        section=_tidy(metadata.section),
        language=metadata.language,
        origins=metadata.origins,
        hidden=hidden,
    )


def _is_saved(document: Document) -> bool:
    """Whether a page is a file of its own, or was piped in: its place says nothing of where it was published."""
    own = (None, Path(document.name).resolve().as_uri())
    return document.url in own or str(document.url).startswith("urn:")


def _tidy(value: str | None) -> str | None:
    return normalise(value) or None if value else None


def _name_page(document: Document, text: str) -> str:
    """Name a page that has no title after its address or its file, or after its first words."""
    path = urlsplit(document.url).path if document.url else document.name
    words = re.sub(r"[-_]+|\.(?:x?html?|php|aspx?)$", " ", unquote(path.rstrip("/").rpartition("/")[2])).strip()
    return normalise(words) if re.search(r"[^\W\d_]{3}", words) else text.split("\n")[0][:80]


# Decoding and parsing


def _decode(data: bytes, media_type: str | None) -> str:
    """Decode a page: by its byte order mark, as UTF-8 where it is that, as it or its server says, or by a guess.

    UTF-8 comes first because hardly any text in another charset is valid UTF-8, and declarations are often wrong.
    """
    for mark, charset in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return data.decode(charset, errors="replace").lstrip("\ufeff")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        # One that is cut off in the middle of a letter, or has a few broken bytes, is UTF-8 all the same.
        if error.start > len(data) - 4:
            return data.decode("utf-8", errors="ignore")
    declared = [_CHARSET.search((media_type or "").encode()), _CHARSET.search(data[:HEAD_BYTES])]
    for match in declared:
        if match:
            name = match[1].decode("ascii", errors="ignore").lower()
            try:
                codec = codecs.lookup(_ALIASES.get(name, name))
                if codec.name != "utf-8":
                    return data.decode(codec.name)
            except (LookupError, UnicodeDecodeError):
                continue
    repaired = data.decode("utf-8", errors="replace")
    if repaired.count("\ufffd") * 20 < sum(character > "\x7f" for character in repaired):
        return repaired
    import charset_normalizer  # only for the rare page that needs a guess

    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        best = charset_normalizer.from_bytes(data[:200_000]).best()
        return data.decode(best.encoding if best else "utf-8", errors="replace")


def _parse(html: str, name: str) -> "HtmlElement":
    """Parse a page as browsers do, whatever is wrong with it; a document type's entities are never expanded."""
    from lxml import etree

    if len(_CONTROLS.findall(html[:SAMPLE_CHARACTERS])) > len(html[:SAMPLE_CHARACTERS]) // 100 + 1:
        raise ArticleError(f"{name}: no article text in it: it is not a page but binary data")
    for tag in _LONG_TAG.finditer(html):
        if len(_QUOTED.sub("", tag[0]).split()) > MAX_ATTRIBUTES:
            raise ArticleError(f"{name}: refused: an element of this page has more than {MAX_ATTRIBUTES:,} attributes")
    html = _BREAKS.sub(f"</p><p {BREAK}>", _CONTROLS.sub("", html))
    if not html.strip():
        raise ArticleError(f"{name}: no article text in it: it is empty")
    try:
        tree, is_whole = _parse_html(html)
        if not is_whole:
            tree, is_whole = _parse_html(_INLINE_TAG.sub("", _BLOCK_TAG.sub("<p>", html)))
    except (etree.LxmlError, ValueError, RecursionError, AssertionError):
        raise ArticleError(f"{name}: no article text in it: it can't be read as HTML") from None
    if not is_whole:
        raise ArticleError(f"{name}: can't be read: its elements are nested too deeply")
    return tree


def _parse_html(html: str) -> "tuple[HtmlElement, bool]":
    from lxml import etree
    from lxml import html as lxml_html

    parser = lxml_html.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False, default_doctype=False
    )
    tree = lxml_html.document_fromstring(html.encode() or b" ", parser=parser)
    fatal = parser.error_log.filter_from_fatals()
    return tree, not any(entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for entry in fatal)


# Text


def _find_paragraphs(tree: "HtmlElement", metadata: Metadata) -> list[str]:
    """Find the article's paragraphs: what trafilatura takes for its text, or what the page keeps in its JSON-LD."""
    _remove_boilerplate(tree)
    is_live = metadata.is_live or _is_live(tree)
    if is_live:
        _open_live_blog(tree)
    _open_layout_tables(tree)
    _open_fact_boxes(tree)
    _mark_paragraphs(tree)
    standfirst = _find_standfirst(tree)
    repeated = count_repeated(tree)
    paragraphs = _tidy_paragraphs(_extract(tree, 1), metadata, repeated, is_live=is_live)
    length = sum(map(len, paragraphs))
    if length < SHORT_TEXT:
        others = _tidy_paragraphs(_extract(tree, SHORT_TEXT), metadata, repeated, is_live=is_live)
        if sum(map(len, others)) > MUCH_LONGER * length + len(metadata.title or ""):
            paragraphs = others
    if standfirst and paragraphs and not any(standfirst in paragraph for paragraph in paragraphs):
        paragraphs.insert(0, standfirst)
    length = sum(map(len, paragraphs))
    kept = [line for part in metadata.updates or (metadata.body or "",) for line in _split_lines(part)]
    # What scripts would show stands nowhere else; what is shown has the headings, and is what readers see.
    if length < max(SHORT_TEXT, sum(map(len, kept)) // 2) and sum(map(len, kept)) > length:
        return _tidy_paragraphs(kept, metadata, repeated, is_live=is_live)
    return paragraphs


def _split_lines(text: str) -> list[str]:
    text = re.sub(r"<(?:br|/p|/div|/li|/h\d)\b[^>]{0,200}>", "\n", text, flags=re.IGNORECASE)
    return [line for piece in text.splitlines() if (line := clean(piece))]


def _remove_unseen(tree: "HtmlElement") -> int:
    """Take out, in place, what no reader of the page sees, and count the passages among that, which may be of a story.

    Pages hide menus and dialogs, which are no loss, and some hide a part of their article until somebody asks for it
    ("read more"). Nothing tells that from what was planted, so it is left out too, and counted for the report. Where
    most of a page is hidden, it waits for its scripts, and that stays.
    """
    total = sum(map(len, tree.xpath("//text()[not(parent::script or parent::style)]", smart_strings=False)))
    styled = tree.xpath("//*[@style or @hidden or self::template or (self::font and @color)]")
    unseen = [
        element
        for element in styled
        if element.getparent() is not None
        and element.tag not in ("html", "body")
        and _is_unseen(element)
        and len(element.text_content()) * 2 <= total
    ]
    by_sheets = _find_hidden_by_sheets(tree)
    if sum(len(element.text_content()) for element in by_sheets) * 2 <= total:
        unseen += by_sheets
    passages = {passage for element in unseen for passage in _list_passages(element)}
    for element in unseen:
        if element.getparent() is not None:
            element.drop_tree()
    return len(passages)


def _find_hidden_by_sheets(tree: "HtmlElement") -> "list[HtmlElement]":
    """Find the outermost elements that the page's own style sheets hide."""
    sheets = [sheet.text or "" for sheet in tree.iter("style") if "print" not in (sheet.get("media") or "")]
    if not sheets:
        return []
    has_others = any("stylesheet" in (link.get("rel") or "").lower() for link in tree.iter("link"))
    hiding = read_hiding(sheets, has_others=has_others)
    hidden: dict[HtmlElement, bool] = {}  # whether each is an outermost one
    places: dict[HtmlElement, tuple[Place, ...]] = {}
    for element in tree.xpath("/html | //body | //body//*") if hiding.rules else ():
        holder = element.getparent()
        if holder in hidden:
            hidden[element] = False
            continue
        names = [f".{name}" for name in element.get("class", "").split()[:MAX_NAMES]]
        names += [f"#{element.get('id')}"] if element.get("id") else []
        places[element] = (Place(element.tag, frozenset(names)), *places.get(holder, ())[:MAX_DEPTH])
        if element.tag not in ("html", "body") and hiding.hides(places[element], element.get("style", "")):
            hidden[element] = True
    return [element for element, is_outermost in hidden.items() if is_outermost]


def _list_passages(element: "HtmlElement") -> "Iterator[HtmlElement]":
    """List the paragraphs of prose in an element, or itself where it is one; none where it is no part of an article."""
    holders = (element, *element.iterancestors())
    if element.tag == "template" or any(holder.tag in _APART or _is_boilerplate(holder) for holder in holders):
        return
    blocks = (each for each in element.iter("p", "li") if each.tag == "p" or each.find(".//p") is None)
    paragraphs = [each for each in blocks if is_prose(clean(each.text_content()))]
    yield from paragraphs or ([element] if is_prose(clean(element.text_content())) else [])


def _is_unseen(element: "HtmlElement") -> bool:
    if "hidden" in element.attrib or element.tag == "template":
        return True
    style = element.get("style", "")
    if element.tag == "font" and "color" in element.attrib:
        style = f"color:{element.get('color')};{style}"
    if not style:
        return False
    is_white = not any(
        "background" in each.get("style", "") or "bgcolor" in each.attrib
        for each in (element, *element.iterancestors())
    )
    return any(read_ways(style, is_white=is_white).values())


def _remove_boilerplate(tree: "HtmlElement") -> None:
    """Take out what stands around an article, in place; what holds the headline or most of the page stays."""
    total = len(tree.text_content())
    for element in list(tree.iter(*_PRUNED)):
        is_boilerplate = _is_boilerplate(element) or element.get("aria-hidden") == "true" or "hidden" in element.attrib
        if not is_boilerplate or element.getparent() is None or element.find(".//h1") is not None:
            continue
        if len(element.text_content()) * 2 <= total:
            element.drop_tree()


def _is_boilerplate(element: "HtmlElement") -> bool:
    label = get_label(element)
    is_named = bool(label and _BOILERPLATE.search(label))
    # What AMP shows to those only who haven't paid.
    is_named = is_named or (element.get("amp-access") or "").lstrip().upper().startswith("NOT ")
    return is_named or element.get("role") in _BOILERPLATE_ROLES or element.tag in ("amp-consent", "dialog")


def _open_layout_tables(tree: "HtmlElement") -> None:
    """Make tables that hold the page's headline or paragraphs, rather than figures, the plain blocks that they are."""
    for table in list(tree.iter("table")):
        if table.find(".//h1") is not None or table.find(".//table") is not None or len(table.findall(".//p")) > 2:
            for part in list(table.iter("table", "tbody", "tr", "td", "th")):
                part.tag = "div"


def _open_fact_boxes(tree: "HtmlElement") -> None:
    """Make boxes of an article's facts, which are asides to HTML, the plain blocks that they are."""
    for aside in list(tree.iter("aside")):
        linked = sum(len(link.text_content()) for link in aside.iter("a"))
        is_told = any(is_prose(get_text(part)) for part in aside.iter("p", "li"))
        if _FACT_BOX.search(get_label(aside)) and is_told and linked * 2 < len(aside.text_content()):
            aside.tag = "div"
            aside.attrib.clear()


def _mark_paragraphs(tree: "HtmlElement") -> None:
    """Make the blocks that only hold words paragraphs, on a page that hardly has any."""
    body = tree.find("body")
    written = sum(len(element.text_content()) for element in tree.iter("p", "li", "td", "blockquote"))
    if body is None or written * 2 > len(body.text_content()):
        return
    for block in list(body.iter("div", "section")):
        if next(block.iterchildren(*_BLOCKS), None) is None and re.search(
            r"[.!?…。؟]\W{0,3}\s*$", block.text_content()
        ):
            block.tag = "p"


def _find_standfirst(tree: "HtmlElement") -> str | None:
    """Find the lines under the headline that sum an article up, which many layouts keep apart from its text."""
    heading = tree.find(".//h1")
    if heading is None:
        return None
    for passed, element in enumerate(_follow(heading)):
        if passed > 60:
            return None
        if _STANDFIRST.search(get_label(element, *_LABELS)):
            text = _join(element.text_content())
            return text if 20 <= len(text) <= 500 and element.find(".//h2") is None else None
    return None


def _follow(element: "HtmlElement") -> "Iterator[HtmlElement]":
    """Walk over the elements that come after one."""
    holder: HtmlElement | None = element
    while holder is not None:
        for sibling in holder.itersiblings():
            yield from sibling.iter("p", "div", "h2", "h3", "span", "section", "strong")
        holder = holder.getparent()


def _is_live(tree: "HtmlElement") -> bool:
    entries = 0
    for element in tree.iter("div", "article", "section", "li"):
        if _LIVE.search(get_label(element)) and element.find(".//time") is not None:
            entries += 1
    return entries >= 2


def _open_live_blog(tree: "HtmlElement") -> None:
    """Make the entries of a live blog, which are articles to HTML, the parts of one, and their times paragraphs."""
    for element in tree.iter("time"):
        element.tag = "p"
        element.attrib.clear()
        if not get_text(element):
            element.drop_tree()
    articles = list(tree.iter("article"))
    for article in articles:
        article.tag = "div"
    body = tree.find("body")
    holder = _find_holder(articles) if len(articles) > 1 else articles[0] if articles else body
    if holder is not None:
        if holder.tag in ("body", "html"):
            return
        holder.tag = "article"
        holder.set("class", "article-body")


def _find_holder(elements: "list[HtmlElement]") -> "HtmlElement | None":
    """Find the nearest element that holds all of these."""
    chains = [[*element.iterancestors()][::-1] for element in elements]
    shared = None
    for level in zip(*chains, strict=False):
        if any(element is not level[0] for element in level):
            break
        shared = level[0]
    return shared


@lru_cache(maxsize=4)
def _make_options(min_size: int) -> Any:
    """Make trafilatura's options: one pass of its own rules, no comments, no second opinions of other libraries."""
    from trafilatura.settings import Extractor, use_config

    # They would tell the terminal of every page that they find odd; what is wrong with one is said by ArticleError.
    for library in ("trafilatura", "htmldate"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    config = use_config()
    config.set("DEFAULT", "MIN_EXTRACTED_SIZE", str(min_size))
    config.set("DEFAULT", "MIN_OUTPUT_SIZE", "1")
    return Extractor(config=config, output_format="python", fast=True, comments=False, formatting=False)


def _extract(tree: "HtmlElement", min_size: int) -> list[str]:
    from lxml import etree
    from trafilatura import bare_extraction

    if next(islice(tree.iter(), MAX_ELEMENTS, None), None) is not None:
        return _list_plain(tree)
    try:
        found = bare_extraction(tree, options=_make_options(min_size))
    except (etree.LxmlError, RecursionError, AttributeError, IndexError, KeyError):
        return []
    body = getattr(found, "body", None)
    return [] if body is None else [text for block in _list_blocks(body) if (text := block.strip())]


def _list_plain(tree: "HtmlElement") -> list[str]:
    """List the paragraphs, headings and list items of a huge page, but those that are made of links."""
    blocks = []
    for element in tree.iter(*_PLAIN_BLOCKS):
        if (
            next(element.iterchildren(*_BLOCKS), None) is None
            and next(element.iterancestors("nav", "aside"), None) is None
        ):
            text = _join(element.text_content())
            linked = sum(len(link.text_content()) for link in element.iter("a"))
            if text and linked * 2 < len(text):
                blocks.append(text)
    return blocks


def _list_blocks(body: "_Element") -> Iterator[str]:
    """List the paragraphs of the simple XML that trafilatura makes: each line of a list or a table is one line."""
    if body.text and body.text.strip():
        yield _join(body.text)
    for element in body:
        if element.tag == "list":
            yield "\n".join(line for item in element if (line := _join(" ".join(item.itertext()))))
        elif element.tag == "table":
            rows = ([_join(" ".join(cell.itertext())) for cell in row] for row in element)
            yield "\n".join(line for row in rows if (line := " | ".join(filter(None, row))))
        elif element.tag == "quote" and any(part.tag in ("p", "quote", "list") for part in element):
            yield from _list_blocks(element)
        else:
            yield from _split_breaks(element)
        if element.tail and element.tail.strip():
            yield _join(element.tail)


def _split_breaks(element: "_Element") -> Iterator[str]:
    """Split a paragraph at double line breaks; single ones stay."""
    pieces: list[str] = [element.text or ""]
    for part in element.iterdescendants():
        if part.tag == "lb":
            pieces.append("\n")
        else:
            pieces.append(part.text or "")
        pieces.append(part.tail or "")
    joined = "".join(piece if piece == "\n" else re.sub(r"\s+", " ", piece) for piece in pieces)
    for is_break, lines in groupby(joined.split("\n"), key=lambda line: not line.strip()):
        if not is_break:
            yield "\n".join(line.strip() for line in lines)


def _join(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _tidy_paragraphs(paragraphs: list[str], metadata: Metadata, repeated: Counter[str], *, is_live: bool) -> list[str]:
    """Leave out the headline, the byline and the date in front of the text, idle lines, and what is said twice.

    What the page itself says several times in one place, as `repeated` counts, stays as often.
    """
    kept: list[str] = []
    seen: Counter[str] = Counter()
    for paragraph in paragraphs:
        text = paragraph.strip()
        folded = fold(text)
        is_repeated = len(folded) > 40 and seen[folded] >= max(1, repeated[folded])
        if not folded or is_repeated or (len(text) <= MAX_IDLE_CHARACTERS and _is_idle(text)):
            continue
        if len(text) <= MAX_IDLE_CHARACTERS and len(kept) < 3 and _is_head_line(text, metadata, is_live=is_live):
            continue
        seen[folded] += 1
        kept.append(text)
    while kept and len(kept[-1].split()) <= 8 and _is_head_line(kept[-1], metadata, is_live=is_live):
        kept.pop()
    return kept


def _is_idle(text: str) -> bool:
    if origin := _ORIGIN_LINE.fullmatch(text):
        return len((origin["rest"] or "").split()) < MIN_NOTE_WORDS
    return bool(_IDLE_LINE.fullmatch(text) or (_PITCH_LINE.fullmatch(text) and not _CLAIM.search(text)))


def _tells_more_than_days(text: str) -> bool:
    """Whether a line that begins as one that dates an article is a sentence: its words are no labels and no names."""
    words = re.findall(r"(?<![\w.])[^\W\d_A-Z]{2,}", _DATING_WORD.sub(" ", text))
    return len(words) >= MIN_CLAIM_WORDS and bool(re.search(r"(?<!\b[ap]\.m)[.!?][\"”’»)]*$", text))


def _tells_what_happened(text: str) -> bool:
    """Whether words follow a time of day: "10.31 Roof falls"."""
    *_, last = _CLOCK.finditer(text)
    rest = re.sub(r"\b[A-Z]{2,5}\b", "", text[last.end() :])
    return len(re.findall(r"[^\W\d_]{2,}", rest)) >= MIN_TEXT_WORDS


def _is_head_line(text: str, metadata: Metadata, *, is_live: bool) -> bool:
    """Whether a line only says what the metadata say: the title, the outlet, who wrote it and when.

    The times of a live blog are part of it.
    """
    folded = fold(text)
    known = {fold(value) for value in (metadata.title, metadata.section, *metadata.outlets) if value}
    if folded in known:
        return True
    rest = text
    for name in (metadata.author or "").split(", "):
        rest = re.sub(re.escape(name), "", rest, flags=re.IGNORECASE) if name else rest
    has_author = rest != text
    names = clean_authors(text, metadata.outlets, metadata.language)
    if has_author and len(rest.split()) <= 8 and not re.search(r"[.!?]\s*$", rest.strip()) and '"' not in text:
        return True
    dates = list(find_timestamps(text, language=metadata.language))
    if dates and _DATED_LINE.match(text):
        return not _tells_more_than_days(text)
    if is_live or re.search(r"[.!?]$", text):
        return False
    is_time = bool(dates) or (len(text) <= 60 and bool(_CLOCK.search(text)) and not _tells_what_happened(text))
    return is_time and not names and len(text.split()) <= 12 * max(1, len(dates))


def _find_cause(tree: "HtmlElement") -> str | None:
    """Find out why a page may have no text: it leads to another, only scripts show it, or its readers are to pay."""
    for meta in islice(tree.iter("meta"), MAX_METAS):
        if (meta.get("http-equiv") or "").lower() == "refresh" and (
            match := _REFRESH.search(meta.get("content") or "")
        ):
            return f"it only leads to another page: give that, {describe_address(match[1])}"
    body = tree.find("body")
    if body is not None and any(_SCRIPTED.search(get_text(part)) for part in islice(body.iter("noscript"), 3)):
        shown = body.xpath(".//text()[not(ancestor::script or ancestor::style or ancestor::noscript)]")
        if len(clean(" ".join(islice(shown, MAX_PIECES)))) < MIN_TEXT:
            return "only scripts show what it says: save the page from a browser"
    words = "" if body is None else " ".join(islice(body.itertext(), MAX_PIECES))[:WALL_TEXT]
    return "it is behind a paywall: save the page where you can read it" if _PAYWALL.search(words) else None


def _asks_for_consent(paragraph: str) -> bool:
    """Whether a paragraph speaks to its reader, of two things at least that consent is asked for."""
    return len(set(map(str.lower, _CONSENT.findall(paragraph)))) >= 2 and _ASKING.search(paragraph) is not None


def _check_article(text: str, metadata: Metadata, name: str, heading: str, cause: str | None) -> None:
    """Refuse a page without an article; `cause` is why it may have none. Raises ArticleError."""
    if not text:
        reason = cause or "it is empty, or only scripts show what it says"
        raise ArticleError(f"{name}: no article text in it: {reason}")
    if len(text) > WALL_TEXT:
        return
    paragraphs = text.split("\n\n")
    asking = sum(map(len, filter(_asks_for_consent, paragraphs)))
    if asking * 2 > len(text):
        raise ArticleError(f"{name}: no article text in it: it only asks for consent to cookies; save the page itself")
    headline = f"{metadata.title or ''}\n{paragraphs[0]}"
    is_known = metadata.is_article or metadata.author or metadata.published
    is_error = _STATUS.search(headline[:400]) or _ERROR.search(headline[:400])
    if not is_known and is_error and len(text) < WALL_TEXT // 2:
        raise ArticleError(f"{name}: no article text in it: {cause or 'it is an error page'}")
    if not is_known and len(text) + len(_UNPARTED.findall(text)) < MIN_TEXT and (cause or not _tells_of(text, heading)):
        raise ArticleError(f"{name}: no article text in it{f': {cause}' if cause else ''}")


def _tells_of(text: str, heading: str) -> bool:
    """Whether a text is a sentence on what a headline says: a flash is no more."""
    if not re.search(r"[.!?…。！？؟।][\"'”’»)」』]*\Z", text) or _SPOKEN.search(text):
        return False
    words, named = (set(re.findall(r"\w+", each.casefold())) for each in (text, heading))
    return any(len(word) >= MIN_SUBJECT for word in words & named) or any(
        pair in text for pair in re.findall(rf"(?=({_UNPARTED.pattern}{{2}}))", heading)
    )
