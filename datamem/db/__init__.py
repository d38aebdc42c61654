"""The database value: an immutable view of all datoms up to a transaction."""

from datamem.db.database import Db
from datamem.db.datom import Datom
from datamem.db.report import TxReport

__all__ = ["Datom", "Db", "TxReport"]
