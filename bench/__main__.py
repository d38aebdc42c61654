"""`python -m bench [case …]`: run the cases one after the other, and keep what they print.

A case is a file of this directory that runs by itself. Its output goes to the screen and to
`bench/results/<case>.txt`, under the command that gave it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"


def main(names: list[str]) -> int:
    """Run the named cases, all when none is named; return how many failed."""
    known = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))
    if unknown := sorted(set(names) - set(known)):
        print(f"no case {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    RESULTS.mkdir(exist_ok=True)
    return sum(not run_case(name) for name in names or known)


def run_case(name: str) -> bool:
    """Run one case; return whether it came to its end."""
    print(f"== {name}", flush=True)
    lines = [f"$ python bench/{name}.py\n"]
    command = [sys.executable, str(HERE / f"{name}.py")]
    with subprocess.Popen(
        command, cwd=HERE.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode == 0:
        (RESULTS / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
    else:
        print(f"== {name} failed with exit code {process.returncode}", file=sys.stderr)
    return process.returncode == 0


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 125))
