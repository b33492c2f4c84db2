"""Tables in LaTeX, with the rules of booktabs and nothing else to load."""

from __future__ import annotations

from archc import escaping
from archc.backends.tables.model import Bracket, Cell, Part, Row, Table, plain

END = r" \\"


def latex(table: Table) -> str:
    """Write a tabular; title and notes are comments."""
    lines = [
        f"% {escaping.latex_comment(comment)}"
        for comment in (table.title, *table.notes, r"\usepackage{booktabs}")
    ]
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
        return escaping.latex(plain(cell))
    shown = [_part(part) for part in cell]
    lines = f"{END}[2pt]".join(shown)
    return rf"\begin{{tabular}}{{@{{}}l@{{}}}}{lines}\end{{tabular}}" if len(shown) > 1 else lines


def _part(part: Part) -> str:
    if not isinstance(part, Bracket):
        return escaping.latex(str(part))
    lines = END.join(map(escaping.latex_math, part.lines))
    times = rf"\times{part.count}" if part.count > 1 else ""
    return rf"$\left[\begin{{array}}{{c}}{lines}\end{{array}}\right]{times}$"
