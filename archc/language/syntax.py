"""What is wrong with a text that Python's parser refuses, or reads as more than an expression."""

from __future__ import annotations

import ast
import io
import keyword
import re
import tokenize

# Python's words that expressions of a spec use as Python does.
USED = ("and", "or", "not", "in", "is", "if", "else", "for", "True", "False", "None")

_OPENING = {"(": ")", "[": "]", "{": "}"}

_ALLOWED = (
    ast.Expression, ast.Constant, ast.Name, ast.Load, ast.Store, ast.BinOp, ast.UnaryOp, ast.BoolOp,
    ast.Compare, ast.IfExp, ast.Subscript, ast.Slice, ast.Tuple, ast.List, ast.ListComp,
    ast.GeneratorExp, ast.comprehension, ast.Call, ast.keyword, ast.Attribute,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow,
    ast.USub, ast.UAdd, ast.Not, ast.boolop, ast.cmpop,
)  # fmt: skip

# What Python says, from the start of its message, and what is said here: a message and a remedy.
_REASONS: tuple[tuple[str, str, str], ...] = (
    (r"'(.)' was never closed", "the `{0}` is never closed", "close it"),
    (r"unmatched '(.)'", "the `{0}` closes nothing", "remove it, or open it"),
    (
        r"closing parenthesis '(.)' does not match opening parenthesis '(.)'",
        "the `{0}` closes a `{1}`",
        "close brackets in the order in which they were opened",
    ),
    (r"unterminated (?:triple-quoted )?string", "the text in quotes never ends", "close the quotes"),
    (r"expected 'else'", "the `if` has no `else`", "write `a if condition else b`"),
    (r"invalid syntax. Perhaps you forgot a comma", "a comma or an operator is missing", ""),
    (r".*[mM]aybe you meant '==|.*perhaps you meant \"==\"", "`=` compares nothing", "write `==`"),
    (r"cannot assign to", "`=` assigns nothing here", "write `==` to compare, `name=value` to name an argument"),
    (
        r"positional argument follows",
        "an argument without a name stands after one with a name",
        "give arguments by place first, then those by name",
    ),
    (r"keyword argument repeated: (\w+)", "`{0}` is given twice", "give it once"),
    (
        r"Generator expression must be parenthesized",
        "a loop beside other arguments needs brackets",
        "write `[... for ...]`",
    ),
    (r"invalid character '(.*)' \(", "`{0}` is no sign of the expression language", ""),
    (r"invalid non-printable character (U\+\w+)", "the invisible character {0} stands here", "remove it"),
    (r"leading zeros", "a number begins with 0", "write it without the zeros in front"),
    (r"invalid .*literal|.*digit|.*[eE]xceeds the limit", "this is no number", "a pair is a list, `[3, 3]`; a name begins with a letter"),
    (r"unexpected character after line continuation|unexpected EOF", "a `\\` stands here", "remove it"),
    (r"f-string|.*unicode error|.*null byte", "this is no text in quotes", ""),
    (r"too many nested|too deeply", "it is too deeply nested", "name parts of it under `let:`"),
)  # fmt: skip

_NODES: dict[type[ast.AST], str] = {
    ast.Lambda: "a function of its own",
    ast.NamedExpr: "an assignment",
    ast.JoinedStr: "a text with values in it",
    ast.Dict: "a mapping",
    ast.DictComp: "a mapping",
    ast.Set: "a set",
    ast.SetComp: "a set",
    ast.Await: "`await`",
    ast.Yield: "`yield`",
    ast.YieldFrom: "`yield`",
    ast.BitOr: "the operator `|`",
    ast.BitAnd: "the operator `&`",
    ast.BitXor: "the operator `^`",
    ast.LShift: "the operator `<<`",
    ast.RShift: "the operator `>>`",
    ast.MatMult: "the operator `@`",
    ast.Invert: "the operator `~`",
    ast.Starred: "`*`",
    ast.keyword: "`**`",
}
_REMEDIES: dict[type[ast.AST], str] = {
    ast.BitXor: "a power is `a ** b`",
    ast.BitOr: "write `or`",
    ast.BitAnd: "write `and`",
    ast.Invert: "write `not`",
    ast.MatMult: "a product of tensors is `einsum`, or `linear` where one is learned",
    ast.Set: "a list is `[a, b]`",
    ast.SetComp: "a list is `[... for ...]`",
    ast.NamedExpr: "name the value under `let:`",
    ast.Lambda: "what repeats with other values is a block",
    ast.Starred: "name what it takes one by one",
    ast.keyword: "give each argument by its name",
}
PARTS = (
    "numbers, names, arithmetic, comparisons, conditionals, lists and calls of known functions are"
)


def reserved(text: str) -> tuple[str, int] | None:
    """Return the first word of a text that Python reserves and expressions do not use, and where."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if (
                token.type == tokenize.NAME
                and keyword.iskeyword(token.string)
                and token.string not in USED
            ):
                return token.string, token.start[1]
    except (tokenize.TokenError, SyntaxError):
        pass
    return None


def keyed(text: str) -> tuple[str, str] | None:
    """Say which word of the language stands as the name of an argument, `conv(in=3)`."""
    word = re.search(r"[(,]\s*(in|is|if|else|for|and|or|not)\s*=(?!=)", text)
    if word is None:
        return None
    remedy = "leave it out: what it takes tells it" if word[1] == "in" else "give it another name"
    return f"`{word[1]}` is a word of the language, and names no argument", remedy


def reason(error: Exception) -> tuple[str, str]:
    """Say in the words of a spec why a text is no expression, and what to do about it."""
    message = error.msg if isinstance(error, SyntaxError) else "too deeply nested"
    for pattern, words, remedy in _REASONS:
        if match := re.match(pattern, str(message)):
            return words.format(*match.groups()), remedy
    return (
        "it can't be read from here on",
        "an op with its arguments is `conv(16, 3)`, a step above its name",
    )


def odd(node: ast.AST) -> tuple[str, str] | None:
    """Say what a node is that expressions do not have, and what to write for it; None of others."""
    kind = type(node)
    named = not isinstance(node, ast.keyword) or node.arg is not None
    if isinstance(node, _ALLOWED) and named:
        return None
    return _NODES.get(kind, "something"), _REMEDIES.get(kind, f"{PARTS} part of it")
