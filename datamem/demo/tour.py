"""The stations of the demonstration, from what an agent knows to what it would have done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from itertools import count

from datamem.conn import Connection, connect
from datamem.demo.errand import World, plan_cake
from datamem.demo.sample import play_sample
from datamem.edn import Keyword, read
from datamem.importers import agent_schema_text
from datamem.memory import Memory
from datamem.runs import (
    Recorded,
    Step,
    diff,
    ignored,
    read_recording,
    read_traces,
    record,
    replay,
    why,
)
from datamem.runs.recorder.record import Agent

K = Keyword
Write = Callable[[str], None]

_MEMORIES = """
[:find [?text ...]
 :where [?m :memory/content ?text]]"""

_WHO_SAID_SO = """
[:find ?text ?why ?when
 :in $ ?tag
 :where [?m :memory/tags ?tag]
        [?m :memory/content ?text ?tx]
        [?tx :tx/why ?why]
        [?tx :db/txInstant ?when]]"""

_SPOKEN = """
[:find ?number ?text
 :in $ ?name ?number
 :where [?user :user/name ?name]
        [?message :message/sender ?user]
        [?message :message/content ?text]
        [?message :message/session ?session]
        [?session :session/number ?number]]"""

_TOOLS = """
[:find ?tool (count ?call)
 :where [?call :tool-call/name ?tool]]"""


def play_demo(path: str, write: Write, *, kept: bool = True) -> None:
    """Fill a new database at `path` with the sample, and show what can be asked of it."""
    clock = count(int(datetime(2024, 5, 13, 9, tzinfo=UTC).timestamp()) * 1_000_000, 1_000)
    with connect(path, schema=agent_schema_text(), clock=lambda: next(clock)) as conn:
        _Tour(conn, write).play()
        write("")
        if kept:
            write(f"The database stays in {path}. Look around:")
            write(f"  datamem log --db {path}")
            write(f"  datamem trace why --db {path} cake")
        else:
            write("To keep it and ask questions of your own: datamem demo --db sample.dm")


class _Tour:
    """The stations of the demonstration."""

    def __init__(self, conn: Connection, write: Write) -> None:
        self.conn = conn
        self.write = write
        self.station = 0

    def play(self) -> None:
        self.load()
        self.present()
        self.past()
        self.provenance()
        self.forgotten()
        self.history()
        self.conversation()
        self.speculation()
        self.memory()
        self.errand()

    def title(self, text: str) -> None:
        self.station += 1
        self.write("")
        self.write(f"{self.station}. {text}")

    def show(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(f"     {line}")

    def load(self) -> None:
        self.title("Ten weeks of talk between Mira, who opens a bakery, and her agent Pip")
        play_sample(self.conn)
        db = self.conn.db
        counts = {
            name: db.q(f"[:find (count ?e) . :where [?e {attribute}]]")
            for name, attribute in (
                ("sessions", ":session/id"),
                ("messages", ":message/id"),
                ("tool calls", ":tool-call/id"),
                ("memories now", ":memory/id"),
            )
        }
        self.show(f"{count:>3} {name}" for name, count in counts.items())
        self.show([f"in {db.basis_t} transactions, each with the date of what it holds"])

    def memories_on(self, month: int, day: int) -> None:
        instant = datetime(2024, month, day, tzinfo=UTC)
        past = self.conn.db.as_of(instant)
        self.write(f"   db.as_of({instant:%Y-%m-%d})")
        self.show(sorted(past.q(_MEMORIES)))

    def present(self) -> None:
        self.title("What does Pip know now?")
        self.write(f"   {' '.join(_MEMORIES.split())}")
        self.show(sorted(self.conn.db.q(_MEMORIES)))

    def past(self) -> None:
        self.title("And what did it know then? The same query, another database value")
        self.memories_on(3, 10)
        self.memories_on(4, 1)

    def provenance(self) -> None:
        self.title("Why does it believe that, and since when?")
        rows = self.conn.db.q(_WHO_SAID_SO, K(":health"))
        self.show(f"{text}: {why}, {when:%d %B %Y}" for text, why, when in rows)

    def forgotten(self) -> None:
        self.title(
            "She asked to forget her old address: gone from the present, not from the past"
        )
        query = (
            """[:find ?text . :where [?m :memory/tags :address] [?m :memory/content ?text]]"""
        )
        before = datetime(2024, 4, 10, tzinfo=UTC)
        self.show(
            [
                f"now:           {self.conn.db.q(query)}",
                f"on 10 April:   {self.conn.db.as_of(before).q(query)}",
            ]
        )

    def history(self) -> None:
        self.title("One memory, all its versions")
        query = """
        [:find ?when ?added ?text
         :in $ ?id
         :where [?m :memory/id ?id]
                [?m :memory/content ?text ?tx ?added]
                [?tx :db/txInstant ?when]]"""
        plan = read('#uuid "5a0f0000-0000-4000-8000-000000000002"')
        rows = sorted(self.conn.db.history().q(query, plan))
        verbs = {True: "learned", False: "dropped"}
        self.show(f"{when:%d %B}  {verbs[added]}  {text}" for when, added, text in rows)

    def conversation(self) -> None:
        self.title("Messages and tool calls are facts of the same database")
        said = self.conn.db.q(_SPOKEN, "Mira", 3)
        self.write("   What did Mira say in session 3?")
        self.show(text for _, text in said)
        self.write("   Which tools did Pip use?")
        self.show(f"{count} x {tool}" for tool, count in sorted(self.conn.db.q(_TOOLS)))

    def speculation(self) -> None:
        self.title("What if? A transaction on a value, which nobody else ever sees")
        db = self.conn.db
        report = db.with_tx([{K(":memory/content"): "Mira opens a second bakery"}])
        then, now = len(report.db_after.q(_MEMORIES)), len(self.conn.db.q(_MEMORIES))
        self.show([f"memories in the speculation: {then}; in the database: {now}"])

    def memory(self) -> None:
        self.title("For programs that need no queries: a Memory, here on a branch of its own")
        with self.conn.fork() as branch:
            mem = Memory(branch)
            allergy = mem.list(tags="health")[0]
            moved = datetime(2024, 9, 1, tzinfo=UTC)
            mem.supersede(allergy, "Mira may eat walnuts again", at=moved, why="Tested anew")
            self.write("   What was true, as far as is known now?")
            self.show(
                f"on {day:%d %B}:  {memory.content}"
                for day in (datetime(2024, 8, 1, tzinfo=UTC), moved)
                for memory in mem.list(tags="health", db=mem.view(valid_at=day))
            )
            self.write('   mem.recall("When does the oven come?")')
            self.show(item.text for item in mem.recall("When does the oven come?", k=2))

    def errand(self) -> None:
        self.title(
            "A run: Pip plans a nut cake for Mira, and each step of its code is recorded"
        )
        world = World()
        agent = partial(plan_cake, world=world)
        done = record(self.conn, agent, run_id="cake", input="nut", seed=1)
        for step in read_recording(self.conn.db, done.run).steps:
            self.show([f"{step.number} {step.title()}: {_gist(step)}"])
        self.grounds(done)
        asked_count = world.asked_count
        self.again(done, agent)
        self.show([f"asked meanwhile: {world.asked_count - asked_count}"])
        self.otherwise(done, agent)

    def grounds(self, done: Recorded) -> None:
        self.title("Why this cake? Back to what Mira said; and what did Pip know and not use?")
        [decision] = read_traces(done.run, "decision")
        self.write("   why(run, decision)")
        self.show(str(why(done.run, decision)).splitlines())
        self.write("   ignored(run)")
        self.show(memory.text for memory in ignored(done.run))

    def again(self, done: Recorded, agent: Agent) -> None:
        self.title("The same code again, answered by the record: no tool and no model is asked")
        self.write("   replay(run, plan_cake)")
        self.show([str(replay(done.run, agent))])

    def otherwise(self, done: Recorded, agent: Agent) -> None:
        self.title("And with the memory of 20 March? A fork from then, and where the two part")
        with self.conn.fork(as_of=datetime(2024, 3, 20, tzinfo=UTC)) as branch:
            then = record(branch, agent, run_id="cake-in-march", input="nut", seed=1)
            self.write("   diff(run, record(conn.fork(as_of=march_20), plan_cake).run)")
            self.show([f"now: {done.output}; then: {then.output}"])
            first = diff(done.run, then.run).first
            assert first is not None
            assert first.b is not None
            self.show([f"step {first.b.number}, {first.b.title()}, is where they part:"])
            self.show([first.difference])


def _gist(step: Step) -> str:
    """Return what came of a step, in a few words."""
    if step.kind == "transact":
        return f"{len(step.output)} stored"
    return str(step.asked() if step.kind == "trace" else step.output)
