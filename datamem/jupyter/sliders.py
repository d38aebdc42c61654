"""A time slider: one query, asked again of any instant."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from datamem.db.time import instant_of_t

if TYPE_CHECKING:
    from datamem.db.database import Db


def slider(db: Db, ask: str | Callable[[Db], Any], *inputs: Any) -> Any:
    """Return a slider over the transactions that shows an answer as of each; needs ipywidgets.

    Args:
        db: up to which transaction it goes.
        ask: a query, or a function of a database value that returns anything a notebook can show.
        inputs: of the query.
    """
    import ipywidgets  # an extra
    from IPython.display import display

    present = db.unbounded()
    control = ipywidgets.IntSlider(
        value=db.t, min=1, max=db.t, description="t", continuous_update=False
    )
    caption, output = ipywidgets.Label(), ipywidgets.Output()

    def show(t: int) -> None:
        caption.value = f"{instant_of_t(present, t):%Y-%m-%d %H:%M:%S} UTC"
        output.clear_output(wait=True)
        with output:
            display(answer_at(present, ask, t, *inputs))

    control.observe(lambda change: show(change["new"]), names="value")
    show(db.t)
    return ipywidgets.VBox([ipywidgets.HBox([control, caption]), output])


def answer_at(db: Db, ask: str | Callable[[Db], Any], t: int, *inputs: Any) -> Any:
    """Return a query's answer, or what a function makes, as of transaction `t`."""
    past = db.as_of(t)
    return ask(past, *inputs) if callable(ask) else past.q(ask, *inputs)
