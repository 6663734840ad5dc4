"""Reading files and folders into articles: decoding, normalising once, and the small header of a Markdown file."""

import os
import re
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

from assistant.errors import ArticleError
from assistant.types import Article, Document

MAX_FILE_BYTES = 10_000_000  # a long book is 2 MB; what is larger is a dump or a mistake
SUFFIXES = (".md", ".markdown", ".txt", ".text")
HEADER_FIELDS = ("title", "outlet", "author", "published", "url")
MAX_TITLE_CHARACTERS = 300
MAX_TITLE_LINE_CHARACTERS = 150  # a longer first line is a paragraph

WESTERN = "cp1252"
WESTERN_SHARE = 0.05  # of letters and signs beyond ASCII, in a text that is mostly English
WESTERN_SHARE_ALONE = 0.2  # where none of them is what Czech or Turkish look like

# Its first line has a key: a text may begin with a line of dashes that is only a line.
_HEADER = re.compile(r"\A---[ \t]*\n(?=[\w -]+:|---)(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#[ \t]+(\S.*)$", re.MULTILINE)
# Control characters but newline and tab, and the line separators that str.splitlines knows and editors don't show.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
# Those of them that hardly any text has.
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
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


def list_files(source: str | Path) -> list[Path | ArticleError]:
    """List the article files of a source: a file is its own, a folder has those below it, in the order of their names.

    Hidden files and links that lead out of the folder are left out. An error for each folder that can't be read stands
    after the files. Raises ArticleError where there is neither.
    """
    if not str(source):
        raise ArticleError("no source given: give a file or a folder")
    source = Path(source)
    try:
        if not source.is_dir():
            return [source]
        root = source.resolve()
    except OSError as error:
        raise _translate(error, source) from None
    paths: list[Path] = []
    errors: list[OSError] = []
    for folder, folders, names in os.walk(source, onerror=errors.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(folder, name) for name in names if not name.startswith(".")):
            try:
                if path.suffix.lower() in SUFFIXES and path.is_file() and path.resolve().is_relative_to(root):
                    paths.append(path)
            except OSError as error:
                errors.append(error)
    if not paths and not errors:
        raise ArticleError(f"{source}: no articles in this folder: it holds no {', '.join(SUFFIXES)} file")
    return [*sorted(paths), *sorted((_translate(error, error.filename or source) for error in errors), key=str)]


def read_article(path: Path) -> Article:
    """Read one text or Markdown file; its id is the URL in its header, or else the file's own.

    Raises ArticleError for a file that is missing, empty, too large, not text, or whose header is wrong.
    """
    (article,) = read_document(load_document(path))
    return article


def load_document(path: Path) -> Document:
    """Load a file. Raises ArticleError for one that is missing, empty, too large or no file."""
    return Document(str(path), _read_bytes(path), url=path.resolve().as_uri())


def read_document(document: Document) -> tuple[Article, ...]:
    """Read the articles of a document; the id of one is the URL in its header, or else the document's address.

    Raises ArticleError, which names the document, where it is empty, not text, or its header is wrong.
    """
    path = Path(document.name)
    text = normalise(_decode(document.data, path))
    header, body = _split_header(text)
    body = body.strip("\n")
    if not body.strip():
        raise ArticleError(f"{path}: empty: there is no text in it")
    title = header.get("title") or _find_title(body) or _name_file(path)
    article = Article(
        id=header.get("url") or document.url or path.resolve().as_uri(),
        title=title if len(title) <= MAX_TITLE_CHARACTERS else title[: MAX_TITLE_CHARACTERS - 1].rstrip() + "…",
        text=body,
        outlet=header.get("outlet"),
        author=header.get("author"),
        published=parse_time(header["published"], path) if "published" in header else None,
        url=header.get("url"),
    )
    return (article,)


def normalise(text: str) -> str:
    """Give text its one form: NFC, line feeds, no control characters but newline and tab, no byte order mark."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\x85", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")
    # Last, for a control character may stand between a letter and its accent.
    return unicodedata.normalize("NFC", _CONTROLS.sub("", text))


def parse_time(value: str, source: object) -> datetime:
    """Parse a date or time in ISO 8601; without a time zone it is taken as UTC. Raises ArticleError."""
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise ArticleError(
            f"{source}: published: {value!r} is not a date; write it as 2025-03-15 or 2025-03-15T09:30:00+00:00"
        ) from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _translate(error: OSError, path: object) -> ArticleError:
    return ArticleError(f"{path}: can't be read: {error.strerror or error}")


def _read_bytes(path: Path) -> bytes:
    try:
        if not path.exists():
            raise ArticleError(f"{path}: no such file or folder")
        if not path.is_file():
            raise ArticleError(f"{path}: not a file or a folder")
        with path.open("rb") as file:
            # Read one byte past the limit rather than trust the size: some files don't know theirs.
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _translate(error, path) from None
    if len(data) > MAX_FILE_BYTES:
        raise ArticleError(f"{path}: too large: an article may have at most {MAX_FILE_BYTES // 1_000_000} MB; split it")
    if not data.strip():
        raise ArticleError(f"{path}: empty: there is no text in it")
    return data


def _decode(data: bytes, path: Path) -> str:
    """Decode UTF-8 where it is that, and guess where it isn't; refuse what isn't text."""
    try:
        if data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):  # before UTF-16, whose mark is the first half
            text = data.decode("utf-32")
        else:
            text = data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError:
        guess = _guess_encoding(data[:1_000_000])
        if guess is None:
            raise ArticleError(f"{path}: not text, or in no encoding that could be told: save it as UTF-8") from None
        text = data.decode(guess, errors="replace")
    if len(_BINARY.findall(text[:100_000])) > len(text[:100_000]) // 100 + 1:
        reason = "it holds NUL bytes; save it as UTF-8" if "\0" in text else "give a text or Markdown file"
        raise ArticleError(f"{path}: not text: {reason}")
    return text


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


def _split_header(text: str) -> tuple[dict[str, str], str]:
    """Split off the `key: value` lines between two --- lines at the top; fields that we don't know are left out."""
    match = _HEADER.match(text)
    if match is None:
        return {}, text
    header = {}
    for line in match.group(1).splitlines():
        key, colon, value = line.partition(":")
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        if colon and key.strip().lower() in HEADER_FIELDS and value:
            header[key.strip().lower()] = value
    return header, text[match.end() :]


def _find_title(body: str) -> str | None:
    """Take the first heading for the title, or a first line of its own that is no sentence."""
    heading = _HEADING.search(body)
    if heading:
        return heading.group(1).rstrip(" \t#") or None
    line, _, rest = body.partition("\n")
    is_title = len(line) <= MAX_TITLE_LINE_CHARACTERS and line[-1:] not in ".:,;" and rest.startswith("\n")
    return line.strip() if is_title else None


def _name_file(path: Path) -> str:
    """Say a file's name as a title, with a mark for each byte of it that is no text."""
    name = path.stem.encode("utf-8", "replace").decode()
    return normalise(name).replace("-", " ").replace("_", " ").strip() or "Untitled"
