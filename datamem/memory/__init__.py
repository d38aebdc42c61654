"""An agent's memory: people, sessions, messages and memories, written and read without Datalog.

from datamem import connect
from datamem.memory import Memory

mem = Memory(connect("agent.dm"))
mem.add("Ada takes her tea black", user="ada", tags=["tea"])
"""

from datamem.memory.memory import Memory
from datamem.memory.records.record import Record
from datamem.memory.reflection.passages import Extraction, Passage

__all__ = ["Extraction", "Memory", "Passage", "Record"]
