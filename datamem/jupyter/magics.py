"""The magics of a notebook: %datamem, %%datalog and %%transact."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from datamem.errors import DatamemError


def point_of(text: str) -> int | datetime:
    """Return a point in time: a t, or a date or instant, in UTC unless it says otherwise.

    Raises:
        UsageError: for anything else.

    Example:
        >>> point_of("17"), point_of("2024-03-20")
        (17, datetime.datetime(2024, 3, 20, 0, 0, tzinfo=datetime.timezone.utc))
    """
    if text.isdigit():
        return int(text)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is no point in time; write a t (42), a date or an instant"
        raise UsageError(message) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


@magics_class
class DatamemMagics(Magics):  # type: ignore[misc]  # IPython has no types
    """What `%load_ext datamem` adds.

    A connection is a variable of the notebook, `conn` unless `--db` names another; the variables of `:in`
    are variables of the notebook too: `?name` is `name`, and `%` is `rules`.
    """

    @magic_arguments()
    @argument("path", nargs="?", default=":memory:", help="a directory, or nothing for memory")
    @argument("--schema", help="an EDN file, or `agent` for the schema of agents' memory")
    @argument("--as", dest="name", default="conn", help="the variable to put the connection in")
    @argument("--read-only", action="store_true", help="beside the process that writes")
    @line_magic
    def datamem(self, line: str) -> Any:
        """Open a database and put the connection in a variable."""
        import datamem
        from datamem.importers import agent_schema_text

        args = parse_argstring(self.datamem, line)
        schema = agent_schema_text() if args.schema == "agent" else args.schema
        conn = _told(lambda: datamem.connect(args.path, schema, read_only=args.read_only))
        self.shell.user_ns[args.name] = conn
        return conn

    @magic_arguments()
    @argument("-o", "--out", help="put the answer in this variable instead of showing it")
    @argument(
        "--db", default="conn", help="a connection or a database value; `conn` if left out"
    )
    @argument("--as-of", help="as of a t, a date or an instant")
    @argument("--pandas", action="store_true", help="as a DataFrame")
    @argument("--explain", action="store_true", help="show how it is answered")
    @cell_magic
    def datalog(self, line: str, cell: str) -> Any:
        """Answer a query."""
        args = parse_argstring(self.datalog, line)
        db = self._database(args.db)
        if args.as_of is not None:
            db = db.as_of(point_of(args.as_of))
        inputs = _told(lambda: self._inputs(cell))
        if args.explain:
            from datamem.jupyter.plans import plan

            return _told(lambda: plan(db, cell, *inputs))
        answer = _told(lambda: db.q(cell, *inputs))
        if args.pandas:
            answer = answer.to_pandas()
        if args.out is None:
            return answer
        self.shell.user_ns[args.out] = answer
        return None

    @magic_arguments()
    @argument("-o", "--out", help="put the report in this variable instead of showing it")
    @argument("--db", default="conn", help="a connection; `conn` if left out")
    @argument("--dry-run", action="store_true", help="only show what it would change")
    @cell_magic
    def transact(self, line: str, cell: str) -> Any:
        """Commit a transaction."""
        args = parse_argstring(self.transact, line)
        conn = self._variable(args.db)
        report = _told(lambda: conn.db.with_tx(cell) if args.dry_run else conn.transact(cell))
        if args.out is None:
            return report
        self.shell.user_ns[args.out] = report
        return None

    def _variable(self, name: str) -> Any:
        try:
            return self.shell.user_ns[name]
        except KeyError:
            message = f"the notebook has no variable {name}; open a database with %datamem PATH"
            raise UsageError(message) from None

    def _database(self, name: str) -> Any:
        value = self._variable(name)
        return getattr(value, "db", value)

    def _inputs(self, query: str) -> list[Any]:
        """Return the values of `:in` after the database, from the notebook's variables."""
        from datamem.datalog.parse.parse import parse_query
        from datamem.datalog.syntax import BindIgnore, RulesInput, SourceName, binding_variables

        values: list[Any] = []
        for item in parse_query(query).inputs:
            if isinstance(item, SourceName):
                if item.name != "$":
                    values.append(self._database(item.name.lstrip("$")))
            elif isinstance(item, RulesInput):
                values.append(self._variable("rules"))
            elif isinstance(item, BindIgnore):
                values.append(None)
            else:
                first = next(binding_variables(item))
                values.append(self._variable(first.name.lstrip("?").replace("-", "_")))
        return values


def _told(work: Any) -> Any:
    """Return what `work()` returns; a refusal is shown as its sentence, without a traceback.

    Raises:
        UsageError: for a DatamemError.
    """
    try:
        return work()
    except DatamemError as error:
        raise UsageError(str(error)) from error
