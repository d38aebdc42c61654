"""Agents that the tests of recordings run: small code with a clock, chance, tools, a model and memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import datamem
from datamem.conn import Connection
from datamem.runs.recorder.context import RunContext
from tests.conn.worlds import Clock

SCHEMA = {
    ":note/id": {":db/valueType": ":db.type/string", ":db/unique": ":db.unique/identity"},
    ":note/text": {":db/valueType": ":db.type/string"},
    ":note/likes": {
        ":db/valueType": ":db.type/string",
        ":db/cardinality": ":db.cardinality/many",
    },
}
PRICES = {"tea": 3, "cake": 5}


def connect() -> Connection:
    """Return a database in memory whose clock moves by itself."""
    return datamem.connect(":memory:", SCHEMA, clock=Clock())


class World:
    """What is outside of an agent: it counts what it is asked, so that a test sees real calls."""

    def __init__(self, prices: dict[str, int] | None = None) -> None:
        self.prices = dict(PRICES if prices is None else prices)
        self.asked: list[str] = []

    def price(self, what: str, *, currency: str = "eur") -> dict[str, Any]:
        self.asked.append(what)
        if what not in self.prices:
            raise KeyError(what)
        return {"what": what, "price": (self.prices[what], currency)}

    def think(self, prompt: str) -> str:
        self.asked.append(prompt)
        return "buy" if "3" in prompt else "wait"


def shopper(world: World, *, wanted: str = "tea") -> Callable[[RunContext], Any]:
    """Return an agent that asks a price, asks a model, notes its decision and stores it."""

    def agent(run: RunContext) -> Any:
        price = run.tool()(world.price)
        think = run.model("oracle")(world.think)
        at = run.now()
        number = run.random.randint(1, 1000)
        found = price(wanted, currency="eur")
        answer = think(f"shall I pay {found['price'][0]}?")
        run.event("message", {"text": answer, "at": at, "number": number})
        run.transact([{":note/id": f"{run.uuid()}", ":note/text": answer}])
        known = run.db.q("[:find (count ?n) . :where [?n :note/id]]")
        run.event("counted", known)
        return answer

    return agent


def crowd(count: int, delays: list[int]) -> Callable[[RunContext], Any]:
    """Return a coroutine agent whose calls overlap; `delays` say how many turns each takes."""

    async def agent(run: RunContext) -> Any:
        @run.tool()
        async def wait(number: int) -> int:
            for _ in range(delays[number]):
                await asyncio.sleep(0)
            return number * number

        found = await asyncio.gather(*(wait(number) for number in range(count)))
        run.event("sum", sum(found))
        return sum(found)

    return agent
