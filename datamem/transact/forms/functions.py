"""Transaction functions: each call is replaced by the forms that it returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from datamem.errors import DatamemError, TransactError
from datamem.transact.forms.items import read_items

if TYPE_CHECKING:
    from datamem.transact.forms.parse import FormReader
    from datamem.transact.ports import DbView

MAX_CALLS: Final = 10_000
"""Most calls of one transaction, those that functions return included."""


def run_functions(reader: FormReader, db: DbView) -> None:
    """Call every function with `db` and its arguments, until no form is a call.

    Raises:
        TransactError: `transact/function-failed` with the cause, `transact/too-many-calls`.
        DatamemError: whatever a function itself refuses with.
    """
    count = 0
    while reader.forms.calls:
        calls, reader.forms.calls = reader.forms.calls, []
        for call in calls:
            count += 1
            if count > MAX_CALLS:
                raise TransactError(
                    f"the transaction calls functions more than {MAX_CALLS} times",
                    code="transact/too-many-calls",
                    hint=f"{call.name} may return a call of itself",
                )
            try:
                returned = call.function(db, *call.arguments)
            except DatamemError:
                raise
            except Exception as error:
                raise TransactError(
                    f"the function {call.name} failed: {error}",
                    code="transact/function-failed",
                    function=call.name,
                    arguments=call.arguments,
                ) from error
            if returned is not None:
                reader.read(read_items(returned))
