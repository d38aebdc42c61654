r"""EDN text to Python values and back: the data format of schemas, transactions and queries.

| EDN | Python |
|---|---|
| `nil` `true` `42` `4.2` `"text"` | None, bool, int, float, str |
| `42N` `4.20M` `##Inf` `##NaN` | `BigInt`, `decimal.Decimal`, float |
| `:ns/name` | `Keyword`, a str equal to its text |
| `sym` `\c` | `Symbol`, `Char` (not strings) |
| `[1 2]` `(1 2)` | list, `EdnList` (a tuple) |
| `{k v}` `#{1 2}` | dict, frozenset; `EdnMap`, `EdnSet` where Python would mix up members |
| `#inst` `#uuid` `#bytes` `#uri` | datetime in UTC, `uuid.UUID`, bytes, `Uri` |
| `#other value` | `Tagged` |
| `^meta form` | the form; `WithMeta` with `keep_meta=True` |

Inside a map key or a set everything is hashable: vectors are tuples there, and maps `EdnMap`s.
"""

from datamem.edn.distinct import EdnMap, EdnSet, edn_map, edn_set, frozen, identity_of
from datamem.edn.forms import (
    BigInt,
    Char,
    EdnList,
    Form,
    Keyword,
    Symbol,
    Tagged,
    Uri,
    WithMeta,
)
from datamem.edn.lexer import Token, TokenKind, tokenize
from datamem.edn.position import Position, locate, placed
from datamem.edn.printer import print_edn
from datamem.edn.reader import (
    MAX_BYTES,
    MAX_DEPTH,
    FormReader,
    TextStream,
    iter_forms,
    read,
    read_all,
)
from datamem.edn.tags import tagged_value

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "BigInt",
    "Char",
    "EdnList",
    "EdnMap",
    "EdnSet",
    "Form",
    "FormReader",
    "Keyword",
    "Position",
    "Symbol",
    "Tagged",
    "TextStream",
    "Token",
    "TokenKind",
    "Uri",
    "WithMeta",
    "edn_map",
    "edn_set",
    "frozen",
    "identity_of",
    "iter_forms",
    "locate",
    "placed",
    "print_edn",
    "read",
    "read_all",
    "tagged_value",
    "tokenize",
]
