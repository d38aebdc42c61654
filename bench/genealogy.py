"""A genealogy of 250,000 people and their advisors: joins and rules, beside Datalevin.

The queries are those of Datalevin's benchmark over the Mathematics Genealogy; the people are made up, with as
many edges, a few dozen generations, and advisors who have few or very many students.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import datamem
from bench.frame import people
from bench.frame.options import Options
from bench.frame.peers import datalevin
from bench.frame.report import Report, seconds_text, times_text
from bench.frame.timing import Times, here, in_turns
from datamem.edn import Keyword

PEOPLE, EDGES_A_PERSON = 250_000, 1.08
UNIVERSITIES, AREAS, ROOTS = 2_000, 63, 500
ANCESTORS_S = 5e-3

STRING = {":db/valueType": Keyword(":db.type/string")}
REF = {":db/valueType": Keyword(":db.type/ref")}
SCHEMA = {
    ":person/name": STRING,
    ":person/advised": {**REF, ":db/cardinality": Keyword(":db.cardinality/many")},
    ":dissertation/cid": REF,
    ":dissertation/univ": STRING,
    ":dissertation/area": STRING,
}

ADVISED = "[(adv ?x ?y) [?x :person/advised ?d] [?d :dissertation/cid ?y]]"
OF = "[({name} ?c ?u) [?d :dissertation/cid ?c] [?d :dissertation/{name} ?u]]"
ANCESTORS = "[(anc ?x ?y) (adv ?x ?y)] [(anc ?x ?y) (adv ?x ?z) (anc ?z ?y)]"


@dataclass(frozen=True, slots=True)
class Case:
    """A query with its rules."""

    name: str
    query: str
    rules: str


CASES = (
    Case(
        "grand-advisors of one",
        """[:find [?n ...] :in $ % ?name :where [?d :person/name ?name]
            (adv ?x ?d) (adv ?y ?x) [?y :person/name ?n]]""",
        f"[{ADVISED}]",
    ),
    Case(
        "same university as the advisor",
        """[:find [?n ...] :in $ % ?name :where (adv ?x ?y) (univ ?x ?u) (univ ?y ?u)
            [?y :person/name ?n]]""",
        f"[{ADVISED} {OF.format(name='univ')}]",
    ),
    Case(
        "another area than the advisor",
        """[:find [?n ...] :in $ % ?name :where (adv ?x ?y) (area ?x ?a1) (area ?y ?a2)
            [(!= ?a1 ?a2)] [?y :person/name ?n]]""",
        f"[{ADVISED} {OF.format(name='area')}]",
    ),
    Case(
        "ancestors of one",
        """[:find [?n ...] :in $ % ?name :where [?x :person/name ?name] (anc ?y ?x)
            [?y :person/name ?n]]""",
        f"[{ADVISED} {ANCESTORS}]",
    ),
)

DATALEVIN = """
(def lines (map (fn [line] (mapv parse-long (clojure.string/split line #" ")))
                (clojure.string/split-lines (slurp "{file}"))))
(def n {count})
(def datoms
  (concat
    (mapcat (fn [[i univ area]]
              [(d/datom i :person/name (str "person " i))
               (d/datom (+ n i) :dissertation/cid i)
               (d/datom (+ n i) :dissertation/univ (str "university " univ))
               (d/datom (+ n i) :dissertation/area (str "area " area))])
            (filter #(= 3 (count %)) lines))
    (map (fn [[advisor student]] (d/datom advisor :person/advised (+ n student)))
         (filter #(= 2 (count %)) lines))))
(def conn (d/conn-from-datoms datoms "{path}/datalevin" {schema}))
(def db (d/db conn))
(d/datalog-index-cache-limit db 0)
nil
"""

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class World:
    """People 1 … n: int64[n] universities and areas, int64[m] advisor and student of each edge."""

    universities: Int64
    areas: Int64
    advisors: Int64
    students: Int64

    @classmethod
    def of(cls, count: int) -> World:
        """Make a world; who comes later has advisors among those who came before."""
        rng = np.random.default_rng(people.SEED)
        edge_count = int(count * EDGES_A_PERSON)
        students = np.concatenate(
            (np.arange(ROOTS, count), rng.integers(ROOTS, count, edge_count - count + ROOTS))
        )
        before = (students * (1 - 0.5 * rng.random(len(students)) ** 1.5)).astype(np.int64)
        advisors = np.minimum(before - before % 5, students - 1)  # one in five has students
        pairs = np.unique(advisors * count + students)
        areas = rng.integers(0, AREAS, count)
        universities = (UNIVERSITIES * rng.random(count) ** 2).astype(np.int64)
        return cls(universities, areas, pairs // count + 1, pairs % count + 1)

    @property
    def count(self) -> int:
        """How many people."""
        return len(self.areas)

    def load(self, conn: datamem.Connection) -> None:
        """Put all into a database: people in their order, then their dissertations."""
        numbers = range(1, self.count + 1)
        first = conn.load({":person/name": [f"person {i}" for i in numbers]}).first_entity
        theses = conn.load(
            {
                ":dissertation/cid": np.arange(first, first + self.count),
                ":dissertation/univ": [f"university {u}" for u in self.universities.tolist()],
                ":dissertation/area": [f"area {a}" for a in self.areas.tolist()],
            }
        ).first_entity
        edges = zip(self.advisors.tolist(), self.students.tolist(), strict=True)
        conn.transact(
            [[":db/add", first + a - 1, ":person/advised", theses + s - 1] for a, s in edges]
        )

    def write(self, file: Path) -> None:
        """Write lines of (person, university, area), then of (advisor, student)."""
        rows = [np.arange(1, self.count + 1), self.universities, self.areas]
        lines = [" ".join(map(str, row)) for row in np.stack(rows, 1).tolist()]
        edges = np.stack([self.advisors, self.students], 1).tolist()
        lines += [" ".join(map(str, row)) for row in edges]
        file.write_text("\n".join(lines), encoding="utf-8")

    def ancestors(self, person: int, *, generations: int | None = None) -> set[int]:
        """Return who advised a person, or whoever did, by plain walking."""
        parents: dict[int, list[int]] = {}
        for advisor, student in zip(
            self.advisors.tolist(), self.students.tolist(), strict=True
        ):
            parents.setdefault(student, []).append(advisor)
        found: set[int] = set()
        level, depth = {person}, 0
        while level and depth != generations:
            level = {p for student in level for p in parents.get(student, ())}
            level -= found if generations is None else set()
            found = level if generations else found | level
            depth += 1
        return found

    def expected(self, case: Case, person: int) -> set[str]:
        """Return the answer, by hand."""
        codes = self.universities if "university" in case.name else self.areas
        same = codes[self.advisors - 1] == codes[self.students - 1]
        match case.name.split()[0]:
            case "grand-advisors":
                found = self.ancestors(person, generations=2)
            case "ancestors":
                found = self.ancestors(person)
            case "same":
                found = set(self.students[same].tolist())
            case _:
                found = set(self.students[~same].tolist())
        return {f"person {i}" for i in found}


def run(options: Options) -> Report:
    world = World.of(options.size or PEOPLE)
    report = Report(
        f"A genealogy of {world.count:,} people and {len(world.students):,} edges: median of single calls",
        ("datamem", "Datalevin", "names", "ratio"),
    )
    person = world.count - 7
    with options.scratch() as path, datamem.connect(path / "db", SCHEMA, fsync="off") as conn:
        world.load(conn)
        conn.compact()
        peer = start(path, world) if options.has_peers else None
        for case in CASES:
            measure(report, case, conn.db, person, world, peer)
        if peer is not None:
            report.notes.append(peer.name)
            peer.close()
    report.notes.append("answers checked by plain walks and numpy before timing")
    return report


def start(path: Path, world: World) -> Any:
    """Return Datalevin with the same people, or None."""
    peer = datalevin()
    if peer is not None:
        file = path / "world.txt"
        world.write(file)
        schema = people.edn_schema(SCHEMA)
        peer.run(DATALEVIN.format(file=file, path=path, count=world.count, schema=schema))
    return peer


def measure(
    report: Report, case: Case, db: datamem.Db, person: int, world: World, peer: Any
) -> None:
    """Check a query's answers and add its row."""
    name, expected = f"person {person}", world.expected(case, person)
    assert set(db.q(case.query, case.rules, name)) == expected, case.name
    measures = {"datamem": here(lambda: db.q(case.query, case.rules, name), 0.3)}
    if peer is not None:
        ask = f"(d/q '{case.query} db '{case.rules} \"{name}\")"
        assert set(peer.run(ask)) == expected, case.name
        measures["Datalevin"] = peer.measure(ask, seconds=0.3)
    found: dict[str, Times] = in_turns(measures, rounds=3)
    ours = found["datamem"].median
    theirs = found["Datalevin"].median if "Datalevin" in found else None
    is_met = None if theirs is None else ours < theirs
    target = "faster"
    if case.name == "ancestors of one":
        target, is_met = f"faster, {seconds_text(ANCESTORS_S)}", is_met and ours < ANCESTORS_S
    report.add(
        case.name,
        seconds_text(ours),
        seconds_text(theirs) if theirs else "",
        f"{len(expected):,}",
        times_text(theirs / ours) if theirs else "",
        target=target,
        is_met=is_met,
    )
