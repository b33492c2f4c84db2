"""What can be drawn, and shown in a notebook."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from archc.backends.choices import PictureLevel, PictureTheme
from archc.graph import Network

if TYPE_CHECKING:
    from archc.backends.picture import Picture


class Drawable:
    """A network's pictures, and what a notebook shows of it; each is made when it is asked for."""

    network: Network

    def picture(self, level: PictureLevel = "stage", at: str = "") -> Picture:
        """Return the picture as data, which can be written as DOT, SVG or Mermaid.

        Levels: family (a box a layer, as in Fig. 3 of He et al. 2015), stage (a box for each
        distinct block), block (its layers), op (everything). `at` is the path of a stage, block
        or op that is drawn alone. Raises ValueError for an unknown level, LookupError for a path
        that leads nowhere.
        """
        from archc.backends.picture import picture

        return picture([self.network], level, at)

    def dot(
        self, level: PictureLevel = "stage", theme: PictureTheme = "light", at: str = ""
    ) -> str:
        """Return the network as DOT text, for Graphviz; see `picture`.

        Themes: light, dark, print. Raises ValueError for one that is not known.
        """
        return self.picture(level, at).dot(theme)

    def mermaid(
        self, level: PictureLevel = "stage", theme: PictureTheme = "light", at: str = ""
    ) -> str:
        """Return the picture of `dot` as Mermaid text, for Markdown."""
        return self.picture(level, at).mermaid(theme)

    def svg(
        self, level: PictureLevel = "stage", theme: PictureTheme = "light", at: str = ""
    ) -> str:
        """Return the picture of `dot`, drawn; it needs `pip install archc[draw]` or Graphviz."""
        return self.picture(level, at).svg(theme)

    def _repr_svg_(self) -> str | None:
        """Return the picture; None where there is no Graphviz, so that another form is shown."""
        from archc.backends.render import NoRendererError

        try:
            return self.svg()
        except NoRendererError:
            return None

    def _repr_markdown_(self) -> str:
        return self._table("markdown")

    def _repr_html_(self) -> str:
        """Return picture and table; the table alone where nothing can draw."""
        svg = (self._repr_svg_() or "").partition("<svg ")
        return f"<div>{''.join(svg[1:])}{self._table('html')}</div>"

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        """Return all forms that a notebook may show, the picture only where it can be drawn."""
        forms = {
            "text/plain": self.__repr__,
            "text/markdown": self._repr_markdown_,
            "text/html": self._repr_html_,
            "image/svg+xml": self._repr_svg_,
        }
        wanted = [f for f in forms if f in (include or forms) and f not in (exclude or ())]
        return {form: text for form in wanted if (text := forms[form]()) is not None}

    def _table(self, form: str) -> str:
        from archc.backends.table import render, table

        return render(table(self.network), form)
