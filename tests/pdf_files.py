"""PDF files as their bytes, for tests: each run of text stands where the test puts it."""

import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

LEADING = 14.0


class Run(NamedTuple):
    """A run of text in Helvetica, from where its base line begins, in points from the lower left."""

    x: float
    y: float
    text: str
    size: float = 11


def write_lines(lines: str, *, x: float = 72, y: float = 700, size: float = 11, leading: float = LEADING) -> list[Run]:
    """Set lines below each other; an empty line leaves half a line free."""
    runs = []
    for line in lines.strip("\n").split("\n"):
        if line.strip():
            runs.append(Run(x + size * (len(line) - len(line.lstrip())) / 2, y, line.strip(), size))
            y -= leading
        else:
            y -= leading / 2
    return runs


def write_pdf(
    pages: Sequence[Sequence[Run]], *, information: Mapping[str, str] | None = None, xmp: str = "", rotation: int = 0
) -> bytes:
    """Write a PDF of pages of A4."""
    contents = []
    for page in pages:
        operations = []
        for run in page:
            text = run.text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
            operations.append(b"BT /F1 %g Tf 1 0 0 1 %g %g Tm (%s) Tj ET" % (run.size, run.x, run.y, text))
        contents.append(b"\n".join(operations))
    return write_streams(contents, information=information, xmp=xmp, rotation=rotation)


def write_streams(
    contents: Sequence[bytes],
    *,
    information: Mapping[str, str] | None = None,
    xmp: str = "",
    rotation: int = 0,
    resources: bytes = b"/Font << /F1 3 0 R >>",
    objects: Sequence[bytes] = (),
) -> bytes:
    """Write a PDF whose pages are drawn by these content streams; `objects` are numbered from 7."""
    metadata = write_stream(xmp.encode(), b"/Type /Metadata /Subtype /XML") if xmp else b"<< >>"
    fields = b" ".join(b"/%s (%s)" % (key.encode(), value.encode()) for key, value in (information or {}).items())
    first = 7 + len(objects)
    kids = b" ".join(b"%d 0 R" % (first + 2 * number) for number in range(len(contents)))
    body = [
        b"<< /Type /Catalog /Pages 2 0 R%s >>" % (b" /Metadata 4 0 R" if xmp else b""),
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(contents)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        metadata,
        b"<< %s >>" % fields,
        b"<< >>",
        *objects,
    ]
    for number, content in enumerate(contents):
        body.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Rotate %d /Resources << %s >> /Contents %d 0 R >>"
            % (rotation, resources, first + 2 * number + 1)
        )
        body.append(write_stream(content))
    return _assemble(body)


def write_stream(content: bytes, entries: bytes = b"") -> bytes:
    """Write a stream object, compressed."""
    data = zlib.compress(content, 9)
    return b"<< /Length %d /Filter /FlateDecode %s >>\nstream\n%s\nendstream" % (len(data), entries, data)


def write_scan(count: int) -> bytes:
    """Write a PDF whose pages are pictures."""
    picture = write_stream(
        bytes(64), b"/Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray /BitsPerComponent 8"
    )
    draw = b"q 595 0 0 842 0 0 cm /Im1 Do Q"
    return write_streams([draw] * count, resources=b"/XObject << /Im1 7 0 R >>", objects=[picture])


def _assemble(objects: Sequence[bytes]) -> bytes:
    file = bytearray(b"%PDF-1.7\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    file += b"".join(b"%010d 00000 n \n" % place for place in places)
    file += b"trailer\n<< /Size %d /Root 1 0 R /Info 5 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(file)
