"""The rules of the house that no linter knows: who imports whom, sizes, nothing of one machine."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "archc"
MODULES = sorted(PACKAGE.rglob("*.py"))

# The rooms in import order: a module imports only from its own room and those before it.
ROOMS = (
    "version",
    "limits",
    "escaping",
    "diagnostics",
    "shapes",
    "windows",
    "language",
    "ops",
    "zoo",
    "graph",
    "lower",
    "rules",
    "passes",
    "trying",
    "judging",
    "backends",
    "runtime",
    "api",
    "__init__",
    "commands",
    "cli",
    "__main__",
)

# The one room that may import a library; the others stay free of its load time and its types.
OWNERS = {"yaml": "language", "networkx": "graph", "torch": "runtime", "torchvision": "runtime"}

MAX_LINES = 400

# What is true on one machine only: its folders, and the hosts that it installs from.
LOCAL = re.compile(
    r"(?<![\w./~-])/(?:work|opt|root)\b"
    r"|https?://[^/\s]*(?:pypi|pythonhosted|registry|mirror|proxy|download)[^/\s]*"
    r"|--(?:extra-)?index-url[ =]"
)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path, *, typing: bool = True) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of what a module imports, late or not; `typing`: for types too."""
    nodes: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        match node:
            case ast.Import():
                yield from ((node.lineno, alias.name) for alias in node.names)
            case ast.ImportFrom():
                module = "." * node.level + (node.module or "")
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
            case ast.If(test=ast.Name(id="TYPE_CHECKING")) if not typing:
                nodes.extend(node.orelse)
            case _:
                nodes.extend(ast.iter_child_nodes(node))


def imported_room(name: str) -> str | None:
    """Return the room that `archc.x.y` lies in; what `archc` itself offers is in `__init__`."""
    package, _, rest = name.partition(".")
    if package != "archc":
        return None
    room = rest.partition(".")[0]
    is_room = (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").is_file()
    return room if room and is_room else "__init__"


def test_every_module_is_in_a_room() -> None:
    """A new room takes its place in the order of imports."""
    assert sorted({room_of(path) for path in MODULES} - set(ROOMS)) == []


def test_imports_go_one_way() -> None:
    """A module imports from its own room and those before it, by absolute names."""
    wrong = []
    for path in MODULES:
        room = room_of(path)
        allowed = ROOMS[: ROOMS.index(room) + 1] if room in ROOMS else ()
        for line, name in imports(path):
            target = imported_room(name)
            if name.startswith(".") or (target is not None and target not in allowed):
                wrong.append(f"{path.relative_to(REPOSITORY)}:{line}: {room} imports {name}")

    assert wrong == []


def test_libraries_have_owners() -> None:
    """One room imports yaml, one networkx, one PyTorch; imports for types alone are free."""
    wrong = [
        f"{path.relative_to(REPOSITORY)}:{line}: {name}"
        for path in MODULES
        for line, name in imports(path, typing=False)
        if OWNERS.get(name.partition(".")[0], room_of(path)) != room_of(path)
    ]

    assert wrong == []


@pytest.mark.parametrize("module", ["archc", "archc.cli"])
def test_import_needs_no_torch(module: str) -> None:
    """PyTorch takes seconds to import, and may not be there."""
    code = f"import sys, {module}; print(*{{'torch', 'torchvision'}} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (run.stdout, run.stderr) == ("\n", "")


def test_modules_are_small() -> None:
    """A long module holds two ideas."""
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}

    assert {p.name: size for p, size in sizes.items() if size >= MAX_LINES} == {}


# What makes or changes a file, wherever it comes from; `open` with a mode is looked at closer.
WRITERS = frozenset({
    "write_text", "write_bytes", "savefig", "mkdir", "makedirs", "mkstemp", "mkdtemp",
    "NamedTemporaryFile", "TemporaryDirectory", "replace", "rename", "unlink", "remove",
    "rmtree", "copy", "copyfile", "copy2", "move", "touch", "symlink_to", "hardlink_to",
    "chmod", "chown", "fchown", "truncate", "ftruncate",
})  # fmt: skip
OF_TEXTS = frozenset({"replace", "copy", "remove", "move"})  # of a str, a list or a dict too
OF_THE_SYSTEM = frozenset({"os", "shutil", "tempfile", "Path"})
OUTPUT = PACKAGE / "commands" / "output.py"


def writes(call: ast.Call) -> bool:
    """Whether a call writes to the file system, as far as its text tells."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    owner = getattr(getattr(function, "value", None), "id", "")
    if name == "open":
        if owner == "os":
            return True
        of_method = call.args if isinstance(function, ast.Attribute) else call.args[1:]
        given = (*of_method, *(k.value for k in call.keywords if k.arg == "mode"))
        modes = [a.value for a in given if isinstance(a, ast.Constant)]
        return any(set(str(mode)) & set("wax+") for mode in modes)
    if name == "savefig":  # into memory it is no file
        return not (call.args and isinstance(call.args[0], ast.Name) and call.args[0].id == "out")
    if name == "replace" and len(call.args) == 1 and not call.keywords:  # of a path
        return True
    return name in WRITERS and (name not in OF_TEXTS or owner in OF_THE_SYSTEM)


def test_one_module_writes_files() -> None:
    """What holds for files holds for all of them, since nothing else opens one for writing."""
    streams = PACKAGE / "cli.py"  # opens the null device in place of what is closed
    found = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}: {ast.unparse(node)}"
        for path in MODULES
        if path not in (OUTPUT, streams)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and writes(node)
    ]

    assert found == []
    assert any(
        writes(node)
        for node in ast.walk(ast.parse(OUTPUT.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    )


@pytest.mark.parametrize(
    ("text", "is_writing"),
    [
        ("open('x', 'w')", True),
        ("path.open('ab')", True),
        ("path.open(mode='r+')", True),
        ("path.write_text('x')", True),
        ("os.replace(a, b)", True),
        ("path.replace(other)", True),
        ("tempfile.mkstemp()", True),
        ("drawn.savefig('x.svg')", True),
        ("open('x')", False),
        ("path.open('rb')", False),
        ("text.replace('a', 'b')", False),
        ("linker.open(declared, within)", False),
    ],
)
def test_what_counts_as_writing(text: str, is_writing: bool) -> None:
    """The rule itself finds what it should, and no more."""
    call = ast.parse(text, mode="eval").body

    assert isinstance(call, ast.Call)
    assert writes(call) is is_writing


def tracked() -> Iterator[Path]:
    """Yield the files that git has or would take."""
    git = shutil.which("git")
    if git is None or not (REPOSITORY / ".git").exists():
        pytest.skip("not a checkout")
    command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    paths = (REPOSITORY / name for name in listing.stdout.split("\0") if name)
    yield from (path for path in paths if path.is_file())


def test_nothing_of_one_machine() -> None:
    """No file names a folder of the machine it was written on, or where that installs from."""
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(REPOSITORY)}:{number}: {hit.group()}"
            for number, line in enumerate(text.splitlines(), 1)
            for hit in LOCAL.finditer(line)
        ]

    assert found == []


@pytest.mark.parametrize(
    ("text", "local"),
    [
        (f"cd {'/'}work/main", True),
        (f"#!{'/'}opt/venv/bin/python", True),
        (f"http{':'}//mirror.example/simple", True),
        (f"pip install {'--'}index-url x", True),
        ("docs/work/opt", False),
        ("a / work", False),
        ("https://arxiv.org/abs/1512.03385", False),
    ],
)
def test_what_counts_as_local(text: str, local: bool) -> None:
    """The rule itself finds what it should, and no more."""
    assert bool(LOCAL.search(text)) is local
