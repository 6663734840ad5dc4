"""Where the articles of a shared library came from, as records of a Chroma server: sources, what each held, removals.

An address is anybody's source. A file or folder is a source of the machine that it is on, and of no other, for what is
missing elsewhere isn't gone: so a machine makes up a name for itself, one for each user. What an item held is noted
with the hashes of its articles, and counts as known only while they are as it held them.
"""

import base64
import hashlib
import json
import secrets
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from assistant.chroma_server import MAX_VALUE_BYTES, FoundRecord, Record, Value
from assistant.errors import LibraryError
from assistant.records import place_record
from assistant.sources import Item, KnownSource

SOURCE, ITEM, REMOVAL = "source", "item", "removal"
MACHINE_FILE = "machine"
_WEB = ("http://", "https://")
_VALUES = 28  # of a record's metadata
_CHUNK = MAX_VALUE_BYTES // 4 * 4
MAX_CONTENT_BYTES = 16_000_000  # of what a record unpacks to


@dataclass(frozen=True, slots=True)
class StoredSource:
    """A source, and where and when it was given first: on a machine, or nowhere for an address."""

    key: str
    source: KnownSource
    machine: str
    first_ns: int


@dataclass(frozen=True, slots=True)
class StoredItem:
    """What a source, by its key, held, with the hashes of those articles in their order."""

    key: str
    source_key: str
    item: Item
    hashes: tuple[str, ...]

    def known(self, hashes: Mapping[str, str | None]) -> Item | None:
        """Say what is known of it while its articles have these hashes by their ids, or None, or are there no more.

        None where one of them was removed; only what it held where one was replaced, for then it has to be read again.
        """
        current = [hashes.get(id) for id in self.item.article_ids]
        if not all(current):
            return None
        item = replace(self.item, gone_ids=tuple(id for id in self.item.gone_ids if hashes.get(id)))
        if all(hash and hash.startswith(noted) for hash, noted in zip(current, self.hashes, strict=True)):
            return item
        return Item(item.name, item.article_ids, item.looked_ns, gone_ids=item.gone_ids)


def find_machine(folder: Path) -> str:
    """Read the name that this machine made up for itself; nothing where it has none yet."""
    try:
        return (folder / MACHINE_FILE).read_text(encoding="ascii").strip()[:64]
    except (OSError, ValueError):
        return ""


def name_machine(folder: Path) -> str:
    """Read the name that this machine made up for itself, or make one up. Raises LibraryError."""
    if not find_machine(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Another process may be faster.
            with suppress(FileExistsError), (folder / MACHINE_FILE).open("x", encoding="ascii") as file:
                file.write(secrets.token_hex(16))
        except OSError as error:
            raise LibraryError(
                f"{folder}: can't be written ({error.strerror or error}); set XDG_DATA_HOME to a folder that can"
            ) from error
    return find_machine(folder)


def is_address(name: str) -> bool:
    """Whether a source or an item is a page's or a list's, and so anybody's."""
    return name.startswith(_WEB)


def key_source(name: str, machine: str) -> str:
    """Make the id of a source's record, where it is one of this machine or an address."""
    return f"{_digest(name, machine)}:{SOURCE}"


def key_item(name: str, machine: str) -> str:
    """Make the id of an item's record, where it is one of this machine or an address."""
    return f"{_digest(name, machine)}:{ITEM}"


def key_removal(article_key: str) -> str:
    """Make the id of the record that says that an article was removed by hand, of the article's key."""
    return f"{article_key}:{REMOVAL}"


def to_source_record(source: KnownSource, *, machine: str, first_ns: int) -> Record:
    """Make the record of a source. Raises LibraryError for a name that no record can hold."""
    published = source.published.isoformat() if source.published else None
    packed = _pack([source.name, source.outlet, published, source.allows_private, first_ns])
    if packed is None:
        raise LibraryError(f"{source.name[:200]}: a source of such a length can't be remembered; give a shorter one")
    key = key_source(source.name, machine)
    where = "" if is_address(source.name) else machine
    return Record(key, place_record(key), {"kind": SOURCE, "machine": where, **packed})


def to_item_record(source: KnownSource, item: Item, *, machine: str, hashes: Mapping[str, str | None]) -> Record | None:
    """Make the record of an item whose articles have these hashes; None where it holds too many for one record."""
    fields = asdict(item)
    fields["article_ids"] = [[id, (hashes.get(id) or "")[:16]] for id in item.article_ids]
    packed = _pack(fields)
    if packed is None:
        return None
    key = key_item(item.name, machine)
    return Record(key, place_record(key), {"kind": ITEM, "source": key_source(source.name, machine), **packed})


def to_removal_record(article_key: str) -> Record:
    """Make the record that says that an article was removed by hand."""
    key = key_removal(article_key)
    return Record(key, place_record(key), {"kind": REMOVAL})


def to_stored_source(found: FoundRecord) -> StoredSource:
    """Read the record of a source. Raises ValueError, TypeError or KeyError where it isn't one."""
    name, outlet, published, allows_private, first_ns = _unpack(found, SOURCE)
    time = datetime.fromisoformat(published) if published else None
    source = KnownSource(str(name), outlet, time, bool(allows_private))
    return StoredSource(found.id, source, str(found.metadata["machine"]), int(first_ns))


def to_stored_item(found: FoundRecord) -> StoredItem:
    """Read the record of an item. Raises ValueError, TypeError or KeyError where it isn't one."""
    fields = _unpack(found, ITEM)
    held = fields.pop("article_ids")
    item = Item(**fields | {"article_ids": tuple(str(id) for id, _ in held), "gone_ids": tuple(fields["gone_ids"])})
    return StoredItem(found.id, str(found.metadata["source"]), item, tuple(str(hash) for _, hash in held))


def _pack(content: object) -> dict[str, Value] | None:
    """Pack what can be JSON into values of metadata; None where it is too long."""
    encoded = base64.b64encode(zlib.compress(json.dumps(content).encode())).decode()
    chunks = [encoded[start : start + _CHUNK] for start in range(0, len(encoded), _CHUNK)]
    # How many there are, for an upsert leaves standing those of a longer one before.
    values: dict[str, Value] = {"chunks": len(chunks)}
    values |= {f"v{number}": chunk for number, chunk in enumerate(chunks)}
    return values if len(chunks) <= _VALUES else None


def _unpack(found: FoundRecord, kind: str) -> Any:
    metadata = found.metadata
    if metadata["kind"] != kind:
        raise ValueError("another record")
    encoded = "".join(str(metadata[f"v{number}"]) for number in range(int(metadata["chunks"])))
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(base64.b64decode(encoded, validate=True), MAX_CONTENT_BYTES)
    except zlib.error:
        raise ValueError("packed otherwise") from None
    return json.loads(content)


def _digest(name: str, machine: str) -> str:
    return hashlib.sha256(f"{'' if is_address(name) else machine}\n{name}".encode()).hexdigest()[:32]
