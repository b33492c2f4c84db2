"""The process' own streams: encodings in and out, closed and full ones, interrupts."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from archc.cli import app
from archc.language.reading import MOST

GOOD = "archc: 1\nname: tiny\ninput: [3, 8, 8]\nbody: {conv: 'conv(4, 3)'}\n"
LATIN = GOOD.encode() + b"# caf\xe9\n"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes devices")


def archc(
    *arguments: str | Path, given: bytes = b"", cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the command line as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "archc", *map(str, arguments)],
        input=given, capture_output=True, timeout=120, check=False, cwd=cwd,
        env={**os.environ, **environment},
    )  # fmt: skip


def shell(script: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a script of bash in which archc is this one."""
    own = f'archc() {{ "{sys.executable}" -m archc "$@"; }}\n{script}'
    return subprocess.run(["bash", "-c", own], cwd=cwd, capture_output=True, check=False)


def told(text: bytes) -> str:
    """Return what is printed, once the name of the file is the same everywhere."""
    return text.decode().replace("<stdin>", "spec.yaml")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (LATIN, "the byte 0xe9 is no UTF-8"),
        (GOOD.encode("utf-16"), "this is text in UTF-16, not in UTF-8"),
        (GOOD.encode("utf-32"), "this is text in UTF-32, not in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0", "the byte 0x89 is no UTF-8"),
        (b"", "a spec is a mapping"),
        (b"x" * (MOST + 1), "a spec has at most"),
    ],
)
def test_a_pipe_is_told_what_a_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, said: str
) -> None:
    """One diagnostic, from wherever the bytes come."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_bytes(data)
    by_pipe = CliRunner().invoke(app, ["check", "-"], input=data)
    by_file = CliRunner().invoke(app, ["check", "spec.yaml"])

    assert (by_pipe.exit_code, by_file.exit_code) == (1, 1)
    assert told(by_pipe.stderr_bytes or b"") == told(by_file.stderr_bytes or b"")
    assert f"]: {said}" in by_file.stderr


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    """Editors of Windows write one."""
    path = tmp_path / "spec.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())

    assert CliRunner().invoke(app, ["check", str(path)]).exit_code == 0


def test_pipes_are_read_once(tmp_path: Path) -> None:
    """`<(...)`, /dev/stdin, a FIFO; for commands that look at a spec twice, too."""
    (tmp_path / "spec.yaml").write_text(GOOD)
    script = """
    archc check <(cat spec.yaml) && archc check --claims <(cat spec.yaml) >/dev/null &&
    cat spec.yaml | archc table /dev/stdin --format csv && mkfifo pipe &&
    { cat spec.yaml >pipe & } && archc diff pipe <(cat spec.yaml)
    """
    done = shell(script, tmp_path)

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"all good: 1 variant\nname,block,output" in done.stdout


@pytest.mark.parametrize("command", ["draw", "report"])
def test_pipes_are_not_watched(tmp_path: Path, command: str) -> None:
    """They give nothing a second time."""
    os.mkfifo(tmp_path / "pipe")
    words = [command, str(tmp_path / "pipe"), "--watch", "-o", str(tmp_path / "x.html")]

    assert (
        CliRunner().invoke(app, [*words, *["--format", "dot"] * (command == "draw")]).exit_code == 2
    )
    assert CliRunner().invoke(app, ["probe", "-", "-"], input=GOOD).exit_code == 2


@as_root
def test_endless_files_end(tmp_path: Path) -> None:
    """A device without an end, a file of 8 GB with nothing in it."""
    node = tmp_path / "zero"
    try:
        os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
        node.open("rb").close()
    except PermissionError:
        pytest.skip("no devices can be made here")
    with (tmp_path / "sparse.yaml").open("wb") as sparse:
        sparse.truncate(8 << 30)

    for path in (node, tmp_path / "sparse.yaml"):
        done = CliRunner().invoke(app, ["check", str(path)])
        assert (done.exit_code, done.stderr[:16]) == (1, "error[too-large]")


@pytest.mark.parametrize(
    "coding",
    [
        "cp1252",
        "ascii:strict",
        *(pytest.param(c, marks=pytest.mark.heavy) for c in ("ascii", "latin-1")),
    ],
)
def test_every_terminal_gets_legible_text(coding: str) -> None:
    """What an encoding lacks is written by what it has."""
    table = archc("table", "resnet20", PYTHONIOENCODING=coding)
    fault = archc(
        "check", "-", given=GOOD.replace("conv(4, 3)", "conv(4, 9, padding=0)").encode(),
        PYTHONIOENCODING=coding,
    )  # fmt: skip
    shown = table.stdout.decode(coding.partition(":")[0])

    assert (table.returncode, table.stderr, fault.returncode) == (0, b"", 1)
    assert "?" not in shown
    if coding.startswith("ascii"):
        assert "resnet20, input 3x32x32" in shown
        assert "------" in shown
    assert b"Traceback" not in fault.stderr


def test_results_for_programs_are_utf_8_everywhere() -> None:
    """JSON, Python and pictures are what they are in a file, whatever the terminal takes."""
    done = archc("table", "resnet20", "--format", "json", PYTHONIOENCODING="ascii")

    assert json.loads(done.stdout)["title"] == "resnet20, input 3×32×32"


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    """Names of files are bytes; line breaks and halves of characters can be printed."""
    for name in (b"caf\xe9.yaml", b"a\nb.yaml"):
        path = tmp_path / os.fsdecode(name)
        path.write_text(GOOD.replace("conv(4, 3)", "nonsense"))
        done = archc("check", path)
        assert done.returncode == 1
        assert b"error[unknown-name]" in done.stderr
        built = archc("build", path, "-o", tmp_path / "x.py", "--force")
        assert b"Traceback" not in built.stderr


def test_a_pipe_that_nobody_reads(tmp_path: Path) -> None:
    """Quiet, and as other programs end: by the signal's number."""
    done = shell("archc table resnet152 --by layer | head -1; echo ${PIPESTATUS[0]}", tmp_path)
    closed = shell("archc report resnet20 | true; echo ${PIPESTATUS[0]}", tmp_path)

    assert (done.stderr, closed.stderr) == (b"", b"")
    assert done.stdout.splitlines()[-1] in (b"0", b"141")  # 0 where the pipe took it all
    assert closed.stdout == b"141\n"


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("archc list >&-", 2, "archc: standard output is closed"),
        ("archc check - <&-", 2, "archc: standard input is closed"),
        ("archc check resnet20 <&- 2>&-", 0, ""),
        ("archc check missing.yaml 2>&-", 2, ""),
        ("archc build resnet20 -o x.py >&- <&- 2>&- && grep -c class x.py >/dev/null", 0, ""),
    ],
)
def test_closed_streams(tmp_path: Path, script: str, code: int, said: str) -> None:
    """A file that is opened never takes the place of a closed stream."""
    done = shell(script, tmp_path)

    assert (done.returncode, done.stderr.decode().strip()) == (code, said)


@as_root
def test_a_full_standard_output(tmp_path: Path) -> None:
    """Short output, which fails when it is flushed, and long output."""
    try:
        os.mknod(tmp_path / "full", 0o666 | stat.S_IFCHR, os.makedev(1, 7))
        (tmp_path / "full").open("wb").close()
    except PermissionError:
        pytest.skip("no devices can be made here")
    for command in ("check resnet20", "report resnet20"):
        done = shell(f"archc {command} >full", tmp_path)
        assert done.returncode == 2
        said = b"archc: can't write standard output: No space left on device\n"
        assert done.stderr == said
    assert shell("archc check missing.yaml 2>full", tmp_path).returncode == 2


@pytest.mark.parametrize("delay", [0.02, 0.3, pytest.param(0.6, marks=pytest.mark.heavy)])
def test_an_interrupt_ends_quietly(delay: float) -> None:
    """At any moment: while modules are imported, and in the midst of the work."""
    script = (
        "import os, signal, sys, threading\nfrom archc.cli import main\n"
        f"timer = threading.Timer({delay}, os.kill, (os.getpid(), signal.SIGINT))\n"
        "timer.daemon = True\ntimer.start()\n"
        "sys.argv = ['archc', 'check', 'regnet', 'resnet', '-q']\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_an_interrupt_before_anything_is_imported() -> None:
    """The command line answers before it imports what is heavy."""
    script = (
        "import sys, signal, os, archc.cli\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'archc.commands.app':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "assert 'archc.api' not in sys.modules\n"
        "archc.cli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_an_interrupt_in_a_callback() -> None:
    """Where Python would print it and go on."""
    script = (
        "import sys\nfrom archc.commands import common\n"
        "class Late:\n    def __del__(self): raise KeyboardInterrupt\n"
        "def late(*a, **k):\n    Late()\n    print('went on')\n"
        "common.api.compile = late\n"
        "sys.argv = ['archc', 'build', 'resnet20']\n"
        "from archc.cli import main\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.parametrize("kind", ["folder", "gone", "long"])
def test_absurd_paths(tmp_path: Path, kind: str) -> None:
    """A line that says what is the matter."""
    (tmp_path / "folder").mkdir()
    path = {"long": "x" * 5000, "gone": "missing.yaml"}.get(kind, kind)
    script = f"mkdir x; cd x; rmdir ../x; archc build '{path}'" if kind == "gone" else ""
    done = shell(script or f"archc build '{path}'", tmp_path)

    assert done.returncode == 2
    assert done.stderr.startswith(b"archc: ")
    assert done.stderr.count(b"\n") == 1


NO_TORCH = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('torch', 'torchvision', 'timm'):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
sys.meta_path.insert(0, Block())
from archc.cli import main
main()
"""


@pytest.mark.parametrize(
    "command",
    [
        "check-op conv --set out=4 --set kernel=3",
        *(pytest.param(f"{c} resnet20", marks=pytest.mark.heavy) for c in ("trace", "verify")),
    ],
)
def test_what_needs_pytorch_says_so(command: str) -> None:
    """Without it, how to install it."""
    done = subprocess.run(
        [sys.executable, "-c", NO_TORCH, *command.split()], capture_output=True, check=False
    )

    said = b"archc: PyTorch is not installed: pip install 'archc[torch]'\n"
    assert (done.returncode, done.stderr) == (2, said)


@pytest.mark.parametrize("command", ["verify", "trace"])
def test_what_no_memory_holds(tmp_path: Path, command: str) -> None:
    """A network that no machine has room for is no defect: one line says so."""
    steps = "  flat: flatten\n  fc: linear(10)\n"
    text = f"archc: 1\nname: net\ninput: [3, 999999, 999999]\nbody:\n{steps}"
    (tmp_path / "net.yaml").write_text(text, encoding="utf-8")
    run = archc(command, "net.yaml", cwd=tmp_path)

    assert run.returncode == 2
    assert run.stderr.splitlines() == [
        b"archc: there is not enough memory for it; a smaller input or batch needs less"
    ]
