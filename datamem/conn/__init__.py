"""One live database: commit, recover, merge, listen."""

from datamem.conn.connect import connect, restore
from datamem.conn.connection import Connection

__all__ = ["Connection", "connect", "restore"]
