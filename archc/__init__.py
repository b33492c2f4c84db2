"""archc: a compiler for vision architectures, from YAML to PyTorch, diagrams and tables."""

from typing import TYPE_CHECKING, Any

from archc.version import VERSION

if TYPE_CHECKING:
    from archc.api import Architecture, check, compile, load, names  # noqa: A004
    from archc.diagnostics import Diagnostic, SpecError

__version__ = VERSION
__all__ = [
    "Architecture",
    "Diagnostic",
    "SpecError",
    "__version__",
    "check",
    "compile",
    "load",
    "names",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for only now: the command line answers an interrupt before that."""
    from importlib import import_module

    api = import_module("archc.api")
    if name in __all__:
        return getattr(api, name)
    if name in globals():  # a module, which the API imports
        return globals()[name]
    raise AttributeError(f"module 'archc' has no attribute '{name}'")
