"""What a page says of its article: title, author, outlet, times, address, section and language, each with its place."""

from assistant.metadata.declared import tidy_url
from assistant.metadata.elements import clean, fold, get_label, get_text, is_prose
from assistant.metadata.fields import Metadata, read_metadata
from assistant.metadata.shown import clean_authors, read_signature

__all__ = [
    "Metadata",
    "clean",
    "clean_authors",
    "fold",
    "get_label",
    "get_text",
    "is_prose",
    "read_metadata",
    "read_signature",
    "tidy_url",
]
