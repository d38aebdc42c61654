"""The query language: words, "phrases", prefix*, fuzzy~, +must, -not, AND, OR, NOT, ( ), boost^2.

    query   = chain { chain }                     one chain at least must match, or all with operator "and"
    chain   = every { "OR" every }
    every   = factor { "AND" factor }
    factor  = [ "+" | "-" | "NOT" ] primary [ "^" number ]
    primary = "(" query ")" | '"' words '"' | word [ "*" | "~" [ 1 | 2 ] ]

By default every text is a query: what cannot be understood is taken as words or passed over. A strict
parse refuses it and says where.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from datamem.errors import QueryError
from datamem.text.analysis import Analyzer, is_cjk
from datamem.text.fuzzy import words_nearby
from datamem.text.syntax import (
    NOTHING,
    Bool,
    Boost,
    Fuzzy,
    Node,
    Phrase,
    Prefix,
    Term,
    all_of,
    any_of,
)

Operator = Literal["or", "and"]
MAX_DEPTH: Final = 50
MAX_TOKENS: Final = 1_024
"""Words and signs of a query; what comes after them is passed over."""

MAX_FUZZY_LETTERS: Final = 24
"""Longer words are compared by their stems only."""

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<phrase>"(?P<text>[^"]*)(?P<end>"|$)(?:\^(?P<pboost>\d+(?:\.\d+)?))?)
    |(?P<open>[(])|(?P<close>[)](?:\^(?P<gboost>\d+(?:\.\d+)?))?)
    |(?P<sign>[+\-!])(?=[^\s)])
    |(?P<word>[^\s()"]+))""",
    re.VERBOSE,
)
_WORD: Final = re.compile(
    r"(?P<text>.*?)(?:(?P<star>\*)|(?P<tilde>~(?P<distance>\d*)))?(?:\^(?P<boost>\d+(?:\.\d+)?))?$",
    re.DOTALL,
)
_POSSESSIVE: Final = re.compile(r"['\u2019]s$", re.IGNORECASE)
_OPERATORS: Final = {"AND", "OR", "NOT"}
_PLAIN: Final = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int
    number: float = 1.0


@dataclass(frozen=True, slots=True)
class _Factor:
    """A part of a query with its sign; `is_stop` for a bare stop word."""

    part: Node
    sign: Literal["", "+", "-"] = ""
    is_stop: bool = False


def parse_query(
    query: str, analyzer: Analyzer, *, strict: bool = False, operator: Operator = "or"
) -> Node:
    """Return what a query asks for, in tokens of the analyzer's language.

    Args:
        query: text in the language above.
        analyzer: of the attribute that is searched.
        strict: refuse what is not in the language, instead of making the best of it.
        operator: what several words without an operator between them mean.

    Raises:
        QueryError: `text/bad-query` with `position` (characters from the start), if strict.
    """
    plain = _plain_words(query, analyzer)
    if plain is not None:
        return any_of(plain) if operator == "or" else all_of(plain)
    return _Parser(query, analyzer, operator, strict=strict).parse()


def _plain_words(query: str, analyzer: Analyzer) -> list[Node] | None:
    """Return the terms of a query of words only, none of them a stop word; None of any other.

    So most questions are, and their words are analysed together.
    """
    if _PLAIN.fullmatch(query) is None:
        return None
    words = query.split(" ")
    if len(words) > MAX_TOKENS or not _OPERATORS.isdisjoint(words):
        return None
    tokens = analyzer.tokens(query)
    if not len(tokens) == len(words) == analyzer.lasting_count(query):
        return None
    return [Term(token) for token in tokens]


class _Parser:
    def __init__(
        self, query: str, analyzer: Analyzer, operator: Operator, *, strict: bool
    ) -> None:
        self._query = query
        self._analyzer = analyzer
        self._all = operator == "and"
        self._strict = strict
        self._tokens = self._scan()
        self._at = 0
        self._depth = 0

    def parse(self) -> Node:
        parts: list[Node] = []
        while self._at < len(self._tokens):
            parts.append(self._query_part())
            token = self._peek()
            if token is not None:  # a parenthesis that nothing opened
                self._fault("nothing opens this parenthesis", "remove it", token.at)
                self._at += 1
        parts = [part for part in parts if part != NOTHING]
        node = any_of(parts) if parts else NOTHING
        if node == NOTHING:
            self._fault("there is no word to look for", "write a word, or drop `strict`", 0)
        return node

    def _fault(self, why: str, hint: str, at: int) -> None:
        """Refuse the query, if this parse is strict."""
        if self._strict:
            raise QueryError(
                f"the search {self._query!r} cannot be understood at {at}: {why}",
                code="text/bad-query",
                hint=hint,
                query=self._query,
                position=at,
            )

    def _scan(self) -> list[_Token]:
        found: list[_Token] = []
        for m in _TOKEN.finditer(self._query):
            if len(found) == MAX_TOKENS:
                self._fault(f"it has more than {MAX_TOKENS} parts", "ask less", m.start())
                break
            at = m.start(m.lastgroup or 0) if m.lastgroup else m.start()
            if m["phrase"] is not None:
                at = m.start("phrase")
                if m["end"] == "":
                    self._fault("the phrase does not end", 'add a closing "', at)
                found.append(_Token("phrase", m["text"], at, float(m["pboost"] or 1)))
            elif m["open"] is not None:
                found.append(_Token("(", "(", m.start("open")))
            elif m["close"] is not None:
                found.append(_Token(")", ")", m.start("close"), float(m["gboost"] or 1)))
            elif m["sign"] is not None:
                sign = "+" if m["sign"] == "+" else "-"
                found.append(_Token("sign", sign, m.start("sign")))
            else:
                kind = m["word"] if m["word"] in _OPERATORS else "word"
                found.append(_Token(kind, m["word"], m.start("word")))
        return found

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next_is(self, kind: str) -> bool:
        token = self._peek()
        return token is not None and token.kind == kind

    def _query_part(self) -> Node:
        """Read chains up to a closing parenthesis or the end."""
        chains: list[_Factor] = []
        while (token := self._peek()) is not None and token.kind != ")":
            if token.kind in {"AND", "OR"}:
                self._fault(f"{token.kind} has nothing before it", "put a word there", token.at)
                self._at += 1
                continue
            chains.append(self._chain())
        return self._combined([chain for chain in chains if chain.part != NOTHING])

    def _combined(self, chains: list[_Factor]) -> Node:
        """Return what chains beside one another ask; stop words only count among themselves."""
        words = [c for c in chains if not c.is_stop or c.sign == "+"]
        if any(c.sign != "-" for c in words):
            chains = words
        must = [c.part for c in chains if c.sign == "+" or (self._all and c.sign == "")]
        should = [c.part for c in chains if c.sign == "" and not self._all]
        must_not = [c.part for c in chains if c.sign == "-"]
        if not must and not should:
            if must_not:
                self._fault("it only says what not to find", "add a word to find", 0)
            return NOTHING
        if not must_not and not should:
            return all_of(must)
        if not must_not and not must:
            return any_of(should)
        return Bool(tuple(must), tuple(should), tuple(must_not))

    def _chain(self) -> _Factor:
        """Read alternatives; one alone keeps its sign."""
        alternatives = [self._every()]
        while self._next_is("OR"):
            token = self._tokens[self._at]
            self._at += 1
            if not self._has_operand(token):
                break
            alternatives.append(self._every())
        if len(alternatives) == 1:
            return alternatives[0]
        if any(one.sign == "-" for one in alternatives):
            self._fault("NOT cannot be an alternative of OR", "use AND NOT", 0)
        parts = [one.part for one in alternatives if one.sign != "-" and one.part != NOTHING]
        return _Factor(any_of(parts) if parts else NOTHING)

    def _every(self) -> _Factor:
        factors = [self._factor()]
        while self._next_is("AND"):
            token = self._tokens[self._at]
            self._at += 1
            if not self._has_operand(token):
                break
            factors.append(self._factor())
        if len(factors) == 1:
            return factors[0]
        factors = [one for one in factors if one.part != NOTHING]
        must = tuple(one.part for one in factors if one.sign != "-")
        must_not = tuple(one.part for one in factors if one.sign == "-")
        if not must:
            return _Factor(NOTHING)
        return _Factor(all_of(list(must)) if not must_not else Bool(must, (), must_not))

    def _has_operand(self, operator: _Token) -> bool:
        token = self._peek()
        if token is None or token.kind in {")", "AND", "OR"}:
            why = f"{operator.kind} has nothing after it"
            self._fault(why, "put a word there", operator.at)
            return False
        return True

    def _factor(self) -> _Factor:
        sign: Literal["", "+", "-"] = ""
        while (token := self._peek()) is not None and token.kind in {"sign", "NOT"}:
            self._at += 1
            sign = "+" if token.text == "+" else "-"
        token = self._peek()
        if token is None or token.kind in {")", "AND", "OR"}:
            at = len(self._query) if token is None else token.at
            self._fault("nothing follows", "put a word there", at)
            return _Factor(NOTHING)
        self._at += 1
        if token.kind == "(":
            return _Factor(self._group(token), sign)
        if token.kind == "phrase":
            part = _phrase(self._analyzer.tokens(token.text))
            return _Factor(_boosted(part, token.number), sign)
        return self._word(token, sign)

    def _group(self, opened: _Token) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            why = f"parentheses are more than {MAX_DEPTH} deep"
            self._fault(why, "write it flatter", opened.at)
            self._depth -= 1
            return NOTHING
        part = self._query_part()
        self._depth -= 1
        closed = self._peek()
        if closed is None:
            self._fault("the parenthesis does not close", "add a )", opened.at)
            return part
        self._at += 1
        return _boosted(part, closed.number)

    def _word(self, token: _Token, sign: Literal["", "+", "-"]) -> _Factor:
        m = _WORD.match(token.text)
        assert m is not None
        text = _POSSESSIVE.sub("", m["text"])
        boost = float(m["boost"] or 1)
        if m["tilde"] is not None:
            distance = int(m["distance"] or 1)
            if distance > 2:
                self._fault("a word is at most 2 letters away", "use ~1 or ~2", token.at)
            part = self._fuzzy(text, min(distance, 2))
        elif m["star"] is not None:
            part = self._prefix(text)
        else:
            part = _phrase(self._analyzer.tokens(text))
            is_stop = isinstance(part, Term) and self._analyzer.is_stop_word(text)
            return _Factor(_boosted(part, boost), sign, is_stop)
        return _Factor(_boosted(part, boost), sign)

    def _fuzzy(self, text: str, distance: int) -> Node:
        """Return words near a word; stems hide letters, so neighbours are stemmed one by one."""
        words, stems = self._analyzer.words(text), self._analyzer.tokens(text)
        parts: list[Node] = []
        for word, stem in zip(words, stems, strict=True):
            near = frozenset[str]()
            if self._analyzer.language != "none" and len(word) <= MAX_FUZZY_LETTERS:
                near = frozenset(self._analyzer.tokens(" ".join(words_nearby(word))))
            parts.append(Fuzzy(stem, distance, near))
        return all_of(parts) if parts else NOTHING

    def _prefix(self, text: str) -> Node:
        words, stems = self._analyzer.words(text), self._analyzer.tokens(text)
        if not words:
            return NOTHING
        if is_cjk(text[-1]):
            return _phrase(stems)
        last = Prefix(words[-1], stems[-1])
        return all_of([*(Term(stem) for stem in stems[:-1]), last])


def _phrase(tokens: list[str]) -> Node:
    if not tokens:
        return NOTHING
    return Term(tokens[0]) if len(tokens) == 1 else Phrase(tuple(tokens))


def _boosted(part: Node, factor: float) -> Node:
    return part if factor == 1.0 or part == NOTHING else Boost(part, factor)
