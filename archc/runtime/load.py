"""From an architecture to a live module, by running the very source that is emitted."""

from __future__ import annotations

import hashlib
import linecache
import re
import sys
from types import ModuleType
from typing import Any, Protocol, SupportsIndex

from torch import nn

SOURCE = "__source__"
"""Where a module that was run keeps its text."""


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
    vars(module)[SOURCE] = text
    for made in classes(module):
        if "__reduce_ex__" not in vars(made):
            made.__reduce_ex__ = _reduced  # type: ignore[assignment]  # of all that it makes
    return sys.modules.setdefault(name, module)  # of two threads that load it one wins


def _reduced(self: nn.Module, protocol: SupportsIndex) -> tuple[Any, ...]:
    """Pickle a module with the source of its class, which another process does not have.

    So `torch.save(model)` can be read where archc is installed, also a later one, which would
    emit other source.
    """
    made = type(self)
    plain = object.__reduce_ex__(self, max(int(protocol), 2))
    assert isinstance(plain, tuple)
    module = sys.modules.get(made.__module__)
    if module is None or SOURCE not in vars(module):  # a class that somebody derived from it
        return plain
    source = (module.__name__, module.__file__, vars(module)[SOURCE])
    return (instance, (*source, made.__qualname__), *plain[2:])


def instance(name: str, file: str, text: str, kind: str) -> nn.Module:
    """Return an empty module of a class of some source, which pickle fills."""
    module = sys.modules.get(name) or _run(name, file, text)
    made: type[nn.Module] = getattr(module, kind)
    return made.__new__(made)


def classes(module: ModuleType) -> list[type[nn.Module]]:
    """Return the classes of modules that a file itself defines, in its order."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, nn.Module)
        and value.__module__ == module.__name__
    ]


def model_class(module: ModuleType) -> type[nn.Module]:
    """Return the network's class: the last one that the module itself defines."""
    return classes(module)[-1]
