"""The command line: exit codes, where output goes, and files that are whole or not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SMALL = "archc: 1\nname: tiny\ninput: [3, 8, 8]\nbody: {conv: 'conv(4, 3)'}\n"
WRONG = SMALL.replace("conv(4, 3)", "conv(4, 9, padding=0)")


def archc(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does, in a process of its own."""
    command = [sys.executable, "-m", "archc", *arguments]
    return subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=120, check=False
    )


def test_check_says_that_all_is_good() -> None:
    """Good news is a line, or with --quiet exit code 0 and no word."""
    done, quiet = archc("check", "resnet"), archc("check", "resnet", "--quiet")

    assert (done.returncode, done.stdout, done.stderr) == (0, "all good: 26 variants\n", "")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_check_reads_standard_input() -> None:
    """A dash is standard input; diagnostics go to standard error, exit code 1."""
    done = archc("check", "-", text=WRONG)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error[kernel-too-large]")
    assert "--> <stdin>:4:" in done.stderr
    assert "Traceback" not in done.stderr


def test_check_as_json() -> None:
    """Diagnostics as data: code, place, message."""
    done = archc("check", "-", "--format", "json", text=WRONG)

    (found,) = json.loads(done.stdout)
    assert done.returncode == 1
    assert (found["code"], found["file"], found["line"]) == ("kernel-too-large", "<stdin>", 4)


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "no-such-file.yaml"),
        ("check", "resnet18", "--set", "nonsense"),
        ("list", "--format", "xml"),
        ("build",),
        ("fly", "resnet18"),
    ],
)
def test_usage_errors(arguments: tuple[str, ...]) -> None:
    """Wrong usage is exit code 2, without a traceback."""
    done = archc(*arguments)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_build_writes_whole_files(tmp_path: Path) -> None:
    """A good spec gives a file; a wrong one leaves what was there as it was."""
    target = tmp_path / "tiny.py"

    assert archc("build", "-", "-o", str(target), text=SMALL).returncode == 0
    before = target.read_text()
    assert "class Tiny(nn.Module)" in before
    assert archc("build", "-", "-o", str(target), text=WRONG).returncode == 1
    assert target.read_text() == before
    assert [p.name for p in target.parent.iterdir()] == ["tiny.py"]


def test_settings_and_variants() -> None:
    """--variant and --set reach the network; a wrong one is a diagnostic."""
    done = archc(
        "table", "resnet50", "--variant", "resnet18", "--set", "num_classes=10", "--format", "json"
    )

    assert done.returncode == 0
    assert "11181642" in done.stdout
    assert archc("build", "resnet50", "--set", "depths=3").returncode == 1


def test_list() -> None:
    """The zoo by name and file."""
    listed = json.loads(archc("list", "--format", "json").stdout)

    assert listed["resnet50"] == "resnet.yaml"


def test_defects_show_their_traceback() -> None:
    """A defect of ours exits with 3 and shows where it is."""
    script = (
        "import sys, archc.commands.common as common\n"
        "def broken(*a, **k): raise RuntimeError('boom')\n"
        "common.api.compile = broken\n"
        "from archc.cli import main\n"
        "sys.argv = ['archc', 'build', 'resnet18']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 3
    assert "boom" in done.stderr
    assert "defect of archc" in done.stderr


def test_list_of_params() -> None:
    """The params of a variant, with their values and what they may be."""
    lines = archc("list", "resnet18").stdout.splitlines()
    listed = json.loads(archc("list", "resnet18", "--format", "json").stdout)

    assert lines[0] == "resnet18"
    assert "output_stride  32                     8, 16 or 32" in lines
    assert "depths         [2, 2, 2, 2]           4 entries from 1" in lines
    assert listed["params"]["groups"] == {"value": "1", "may_be": "from 1"}
    assert archc("list", "no_such_network").returncode == 2


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("resnet18 --set out", ["output_stride="]),
        ("resnet18 --set output_stride=", [f"output_stride={k}" for k in (8, 16, 32)]),
        ("resnet18 -v resnet50 -s output_stride=1", ["output_stride=16"]),
        ("resnet18 --set depths=", []),
        ("no_such_network --set out", []),
        ("--set out", []),
    ],
)
def test_completion_of_settings(words: str, offered: list[str]) -> None:
    """A shell is offered the params of the spec, and what they may be."""
    line = f"archc build {words}"
    shell = {"_ARCHC_COMPLETE": "complete_bash", "COMP_WORDS": line}
    done = subprocess.run(
        [sys.executable, "-c", "from archc.cli import app; app(prog_name='archc')"],
        env={**os.environ, **shell, "COMP_CWORD": str(len(line.split()) - 1)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.stdout.split() == offered


def test_channels_last_are_asked_about() -> None:
    """In a spec with the remedy, and on the command line."""
    spec = archc("check", "-", text=SMALL.replace("[3, 8, 8]", "[32, 32, 3]"))
    block = archc("table", "resnet18", "--block", "basic(64)", "--input", "56,56,3")

    assert (spec.returncode, block.returncode) == (0, 0)
    assert "help: channels come first: `[3, 32, 32]`" in spec.stderr
    assert "is `3,56,56` meant?" in block.stderr
