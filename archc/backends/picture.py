"""Pictures in every form: `picture(networks, level).svg()`, of one network or of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from archc.backends.choices import PictureLevel
from archc.backends.drawing import alt_text
from archc.backends.drawing.build import Level, scene
from archc.backends.drawing.family import Family, family
from archc.backends.drawing.scene import Scene
from archc.backends.drawing.style import THEMES, Theme
from archc.escaping import fenced
from archc.graph import Network

LEVELS: tuple[PictureLevel, ...] = get_args(PictureLevel)


@dataclass(frozen=True)
class Picture:
    """What is drawn, as data; `family` where networks stand side by side."""

    scene: Scene
    family: Family | None = None

    @property
    def title(self) -> str:
        """What the picture is of."""
        return self.scene.name

    @property
    def description(self) -> str:
        """What the picture shows, in words."""
        return alt_text.describe(self.scene)

    def dot(self, theme: str = "light") -> str:
        """Return it as DOT text, for Graphviz; raises ValueError for an unknown theme."""
        from archc.backends import dot, dot_family

        if self.family is not None:
            return dot_family.written(self.family, themed(theme))
        return dot.written(self.scene, themed(theme))

    def mermaid(self, theme: str = "light") -> str:
        """Return it as Mermaid text, for Markdown; raises ValueError for an unknown theme."""
        from archc.backends.mermaid import mermaid

        return mermaid(self.scene, themed(theme))

    def svg(self, theme: str = "light") -> str:
        """Return it as SVG; raises NoRendererError where there is no Graphviz."""
        from archc.backends.render import svg

        return svg(self.dot(theme), self.title, self.description)

    def drawn(self, form: str, theme: str = "light") -> str | bytes:
        """Return it as svg, png, pdf, dot, mermaid or markdown."""
        from archc.backends.render import render

        match form:
            case "dot":
                return self.dot(theme)
            case "mermaid":
                return self.mermaid(theme)
            case "markdown":
                return fenced(self.mermaid(theme), "mermaid")
            case "svg":
                return self.svg(theme)
            case _:
                return render(self.dot(theme), form)


def picture(networks: Sequence[Network], level: str = "stage", at: str = "") -> Picture:
    """Return the picture of a network, or of what is at a path of it; `family` takes several.

    Raises ValueError for an unknown level, or for several networks at another one, and
    UnknownPlace, a LookupError, for a path that is no stage, block or op.
    """
    if level not in LEVELS:
        raise ValueError(f"there is no level `{level}`: choose from {', '.join(LEVELS)}")
    if level == "family":
        if at:
            raise ValueError("networks side by side are whole: no `at` goes with level `family`")
        made = family(networks)
        return Picture(made.scene, made)
    if len(networks) != 1:
        raise ValueError("several networks are drawn side by side, at level `family`")
    known: Level = next(each for each in get_args(Level) if each == level)
    return Picture(scene(networks[0], known, at))


def themed(name: str) -> Theme:
    """Return a theme by its name; raises ValueError."""
    if name not in THEMES:
        raise ValueError(f"there is no theme `{name}`: choose from {', '.join(THEMES)}")
    return THEMES[name]
