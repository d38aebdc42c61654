"""`Memory`: an agent's memory in one database, for programs that need no Datalog."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamem.errors import StorageError
from datamem.memory.collections.access import AccessLog
from datamem.memory.collections.audit import Audit, audit
from datamem.memory.collections.blocks import Blocks
from datamem.memory.collections.executions import Executions
from datamem.memory.collections.files import Files
from datamem.memory.collections.graph import Graph
from datamem.memory.collections.messages import Messages, Turn
from datamem.memory.collections.people import Agents, Organizations, Projects, Users
from datamem.memory.collections.sessions import Sessions
from datamem.memory.collections.sources import QueryPatterns, Sources
from datamem.memory.collections.states import States
from datamem.memory.collections.tasks import Tasks
from datamem.memory.collections.tools import Tools
from datamem.memory.memories.memories import Memories
from datamem.memory.recalling import Recalls
from datamem.memory.records.context import Context
from datamem.memory.records.normal import keep_normal
from datamem.memory.records.predicates import register_predicates
from datamem.memory.records.record import Record
from datamem.memory.records.scoping import narrowed
from datamem.memory.retention.archive import Archive
from datamem.memory.retention.policies import Retention
from datamem.memory.scope.scope import Scope
from datamem.memory.scope.view import ValidAt
from datamem.schema.agent import missing_definitions

if TYPE_CHECKING:
    from datamem.conn import Connection
    from datamem.db import Db


class Memory(Memories, Recalls):
    """An agent's memory: one connection, seen within a scope.

    Anything that names an entity may be a record, its UUID, the name it was made or imported under, or its
    entity id. What is forgotten, has expired, or is no longer true is not shown unless asked for.

    Attributes:
        conn: the connection, for transactions and queries of your own.
        organizations, users, agents, projects: whose memory it is.
        sessions, messages, executions: conversations, and the runs of agents in them.
        blocks, tools, states: what an agent has at hand.
        tasks: work in the background.
        files, sources, query_patterns: what it works with.
        graph: entities that memories mention, and their relations.
        access_log: who asked for what.
        retention: what is purged, archived and evicted, and when.

    Example:
        >>> from datamem import connect
        >>> from datamem.memory import Memory
        >>> mem = Memory(connect())
        >>> tea = mem.add("Ada takes her tea black", tags=["tea"])
        >>> mem.revise(tea, "Ada takes milk in her tea", why="she said so").content
        'Ada takes milk in her tea'
        >>> mem.forget(tea)
        >>> mem.list()
        []
    """

    def __init__(
        self, conn: Connection, *, organization: Any = None, embedder: Any = None
    ) -> None:
        """Take the memory in a database, bringing it the agent schema where it lacks it.

        Args:
            conn: the database.
            organization: the tenant to read and write for, made if there is none of this name; None:
                everything in the database.
            embedder: from n texts to float32[n, d], with a `name`; None embeds nothing.

        Raises:
            TypeError: for what is no connection.
        """
        if not hasattr(conn, "transact"):
            message = f"a Memory is of a connection: Memory(datamem.connect({conn!r}))"
            raise TypeError(message)
        prepare(conn)
        context = Context(conn, Scope(), embedder)
        if organization is not None:
            context = narrowed(context, organization=organization, make=True)
        self._take(context)

    def _take(self, context: Context) -> None:
        self.conn = context.conn
        self.ctx = context
        self.organizations = Organizations(context)
        self.users = Users(context)
        self.agents = Agents(context)
        self.projects = Projects(context)
        self.sessions = Sessions(context)
        self.messages = Messages(context)
        self.executions = Executions(context)
        self.blocks = Blocks(context)
        self.tools = Tools(context)
        self.tasks = Tasks(context)
        self.files = Files(context)
        self.graph = Graph(context)
        self.sources = Sources(context)
        self.query_patterns = QueryPatterns(context)
        self.states = States(context)
        self.access_log = AccessLog(context)
        self.retention = Retention(context)

    def scope(
        self,
        *,
        organization: Any = None,
        app: str | None = None,
        user: Any = None,
        agent: Any = None,
        session: Any = None,
    ) -> Memory:
        """Return the same memory for one tenant, application, user, agent or session.

        It reads and writes only what belongs to them, and what it adds belongs to them. Its `db` is an
        ordinary database value, for queries that see nothing else.

        Raises:
            DatamemError: `memory/unknown` for an owner outside this scope, `scope/wider` for another
                owner than the scope has.
        """
        context = narrowed(
            self.ctx,
            organization=organization,
            app=app,
            user=user,
            agent=agent,
            session=session,
        )
        memory = type(self).__new__(type(self))
        memory._take(context)  # noqa: SLF001 - of this class
        return memory

    @property
    def db(self) -> Db:
        """What is remembered now, within the scope: a database value for any query."""
        return self.view()

    def view(
        self,
        *,
        as_of: int | datetime | None = None,
        valid_at: ValidAt = None,
        include_forgotten: bool = False,
    ) -> Db:
        """Return what is remembered as a database value, now or at another time.

        Args:
            as_of: what the database knew then: a t, a transaction or an instant.
            valid_at: what was true then, as far as is known: an instant; "ever" for facts that have ended
                too. None leaves out what had ended at the view's own instant.
            include_forgotten: with what is forgotten, deleted, archived or expired.
        """
        return self.ctx.view(
            as_of=as_of, valid_at=valid_at, include_forgotten=include_forgotten
        )

    def add_message(
        self, session: Any, role: str, content: str | None = None, **options: Any
    ) -> Record:
        """Add a turn at the end of a session; see `Messages.add`."""
        return self.messages.add(session, role, content, **options)

    def add_messages(self, session: Any, turns: Iterable[Turn]) -> builtins.list[Record]:
        """Add turns at the end of a session in one transaction; see `Messages.add_many`."""
        return self.messages.add_many(session, turns)

    def archive(self, refs: Any, path: str | Path, *, why: str | None = None) -> int:
        """Move memories to the database in a directory; return how many.

        What is archived is not shown any more. `datamem.q(query, mem.db, archive.db)` asks both databases.

        Args:
            refs: a memory, or several.
            path: of the archive, which is made if there is none.
        """
        several = refs if isinstance(refs, list | tuple | set) else [refs]
        with Archive.at(self.ctx, path) as archive:
            return archive.put(several, why=why)

    def unarchive(self, refs: Any, path: str | Path, *, why: str | None = None) -> int:
        """Bring memories back from the database in a directory; return how many."""
        several = refs if isinstance(refs, list | tuple | set) else [refs]
        with Archive.at(self.ctx, path) as archive:
            return archive.take(several, why=why)

    def audit(self, record: Any, kind: str = "memory") -> Audit:
        """Return when an entity was made and last changed, and by whom.

        Args:
            record: a record of any kind, or what names an entity of `kind`.
        """
        return audit(self.ctx, getattr(record, "kind", kind), record)


def prepare(conn: Connection) -> None:
    """Make a connection keep the agent schema's rules, and declare what its database lacks of it."""
    register_predicates(conn)
    keep_normal(conn)
    missing = missing_definitions(conn.db.schema)
    if not missing:
        return
    try:
        conn.transact(missing)
    except StorageError as error:
        if error.code != "storage/read-only":
            raise
