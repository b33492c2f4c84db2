"""What may be a name, whether it is written out or filled in from `{expressions}`."""

from __future__ import annotations

import keyword
import re
import unicodedata

from archc.limits import MAX_NAME

LANGUAGE = ("x", "prev", "none", "true", "false")

# Attributes of torch.nn.Module, which would stand in the way of a submodule of that name.
_MODULE = """
    add_module apply bfloat16 buffers call_super_init children compile cpu cuda double
    dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter
    get_submodule half ipu load_state_dict modules mtia named_buffers named_children
    named_modules named_parameters parameters register_backward_hook register_buffer
    register_forward_hook register_forward_pre_hook register_full_backward_hook
    register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state
    set_submodule share_memory state_dict T_destination to to_empty train training type xpu zero_grad
"""
MODULE = frozenset(_MODULE.split())


# Those that a number of the same name does not stand in the way of.
_UNCALLED = "bfloat16 compile cpu cuda double float half ipu modules mtia share_memory to type xpu"
METHODS = MODULE - {*_UNCALLED.split()}

# Names that an emitted file says itself, where those of params, lets and loops stand beside them.
_FILE = """
    F OrderedDict enumerate getattr in_channels int isinstance len list math max min nn range
    reversed self sum super torch tuple zip
"""
FILE = frozenset(_FILE.split())


def is_name(text: str) -> bool:
    """Whether a text is a name: an identifier that Python reads as it is written."""
    return len(text) <= MAX_NAME and bool(re.fullmatch(r"[A-Za-z_]\w*", text)) and _plain(text)


def is_key(text: str) -> bool:
    """Whether a text can name a step: names and numbers with `-` in them, joined by dots."""
    return (
        len(text) <= MAX_NAME and bool(re.fullmatch(r"\w[\w-]*(\.[\w-]+)*", text)) and _plain(text)
    )


def _plain(text: str) -> bool:
    """Whether every letter is one of identifiers; Python takes `ﬁ` for `fi`, and knows no `²`."""
    letters = re.sub(r"[-.]", "_", text)
    return f"_{letters}".isidentifier() and unicodedata.normalize("NFKC", text) == text


def taken(key: str) -> tuple[str, str] | None:
    """Return why no step can have a key, and what to write; None where one can."""
    if key in LANGUAGE:
        return f"`{key}` has a meaning of its own, and can't name a step", "give it another name"
    if part := next((p for p in key.split(".") if p in MODULE), ""):
        message = f"`{part}` is an attribute of every nn.Module, and can't name a step"
        return message, f"give it another name, such as `{part}1`"
    if part := next((p for p in key.split(".") if p.startswith("__") and p.endswith("__")), ""):
        message = f"`{part}` is a method of every Python class, and can't name a step"
        return message, f"give it another name, such as `{part.strip('_') or 'step'}1`"
    if keyword.iskeyword(key):
        return f"no expression can read a step called `{key}`", "give it another name"
    return None


def hides(name: str) -> tuple[str, str] | None:
    """Return why no param, derived value or loop variable can have a name, and what to write."""
    hint = f"give it another name, such as `{name.strip('_') or 'value'}1`"
    if name in FILE or name.startswith("__"):
        return f"`{name}` has a meaning of its own in the emitted file", hint
    return None
