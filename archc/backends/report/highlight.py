"""Source with its words marked: the spec and the emitted file, a line an element."""

from __future__ import annotations

from typing import Any

LEXERS = {"yaml": "pygments.lexers.data.YamlLexer", "python": "pygments.lexers.python.PythonLexer"}
STYLES = {"light": "default", "dark": "github-dark"}


def highlighted(text: str, language: str, name: str) -> str:
    """Return text as HTML, escaped; its lines are elements with the ids `name-1`, `name-2`, ..."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter

    marked = highlight(text, _lexer(language), HtmlFormatter(nowrap=True, classprefix="h-"))
    lines = enumerate(marked.removesuffix("\n").split("\n"), 1)
    return "".join(f'<span id="{name}-{k}">{line}\n</span>' for k, line in lines)


def _lexer(language: str) -> Any:
    from importlib import import_module

    module, _, name = LEXERS[language].rpartition(".")
    return getattr(import_module(module), name)(stripnl=False, ensurenl=True)


def style(theme: str, around: str) -> str:
    """Return the colours of marked words as CSS, each rule within a selector."""
    from pygments.formatters import HtmlFormatter

    formatter = HtmlFormatter(style=STYLES[theme], classprefix="h-")
    rules: str = formatter.get_style_defs(f"{around} .code")  # type: ignore[no-untyped-call]
    kept = [line for line in rules.splitlines() if ".code .h-" in line]
    return "\n".join(kept)
