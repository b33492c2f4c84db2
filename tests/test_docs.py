"""What pages show is true: specs are checked and built, Python and commands print what they say.

A fenced block says by its first word what it is:

- `yaml`: a spec, or the part of one that matters; what every file begins with is put to its
  end. A second word names its file. `wrong` says that `archc check` finds errors in it, `part`
  that it is only looked at, `library` that it holds blocks and no network.
- `console`: lines that begin with `$ ` are run, the others are what they print.
- `python`: is run, in one namespace for the whole document; a `text` block right below
  is what it prints.

`pytest --update-goldens` writes anew what commands and Python print.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import shlex
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import archc
from archc.cli import app
from archc.diagnostics import errors
from archc.runtime.static import verify_static

REPOSITORY = Path(__file__).resolve().parent.parent
DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]

FENCE = re.compile(r"^```(?P<info>[^`\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
HEAD = {"archc": "archc: 1", "name": "name: example", "input": "input: [3, 32, 32]"}
KINDS = {"yaml", "console", "python", "text", "sh", "json"}


@dataclass
class Reader:
    """Reads a document as somebody would who tries everything, from top to bottom."""

    page: Path
    names: dict[str, object] = field(default_factory=dict)
    printed: str | None = None
    status: int = 0
    line: int = 0
    where: str = ""

    def block(self, match: re.Match[str]) -> str:
        """Do what a fenced block says, and return the block with what really is printed."""
        kind, *words = match["info"].split()
        self.line = match.string.count("\n", 0, match.start()) + 1
        self.where = f"{self.page.name}:{self.line}"
        assert kind in KINDS, f"{self.where}: a block of {kind or 'no kind'}"
        text, expected = match["text"], self.printed
        self.printed = None
        if kind == "yaml" and "part" not in words:
            self.spec(text, words)
        elif kind == "console":
            text = "".join(self.commands(text))
        elif kind == "python":
            self.printed = self.python(text)
        elif kind == "text" and expected is not None:
            text = expected
        return f"```{match['info']}\n{text}```"

    def spec(self, text: str, words: list[str]) -> None:
        """Write a spec to its file and check it."""
        keys = re.findall(r"^(\w+):", text, re.MULTILINE)
        missing = [line for key, line in HEAD.items() if key not in keys]
        whole = text + "".join(f"{line}\n" for line in missing if "library" not in words)
        path = Path(next((word for word in words if word.endswith(".yaml")), "example.yaml"))
        path.write_text(whole, encoding="utf-8")
        found = errors(archc.check(path))
        said = "\n\n".join(map(str, found)) or "nothing is wrong with it"
        assert bool(found) is ("wrong" in words), f"{self.where}: {said}"
        if not found and "library" not in words:
            report = verify_static(archc.compile(path))
            assert report.ok, f"{self.where}: {report.wrong}"

    def python(self, text: str) -> str:
        """Run Python and return what it prints."""
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile("\n" * self.line + text, self.page, "exec"), self.names)  # noqa: S102
        return out.getvalue()

    def commands(self, text: str) -> Iterator[str]:
        """Yield every command and what it prints."""
        lines = [line for line in text.splitlines() if line.startswith("$ ")]
        assert lines, f"{self.where}: no command, a line that begins with `$ `"
        output = ""
        for line in lines:
            gap = "\n" if output else ""
            output = self.run(line.removeprefix("$ "))
            yield f"{gap}{line}\n{output}"

    def run(self, command: str) -> str:
        """Run a command: archc here, for speed, anything else by a shell."""
        if command == "echo $?":
            return f"{self.status}\n"
        out = io.StringIO()
        words = shlex.split(command)
        if words[0] != "archc" or set(words) & {"|", "<", ">"}:
            return shell(command)
        self.status = 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            try:
                app(words[1:], prog_name="archc")
            except SystemExit as done:
                self.status = int(done.code or 0)
        return out.getvalue()


def shell(command: str) -> str:
    """Run a command line with the archc of this checkout."""
    function = f'archc() {{ "{sys.executable}" -m archc.cli "$@"; }}; {command}'
    run = subprocess.run(["bash", "-c", function], capture_output=True, text=True, check=False)
    return run.stdout + run.stderr


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder to read a document in, with the zoo's specs beside."""
    for name in ("examples", "specs"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))  # whose caches are empty
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def generate(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Return the script that writes pages, and parts of pages, from archc itself."""
    monkeypatch.syspath_prepend(DOCS)
    return importlib.import_module("generate")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(page: Path, generate: types.ModuleType, golden: Callable[[Path, str], None]) -> None:
    """Everything that a page shows is what happens, and what archc knows is up to date."""
    golden(page, FENCE.sub(Reader(page).block, generate.written(page)))


def test_every_diagnostic_is_explained(generate: types.ModuleType) -> None:
    """A new code comes with its cause and remedy."""
    explained = [code for codes in generate.CAUSES.values() for code in codes]
    known = {path.name.partition(".")[0] for path in generate.BAD.glob("*.yaml")}

    assert sorted(known ^ set(explained)) == []
    assert len(explained) == len(set(explained))


def test_pictures(generate: types.ModuleType) -> None:
    """A picture says what archc draws today; where its letters stand depends on fonts."""
    pytest.importorskip("pygraphviz")
    images = DOCS / "images"
    kept = {
        str(path.relative_to(images)): path.read_text("utf-8") for path in images.rglob("*.svg")
    }
    drawn = dict(generate.drawn())
    gallery = {name for name in kept if name.startswith("gallery/")}

    assert sorted(gallery - drawn.keys()) == []
    stale = [name for name, p in drawn.items() if words(p.svg()) != words(kept.get(name, ""))]
    assert stale == [], "`make docs` draws them anew"
    assert sum(map(len, kept.values())) < 3_000_000


def words(svg: str) -> list[str]:
    """Return what stands in a picture."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links(page: Path) -> None:
    """Links within the repository lead somewhere, and `make` makes what pages say it does."""
    text = page.read_text(encoding="utf-8")
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text)):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        file = (page.parent / path) if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            wrong.append(target)
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))

    assert wrong == []
    assert sorted(set(re.findall(r"\bmake ([a-z]+)`", text)) - targets) == []


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of headings."""
    heads = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
