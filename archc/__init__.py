"""archc: a compiler for vision architectures, from YAML to PyTorch, diagrams and tables."""

from typing import TYPE_CHECKING, Any

from archc.version import VERSION

if TYPE_CHECKING:
    from archc.api import (
        Architecture,
        check,
        compile,  # noqa: A004
        create_model,
        from_pretrained,
        load,
        names,
        push_to_hub,
        save,
        save_pretrained,
    )
    from archc.backends.onnx import OnnxError
    from archc.diagnostics import Diagnostic, Source, SpecError
    from archc.weights.faults import WeightsError

__version__ = VERSION
__all__ = [
    "Architecture",
    "Diagnostic",
    "OnnxError",
    "Source",
    "SpecError",
    "WeightsError",
    "__version__",
    "check",
    "compile",
    "create_model",
    "from_pretrained",
    "load",
    "names",
    "push_to_hub",
    "save",
    "save_pretrained",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for only now: the command line answers an interrupt before that."""
    from importlib import import_module

    if name in __all__:
        return getattr(import_module("archc.api"), name)
    try:
        return import_module(f"archc.{name}")
    except ModuleNotFoundError:
        pass
    raise AttributeError(f"module 'archc' has no attribute '{name}'")
