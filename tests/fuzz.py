"""Specs, names, settings and weights that are damaged, the same for a seed wherever they run.

By hand, thousands in a run, with a count of each kind of failure at the end:

    python tests/fuzz.py --count 10000
    python tests/fuzz.py --kind names --start 5000 --count 2000

In a test, `for label, diagnostic in fuzz.diagnosed(200): ...` goes through all that archc says
about the first cases of every kind.
"""

from __future__ import annotations

import argparse
import importlib
import io
import linecache
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from fuzzing.case import Case, Refusal

from archc.diagnostics import Diagnostic, SpecError, render

KINDS = ("texts", "names", "settings", "weights")
SECONDS = 10.0
WORDS = re.compile(
    r" at 0x[0-9a-f]|NoneType|<(?:class|function|lambda|built-in|bound|module|object)\b"
    r"|object at|must be a valid|Traceback|__\w+__\(|\bpydantic\b"
)
"""Words of Python's, and of archc's insides, that no message may have."""


@dataclass(frozen=True)
class Verdict:
    """What became of a case: `sound`, `faults`, `usage`, or a failure and what shows it."""

    case: Case
    kind: str
    found: tuple[Diagnostic, ...] = ()
    shown: str = ""
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        return self.kind not in ("sound", "faults", "usage")


def cases(kind: str, count: int, start: int = 0) -> Iterator[Case]:
    """Yield the cases of a kind, by their numbers."""
    make: Callable[[int], Case] = importlib.import_module(f"fuzzing.{kind}").case
    return (make(k) for k in range(start, start + count))


def judge(case: Case) -> Verdict:
    """Run a case: archc gives diagnostics or a usage error, in plain words and soon."""
    start = time.process_time()
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            found = tuple(case.run())
            kind, said = ("faults" if found else "sound"), [render(d) for d in found]
    except SpecError as error:
        found, kind, said = error.diagnostics, "faults", [str(error)]
    except Exception as error:  # noqa: BLE001 - what else comes is what is looked for
        found, said = (), [str(error)]
        if not deliberate(error):
            shown = "".join(traceback.format_exception(error)[-6:])
            return Verdict(case, f"traceback: {place(error)}", (), shown)
        kind = "usage"
    seconds = time.process_time() - start
    if seconds > SECONDS:
        return Verdict(case, "slow", found, f"{seconds:.0f} s", seconds)
    odd = next((m for text in said if (m := WORDS.search(spoken(text)))), None)
    if odd is not None:
        return Verdict(case, f"words: {odd[0].strip()}", found, "\n".join(said), seconds)
    return Verdict(case, kind, found, "", seconds)


def spoken(text: str) -> str:
    """Return a rendered diagnostic without what is the user's: quoted words, lines of the source."""
    lines = (line for line in text.splitlines() if not re.match(r" *\d* \|| *-->| *:::", line))
    return re.sub(r"`[^`]*`", "``", "\n".join(lines))


def deliberate(error: Exception) -> bool:
    """Whether archc raised an error itself, at a `raise`, and it is one of those for users."""
    if isinstance(error, Refusal):
        return True
    frames = traceback.extract_tb(error.__traceback__)
    if not frames or not isinstance(error, (TypeError, ValueError, LookupError, OSError)):
        return False
    if isinstance(error, OSError) and not isinstance(error, UnicodeError):
        return True
    last = frames[-1]
    stated = (linecache.getline(last.filename, n).strip() for n in range(last.lineno or 1, 0, -1))
    return "archc" in Path(last.filename).parts and next(stated, "").startswith("raise")


def place(error: Exception) -> str:
    """Name an exception and the line of archc that it comes from."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "archc" in Path(f.filename).parts[:-1]] or frames
    return f"{type(error).__name__} in {Path(own[-1].filename).name}:{own[-1].lineno}"


def diagnosed(count: int, kinds: tuple[str, ...] = KINDS) -> Iterator[tuple[str, Diagnostic]]:
    """Yield all that archc says about the first `count` cases of each kind, labelled by its case."""
    for kind in kinds:
        for case in cases(kind, count):
            yield from ((case.label, diagnostic) for diagnostic in judge(case).found)


def main() -> None:
    """Run many cases and count what became of them; every kind of failure is shown once."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000, help="cases, of all kinds together")
    parser.add_argument("--start", type=int, default=0, help="number of the first case of a kind")
    parser.add_argument("--kind", choices=KINDS, action="append")
    chosen = parser.parse_args()
    kinds = chosen.kind or list(KINDS)
    share = {k: 1 if k == "weights" else 6 for k in kinds}
    failed = False
    for kind in kinds:
        count = chosen.count * share[kind] // sum(share.values())
        counts: Counter[str] = Counter()
        slowest = 0.0
        for case in cases(kind, count, chosen.start):
            verdict = judge(case)
            if verdict.failed and not counts[verdict.kind]:
                print(f"== {case.label}: {verdict.kind}\n{verdict.shown}\n{case.text}\n")
            counts[verdict.kind] += 1
            slowest = max(slowest, verdict.seconds)
            failed |= verdict.failed
        print(f"{kind}: {count} cases, the slowest took {slowest:.1f} s")
        for outcome, number in counts.most_common():
            print(f"  {number:6} {outcome}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
