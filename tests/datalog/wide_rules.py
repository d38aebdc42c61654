"""The rules of random programs: every shape that the engine answers in a way of its own, and others."""

from __future__ import annotations

from datamem.datalog.parse.parse import parse_rules

RULES = """[[(reach ?x ?y) [?x :w/ref ?y]]
            [(reach ?x ?y) [?x :w/ref ?z] (reach ?z ?y)]
            [(chain ?x ?y) (link ?x ?y)]
            [(chain ?x ?y) (chain ?x ?z) (link ?z ?y)]
            [(link ?x ?y) [?x :w/next ?y]]
            [(odd ?x ?y) [?x :w/next ?y]]
            [(odd ?x ?y) [?x :w/ref ?z] (even ?z ?y)]
            [(even ?x ?y) (odd ?x ?z) [?z :w/next ?y]]
            [(hops ?x ?y) [?x :w/ref ?z] [?z :w/next ?y]]
            [(hops ?x ?y) [?x :w/ref ?z] [?z :w/next ?m] (hops ?m ?y)]
            [(under ?x ?y) [?y :w/ref ?x]]
            [(under ?x ?y) [?z :w/ref ?x] (under ?z ?y)]
            [(flagged ?x ?y) [?x :w/ref ?y] [?y :w/flag true]]
            [(flagged ?x ?y) (flagged ?x ?z) [?z :w/ref ?y] [?y :w/flag true]]
            [(kin ?x ?y) [?p :w/ref ?x] [?p :w/ref ?y]]
            [(kin ?x ?y) [?p :w/ref ?x] (kin ?p ?q) [?q :w/ref ?y]]
            [(alone ?x ?y) [?x :w/id _] [?y :w/id _] (not (reach ?x ?y))]
            [(above [?x] ?y) [?x :w/long ?a] [?y :w/long ?b] [(< ?a ?b)]]
            [(shares ?x ?v) (or [?x :w/long ?v] [?x :w/longs ?v] [?x :w/anys ?v])]
            [(after ?x ?n) [?x :w/next _] [(ground 0) ?n]]
            [(after ?x ?n) [?y :w/next ?x] (after ?y ?m) [(< ?m 4)] [(+ ?m 1) ?n]]]"""
PARSED_RULES = parse_rules(RULES)
RULE_ARGS = {
    "reach": ("ref", "ref"), "chain": ("ref", "ref"), "odd": ("ref", "ref"),
    "even": ("ref", "ref"), "alone": ("ref", "ref"), "above": ("ref", "ref"),
    "hops": ("ref", "ref"), "under": ("ref", "ref"), "flagged": ("ref", "ref"), "kin": ("ref", "ref"),
    "shares": ("ref", "edn"), "after": ("ref", "long"), "link": ("ref", "ref"),
}  # fmt: skip
