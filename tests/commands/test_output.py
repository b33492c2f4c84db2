"""Files that commands write: whole or as they were, never an input, never what others wrote."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from archc.cli import app
from archc.language.reading import note, recorded
from archc.output import files as output
from archc.output.files import OutputError, write

SPEC = "archc: 1\nname: tiny\ninput: [3, 8, 8]\nbody: {conv: 'conv(4, 3)'}\n"
LIBRARY = "archc: 1\nblocks:\n  unit(dim): ['conv(dim, 3)', relu]\n"
IMPORTING = """archc: 1
name: whole
input: [3, 8, 8]
import: {parts: parts.yaml}
body: {a: parts.unit(4)}
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes devices and mounts")


def archc(*arguments: str | Path) -> Result:
    """Run the command line in this process, for speed."""
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with two specs, of which one imports a third file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(SPEC)
    (tmp_path / "parts.yaml").write_text(LIBRARY)
    (tmp_path / "whole.yaml").write_text(IMPORTING)
    return tmp_path


@pytest.mark.parametrize("path", ["tiny.yaml", "link.yaml", "hard.yaml", "./sub/../tiny.yaml"])
def test_the_spec_is_never_written(folder: Path, path: str) -> None:
    """Not by its name, not through links, and not with --force."""
    (folder / "sub").mkdir()
    (folder / "link.yaml").symlink_to("tiny.yaml")
    os.link(folder / "tiny.yaml", folder / "hard.yaml")

    done = archc("build", "tiny.yaml", "--force", "-o", path)

    assert (done.exit_code, (folder / "tiny.yaml").read_text()) == (2, SPEC)
    assert "the command reads it" in done.stderr


def test_an_import_is_never_written(folder: Path) -> None:
    """What a spec imports is read as well."""
    done = archc("draw", "whole.yaml", "--force", "-o", "parts.yaml", "--format", "dot")

    assert (done.exit_code, (folder / "parts.yaml").read_text()) == (2, LIBRARY)


def test_standard_input_is_never_written(folder: Path) -> None:
    """A file that comes in by a redirection is read as well."""
    with (folder / "tiny.yaml").open() as given:
        command = [sys.executable, "-m", "archc", "build", "-", "--force", "-o", "tiny.yaml"]
        done = subprocess.run(command, stdin=given, capture_output=True, check=False)

    assert (done.returncode, (folder / "tiny.yaml").read_text()) == (2, SPEC)


def test_ops_are_never_written(folder: Path) -> None:
    """The Python files of a plug-in, the one for PyTorch too."""
    (folder / "swap.py").write_text(
        "from archc.ops import Op\n\n\nclass Swap(Op):\n    name = 'swap'\n"
        "    torch_module = 'Swap'\n    torch_file = 'swap_torch.py'\n"
    )
    torch = "from torch import nn\n\n\nclass Swap(nn.Module):\n    def forward(self, x):\n        return x\n"
    (folder / "swap_torch.py").write_text(torch)
    (folder / "with.yaml").write_text(SPEC.replace("body", "ops: [swap.py]\nbody", 1))

    for name in ("swap.py", "swap_torch.py"):
        before = (folder / name).read_text()
        done = archc("build", "with.yaml", "--allow-ops", "--force", "-o", name)
        assert (done.exit_code, (folder / name).read_text()) == (2, before), done.stderr


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("build", "tiny.yaml"), "a.py"),
        (("schema",), "a.json"),
        (("draw", "tiny.yaml"), "a.svg"),
        (("draw", "tiny.yaml", "--format", "png"), "a.png"),
        (("draw", "tiny.yaml", "--format", "pdf"), "a.pdf"),
        (("draw", "tiny.yaml", "--format", "dot"), "a.dot"),
        (("draw", "tiny.yaml", "--format", "mermaid"), "a.mmd"),
        (("draw", "tiny.yaml", "--format", "markdown"), "a.md"),
        (("table", "tiny.yaml"), "a.txt"),
        (("table", "tiny.yaml", "--format", "latex"), "a.tex"),
        (("table", "tiny.yaml", "--format", "html"), "a.html"),
        (("table", "tiny.yaml", "--format", "csv"), "a.csv"),
        (("table", "tiny.yaml", "--format", "json"), "a.json"),
        (("diff", "tiny.yaml", "tiny.yaml"), "a.txt"),
        (("diff", "tiny.yaml", "tiny.yaml", "--format", "json"), "a.json"),
        (("paths", "tiny.yaml", "--format", "csv"), "a.csv"),
        (("report", "tiny.yaml"), "a.html"),
    ],
)
def test_what_archc_wrote_is_replaced_and_nothing_else(
    folder: Path, command: tuple[str, ...], name: str
) -> None:
    """Twice the same command is no fault; over a file of the user's it takes --force."""
    target = folder / name

    assert archc(*command, "-o", name).exit_code == 0
    first = target.read_bytes()
    assert archc(*command, "-o", name).exit_code == 0
    assert name == "a.pdf" or target.read_bytes() == first  # Graphviz puts the time into a PDF

    target.write_text('"""Mine."""\n')
    done = archc(*command, "-o", name)
    assert (done.exit_code, target.read_text()) == (2, '"""Mine."""\n')
    assert "archc did not write it" in done.stderr
    assert archc(*command, "-o", name, "--force").exit_code == 0
    assert name == "a.pdf" or target.read_bytes() == first


@pytest.mark.parametrize(
    "mine",
    [
        "# Networks\n\nA file begins with `Written by archc 0.1.0 from x.yaml`.\n\nMore.\n",
        "x = 1\n" + '"""tiny.\n\nWritten by archc 0.1.0 from tiny.yaml."""\n',
        '{"title": "mine"}\n',
        "[]",
        "{",
        "\0\1\2",
    ],
)
def test_what_only_speaks_of_archc_is_not_its_own(tmp_path: Path, mine: str) -> None:
    """A page that quotes the mark, JSON of another kind."""
    target = tmp_path / "mine"
    target.write_text(mine)

    for form in ("python", "markdown", "json", "csv", "svg", "png", "text"):
        with pytest.raises(OutputError):
            write(target, '{"a": 1}\n', form)
    assert target.read_text() == mine


def test_empty_files_are_free(tmp_path: Path) -> None:
    """As `mktemp` makes them; their modes stay."""
    target = tmp_path / "empty"
    target.touch(mode=0o600)

    write(target, "x", "python")

    assert (target.read_text(), stat.S_IMODE(target.stat().st_mode)) == ("x", 0o600)


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_new_files_have_the_modes_of_all(tmp_path: Path, mask: int, mode: int) -> None:
    """Those that the user's umask leaves."""
    before = os.umask(mask)
    try:
        write(tmp_path / "new", "x", "python")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == mode


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o666])
def test_modes_are_kept(tmp_path: Path, mode: int) -> None:
    """What the user made executable, or hid, stays so."""
    target = tmp_path / "kept"
    target.write_text("x")
    target.chmod(mode)

    write(target, "y", "python", force=True)

    assert (target.read_text(), stat.S_IMODE(target.stat().st_mode)) == ("y", mode)


@as_root
def test_owners_are_kept(tmp_path: Path) -> None:
    """Where that is allowed."""
    target = tmp_path / "kept"
    target.write_text("x")
    os.chown(target, 12345, 23456)

    write(target, "y", "python", force=True)

    assert (target.stat().st_uid, target.stat().st_gid) == (12345, 23456)


def test_links_are_followed(tmp_path: Path) -> None:
    """One link, two, and one to a file that is not there yet."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "one").symlink_to("sub/target")
    (tmp_path / "two").symlink_to(tmp_path / "one")

    write(tmp_path / "two", "x", "python")
    assert (tmp_path / "sub" / "target").read_text() == "x"
    write(tmp_path / "one", "y", "python", force=True)

    assert (tmp_path / "sub" / "target").read_text() == "y"
    assert (tmp_path / "one").is_symlink()
    assert (tmp_path / "two").is_symlink()
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["one", "sub", "target", "two"]


def test_links_in_a_circle(tmp_path: Path) -> None:
    """They lead nowhere, and that is said."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    with pytest.raises(OutputError, match="links"):
        write(tmp_path / "a", "x", "python")


@pytest.mark.parametrize("path", ["no/such/x.py", ".", "sub", ""])
def test_no_folder_is_made(folder: Path, path: str) -> None:
    """A folder that is not there, and one that is, where a file should be."""
    (folder / "sub").mkdir()
    before = sorted(folder.rglob("*"))

    done = archc("build", "tiny.yaml", "-o", path)

    assert done.exit_code == 2
    assert "folder" in done.stderr
    assert sorted(folder.rglob("*")) == before


@pytest.mark.usefixtures("folder")
def test_a_folder_is_missed_before_the_work() -> None:
    """A trace can take minutes: the output is looked at first, and the spec not even read."""
    done = archc("trace", "no-such-spec.yaml", "-o", "no/x.txt")

    assert "there is no folder no" in done.stderr


def test_a_pipe_is_written_into(folder: Path) -> None:
    """A FIFO stays one, and its reader gets all."""
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    parts: list[str] = []
    reader = threading.Thread(target=lambda: parts.append(pipe.read_text()))
    reader.start()

    done = archc("build", "tiny.yaml", "-o", pipe)
    reader.join(60)

    assert done.exit_code == 0
    assert "class Tiny(nn.Module)" in parts[0]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_socket_is_written_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that listens at a path."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("door")
        server.listen()
        write(Path("door"), "x", "python")
        connection, _ = server.accept()
        with connection:
            assert connection.recv(10) == b"x"


@as_root
@pytest.mark.parametrize(("minor", "code"), [(3, 0), (7, 2)])
def test_a_device_is_written_into(folder: Path, minor: int, code: int) -> None:
    """A null device swallows all, a full one nothing; both stay devices."""
    node = folder / "node"
    try:
        os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
        node.open("wb").close()
    except PermissionError:
        pytest.skip("no devices can be made here")

    done = archc("build", "tiny.yaml", "-o", node)

    assert done.exit_code == code, done.stderr
    assert stat.S_ISCHR(node.stat().st_mode)
    assert os.major(node.stat().st_rdev) == 1
    assert ("No space left" in done.stderr) == bool(code)


@as_root
def test_a_disk_is_not_written_into(tmp_path: Path) -> None:
    """Nobody wants a network in place of a file system."""
    node = tmp_path / "disk"
    try:
        os.mknod(node, 0o666 | stat.S_IFBLK, os.makedev(240, 1))
    except PermissionError:
        pytest.skip("no devices can be made here")

    with pytest.raises(OutputError, match="disk"):
        write(node, "x", "python", force=True)


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "out"])
def test_own_streams_are_written_into(folder: Path, path: str) -> None:
    """Where standard output is a file, what stands in it already is kept."""
    (folder / "out").symlink_to("/dev/stdout")
    log = folder / "log"
    log.write_text("before\n")

    with log.open("a") as stream:
        command = [sys.executable, "-m", "archc", "build", "tiny.yaml", "-o", path]
        done = subprocess.run(command, cwd=folder, stdout=stream, check=False)

    assert done.returncode == 0
    assert log.read_text().startswith('before\n"""tiny')


def test_a_process_takes_it(folder: Path) -> None:
    """`>(...)` of a shell is a pipe with a number."""
    script = f"'{sys.executable}' -m archc build tiny.yaml -o >(cat >copy); wait $!; sleep 0.1"
    done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, check=False)

    assert done.stderr == b""
    assert "class Tiny" in (folder / "copy").read_text()


@as_root
def test_a_full_disk_leaves_what_was_there(folder: Path) -> None:
    """The file as it was, nothing beside it, and a line that says why."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        (disk / "old.py").write_text("old")
        (disk / "ballast").write_bytes(bytes(50_000))
        with pytest.raises(OutputError, match="No space left"):
            write(disk / "old.py", "x" * 40_000, "python", force=True)
        with pytest.raises(OutputError, match="No space left"):
            write(disk / "bare.py", "x" * 40_000, "python")
        assert sorted(p.name for p in disk.iterdir()) == ["ballast", "old.py"]
        assert (disk / "old.py").read_text() == "old"
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.fixture
def immovable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no file take another one's place, as where a file is mounted."""

    def replace(_: Path, __: Path) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(Path, "replace", replace)
    return


@pytest.mark.usefixtures("immovable")
@pytest.mark.parametrize("text", ["longer than before", "x", ""])
def test_a_file_that_is_mounted_is_written_in_place(tmp_path: Path, text: str) -> None:
    """A container gives single files so."""
    target = tmp_path / "mounted"
    target.write_text("before")
    number = target.stat().st_ino

    write(target, text, "python", force=True)

    assert (target.read_text(), target.stat().st_ino) == (text, number)
    assert [p.name for p in tmp_path.iterdir()] == ["mounted"]


def test_what_breaks_off_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt in the middle: the old file, and no other."""
    target = tmp_path / "kept"
    target.write_text("old")

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(output.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(target, "new", "python", force=True)

    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("kept", "old")]


def test_only_what_is_read_is_recorded(tmp_path: Path) -> None:
    """Inputs are known by what they are, not by their names, while a command runs."""
    mine = tmp_path / "mine"
    mine.write_text("x")
    note(mine)

    with recorded() as files:
        assert files == set()
        note(mine)
        note(tmp_path / "missing")
        assert len(files) == 1
        with pytest.raises(OutputError, match="reads it"):
            write(mine, "y", "python", force=True)
    write(mine, "y", "python", force=True)


@pytest.mark.parametrize("name", ["a b.py", "-x.py", "line\nbreak.py", "é.py", "x" * 300])
def test_odd_names(folder: Path, name: str) -> None:
    """Whatever the system takes as a name."""
    done = archc("build", "tiny.yaml", "-o", f"./{name}")

    assert done.exit_code == (2 if len(name) > 255 else 0)
    assert "Traceback" not in done.stderr
    assert (len(name) > 255) or (folder / name).is_file()
