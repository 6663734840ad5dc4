"""Looks at every record of a shared library, says what is wrong with it, and mends what can be made again."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np

from assistant.chroma_server import Collection
from assistant.embedding import Embedder
from assistant.errors import LibraryError
from assistant.preparing import embed_articles
from assistant.records import ARTICLE, LEFTOVER, StoredArticle, to_leftover, to_stored_article
from assistant.rendering import count_noun
from assistant.revision_records import FORMER, read_former
from assistant.schema import PackedPassage, unpack_vectors
from assistant.shared import SharedLibrary
from assistant.source_records import ITEM, SOURCE, to_stored_item, to_stored_source
from assistant.types import Article, Diagnosis, Finding

Progress = Callable[[int, int], None]

LENGTH_TOLERANCE = 1e-3  # how much the length of a passage's vector may differ from 1
PACKED_TOLERANCE = 0.1  # and that of a sentence's, which was rounded to 8 bits
REPAIR = "`assistant doctor --repair` mends it"


def examine_shared(library: SharedLibrary, *, progress: Progress | None = None) -> Diagnosis:
    """Look at all of a shared library; nothing in it is changed. Raises LibraryError where there is none.

    `progress` is told how many of how many articles are done.
    """
    records, passages = _find(library)
    # Subtle: passages are counted before what names them, for a writer names them first; so are earlier versions.
    passage_count = passages.count()
    former = {record.id for record in records.find_all({"kind": FORMER}, include=())}
    findings: list[Finding] = []
    known = waiting = 0
    stored: list[StoredArticle] = []
    for record in records.find_all({"kind": ARTICLE}):
        try:
            stored.append(to_stored_article(record))
        except (ValueError, TypeError, KeyError):
            what = "it can't be read"
            remedy = "index the articles again that are missing from `assistant index --list`"
            findings.append(Finding("article", f"record {record.id}", what, remedy, is_repairable=False))
    current = {each.current for each in stored}
    for leftover in library.read(to_leftover, records.find_all({"kind": LEFTOVER})):
        # Of a revision that is current it is another note, with what it took the place of.
        noted = {each._replace(former_count=0) for each in leftover.revisions}
        waiting += sum(each.passage_count for each in noted - current)
        former -= {id for each in leftover.revisions for id in each.former_ids}
    for done, each in enumerate(stored, start=1):
        known += each.passage_count
        former -= {id for revision in each.former_revisions for id in revision.former_ids}
        finding = _examine_article(library, each, passages.dimension) or _examine_former(each, records)
        findings += [finding] if finding else []
        if progress:
            progress(done, len(stored))
    if passage_count > known + waiting:
        count = passage_count - known - waiting
        findings.append(
            Finding("rows", library.place, f"{count:,} passages belong to no article", REPAIR, is_repairable=True)
        )
    if former:
        what = f"earlier versions of no article are left over in {count_noun(len(former), 'record')}"
        findings.append(Finding("rows", library.place, what, REPAIR, is_repairable=True))
    if unreadable := _find_unreadable(records):
        what = f"what is remembered of sources can't be read in {count_noun(len(unreadable), 'record')}"
        remedy = f"{REPAIR} by deleting them: give the sources again"
        findings.append(Finding("rows", library.place, what, remedy, is_repairable=True))
    if waiting:
        what = f"up to {waiting:,} passages of revisions that aren't current wait to be deleted"
        remedy = f"{REPAIR}, and so does the next `assistant index`, some minutes after they were replaced"
        findings.append(Finding("rows", library.place, what, remedy, is_repairable=True, is_unfinished=True))
    return Diagnosis(len(stored), known, tuple(findings))


def repair_shared(library: SharedLibrary, *, embedder: Embedder, progress: Progress | None = None) -> Diagnosis:
    """Examine a shared library, mend what can be mended, and examine it again; `mended` says what was.

    Only articles whose vectors are damaged are embedded.
    """
    before = examine_shared(library, progress=progress)
    with library.writing():
        library.sweep()
        if any(finding.kind == "rows" and not finding.is_unfinished for finding in before.findings):
            _delete_strays(library)
        damaged = [finding.article_id for finding in before.findings if finding.kind == "passages"]
        for id in damaged:
            with library.snapshot() as snapshot:
                article = snapshot.article(id) if id is not None else None
            if article is not None:
                library.add(embed_articles([article], embedder))
        library.publish()
    after = examine_shared(library, progress=progress)
    left = {(finding.kind, finding.article_id) for finding in after.findings}
    mended = (finding for finding in before.findings if (finding.kind, finding.article_id) not in left)
    return replace(after, mended=tuple(mended))


def _find(library: SharedLibrary) -> tuple[Collection, Collection]:
    found = library.find_collections()
    if found is None:
        raise LibraryError(f"{library.place}: no library there; add articles with `assistant index SOURCE`")
    return found


def _examine_article(library: SharedLibrary, stored: StoredArticle, dimension: int | None) -> Finding | None:
    try:
        with library.snapshot() as snapshot:
            article, packed = snapshot.read_article(stored, with_vectors=True)
    except LibraryError:
        with library.snapshot() as snapshot:
            if snapshot.hash(stored.id) not in (None, stored.hash):
                return None  # it has just been replaced
        what = "its passages don't make up what was stored"
        return Finding(
            "article",
            f"article {stored.id}",
            what,
            "index its source again",
            is_repairable=False,
            article_id=stored.id,
        )
    problem = _check_passages(article, packed, dimension)
    if problem is None:
        return None
    return Finding("passages", f"article {stored.id}", problem, REPAIR, is_repairable=True, article_id=stored.id)


def _examine_former(stored: StoredArticle, records: Collection) -> Finding | None:
    try:
        read_former(stored, records)
    except (ValueError, TypeError, KeyError):
        what = "an earlier version of it isn't what was stored"
        remedy = "remove it, and index its source again"
        name = f"article {stored.id}"
        return Finding("article", name, what, remedy, is_repairable=False, article_id=stored.id)
    return None


def _find_unreadable(records: Collection) -> list[str]:
    """List the ids of records of sources, and of what they held, that can't be read."""
    unreadable = []
    for kind, parse in ((SOURCE, to_stored_source), (ITEM, to_stored_item)):
        for record in records.find_all({"kind": kind}):
            try:
                parse(record)
            except (ValueError, TypeError, KeyError):
                unreadable.append(record.id)
    return unreadable


def _check_passages(article: Article, packed: list[PackedPassage], dimension: int | None) -> str | None:
    """Say what is wrong with what was made from the text of an article, in a few words."""
    edges = [(each.passage.start, each.passage.end) for each in packed]
    if not edges:
        return "it has no passages" if article.text.strip() else None
    if edges[0][0] or edges[-1][1] != len(article.text) or any(one[1] != other[0] for one, other in pairwise(edges)):
        return "its passages don't tile it"
    for each in packed:
        spans = [edge for span in each.passage.sentences for edge in span]
        if spans != sorted(spans) or (spans and not each.passage.start <= spans[0] <= spans[-1] <= each.passage.end):
            return "its sentences aren't in their passages"
        vector = np.frombuffer(each.vector, "<f4").astype(np.float64)
        if len(vector) != dimension or not abs(np.linalg.norm(vector) - 1) <= LENGTH_TOLERANCE:
            return "a passage's vector is damaged"
        if len(each.sentence_vectors) != len(each.passage.sentences) * len(vector):
            return "its sentences have other vectors"
        if each.passage.sentences:
            (rows,) = unpack_vectors([(each.scales, each.sentence_vectors)])
            lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
            if not (np.abs(lengths - 1) <= PACKED_TOLERANCE).all():
                return "a sentence's vector is damaged"
    return None


def _delete_strays(library: SharedLibrary) -> None:
    """Delete passages and earlier versions that nothing names, neither an article nor what waits to be swept."""
    records, passages = _find(library)
    found = [record.id for record in passages.find_all(None, include=())]
    former = [record.id for record in records.find_all({"kind": FORMER}, include=())]
    named: set[str] = set()
    for stored in library.read(to_stored_article, records.find_all({"kind": ARTICLE})):
        named.update(stored.passage_ids, *(each.former_ids for each in stored.former_revisions))
    for leftover in library.read(to_leftover, records.find_all({"kind": LEFTOVER})):
        named.update(id for each in leftover.revisions for id in (*each.passage_ids, *each.former_ids))
    passages.delete([id for id in found if id not in named])
    records.delete([*(id for id in former if id not in named), *_find_unreadable(records)])
