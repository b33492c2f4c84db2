"""Text of a spec on its way into an output: one function for each target, and nothing else.

What a user wrote (titles, names, settings, names of files, lines of a spec) may hold whatever
means something to the target: quotes, markup, commands, formulas, control characters. Each
function returns text that means nothing there but itself.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from copy import deepcopy
from html import escape
from typing import Any

HIDDEN = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff\\ufffe\\uffff]"
)
"""What does not show as itself: control characters, those that turn the direction of text,
separators of lines, halves of surrogate pairs. Line feeds and tabs are not among them."""

MERMAID = {
    "#": "#35;",
    "&": "#amp;",
    ";": "#59;",
    '"': "#quot;",
    "<": "#lt;",
    ">": "#gt;",
    "`": "#96;",
    "\\": "#92;",
}
"""What Mermaid, or the HTML that it makes of labels, would take for its own."""

LATEX = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
         "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}",
         "×": r"$\times$", "λ": r"$\lambda$", "→": r"$\to$", "…": r"\ldots{}"}  # fmt: skip

MATH = re.compile(r"(?P<sign>×|…|, )|[A-Za-z][A-Za-z -]+|(?P<plain>[0-9A-Za-z=.,+/()\[\] -])|.")
"""What stands in the lines of a bracket: signs with commands of their own, numbers, words."""

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


def protobuf(text: str) -> str:
    """Return text for a string of Protocol Buffers, such as one of ONNX: any but halves of characters."""
    return visible(text)


def python_string(text: str) -> str:
    """Return a literal of Python, in the double quotes of formatted source."""
    quoted = text.translate(
        {ord("\\"): "\\\\", ord('"'): '\\"', ord("\n"): "\\n", ord("\t"): "\\t"}
    )
    return f'"{"".join(c if c.isprintable() else _python(c) for c in quoted)}"'


def python_source(tree: ast.expr) -> str:
    """Return an expression of Python, its strings as `python_string` writes them."""
    if not any(isinstance(n, ast.Constant) and isinstance(n.value, str) for n in ast.walk(tree)):
        return ast.unparse(tree)
    texts: list[str] = []

    class Strings(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.expr:
            if not isinstance(node.value, str):
                return node
            texts.append(python_string(node.value))
            return ast.Name(f"\0{len(texts) - 1}\0", ast.Load())  # no name has a NUL

    shown = ast.unparse(Strings().visit(deepcopy(tree)))
    return re.sub(r"\0(\d+)\0", lambda m: texts[int(m[1])], shown)


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


def dot_label(text: str) -> str:
    """Return text for an attribute of the `graphviz` package, which quotes it but reads escapes.

    A quoted label whose first line is empty is one that Graphviz 8 writes past its memory for.
    """
    if not re.search(r"[<>&\\]|^\n", text) and visible(text) == text:
        return text
    return f"<{markup(text)}>".replace("\n", "<BR/>")


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
    shown = re.sub(r"[\\`*_|]|~(?=\S)", r"\\\g<0>", shown)
    shown = re.sub(r"\](?=[(\[:])", r"\]", shown)  # a link
    return re.sub(r"^(?=[#>]|[-+=](?:[-+= ]|$))|^\d+(?=[.)] )", r"\g<0>\\", shown)  # a block


def fenced(text: str, language: str) -> str:
    """Return text as a fenced block of Markdown, whose fence is longer than any inside."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{visible(text)}{fence}\n"


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
    return _no_argument(shown)


def _no_argument(text: str) -> str:
    return re.sub(r"^\s*[\[*]", lambda m: f"{{{m[0].strip()}}}", text)


def latex_math(text: str) -> str:
    """Return text such as `3×3, 64, C=32` for the math mode of LaTeX, its words upright."""
    return _no_argument(re.sub(MATH, _math, one_line(text)))


def _math(match: re.Match[str]) -> str:
    piece = match[0]
    if match["plain"]:
        return piece
    if match["sign"]:
        return {"×": r"\times ", "…": r"\ldots ", ", ": r",\ "}[piece]
    return rf"\textrm{{{latex(piece)}}}"


def latex_comment(text: str) -> str:
    """Return text for a comment of LaTeX, which ends with its line."""
    return one_line(text)


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


def github_text(text: str) -> str:
    """Return text for a command of GitHub's workflows: its own signs and line breaks are encoded."""
    return visible(text.replace("%", "%25").replace("\r", "%0D")).replace("\n", "%0A")


def github_property(text: str) -> str:
    """Return text for a property of a command of GitHub's workflows."""
    return github_text(text).replace(":", "%3A").replace(",", "%2C")


def plot(text: str) -> str:
    """Return text for a plot, in which Matplotlib reads formulas between dollars."""
    return visible(text).replace("$", r"\$")


def json_text(value: Any, indent: int | None = 2) -> str:
    """Return data as JSON, in which no hidden character stands as itself."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(
        value, indent=indent, ensure_ascii=False, separators=separators, allow_nan=False
    )
    return HIDDEN.sub(lambda m: f"\\u{ord(m[0]):04x}", text)


def json_script(value: Any) -> str:
    """Return data as JSON that can stand in a script element: no `<` can end it."""
    return json_text(value, indent=None).replace("<", "\\u003c")
