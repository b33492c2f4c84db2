"""Tables in LaTeX, with the rules of booktabs and nothing else to load."""

from __future__ import annotations

import re

from archc.backends.tables.model import Bracket, Cell, Part, Row, Table, plain

SPECIAL = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
           "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}",
           "×": r"$\times$", "λ": r"$\lambda$", "→": r"$\to$", "…": r"\ldots{}"}  # fmt: skip

END = r" \\"


def latex(table: Table) -> str:
    """Write a tabular; title and notes are comments."""
    lines = [f"% {comment}" for comment in (table.title, *table.notes, r"\usepackage{booktabs}")]
    lines.append(
        rf"\begin{{tabular}}{{{''.join('r' if c.number else 'l' for c in table.columns)}}}"
    )
    lines += [r"\toprule", _row(tuple(c.title for c in table.columns)), r"\midrule"]
    rule = ["\\addlinespace"] if table.ruled else []
    for k, row in enumerate(table.rows):
        lines += [*(rule if k else []), _row(row)]
    lines += [r"\midrule"] * bool(table.totals) + [_row(row) for row in table.totals]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _row(row: Row) -> str:
    return " & ".join(map(_cell, row)) + END


def _cell(cell: Cell) -> str:
    if not isinstance(cell, tuple):
        return escape(plain(cell))
    shown = [_part(part) for part in cell]
    lines = f"{END}[2pt]".join(shown)
    return rf"\begin{{tabular}}{{@{{}}l@{{}}}}{lines}\end{{tabular}}" if len(shown) > 1 else lines


def _part(part: Part) -> str:
    if not isinstance(part, Bracket):
        return escape(str(part))
    lines = END.join(map(_math, part.lines))
    times = rf"\times{part.count}" if part.count > 1 else ""
    return rf"$\left[\begin{{array}}{{c}}{lines}\end{{array}}\right]{times}$"


def _math(line: str) -> str:
    """Spell `3×3, 64, C=32` in math mode, its words upright."""
    spelled = re.sub(r"[A-Za-z][A-Za-z -]+", lambda m: rf"\textrm{{{m[0]}}}", line)
    spelled = spelled.replace("×", r"\times ").replace("…", r"\ldots ")
    return spelled.replace(", ", r",\ ")


def escape(text: str) -> str:
    """Spell text for LaTeX; a power of ten goes into math mode as a whole."""
    parts = re.split(r"(×10\^\d+)", text)
    shown = (
        _power(p) if p.startswith("×10^") else "".join(SPECIAL.get(c, c) for c in p) for p in parts
    )
    return "".join(shown)


def _power(text: str) -> str:
    return rf"$\times10^{{{text.removeprefix('×10^')}}}$"
