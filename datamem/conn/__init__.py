"""One live database: commit, recover, merge, listen."""

from datamem.conn.check import CheckReport, check
from datamem.conn.connect import connect, restore
from datamem.conn.connection import Connection

__all__ = ["CheckReport", "Connection", "check", "connect", "restore"]
