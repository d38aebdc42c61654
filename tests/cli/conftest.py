"""A command line to call, in this process, and what it said."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass

import pytest

from datamem_cli.main import run


@dataclass
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def datamem(capsys, monkeypatch, tmp_path):
    """Call `datamem(*arguments, stdin="")`; the database is `DATAMEM_DB`, in a new directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATAMEM_DB", "test.dm")
    monkeypatch.delenv("DATAMEM_DEBUG", raising=False)

    def call(*arguments: str, stdin: str = "") -> Said:
        stream = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
        monkeypatch.setattr(sys, "stdin", stream)
        capsys.readouterr()
        code = run(list(arguments))
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return call
