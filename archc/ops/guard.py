"""Holds the ops of a plug-in to the interface: what they raise or return wrongly is reported."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args, get_origin

from pydantic import ValidationError

from archc.diagnostics import Diagnostic, Source, Span, SpecError
from archc.ops.base import Op, Py, ShapeFault, Tensor, Use
from archc.ops.definitions import at
from archc.ops.papers import TABLE
from archc.shapes import Shape
from archc.windows import Window


def _shapes(value: Any) -> bool:
    several = value if isinstance(value, tuple) and value else (value,)
    return all(isinstance(v, Shape) for v in several)


def _tensors(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in value.items()
    )


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _windows(value: Any) -> bool:
    return isinstance(value, tuple) and [type(v) for v in value] == [Window, Window]


def _names(value: Any) -> bool:
    several = value if isinstance(value, tuple) and value else (value,)
    return all(map(_text, several))


def _texts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_text, [*value, *value.values()]))


class OpFault(SpecError):
    """A method of a plug-in's op that raised, or returned what it must not."""


RETURNS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "shape": ("a Shape, or a tuple of them", _shapes),
    "tensors": ("a dict of Tensor by name", _tensors),
    "macs": ("an int, 0 or more", _count),
    "batch": ('"b", "1" or ""', lambda value: value in ("b", "1", "")),
    "saved_bytes": ("an int, 0 or more", _count),
    "sees": ("two of Window", _windows),
    "label": ("a str", _text),
    "drawn": ("a str", _text),
    "tabled": ("a str", _text),
    "module": ("a str", _text),
    "function": ("a str", _text),
    "buffers": ("a dict of str by name", _texts),
    "helper": ("a str", _text),
    "call": ("a str", _text),
    "onnx": ("a str, or a tuple of them", _names),
}
"""The methods of an op, and what each must return."""

COUNTED = ("tensors", "macs", "batch", "saved_bytes", "sees")
"""Those that take the shapes of the inputs, as `shape` does."""


def guard(op: type[Op], source: Source) -> None:
    """Put a guard around every method of an op, and around its construction."""
    for name, (what, right) in RETURNS.items():
        method = inspect.getattr_static(op, name, None)
        if method is None:  # an op need not say what it is in ONNX
            continue
        by_class = isinstance(method, classmethod)
        held = _held(method.__func__ if by_class else method, op, name, what, right, source)
        setattr(op, name, classmethod(held) if by_class else held)
    setattr(op, "__init__", _built(op, source))  # noqa: B010 - mypy forbids the plain way
    setattr(op, "rehearse", _rehearsed(source))  # noqa: B010


def _held(
    method: Callable[..., Any],
    op: type[Op],
    name: str,
    what: str,
    right: Callable[[Any], bool],
    source: Source,
) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(*args: Any, **keywords: Any) -> Any:
        try:
            result = method(*args, **keywords)
        except SpecError:
            raise
        except Exception as error:
            if isinstance(error, ShapeFault) and name == "shape":
                raise
            raise OpFault([raised(error, f"`{name}` of `{op.name}`", source)]) from None
        if not right(result):
            shown = _shown(result)
            message = f"`{name}` of `{op.name}` must return {what}, not {shown}"
            raise OpFault([Diagnostic("op-returns", message, method_span(method, op, source))])
        return result

    return call


def _built(op: type[Op], source: Source) -> Callable[..., None]:
    init = op.__init__
    annotations = {name: field.annotation for name, field in op.model_fields.items()}

    def __init__(self: Op, **arguments: Any) -> None:  # noqa: N807 - it takes its place
        try:
            init(self, **{k: _as_list(v, annotations.get(k)) for k, v in arguments.items()})
        except (SpecError, ValidationError):
            raise
        except Exception as error:  # noqa: BLE001 - of code of the user's
            raise OpFault([raised(error, f"the check of `{op.name}`", source)]) from None

    return __init__


def _as_list(value: Any, annotation: Any) -> Any:
    """Return a list of a spec, which is a tuple by now, as a list where the field is one."""
    if get_origin(annotation) is not list or not isinstance(value, tuple):
        return list(value) if annotation is list and isinstance(value, tuple) else value
    return [_as_list(v, *get_args(annotation)) for v in value]


def _rehearsed(source: Source) -> Callable[..., None]:
    def rehearse(self: Op, *xs: Shape) -> None:
        """Ask for all that the op declares: a fault that it has here it would have later."""
        tensors, *_ = (getattr(self, name)(*xs) for name in COUNTED)
        args = {name: Py.of(getattr(self, name)) for name in type(self).model_fields}
        channels = tuple(Py.of(x.channels) for x in xs)
        told = channels if tensors or self.sized else ()
        use = Use(args, told, xs)
        values = [f"x{k}" for k in range(len(xs))]
        try:
            module = self.module(use)
        except OpFault:
            if told:
                raise
            self.module(replace(use, channels=channels))  # raises where it is something else
            raise OpFault([_unsized(self, source)]) from None
        function = self.function(use, *values, *self.buffers(use))
        self.call("self.op", *values)
        self.label()
        self.drawn(*xs)
        self.tabled(TABLE, *xs)
        if module or (function and (self.registered or not (tensors or self.has_mode))):
            return
        what = "owns tensors" if tensors else "has a mode" if self.has_mode else "is an op"
        message = f"`{self.name}` {what}, but says no module that PyTorch has for it"
        hint = "give it a `torch_module`, or a class method `module`"
        raise OpFault([Diagnostic("bad-op", message, class_span(type(self), source), help=hint)])

    return rehearse


def _unsized(op: Op, source: Source) -> Diagnostic:
    message = f"`module` of `{op.name}` asks for the channels, but the class does not say so"
    hint = "write `sized = True` in the class; an op with tensors is told them without"
    span = method_span(type(op).module, type(op), source)
    return Diagnostic("bad-op", message, span, help=hint)


def method_span(method: Any, op: type[Op], source: Source) -> Span:
    """Return where a method begins, or the class, where it is no function of the file."""
    code = getattr(inspect.unwrap(method), "__code__", None)
    if code is None or code.co_filename != str(source.path):
        return class_span(op, source)
    line = code.co_firstlineno
    while source.line(line).lstrip().startswith("@"):
        line += 1
    return at(source, line)


def class_span(op: type[Op], source: Source) -> Span:
    """Return where a class of the file begins."""
    found = re.search(rf"^class {op.__name__}\b", source.text, re.MULTILINE)
    return at(source, source.text.count("\n", 0, found.start()) + 1 if found else 1)


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - of a class of the user's
        return f"a {type(value).__name__}"
    return f"`{text}`" if len(text) < 40 else f"a {type(value).__name__}"


def raised(error: BaseException, what: str, source: Source) -> Diagnostic:
    """Report what a plug-in raised, at the innermost line of its file that was running."""
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(source.path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return Diagnostic("op-raises", f"{what} raises {exception_line(error)}", at(source, line))


def exception_line(error: BaseException) -> str:
    """Spell an exception without the lines that PyTorch adds to some."""
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
