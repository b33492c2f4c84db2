"""Texts chosen to leave their place, and specs that have them wherever a text may stand."""

from __future__ import annotations

import json
from random import Random

CODE = "__import__('os').mkdir('executed')"

TEXTS = [
    '"', "'", '"""', "'''", "\\", '\\"', '\\\\"""', 'ends in "', "ends in \\", "`a`", "``` b", "~~c~~",
    f'""" + {CODE} + """', f"'''; {CODE}", f'\\"""\n{CODE}\n"""', f'x"); {CODE}; ("', f"{{{CODE}}}",
    "two\nlines", "\ttab", " spaces ", "a\n# heading\n> quote\n- item", "\n\n---\n", "1. first",
    "<script>alert(1)</script>", "</title><svg onload=alert(1)>", "<b>", "a & b &amp; &#60;", "]]>",
    "<!-- a", "<a href='javascript:x'>", "<<TABLE><TR><TD>x</TD></TR></TABLE>>", "< b >", "<i>whole</i>",
    "{{ 7 * 7 }}", "{% raw %}", "{# a #}", "${x}", "$(x)", "%s %d %n", "%(x)s", "{0} {x!r}", "{}", "}{",
    "$\\nu$-net and \\underline{U}", "\\input{/etc/passwd}", "a\n\\input{/etc/passwd}\n%", "% comment",
    "^^5cinput{a}", "\\end{tabular}", "[2pt] a", "* b", "a & b \\\\ c", "#1 ~ _x_ ^2", "$", "\\N{BULLET}",
    '=HYPERLINK("http://evil.example","x")', "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "a;=1+1", "＝1+1",
    "a|b", "| a | b |", "![x](http://evil.example/x.png)", "[x](javascript:y)", "[x]: http://evil.example",
    "[x][y]", "*a* **b** _c_", "<http://evil.example>", "end", 'a"]; click b0 "javascript:x"', "-->",
    "%%{init: {}}%%", "b0[x]", 'x"]\n  b9["y', "subgraph z", "a:::b", "a;b", "\\l\\N\\G", 'x" -> "y', "a:b:c",
    "] ; node [shape=box", "http://evil.example", "é ß 漢字", "\U0001f600", "\u200b", "a\u0301", "[red]a[/red]",
    "[link=http://evil.example]x[/link]", "$\\frac{$", "none", "true", "0", "-", "+", "=",
    "\x1b[31m", "\x1b]0;title\x07", "\x9b31m", "a\x00b", "a\rb", "\x08\x08", "\x7f", "\u202eabc", "\u2066a",
    "a\u2028b", "a\x85b", "\x0c", "\ufffe", "\ud800", "\udfff\ud800",
]  # fmt: skip
"""Quotes, backslashes, code, lines, markup, templates, LaTeX, formulas, Markdown, Mermaid, DOT,
letters, and characters that do not show."""

SPEC = """\
archc: 1
name: net
default: small
input: [3, 8, 8]
paper:
  title: @
  arxiv: @
  year: @
  url: @
  by: layer
  columns: {name: @, output: @, params: @}
  rows: {stem: @, a: @, deep: @, unit: @}
params: {word: same, note: same}
variants:
  small: {}
  large: {word: same}
claims:
  small: {params: 1, where: @, unreproducible: @}
blocks:
  unit(k, word):
    a: conv(k, 3)
    b: relu
body:
  stem: conv(8 if word == note else 4, 3)
  a: unit(4, word)
  deep: conv(4 if note == word else 8, 3)
  c: bn
"""
"""A spec; `@` is where a text stands, `same` an expression that is one."""

NAMES = {
    "network": ("name: net", "name: @"),
    "variant": ("  large: {word", "  @: {word"),
    "param": ("note: same}", "note: same, @: 1}"),
    "value": ("note: same}", "note: @}"),
    "step": ("  c: bn", "  @: bn"),
    "filled": ("  c: bn", "  'c{note}': bn"),
    "block": ("  unit(k, word)", "  @"),
    "input": ("    a: conv(k, 3)", "    inputs: [x, @]\n    a: conv(k, 3)"),
    "op": ("  c: bn", "  c: @"),
    "pattern": ("  c: bn", '  c: einsum("@")'),
    "argument": ("  c: bn", '  c: conv(4, 3, padding_mode="@")'),
    "key": ("default: small", "default: small\n@: x"),
    "let": ("blocks:", "let: {@: 1}\nblocks:"),
    "output": ("  c: bn", "  c: bn\noutputs: {@: c}"),
    "import": ("blocks:", "import: {x: @}\nblocks:"),
    "ops": ("blocks:", "ops: [@]\nblocks:"),
    "initialiser": ("blocks:", "init: {conv: {weight: @}}\nblocks:"),
    "stage": ("  c: bn", "  c: {do: bn, stage: @}"),
    "loop": ("  c: bn", "  c: {do: bn, repeat: @}"),
    "comment": ("  c: bn", "  c: bn # @"),
    "figure": ("params: 1,", "params: @,"),
    "unit": ("input: [3, 8, 8]", "input: [3, 8, @]"),
}
"""Places where a text must be a name or an expression, by what they are."""


def scalar(text: str) -> str:
    """Return a text as a scalar of YAML, every odd character as an escape."""
    return json.dumps(text) if all(ord(c) < 0x10000 for c in text) else f'"{text}"'


def literal(text: str) -> str:
    """Return the text as a string of the expression language, in a scalar."""
    return scalar(repr(text))


def spec(text: str) -> str:
    """Return a spec that has a text wherever any text may stand."""
    return SPEC.replace("@", scalar(text)).replace("same", literal(text))


def named(place: str, text: str) -> str:
    """Return a spec that has a text where a name or an expression belongs."""
    old, new = NAMES[place]
    base = SPEC.replace("@", "t").replace("word: same", "word: \"'w'\"").replace("same", "\"'w'\"")
    raw = place in ("comment", "pattern", "argument")
    shown = text.replace("\n", " ") if raw else scalar(text)
    old = old.replace("same", "\"'w'\"")
    new = new.replace("same", literal(text) if place == "filled" else "\"'w'\"")
    if place == "filled":
        base = base.replace("note: \"'w'\"", f"note: {literal(text)}")
    assert old in base
    return base.replace(old, new.replace("@", shown))


def drawn(seed: str) -> str:
    """Return a text made of pieces of others, the same one for a seed wherever it runs."""
    rng = Random(seed)  # noqa: S311 nothing here is secret
    return "".join(rng.choice(TEXTS) for _ in range(rng.randint(1, 4)))
