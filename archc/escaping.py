"""Text of a spec on its way into an output: one function for each target, and nothing else.

What a user wrote (titles, names, settings, names of files, lines of a spec) may hold whatever
means something to the target: quotes, markup, commands, formulas, control characters. Each
function returns text that means nothing there but itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from typing import Any

HIDDEN = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff\\ufffe\\uffff]"
)
"""What does not show as itself: control characters, those that turn the direction of text,
separators of lines, halves of surrogate pairs. Line feeds and tabs are not among them."""

MERMAID = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;", "\\": "#92;"}
"""What Mermaid, or the HTML that it makes of labels, would take for its own."""

LATEX = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
         "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}",
         "×": r"$\times$", "λ": r"$\lambda$", "→": r"$\to$", "…": r"\ldots{}"}  # fmt: skip

FORMULA = re.compile("[=+\\-@\\t\\r＝＋－＠]")
"""How a cell begins that a spreadsheet would work out."""

NUMBER = re.compile(r"[-+]?\d[\d,]*(\.\d+)?(e[-+]?\d+)?")


def visible(text: str) -> str:
    r"""Return text in which each hidden character is written out, `\x1b`."""
    return HIDDEN.sub(lambda m: _code(m[0]), text)


def _code(letter: str) -> str:
    number = ord(letter)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def quoted(text: str) -> str:
    r"""Return text in which each hidden character is written out, line feeds too: `\n`."""
    return visible(text.replace("\n", "\\n"))


def one_line(text: str) -> str:
    """Return text on one line, hidden characters written out."""
    return visible(" ".join(re.split(r"[ \t\r\n]+", text)))


def terminal(text: str) -> str:
    """Return text for a terminal, which gets no control characters but line feeds and tabs."""
    return visible(text)


def python_string(text: str) -> str:
    """Return a literal of Python, in the double quotes of formatted source."""
    quoted = text.translate(
        {ord("\\"): "\\\\", ord('"'): '\\"', ord("\n"): "\\n", ord("\t"): "\\t"}
    )
    return f'"{"".join(c if c.isprintable() else _python(c) for c in quoted)}"'


def _python(letter: str) -> str:
    return f"\\U{ord(letter):08x}" if ord(letter) > 0xFFFF else _code(letter)


def docstring(text: str) -> str:
    """Return text for a docstring of Python, on one line; it can be wrapped at its spaces."""
    words = " ".join(re.split(r"[ \t\r\n]+", text))
    shown = "".join(c if c.isprintable() else _python(c) for c in words.replace("\\", "\\\\"))
    return re.sub(r'^"|"(?="|$)', r"\"", shown)


def markup(text: str) -> str:
    """Return text for HTML, for XML such as SVG, and for the labels of DOT that are like HTML."""
    return escape(visible(text))


def dot(text: str) -> str:
    """Return text for a quoted string of DOT; a line feed breaks the line, as written."""
    lines = visible(text).replace("\\", "\\\\").replace('"', '\\"').split("\n")
    return "\\n".join(lines)


def mermaid(text: str) -> str:
    """Return text for a quoted label of Mermaid."""
    return "".join(MERMAID.get(letter, letter) for letter in one_line(text))


def mermaid_line(text: str) -> str:
    """Return text for a statement of Mermaid that takes the rest of its line."""
    words = one_line(text).translate({ord(";"): ",", ord("#"): " ", ord("{"): "(", ord("}"): ")"})
    return " ".join(words.replace("%%", "%").split())


def markdown(text: str) -> str:
    """Return text for a line or a cell of Markdown."""
    shown = re.sub(r"&(?=#?\w+;)", "&amp;", one_line(text)).replace("<", "&lt;")
    shown = re.sub(r"[\\`*_|~]", r"\\\g<0>", shown)
    shown = re.sub(r"\](?=[(\[:])", r"\]", shown)  # a link
    return re.sub(r"^(?=[#>]|[-+=](?:[-+= ]|$))|^\d+(?=[.)] )", r"\g<0>\\", shown)  # a block


def latex(text: str) -> str:
    r"""Return text for LaTeX; a power of ten goes into math mode as a whole.

    An opening bracket or a star may stand behind `\\`, which would take it for an argument.
    """
    parts = re.split(r"(×10\^\d+)", one_line(text))
    shown = "".join(
        rf"$\times10^{{{p.removeprefix('×10^')}}}$"
        if p.startswith("×10^")
        else "".join(LATEX.get(c, c) for c in p)
        for p in parts
    )
    return re.sub(r"^\s*[\[*]", lambda m: f"{{{m[0].strip()}}}", shown)


def csv_row(cells: Iterable[object]) -> str:
    """Return a line of CSV; a text that a spreadsheet would take for a formula begins with `'`."""
    return ",".join(map(_csv, cells)) + "\n"


def _csv(cell: object) -> str:
    text = str(cell)
    if not isinstance(cell, int | float) and FORMULA.match(text) and not NUMBER.fullmatch(text):
        text = f"'{text}"
    text = visible(text)
    quoted = re.search(r'[,;"\t\n]|^\s|\s$', text)
    return '"' + text.replace('"', '""') + '"' if quoted else text


def json_text(value: Any, indent: int | None = 2, *, finite: bool = False) -> str:
    """Return data as JSON, in which no hidden character stands as itself."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(
        value, indent=indent, ensure_ascii=False, separators=separators, allow_nan=not finite
    )
    return HIDDEN.sub(lambda m: f"\\u{ord(m[0]):04x}", text)


def json_script(value: Any) -> str:
    """Return data as JSON that can stand in a script element: no `<` can end it."""
    return json_text(value, indent=None).replace("<", "\\u003c")
