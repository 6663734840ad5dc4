"""Decoding the bytes of a text and giving it its one form."""

import re
import unicodedata

from assistant.errors import ArticleError

WESTERN = "cp1252"
WESTERN_SHARE = 0.05  # of letters and signs beyond ASCII, in a text that is mostly English
WESTERN_SHARE_ALONE = 0.2  # where none of them is what Czech or Turkish look like

# Control characters but newline and tab, and the line separators that str.splitlines knows and editors don't show.
_SOFT_HYPHENS = re.compile(r"\xad(?:\n(?=\w))?")  # where a word may be cut, and where it was
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
# Those of them that hardly any text has.
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_BINARY_BYTES = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
# What cp1252 has beyond ASCII but the marks that all Windows encodings share.
_TELLING = re.compile(r"[^\x00-\x7f\xa0“”‘’–—…•€]")
# Czech, Croatian, Hungarian, Turkish and Lithuanian look like Western European but for these.
_DOUBTFUL = re.compile(r"[ìòõðýþÿÌÒÕÐÝÞŸŠšŽž]")
# What other encodings look like when they are read as cp1252: three letters beyond ASCII in a row (Cyrillic, Greek,
# Chinese), a capital after a small letter (Mac), and a sign in a word or in front of it (Polish, DOS, Japanese).
_UNLIKE_WESTERN = re.compile(
    r"[À-ÖØ-öø-ÿŠšŒœŽžŸ]{3}"
    r"|[a-zß-öø-ÿ][À-ÖØ-ÞŠŒŽŸ]"
    r"|[A-Za-zÀ-ÖØ-öø-ÿ][¡-©¬®-¶¸¹»-¿×÷†‡‰‹›ˆ˜‚„ƒ][a-zß-öø-ÿ]"
    r"|[a-z][‚„ˆ˜ƒ]|[¢¤¥¦§¨©¬¯²³´¶¸¹¼½¾×÷ƒˆ˜][a-zß-öø-ÿ]|[‚„ƒ][^\x00-\x7f]"
)


def decode(data: bytes, name: object) -> str:
    """Decode UTF-8 where it is that, and guess where it isn't; refuse what isn't text."""
    try:
        if data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):  # before UTF-16, whose mark is the first half
            text = data.decode("utf-32")
        else:
            text = data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError:
        # What is guessed of a binary file may be an encoding in which it makes words of some language.
        head = data[:100_000]
        guess = None if len(_BINARY_BYTES.findall(head)) > len(head) // 100 + 1 else _guess_encoding(data[:1_000_000])
        if guess is None:
            raise ArticleError(f"{name}: not text, or in no encoding that could be told: save it as UTF-8") from None
        text = data.decode(guess, errors="replace")
    if len(_BINARY.findall(text[:100_000])) > len(text[:100_000]) // 100 + 1:
        reason = "it holds NUL bytes; save it as UTF-8" if "\0" in text else "give a text or Markdown file"
        raise ArticleError(f"{name}: not text: {reason}")
    return text


def normalise(text: str) -> str:
    """Give text its one form: NFC, line feeds, no control characters but newline and tab, no byte order mark.

    Soft hyphens, which nobody sees within a line, go too.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\x85", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")
    # Last, for a control character may stand between a letter and its accent.
    return unicodedata.normalize("NFC", _SOFT_HYPHENS.sub("", _CONTROLS.sub("", text)))


def _guess_encoding(data: bytes) -> str | None:
    if _is_western(data):
        return WESTERN
    import charset_normalizer  # only for the rare file that needs a guess

    best = charset_normalizer.from_bytes(data).best()
    return best.encoding if best else None


def _is_western(data: bytes) -> bool:
    """Whether this is text in Latin letters with few others; a guess by statistics has too little to go by in those."""
    try:
        text = data.decode(WESTERN)
    except UnicodeDecodeError:
        return False
    if _UNLIKE_WESTERN.search(text):
        return False
    share = WESTERN_SHARE if _DOUBTFUL.search(text) else WESTERN_SHARE_ALONE
    return len(_TELLING.findall(text)) < share * len(text)
