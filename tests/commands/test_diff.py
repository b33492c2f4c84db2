"""`archc diff`, by itself and as a diff driver of git."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SPEC = """archc: 1
name: tiny
input: [3, 8, 8]
body:
  conv: conv(4, 3)
  relu: relu
"""
LIBRARY = "archc: 1\nblocks:\n  twice(c):\n  - conv(c, 3)\n  - conv(c, 3)\n"
GIT = shutil.which("git")


def archc(*arguments: str, cwd: Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "archc.cli", *arguments],
        cwd=cwd, input=text, capture_output=True, text=True, timeout=120, check=False,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("resnet18", "resnet18"), 0, "no difference"),
        (("resnet18", "resnet34"), 1, "+ layer1.2: basic"),
        (("resnet18", "--set", "num_classes=10"), 1, "head.fc"),
        (("resnet", "--variants", "resnet18,resnet34"), 1, "resnet18 → resnet34"),
        (("vgg", "vgg"), 0, "no difference"),
    ],
)
def test_exit_codes(arguments: tuple[str, ...], code: int, said: str, tmp_path: Path) -> None:
    """0 is no difference, 1 is one, as with diff."""
    done = archc("diff", *arguments, cwd=tmp_path)

    assert (done.returncode, done.stderr) == (code, "")
    assert said in done.stdout or said == "head.fc"
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("resnet18",), "give a second spec, --variants A,B or --set"),
        (("resnet18", "nothing"), "no network of the zoo called `nothing`"),
        (("-", "-"), "standard input"),
        (("resnet18", "resnet34", "resnet50"), "compares two specs"),
        (("resnet", "--variants", "resnet18"), "takes two variants"),
        (("resnet18", "resnet34", "--variants", "a,b"), "takes two variants"),
        (("resnet18", "resnet34", "--format", "gif"), "no format `gif`"),
        (("resnet18", "resnet34", "--theme", "pink"), "no theme `pink`"),
        (("resnet18", "resnet34", "--git"), "--git is for git"),
    ],
)
def test_usage(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """A mistake on the command line says what to write, and exits with 2."""
    done = archc("diff", *arguments, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_spec(tmp_path: Path) -> None:
    """A wrong spec is told of as by `archc check`, nothing is compared."""
    (tmp_path / "good.yaml").write_text(SPEC)
    done = archc(
        "diff", "good.yaml", "-", cwd=tmp_path, text=SPEC.replace("relu: relu", "relu: rleu")
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert "error[unknown-name]" in done.stderr
    assert "<stdin>:6:" in done.stderr


def test_formats_by_suffix(tmp_path: Path) -> None:
    """The suffix of the file says what is written."""
    for name in ("a.json", "a.md", "a.txt", "a.gv"):
        assert archc("diff", "resnet18", "resnet34", "-o", name, cwd=tmp_path).returncode == 1

    assert json.loads((tmp_path / "a.json").read_text())["differs"] is True
    assert (tmp_path / "a.md").read_text().startswith("### resnet18 → resnet34")
    assert (tmp_path / "a.txt").read_text().startswith("resnet18 → resnet34")
    assert (tmp_path / "a.gv").read_text().startswith("digraph")


def test_two_files_with_variants(tmp_path: Path) -> None:
    """Every variant of two files is compared, one that differs in detail."""
    old = (REPOSITORY / "specs" / "resnet.yaml").read_text()
    (tmp_path / "old.yaml").write_text(old)
    (tmp_path / "new.yaml").write_text(
        old.replace("conv2: conv(width, 3,", "conv2: conv(width, 5,")
    )
    done = archc("diff", "old.yaml", "new.yaml", cwd=tmp_path)

    assert done.returncode == 1
    assert "~ blocks.basic.conv2" in done.stdout
    assert " ~   resnet34 " in done.stdout
    assert "the same: 19 other variants" in done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a git repository in which archc shows what differs in YAML files."""
    if GIT is None:
        pytest.skip("no git")
    driver = f"PYTHONPATH='{REPOSITORY}' '{sys.executable}' -m archc.cli diff --git"
    files = {
        ".gitattributes": "*.yaml diff=archc\n",
        "kept.yaml": SPEC,
        "library.yaml": LIBRARY,
        "other.yaml": "a: 1\nb: &x 2\n",
        "sub dir/uses.yaml": SPEC.replace("body:", "import: {lib: ../library.yaml}\nbody:").replace(
            "relu: relu", "two: lib.twice(4)"
        ),
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "user.email", "a@example.org")
    git(tmp_path, "config", "user.name", "a")
    git(tmp_path, "config", "diff.archc.command", driver)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def git(where: Path, *arguments: str) -> str:
    """Run git; it must succeed."""
    assert GIT is not None
    run = subprocess.run([GIT, *arguments], cwd=where, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, ""), run.stderr
    return run.stdout


def edit(path: Path, old: str, new: str) -> None:
    """Replace some text of a file."""
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))


def test_git_changed(repository: Path) -> None:
    """A changed spec is shown as archc shows it, by way of git."""
    edit(repository / "kept.yaml", "conv(4, 3)", "conv(8, 3)")
    said = git(repository, "diff")

    assert said.startswith(
        "diff --git a/kept.yaml b/kept.yaml\ntiny of a/kept.yaml → tiny of b/kept.yaml\n"
    )
    assert " ~ body.conv: conv(4, 3) → conv(8, 3)" in said
    assert " ~ conv.weight: 4×3×3×3 → 8×3×3×3" in said
    assert "@@" not in said


def test_git_unified_too(repository: Path) -> None:
    """With --unified the lines that differ stand below."""
    driver = git(repository, "config", "diff.archc.command").strip()
    git(repository, "config", "diff.archc.command", f"{driver} --unified")
    edit(repository / "kept.yaml", "conv(4, 3)", "conv(8, 3)")
    said = git(repository, "diff")

    assert "conv.weight: 4×3×3×3 → 8×3×3×3" in said
    assert "-  conv: conv(4, 3)\n+  conv: conv(8, 3)\n" in said


def test_git_comment(repository: Path) -> None:
    """Where the network is the same, the lines that differ are shown."""
    edit(repository / "kept.yaml", "body:", "body:   # all")
    said = git(repository, "diff")

    assert "-body:\n+body:   # all\n" in said
    assert "→" not in said


def test_git_added_and_deleted(repository: Path) -> None:
    """Of a spec that came or went there is what it is, and its text."""
    (repository / "new.yaml").write_text(SPEC)
    (repository / "kept.yaml").unlink()
    git(repository, "add", "-A")
    said = git(repository, "diff", "--cached", "--no-renames")

    assert (
        "diff --git a/new.yaml b/new.yaml\nnew file mode 100644\n+ tiny: 3×8×8 to 4×8×8, 112 params"
        in said
    )
    assert "diff --git a/kept.yaml b/kept.yaml\ndeleted file mode 100644\n- tiny: 3×8×8" in said
    assert "--- /dev/null\n+++ b/new.yaml\n" in said
    assert "--- a/kept.yaml\n+++ /dev/null\n" in said


def test_git_no_spec(repository: Path) -> None:
    """A file that is no spec is shown as git itself shows it."""
    edit(repository / "other.yaml", "a: 1", "a: 3")
    (repository / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    git(repository, "add", "-N", ".")
    said = git(repository, "diff")

    assert "--- a/other.yaml\n+++ b/other.yaml\n@@ -1,2 +1,2 @@\n-a: 1\n+a: 3\n b: &x 2\n" in said
    assert "Binary files a/binary.yaml and b/binary.yaml differ" in said


@pytest.mark.parametrize("wrong", ["rleu", "relu: [", "conv(999)(relu)"])
def test_git_wrong_spec(repository: Path, wrong: str) -> None:
    """What is wrong with a version is told, its lines shown, and git goes on."""
    edit(repository / "kept.yaml", "relu: relu", f"relu: {wrong}")
    edit(repository / "other.yaml", "a: 1", "a: 3")
    said = git(repository, "diff")

    assert "error[" in said
    assert "--> b/kept.yaml:6:" in said
    assert f"-  relu: relu\n+  relu: {wrong}\n" in said
    assert "+a: 3" in said


def test_git_library(repository: Path) -> None:
    """A library of blocks is compared by its text; what imports it finds it from its own folder."""
    edit(
        repository / "library.yaml",
        "  - conv(c, 3)\n  - conv(c, 3)",
        "  - conv(c, 3)\n  - conv(c, 5)",
    )
    edit(repository / "sub dir" / "uses.yaml", "conv(4, 3)", "conv(5, 3)")
    said = git(repository, "diff")

    assert " ~ blocks.twice: [conv(c, 3), conv(c, 3)] → [conv(c, 3), conv(c, 5)]" in said
    assert "two.0.weight: 4×4×3×3 → 4×5×3×3" in said


def test_git_renamed_and_mode(repository: Path) -> None:
    """Git's own headers of a rename and of a new mode are kept."""
    git(repository, "mv", "kept.yaml", "moved.yaml")
    edit(repository / "moved.yaml", "3)", "5)")
    (repository / "library.yaml").chmod(0o755)
    git(repository, "add", "-A")
    said = git(repository, "diff", "--cached", "-M10%")

    assert "rename from kept.yaml\nrename to moved.yaml" in said
    assert "conv.weight: 4×3×3×3 → 4×3×5×5" in said
    assert "old mode 100644\nnew mode 100755" in said


def test_git_log(repository: Path) -> None:
    """A log shows it too where asked to."""
    edit(repository / "kept.yaml", "conv(4, 3)", "conv(8, 3)")
    git(repository, "commit", "-qam", "wider")

    assert "conv.weight: 4×3×3×3 → 8×3×3×3" in git(repository, "log", "-1", "-p", "--ext-diff")
