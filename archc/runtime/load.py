"""From an architecture to a live module, by running the very source that is emitted."""

from __future__ import annotations

import hashlib
import linecache
import re
import sys
from types import ModuleType
from typing import Protocol

from torch import nn


class Emits(Protocol):
    """What of an Architecture is needed to load it."""

    @property
    def name(self) -> str:
        """The name of the variant."""

    def source(self) -> str:
        """Return the text of the file that defines the network, its class last."""


def load(architecture: Emits) -> nn.Module:
    """Return a new instance of the network.

    It is what importing the built file and calling its class would give: in train mode, its
    weights freshly drawn from torch's generator, on the default device and in the default
    dtype, so that `with torch.device("meta"):` costs no memory. Two loads of one network are
    two instances of one class, which pickles and deepcopies, and whose source
    `inspect.getsource` and tracebacks show.
    """
    return model_class(module_of(architecture))()


def module_of(architecture: Emits) -> ModuleType:
    """Run the emitted source as a module of its own; the same source runs once a process.

    Its name tells the network and the digest of the source apart from all others, and stays
    in `sys.modules`, where pickle looks for it.
    """
    text = architecture.source()
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    label = re.sub(r"\W", "_", architecture.name)
    name = f"archc_{label}_{digest}"
    return sys.modules.get(name) or _run(name, f"<archc {architecture.name} {digest}>", text)


def _run(name: str, file: str, text: str) -> ModuleType:
    module = ModuleType(name)
    module.__file__ = file
    # no time of change: linecache then never looks for such a file, and keeps the lines
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exec(compile(text, file, "exec"), vars(module))  # noqa: S102 - we wrote it
    return sys.modules.setdefault(name, module)  # of two threads that load it one wins


def model_class(module: ModuleType) -> type[nn.Module]:
    """Return the network's class: the last one that the module itself defines."""
    *_, last = (
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, nn.Module)
        and value.__module__ == module.__name__
    )
    return last
