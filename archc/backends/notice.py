"""A message as a picture: what a file shows while the spec that it is drawn from is wrong."""

from __future__ import annotations

import re

from archc.backends.drawing.style import SMALL, Theme
from archc.backends.render import render
from archc.escaping import dot as dot_text
from archc.escaping import fenced, markup, mermaid

LINE = 15.0
LETTER = 6.7
MARGIN = 12.0
FONT = "monospace"
TITLE = "the spec is wrong"


def notice(text: str, form: str, theme: Theme, last: str | bytes | None = None) -> str | bytes:
    """Return a message in a picture's format; in SVG above the last picture that was right."""
    match form:
        case "svg":
            return svg(text, theme, last if isinstance(last, str) else "")
        case "dot":
            return dot(text, theme)
        case "mermaid" | "markdown":
            shown = "<br/>".join(map(mermaid, text.split("\n")))
            flow = f'flowchart TB\n  accTitle: {TITLE}\n  notice["{shown}"]\n'
            return fenced(flow, "mermaid") if form == "markdown" else flow
        case _:
            return render(dot(text, theme), form)


def dot(text: str, theme: Theme) -> str:
    """Return a message as DOT text."""
    lines = "".join(f"{dot_text(line) or ' '}\\l" for line in text.split("\n"))
    return (
        f'digraph notice {{ bgcolor="{theme.background}"; message [shape=box, fontname="{FONT}", '
        f'color="{theme.accent}", fontcolor="{theme.text}", fontsize={SMALL:g}, label="{lines}"]; }}\n'
    )


def svg(text: str, theme: Theme, last: str = "") -> str:
    """Return a message as SVG, above a picture."""
    lines = text.split("\n")
    height = LINE * len(lines) + 2 * MARGIN
    width = LETTER * max(map(len, lines), default=0) + 2 * MARGIN
    _, found, body = last.partition("<svg ")
    size = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', body)
    below, across = (float(size[2]), float(size[1])) if size else (0.0, 0.0)
    rows = "".join(
        f'<text x="{MARGIN}" y="{MARGIN + LINE * (k + 0.8):.1f}">{markup(line)}</text>\n'
        for k, line in enumerate(lines)
    )
    inner = f'<svg y="{height}" opacity="0.45" {body.rstrip()}\n' if found else ""
    total = max(width, across), height + below
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
        f'<svg role="img" width="{total[0]:.0f}pt" height="{total[1]:.0f}pt" '
        f'viewBox="0 0 {total[0]:.0f} {total[1]:.0f}" xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink">\n'
        f"<title>{TITLE}</title>\n<desc>{markup(text)}</desc>\n"
        f'<rect id="notice" width="100%" height="{height}" fill="{theme.background}" '
        f'stroke="{theme.accent}" stroke-width="2"/>\n'
        f'<g font-family="{FONT}" font-size="11" fill="{theme.text}" xml:space="preserve">\n{rows}</g>\n'
        f"{inner}</svg>\n"
    )
