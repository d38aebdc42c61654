"""The lexical grammar: one regular expression cuts text into tokens, others say which names are legal."""

from __future__ import annotations

import re
from typing import Final

_DELIMITERS: Final = r"\s\ufeff,;\"()\[\]{}\\^@`~"
_ATOM: Final = rf"[^{_DELIMITERS}]*+"

TOKEN: Final = re.compile(
    r"(?>[\s\ufeff,]+|;[^\n]*)*+"  # white space, commas, comments and byte order marks belong to the token after them
    r"("
    r"[\[\](){}]"
    rf"|[^{_DELIMITERS}#']{_ATOM}"  # keyword, symbol, number, nil, true, false
    r'|"(?>[^"\\]++|\\.?)*+"?'  # a string; without its last quote it reaches the end of the text
    rf"|\#(?:[{{_^]|{_ATOM})"  # #{ #_ #^ #tag #:namespace ##Inf
    rf"|\\(?:\S{_ATOM})?"  # a character
    r"|\Z"
    r"|."
    r")",
    re.DOTALL,
)
"""Matches at every position of every text, so nothing is ever skipped unseen.

Group 1 is the token; it is empty exactly at the end of the text. Possessive quantifiers keep the
time linear. Only a string token can hold a newline, so text may be cut at any other newline.
"""

CLOSED_STRING: Final = re.compile(r'"(?>[^"\\]++|\\.)*+"', re.DOTALL)

_ALWAYS: Final = r"A-Za-z.*+!\-_?$%&=<>|"
_NAME_REST: Final = rf"(?:[{_ALWAYS}0-9:#']|[^\s\ufeff\x00-\x7f])*+"
_SYMBOL_PART: Final = rf"(?!\d|[+\-.][0-9])(?:[{_ALWAYS}]|[^\s\ufeff\x00-\x7f]){_NAME_REST}"
_KEYWORD_PART: Final = rf"(?:[{_ALWAYS}0-9]|[^\s\ufeff\x00-\x7f]){_NAME_REST}"

SYMBOL: Final = re.compile(rf"{_SYMBOL_PART}(?:/{_SYMBOL_PART})?|/")
KEYWORD: Final = re.compile(rf":{_KEYWORD_PART}(?:/{_KEYWORD_PART})?")
TAG: Final = re.compile(rf"(?=[^\W\d_]){_SYMBOL_PART}(?:/{_SYMBOL_PART})?")
NUMBER: Final = re.compile(
    r"[-+]?(?:0|[1-9][0-9]*+)(?:(?P<big>N)|(?P<real>(?:\.[0-9]*+)?(?:[eE][-+]?[0-9]++)?)(?P<exact>M)?)"
)


def is_open_string(token: str) -> bool:
    """Tell whether the token is a string that its text ended before its closing quote."""
    return token[:1] == '"' and CLOSED_STRING.fullmatch(token) is None
