"""Remembers which sources this user gave, outside of every index, for an index may come from somebody else.

An index names the files and addresses to look at again, and who made it chose them: a file of ours that he would like
to be read, a server that only we reach. So they are looked at only where this user gave them, on this machine and with
what they may reach. What is kept are hashes, one a line: nobody reads in them what was forgotten since.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from assistant.sources import KnownSource

OWN_SOURCES_FILE = "own-sources"


class OwnSources:
    """The sources that were given by this user, in all indexes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / OWN_SOURCES_FILE

    def holds(self, source: KnownSource) -> bool:
        """Whether the user gave a source, and let it reach as much."""
        return _digest(source) in self._digests

    def note(self, sources: Iterable[KnownSource]) -> None:
        """Remember sources; where the folder can't be written to they are somebody else's another time."""
        new = set(map(_digest, sources)) - self._digests
        if not new:
            return
        self._digests.update(new)
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # One write at the end of the file, so that two processes don't disturb each other.
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, "".join(f"{digest}\n" for digest in sorted(new)).encode())
            finally:
                os.close(file)

    @cached_property
    def _digests(self) -> set[str]:
        try:
            return set(self._path.read_text(encoding="ascii", errors="replace").split())
        except OSError:
            return set()


def _digest(source: KnownSource) -> str:
    return hashlib.sha256(json.dumps([source.name, source.allows_private]).encode()).hexdigest()
