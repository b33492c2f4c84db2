"""What users call: compile, check and load a spec; an Architecture and what can be asked of it."""

from archc.api.adopting import adopted
from archc.api.architecture import Architecture, side_by_side
from archc.api.checking import check, checked, judge_claims
from archc.api.compiling import compile, compile_block, compile_family, open_spec  # noqa: A004
from archc.api.creating import create_model
from archc.api.keeping import from_pretrained, push_to_hub, save, save_pretrained
from archc.api.listing import names
from archc.api.loading import load
from archc.backends.onnx import OnnxError
from archc.diagnostics import Diagnostic, Source, SpecError
from archc.weights.faults import WeightsError

__all__ = [
    "Architecture",
    "Diagnostic",
    "OnnxError",
    "Source",
    "SpecError",
    "WeightsError",
    "adopted",
    "check",
    "checked",
    "compile",
    "compile_block",
    "compile_family",
    "create_model",
    "from_pretrained",
    "judge_claims",
    "load",
    "names",
    "open_spec",
    "push_to_hub",
    "save",
    "save_pretrained",
    "side_by_side",
]
