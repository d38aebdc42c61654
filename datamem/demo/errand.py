"""An errand of the sample agent: which cake may Mira bake? Its code runs with a context, so that it is kept.

`datamem replay cake --agent datamem.demo.errand:plan_cake` runs it again from the record.
"""

from __future__ import annotations

from typing import Final

from datamem.runs import RunContext

_CAKES: Final = {"nut": {"walnut cake": "walnuts", "hazelnut torte": "hazelnuts"}}

_KNOWN: Final = """
[:find ?id ?text
 :where [?m :memory/id ?id] [?m :memory/content ?text]
 :order-by ?text]"""


class World:
    """What is outside of the agent.

    Attributes:
        asked_count: how often its tool or its model was called.
    """

    def __init__(self) -> None:
        self.asked_count = 0

    def find_cakes(self, kind: str) -> dict[str, str]:
        """Return cakes of a kind, each with what it is made of: a tool."""
        self.asked_count += 1
        return _CAKES[kind]

    def choose(self, prompt: str, cakes: dict[str, str]) -> str:
        """Stand in for a language model: choose the first cake that the prompt does not warn of."""
        self.asked_count += 1
        return next(cake for cake, inside in cakes.items() if inside not in prompt)


def plan_cake(run: RunContext, world: World | None = None) -> str:
    """Decide on a cake, say on what grounds, and keep it as a plan."""
    world = world or World()
    find_cakes, choose = run.tool()(world.find_cakes), run.model()(world.choose)
    memories = {text: [":memory/id", key] for key, text in run.db.q(_KNOWN)}
    warnings = [text for text in memories if "allergic" in text]
    cake = choose(f"A nut cake, but: {'; '.join(warnings)}.", find_cakes(run.input))
    run.trace(
        "decision",
        f"bake the {cake}",
        recalled=list(memories.values()),
        cited=[*(memories[text] for text in warnings), run.last_call("choose")],
    )
    run.transact([{":memory/content": f"Mira bakes a {cake}", ":memory/type": ":plan"}])
    return cake
