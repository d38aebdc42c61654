"""An extractor that needs no model: names, code and plain sentences about who does what.

It reads English with a few patterns. What it finds is little and mostly right; a model finds more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from datamem.memory.reflection.passages import Extraction, Passage
from datamem.memory.reflection.terms import STOP_WORDS, sentences_of

_NAME: Final = re.compile(
    r"\b[A-Z][\w'\u2019-]*[^\W_'\u2019-](?:\s+(?:(?:of|the|de|van|von)\s+)?[A-Z][\w-]+)*"
)
_SPECIAL: Final = (
    (":code", re.compile(r"`([^`\n]{2,60})`")),
    (":url", re.compile(r"(https?://[^\s)>\]]+[^\s)>\].,;!?])")),
    (":email", re.compile(r"\b([\w.+-]+@[\w-]+(?:\.[\w-]+)+)\b")),
    (
        ":file",
        re.compile(
            r"(?<![\w/])((?:[\w.-]+/)+[\w-]+\.\w{1,6}|[\w-]+\.(?:py|md|js|ts|rs|go|toml|json|edn|sql))\b"
        ),
    ),
    (":function", re.compile(r"\b([a-z_][\w.]*)\(\)")),
    (":class", re.compile(r"\b((?:[A-Z][a-z0-9]+){2,})\b")),
)
_SUBJECT: Final = r"(?P<source>I|[A-Z][\w-]*)"
_OBJECT: Final = r"(?:the |an? |my )?(?P<target>[A-Z][\w-]*(?: [A-Z][\w-]*)*|`[^`]+`)"
_RELATIONS: Final = tuple(
    (kind, re.compile(rf"\b{_SUBJECT} (?:\w+ly )?{verbs} {_OBJECT}"))
    for kind, verbs in (
        (":works-at", r"(?:works?|worked|am working|is working) (?:at|for)"),
        (":lives-in", r"(?:lives?|am living|is living|(?:have |has )?moved) (?:in|to)"),
        (":comes-from", r"(?:comes?|came|am|is) from"),
        (":visited", r"(?:visited|went to|travell?ed to|flew to)"),
        (":knows", r"(?:knows?|met)"),
        (":married-to", r"(?:am|is|got) married to"),
        (":uses", r"uses?"),
        (":depends-on", r"(?:depends? on|requires?|needs?)"),
        (":calls", r"calls?"),
        (":owns", r"(?:owns?|bought)"),
    )
)
_PREFERENCE: Final = re.compile(
    r"^(?:\w+,? )?I (?:really |also |just |always )?(?P<verb>love|like|prefer|enjoy|hate|dislike|adore)\b(?P<rest>[^?]*)$"
)
_VERBS: Final = (
    "is|are|was|were|has|had|lives|works|wants|visits|comes|loves|likes|plays|studies"
)
_PAST: Final = (
    r"\w+ed|bought|got|went|made|took|found|sold|lost|won|saw|met|began|became|left|kept|gave"
    r"|wrote|built|grew|was born|had"
)
_STATEMENT: Final = re.compile(
    rf"^(?:\w+, )?(?P<head>I'm|I am|I work|I live|I have|I've|I (?:{_PAST})"
    rf"|My [\w ]{{2,30}}? (?:{_VERBS}))\b(?P<rest>[^?]*)$"
)
_PRONOUNS: Final = {"I'm": "is", "I am": "is", "I have": "has", "I've": "has"}
_MIN_FACT_WORDS: Final = 3


def read_by_rules(passages: Sequence[Passage]) -> list[Extraction]:
    """Return what each passage says by the patterns.

    Example:
        >>> said = Passage(1, "I love green tea. I work at Acme Labs.", "Ann", None)
        >>> found = read_by_rules([said])[0]
        >>> found.entities, found.relations
        ({'Acme Labs': ':name', 'Ann': ':person'}, [('Ann', ':works-at', 'Acme Labs')])
        >>> found.facts
        [(':preference', 'Ann loves green tea'), (':fact', 'Ann works at Acme Labs')]
    """
    return [_read(passage) for passage in passages]


def _read(passage: Passage) -> Extraction:
    entities = dict(_special(passage.text))
    relations: list[tuple[str, str, str]] = []
    facts: list[tuple[str, str]] = []
    for sentence in sentences_of(passage.text):
        for name in _names(sentence):
            entities.setdefault(name, ":name")
        for source, kind, target in _related(sentence, passage.speaker):
            relations.append((source, kind, target))
            entities.setdefault(target, ":name")
            entities[source] = (
                ":person" if source == passage.speaker else entities.get(source, ":name")
            )
        facts += _facts(sentence, passage.speaker)
    return Extraction(entities, list(dict.fromkeys(relations)), list(dict.fromkeys(facts)))


def _special(text: str) -> Iterator[tuple[str, str]]:
    for kind, pattern in _SPECIAL:
        for match in pattern.finditer(text):
            yield match[1], kind


def _names(sentence: str) -> Iterator[str]:
    """Yield capitalised names; a single word that begins the sentence may be any word."""
    for match in _NAME.finditer(sentence):
        name = match[0].replace("\u2019", "'").removesuffix("'s")
        words = name.split()
        while words and words[0].casefold() in STOP_WORDS:
            words = words[1:]
        begins = match.start() == 0 and len(words) < 2
        if words and not begins and "'" not in words[0] and len(words[0]) > 1:
            yield " ".join(words)


def _related(sentence: str, speaker: str) -> Iterator[tuple[str, str, str]]:
    if sentence.endswith("?"):
        return
    for kind, pattern in _RELATIONS:
        for match in pattern.finditer(sentence):
            source = speaker if match["source"] == "I" else match["source"]
            if source and source.casefold() not in STOP_WORDS:
                yield source, kind, match["target"].strip("`")


def _facts(sentence: str, speaker: str) -> Iterator[tuple[str, str]]:
    """Yield statements of the speaker about themselves, in the third person."""
    text = sentence.replace("\u2019", "'").rstrip(".! ")
    if not speaker or len(text.split()) < _MIN_FACT_WORDS:
        return
    if match := _PREFERENCE.match(text):
        verb = match["verb"]
        yield ":preference", _third(f"{speaker} {verb}s{match['rest']}", speaker)
    elif match := _STATEMENT.match(text):
        head = match["head"]
        if head.startswith("My "):
            said = f"{speaker}'s {head[3:]}"
        elif head in _PRONOUNS:
            said = f"{speaker} {_PRONOUNS[head]}"
        else:
            verb = head[2:]
            said = f"{speaker} {verb}s" if verb in {"work", "live"} else f"{speaker} {verb}"
        yield ":fact", _third(said + match["rest"], speaker)


def _third(text: str, speaker: str) -> str:
    """Return a sentence about oneself as one about the speaker."""
    for word, said in (
        (r"\bmy\b", f"{speaker}'s"),
        (r"\b(?:me|myself)\b", speaker),
        (r"\bI\b", speaker),
    ):
        text = re.sub(word, said, text)
    return text.strip()
