"""The backslash commands of a session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from datamem_cli.options import PRINT_FORMATS, Point
from datamem_cli.repl.scan import split_forms
from datamem_cli.repl.show import answer_lines, row_lines
from datamem_cli.show.printing import counted, edn_of

if TYPE_CHECKING:
    from datamem_cli.repl.session import Session


class Command(NamedTuple):
    """A command: what follows its name, what it does, and how."""

    usage: str
    about: str
    run: Callable[[Session, str], None]


def run_command(session: Session, text: str) -> None:
    """Run an input that starts with a backslash.

    Raises:
        DatamemError: `repl/unknown-command`, `repl/bad-argument`, and what the command meets.
    """
    name, _, argument = text[1:].partition(" ")
    name, newline, rest = name.partition("\n")
    command = COMMANDS.get(name)
    if command is None:
        import difflib

        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean \\{near[0]}?" if near else r"\help lists them all"
        raise _refusal(f"there is no command \\{name}", "repl/unknown-command", hint)
    command.run(session, f"{rest}{newline}{argument}".strip())


def _refusal(message: str, code: str, hint: str) -> Exception:
    from datamem.errors import DatamemError

    return DatamemError(message, code=code, hint=hint)


def _bad_argument(name: str, argument: str) -> Exception:
    usage = f"\\{name} {COMMANDS[name].usage}"
    return _refusal(f"\\{name} cannot take {argument!r}", "repl/bad-argument", f"write {usage}")


def _point(name: str, argument: str) -> Any:
    import click

    try:
        return Point().convert(argument, None, None)
    except click.BadParameter as error:
        raise _refusal(
            error.message, "repl/bad-argument", f"\\{name} {COMMANDS[name].usage}"
        ) from None


def _switch(name: str, argument: str, *, now: bool) -> bool:
    if argument not in {"", "on", "off"}:
        raise _bad_argument(name, argument)
    return not now if argument == "" else argument == "on"


# What the session sees


def _as_of(session: Session, argument: str) -> None:
    session.as_of = None if argument in {"", "now"} else _point("as-of", argument)
    _tell_view(session)


def _since(session: Session, argument: str) -> None:
    session.since = None if argument in {"", "off"} else _point("since", argument)
    _tell_view(session)


def _history(session: Session, argument: str) -> None:
    session.history = _switch("history", argument, now=session.history)
    _tell_view(session)


def _tell_view(session: Session) -> None:
    from datamem.db.time import instant_of_t

    db = session.db
    when = f"{instant_of_t(db, db.t):%Y-%m-%d %H:%M:%S} UTC" if db.t else "the beginning"
    also = [f"since {session.since}"] if session.since is not None else []
    also += ["with history"] if session.history else []
    session.screen.say(", ".join([f"t={db.t} ({when})", *also]))


# What it shows


def _schema(session: Session, argument: str) -> None:
    from datamem_cli.show.attributes import attribute_rows

    records = attribute_rows(session.db.schema, argument)
    header = list(records[0]) if records else ["attribute"]
    rows = [list(record.values()) for record in records]
    session.screen.show(row_lines(header, rows, session.fmt, session.screen.width))


def _entity(session: Session, argument: str) -> None:
    if not argument:
        raise _bad_argument("entity", argument)
    session.look(argument)


def _tree(session: Session, argument: str) -> None:
    from datamem_cli.repl.tree import tree_lines

    parts = split_forms(argument)
    if not 1 <= len(parts) <= 2:
        raise _bad_argument("tree", argument)
    session.screen.show(tree_lines(session.db, parts[0], parts[1] if len(parts) > 1 else None))


def _log(session: Session, argument: str) -> None:
    from datamem_cli.commands.look import entry_records

    if argument and not argument.isdigit():
        raise _bad_argument("log", argument)
    db = session.database.now
    first = max(1, db.basis_t + 1 - int(argument or 10))
    rows = [list(entry.values()) for entry in entry_records(db, session.database.log(first))]
    header = ["t", "instant", "added", "retracted", "about"]
    session.screen.show(row_lines(header, rows, session.fmt, session.screen.width))


def _diff(session: Session, argument: str) -> None:
    parts = argument.split()
    if not 1 <= len(parts) <= 2:
        raise _bad_argument("diff", argument)
    from datamem.db.diff import diff

    now = session.database.now
    points = [now.as_of(_point("diff", part)) for part in parts]
    session.screen.show(
        str(diff(points[0], points[1] if len(points) > 1 else now)).splitlines()
    )


def _explain(session: Session, argument: str) -> None:
    from datamem_cli.repl.inputs import inputs_of

    if not argument:
        raise _bad_argument("explain", argument)
    inputs = inputs_of(argument, session.variables)
    session.screen.say(str(session.db.explain(argument, *inputs, analyze=True)))


def _functions(session: Session, argument: str) -> None:
    from datamem.datalog.functions.registry import function_names

    found = sorted(name for name in function_names() if name.startswith(argument))
    session.screen.show(found)


# What it sets and keeps


def _let(session: Session, argument: str) -> None:
    if not argument:
        for name, value in sorted(session.variables.items()):
            session.screen.say(f"{name} {_shown(name, value)}")
        return
    name, _, text = argument.partition(" ")
    if name[0] not in "?$%" or not text.strip() or name == "$":
        raise _bad_argument("let", argument)
    session.variables[name] = _meant(session, name, text.strip())


def _shown(name: str, value: Any) -> str:
    return str(value) if name[0] in "$%" else edn_of(value)


def _meant(session: Session, name: str, text: str) -> Any:
    """Return what is bound: an answer, rules as text, a source, or a value."""
    from datamem.datalog.parse.parse import parse_rules
    from datamem_cli.inputs import input_value, source_value

    if text.startswith("@"):
        text = Path(text[1:]).read_text(encoding="utf-8")
    if name == "%":
        parse_rules(text)
        return text
    if text.startswith(("[:find", "{:find")):
        return session.ask(text)
    return source_value(session.db, text) if name[0] == "$" else input_value(text)


def _format(session: Session, argument: str) -> None:
    if argument not in PRINT_FORMATS:
        raise _bad_argument("format", argument)
    session.fmt = argument


def _timing(session: Session, argument: str) -> None:
    session.timing = _switch("timing", argument, now=session.timing)
    session.screen.say(f"timing is {'on' if session.timing else 'off'}")


def _confirm(session: Session, argument: str) -> None:
    session.confirm = _switch("confirm", argument, now=session.confirm)
    session.screen.say(
        f"transactions are {'asked about' if session.confirm else 'not asked about'}"
    )


def _save(session: Session, argument: str) -> None:
    if session.answer is None:
        raise _refusal("there is no answer to save yet", "repl/nothing-to-save", "ask first")
    path = Path(argument)
    fmt = {".csv": "csv", ".json": "json", ".edn": "edn", ".txt": "table"}.get(path.suffix)
    if fmt is None:
        raise _bad_argument("save", argument)
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for line in answer_lines(session.answer, fmt, None):
            file.write(line + "\n")
            count += 1
    session.screen.say(f"wrote {counted(count, 'line')} to {path}")


def _edit(session: Session, argument: str) -> None:
    import click

    text = click.edit(argument or session.text, extension=".edn")
    if text is not None and text.strip():
        session.screen.say(text.rstrip())
        session.run(text)


def _watch(session: Session, argument: str) -> None:
    from datamem_cli.repl.watch import watch

    if not argument:
        raise _bad_argument("watch", argument)
    watch(session, argument)


def _read(session: Session, argument: str) -> None:
    if not argument:
        raise _bad_argument("read", argument)
    session.run(Path(argument).read_text(encoding="utf-8"))


def _help(session: Session, argument: str) -> None:
    command = COMMANDS.get(argument.removeprefix("\\"))
    if command is not None:
        session.screen.say(f"\\{argument} {command.usage}\n  {command.about}")
        return
    session.screen.say(_FORMS)
    usages = {f"\\{name} {command.usage}": command.about for name, command in COMMANDS.items()}
    width = max(map(len, usages))
    for usage, about in usages.items():
        session.screen.say(f"  {usage:<{width}}  {about}")


def _quit(session: Session, _: str) -> None:
    session.is_over = True


_FORMS: Final = """\
Type a form; Enter sends it once its brackets are balanced.
  [:find ?name :where [_ :user/name ?name]]   asks
  [{:user/name "Ada"}]                        transacts, after showing what would change
  17   [:user/name "Ada"]   :user/name        looks at an entity
"""

COMMANDS: Final[dict[str, Command]] = {
    "as-of": Command("T | now", "look at the past: a t, a date or an instant", _as_of),
    "since": Command("T | off", "see only what was asserted after a point", _since),
    "history": Command("[on | off]", "see also what no longer holds", _history),
    "diff": Command("T [T]", "what changed between two points, or since one", _diff),
    "log": Command("[N]", "the newest transactions", _log),
    "schema": Command("[PREFIX]", "the attributes", _schema),
    "entity": Command("NAME", "every fact of an entity", _entity),
    "tree": Command("NAME [ATTRIBUTE]", "what hangs below an entity", _tree),
    "functions": Command("[PREFIX]", "what a query may call", _functions),
    "explain": Command("QUERY", "how a query is answered, with rows and times", _explain),
    "let": Command(
        "[?NAME VALUE]", "a value for :in (also % and $NAME; @FILE, an answer)", _let
    ),
    "watch": Command("QUERY", "answer again after every commit, until Ctrl-C", _watch),
    "save": Command("FILE", "the last answer as .csv, .json, .edn or .txt", _save),
    "edit": Command("", "change the last input in your editor, and run it", _edit),
    "read": Command("FILE", "run the forms of a file", _read),
    "format": Command("table | edn | json | csv", "how answers are printed", _format),
    "timing": Command("[on | off]", "tell how long each answer took", _timing),
    "confirm": Command("[on | off]", "show and ask before a transaction", _confirm),
    "help": Command("[COMMAND]", "this", _help),
    "quit": Command("", "leave (also Ctrl-D)", _quit),
}
