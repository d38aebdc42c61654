"""Importers: conversations and entities from files, once each however often they are imported.

`read_locomo`, `read_chats`, `read_entities` turn a file into batches, which are pure data;
`import_batches` brings the batches into a database, one transaction each, and skips what is there.
`import_file` does both, guessing the format.
"""

from __future__ import annotations

from datamem.importers.batch import Batch, ImportReport
from datamem.importers.chat import read_chats
from datamem.importers.export import export_entities
from datamem.importers.files import FORMATS, guess_format, import_file
from datamem.importers.load import import_batches
from datamem.importers.locomo import read_locomo
from datamem.importers.shipped import agent_schema_text, ensure_attributes, sample_path

__all__ = [
    "FORMATS",
    "Batch",
    "ImportReport",
    "agent_schema_text",
    "ensure_attributes",
    "export_entities",
    "guess_format",
    "import_batches",
    "import_file",
    "read_chats",
    "read_locomo",
    "sample_path",
]
