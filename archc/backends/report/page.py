"""The page: data from the networks, put into the template with style, scripts and their hashes."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from archc.backends.drawing.style import THEMES as COLOURS
from archc.backends.report.highlight import highlighted, style
from archc.backends.report.layout import Layout
from archc.backends.report.outline import outline
from archc.backends.report.pictures import colours, marked
from archc.backends.report.records import Records
from archc.backends.report.tables import charts, compared, families, judged, tables
from archc.backends.torchfile.file import source
from archc.diagnostics import Diagnostic
from archc.diagnostics import render as rendered
from archc.escaping import json_script, visible
from archc.graph import Network
from archc.passes.claims import is_published, verdicts
from archc.version import VERSION

if TYPE_CHECKING:
    from jinja2 import Environment

THEMES = ("auto", "light", "dark")
SCRIPTS = (
    "vendor/panzoom.min.js",
    "vendor/tablesort.min.js",
    "vendor/tablesort.number.min.js",
    "page.js",
)


class NoTemplates(ModuleNotFoundError):
    """What fills in the page is not installed."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "a report needs Jinja and Pygments: pip install 'archc[report]'", name=name
        )


def report(networks: Sequence[Network], theme: str = "auto", *, watching: bool = False) -> str:
    """Return the page of one network, or of several side by side.

    `theme` is light, dark, or auto for what the reader's system has; a page that is
    `watching` loads itself anew. Raises ValueError for an unknown theme, NoTemplates and
    NoRendererError where something is not installed.
    """
    records, marks = Records(), marked()
    shown = [_network(k, network, records, marks) for k, network in enumerate(networks)]
    several = len(networks) > 1
    sources = [
        {"name": s.name, "code": highlighted(s.text, "yaml", f"s{k}")}
        for k, s in enumerate(records.sources)
    ]
    return _page(
        ", ".join(n.name for n in networks), theme, watching=watching,
        networks=shown, sources=sources, charts=charts(networks),
        summary=compared(networks),
        families=list(families(networks)) if several else [],
        data=json_script({"records": records.found}),
    )  # fmt: skip


def complaint(title: str, diagnostics: Sequence[Diagnostic], theme: str = "auto") -> str:
    """Return a page that says what is wrong, and loads itself anew."""
    return _page(title, theme, watching=True, faults=[rendered(d) for d in diagnostics])


def _network(number: int, network: Network, records: Records, marks: Any) -> dict[str, Any]:
    layout = Layout(network, records, marks)
    document = network.document
    records.at(document.name.span)  # the spec itself stands before what it imports
    found = verdicts(network) if is_published(network) else []
    settings = ", ".join(f"{name} = {value}" for name, value in network.settings.items())
    return {
        "number": number,
        "name": network.name,
        "paper": str(document.paper.title) if document.paper else "",
        "settings": settings,
        "stack": layout.stack(outline(network)),
        "rows": layout.rows,
        "lanes": layout.lanes,
        "tables": list(tables(network)),
        "claims": judged(found) if found else None,
        "claim_lines": [records.at(v.figure.span) for v in found],
        "outcomes": [v.outcome for v in found],
        "source": highlighted(source(network, version=VERSION), "python", f"p{number}"),
    }


def _page(title: str, theme: str, *, watching: bool, **data: Any) -> str:
    if theme not in THEMES:
        raise ValueError(f"there is no theme `{theme}`: choose from {', '.join(THEMES)}")
    template = _environment().get_template("page.html.j2")
    script = "\n".join(_text(name) for name in SCRIPTS).replace("</script", "<\\/script")
    look = _style(_most(data, "rows"), _most(data, "lanes"))
    return template.render(
        title=title, theme=theme, watching=watching, version=VERSION, script=script, style=look,
        script_hash=_hash(script), style_hash=_hash(look), **data,
    )  # fmt: skip


def _environment() -> Environment:
    try:
        import pygments  # noqa: F401 - an extra
        from jinja2 import Environment, FunctionLoader, StrictUndefined
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("jinja2", "pygments"):
            raise
        raise NoTemplates(error.name or "") from None
    return Environment(
        loader=FunctionLoader(_text), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_shown,
    )  # fmt: skip


def _shown(value: Any) -> Any:
    """Return what the template puts in, hidden characters written out; markup is left as it is."""
    plain = isinstance(value, str) and not hasattr(value, "__html__")
    return visible(value) if plain else value


@cache
def _text(name: str) -> str:
    place = files("archc.backends.report")
    return place.joinpath(*name.split("/")).read_text(encoding="utf-8").strip()


def _most(data: dict[str, Any], what: str) -> int:
    """Return the most rows or lanes of any stack of the page."""
    return max((network[what] for network in data.get("networks", ())), default=0)


@cache
def _style(rows: int, lanes: int) -> str:
    """Return the style of a page; where boxes of a stack stand are rules, as attributes are not allowed."""
    light, dark = (_variables(name) for name in ("light", "dark"))
    light_code, dark_code = style("light", ":root"), style("dark", ":root")
    places = [
        f".r{n}{{grid-row:{n}}}.s{n}{{grid-row-start:{n}}}.e{n}{{grid-row-end:{n}}}"
        for n in range(1, rows + 1)
    ]
    places += [f".l{n}{{grid-column-end:{n + 4}}}" for n in range(lanes)]
    return "\n".join([
        f":root{{{light}}}",
        light_code,
        f"@media screen and (prefers-color-scheme: dark){{:root:not([data-theme=light]){{{dark}}}",
        style("dark", ":root:not([data-theme=light])"), "}",
        f"@media screen{{:root[data-theme=dark]{{{dark}}}", dark_code.replace(":root", ":root[data-theme=dark]"), "}",
        _text("page.css"), *places,
    ])  # fmt: skip


def _variables(theme: str) -> str:
    clear = replace(COLOURS[theme], background="transparent")
    numbered = (f"--d{k}:{colour}" for k, colour in enumerate(colours(clear)))
    return ";".join([f"color-scheme:{theme}", *numbered])


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
