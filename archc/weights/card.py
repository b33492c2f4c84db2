"""What a repository of the Hugging Face hub has beside the weights: its config and its model card."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from archc.escaping import fenced, json_text, markdown

CONFIG, CARD, WEIGHTS = "config.json", "README.md", "model.safetensors"

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")


@dataclass(frozen=True)
class About:
    """What is said of a network on its pages."""

    name: str
    record: str
    spec: str
    input: Sequence[int]
    output: Sequence[int]
    params: int
    macs: int
    table: str
    weights: str = ""
    licence: str = ""

    @property
    def classes(self) -> int | None:
        """How many classes it tells apart, as far as its output's shape says."""
        return self.output[0] if len(self.output) == 1 else None


def config(about: About) -> str:
    """Return the config: figures that others read, and what archc needs to make the network."""
    classes = {} if about.classes is None else {"num_classes": about.classes}
    return json_text(
        {
            "architecture": about.name,
            "library_name": "archc",
            "input_size": list(about.input),
            **classes,
            "params": about.params,
            "macs": about.macs,
            "archc": json.loads(about.record),
        }
    )


def card(about: About, repository: str) -> str:
    """Return the model card: front matter in YAML, how the network is loaded, what it is."""
    task = "image-feature-extraction" if about.classes is None else "image-classification"
    front = {"library_name": "archc", "pipeline_tag": task, "tags": ["archc", task]}
    if about.licence:
        front["license"] = about.licence
    if base := re.fullmatch(r"timm:([\w.-]+)", about.weights):
        front["base_model"] = f"timm/{base[1]}"
    lines = [f"{key}: {json_text(value, indent=None)}" for key, value in front.items()]
    code = f'import archc\n\nmodel = archc.from_pretrained("{repository}").eval()\n'
    sample = "×".join(map(str, about.input))
    came = f" Its weights came from {markdown(about.weights)}." if about.weights else ""
    size = f"{about.params:,} parameters, {about.macs:,} multiply-adds for an input of {sample}"
    return "\n".join(
        [
            *("---", *lines, "---", ""),
            f"# {markdown(about.name)}",
            "",
            f"A vision network in the language of archc: {size}.{came}",
            "",
            fenced(code, "python"),
            about.table.rstrip(),
            "",
            fenced(about.spec, "yaml"),
        ]
    )
