"""Commands of the time machine: replay a run, compare runs or instants, fork a database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from datamem_cli.options import Point, as_of_option, db_option, format_option


@click.command()
@click.option(
    "--db", "path", envvar="DATAMEM_DB", metavar="PATH", help="Directory of the database."
)
@format_option
@click.option(
    "--agent",
    metavar="MODULE:FUNCTION",
    help="Run this code again with the recorded results; `chat` makes the calls of a conversation.",
)
@click.option(
    "--check", is_flag=True, help="Exit with 1 unless the code does what was recorded."
)
@click.option("--fall-through", is_flag=True, help="After a divergence go on with real calls.")
@click.option(
    "--save", metavar="FILE", help="Keep the recording in a file, as a regression test."
)
@click.option("--svg", metavar="FILE", help="Draw the run, or record and replay side by side.")
@click.argument("run")
def replay(
    path: str | None,
    fmt: str,
    agent: str | None,
    check: bool,
    fall_through: bool,
    save: str | None,
    svg: str | None,
    run: str,
) -> None:
    r"""Step through a run, or run its code again from its record.

    RUN is the id of a run, or a file that --save wrote.

    \b
    Examples:
      datamem replay --db agent.dm run-1
      datamem replay --db agent.dm run-1 --agent myagent:main --check
      datamem replay --db agent.dm run-1 --save tests/run-1.json
      datamem replay tests/run-1.json --agent myagent:main --check
    """
    from datamem_cli.opening import open_reading

    place = Path(run)
    if place.suffix == ".json" and place.is_file():
        from datamem.runs import load_recording

        _replay(load_recording(place), fmt, agent, svg, check=check, fall_through=fall_through)
        return
    if path is None:
        raise click.UsageError("--db names the database of the run (or set DATAMEM_DB)")
    from datamem.runs import get_run, save_recording

    with open_reading(path) as conn:
        found = get_run(conn, run)
        if save is not None:
            click.echo(f"saved {save_recording(found, save)}")
            return
        _replay(found, fmt, agent, svg, check=check, fall_through=fall_through)


def _replay(
    run: Any, fmt: str, agent: str | None, svg: str | None, *, check: bool, fall_through: bool
) -> None:
    from datamem.runs import replay as replay_run
    from datamem.runs.replayer.journal import Mode

    if agent is None:
        if check:
            raise click.UsageError("--check needs the code: --agent MODULE:FUNCTION")
        _show_steps(run, fmt, svg)
        return
    mode: Mode = "fall-through" if fall_through else "strict"
    with replay_run(run, _agent(agent), mode=mode) as found:
        if svg is not None:
            Path(svg).write_text(found._repr_svg_(), encoding="utf-8")
        if check:
            found.require_same()
        click.echo(str(found))


def _show_steps(run: Any, fmt: str, svg: str | None) -> None:
    from datamem.runs import Recording, read_recording
    from datamem.runs.pictures import tree_of, tree_svg
    from datamem_cli.show.printing import print_records

    recording = run if isinstance(run, Recording) else read_recording(run.conn.db, run)
    if svg is not None:
        drawn = tree_svg(tree_of(recording.run_id, recording.steps))
        Path(svg).write_text(drawn, encoding="utf-8")
    steps = [
        {
            "step": step.number,
            "kind": step.kind,
            "name": step.name,
            "input": step.input,
            "output": step.output
            if step.failure is None
            else f"failed: {step.failure.message}",
            "at": step.place,
            "t": step.t,
        }
        for step in recording.steps
    ]
    print_records(steps, fmt)


def _agent(name: str) -> Callable[..., Any]:
    """Return the function that `module:function` names; modules of the working directory are found."""
    import sys
    from importlib import import_module

    if name == "chat":
        from datamem.runs import chat_agent

        return chat_agent()
    module, _, function = name.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        message = f"--agent {name}: {error}; it is written MODULE:FUNCTION"
        raise click.UsageError(message) from error
    finally:
        sys.path.pop(0)
    agent: Callable[..., Any] = found
    return agent


@click.command()
@db_option
@click.option(
    "--format",
    "fmt",
    type=click.Choice(("table", "edn", "json")),
    default="table",
    show_default=True,
)
@click.option("--runs", is_flag=True, help="A and B are ids of runs.")
@click.option("--other", metavar="PATH", help="B is of this database; without B, its present.")
@click.option("--svg", metavar="FILE", help="With --runs: draw the two side by side.")
@click.argument("a")
@click.argument("b", required=False)
def diff(
    path: str, fmt: str, runs: bool, other: str | None, svg: str | None, a: str, b: str | None
) -> None:
    r"""Show what differs between two instants, two databases, or two runs.

    A and B are points in time (a t, a date, an instant, `now`), or with --runs ids of runs.

    \b
    Examples:
      datamem diff --db agent.dm 40 now
      datamem diff --db agent.dm now --other fork.dm
      datamem diff --db agent.dm --runs task-1/trial-0 task-1/trial-1
    """
    from contextlib import ExitStack

    from datamem_cli.opening import open_reading

    with ExitStack() as stack:
        conn = stack.enter_context(open_reading(path))
        second = stack.enter_context(open_reading(other)) if other else conn
        if runs:
            from datamem.runs import diff as diff_runs
            from datamem.runs import get_run

            found: Any = diff_runs(get_run(conn, a), get_run(second, b or a))
            if svg is not None:
                Path(svg).write_text(found._repr_svg_(), encoding="utf-8")
        else:
            import datamem
            from datamem.conn import shared_cut

            shared = shared_cut(conn, second) if other else None
            sides = _value(conn.db, a), _value(second.db, b or "now")
            found = datamem.diff(*sides, shared=shared)
        _print_difference(found, fmt)


def _value(db: Any, point: str) -> Any:
    return db if point == "now" else db.as_of(Point().convert(point, None, None))


def _print_difference(found: Any, fmt: str) -> None:
    from datamem_cli.show.printing import edn_of, json_of

    if fmt == "json":
        click.echo(json_of(found.to_json()))
    elif fmt == "edn":
        click.echo(found.to_edn() if hasattr(found, "to_edn") else edn_of(found.to_json()))
    else:
        click.echo(str(found))


@click.command()
@db_option
@as_of_option
@click.option("--run", metavar="RUN", help="Fork where this run was, at --at.")
@click.option(
    "--at", "event", type=int, metavar="EVENT", help="With --run: which of its events."
)
@click.argument("target", metavar="TARGET")
def fork(path: str, as_of: Any, run: str | None, event: int | None, target: str) -> None:
    r"""Make a database that goes on from an instant, or from an event of a run.

    The new directory TARGET is a database of its own; the first one does not change.

    \b
    Examples:
      datamem fork --db agent.dm experiment.dm
      datamem fork --db agent.dm --as-of 2024-03-20 experiment.dm
      datamem fork --db agent.dm --run run-1 --at 7 what-if.dm
    """
    from datamem_cli.opening import open_reading, require_new

    if run is None and event is not None:
        raise click.UsageError("--at counts the events of a run: name it with --run")
    require_new(target)
    with open_reading(path) as conn:
        if run is not None:
            from datamem.runs import get_run, memory_at

            as_of = memory_at(get_run(conn, run), event).t
        with conn.fork(target, as_of=as_of) as branch:
            click.echo(f"forked {path} at t {branch.db.basis_t} into {target}")


COMMANDS = (replay, diff, fork)
