"""`archc check` of many files, and what it writes for other programs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from archc.cli import app

REPOSITORY = Path(__file__).resolve().parent.parent.parent

GOOD = "archc: 1\nname: tiny\ninput: [3, 8, 8]\nbody: {conv: 'conv(4, 3)'}\n"
WRONG = "archc: 1\nname: tiny\ninput: [3, 8, 8]\nbody:\n  conv: conv(4, 9, padding=0)\n"
FAMILY = GOOD + "variants: {a: {}, b: {}, c: {}}\n"
WARNED = GOOD + "claims: {tiny: [{where: Table 1, params: 5}]}\n"
LIBRARY = "archc: 1\nblocks:\n  unit(dim): ['conv(dim, 3)', nonsense]\n"
IMPORTING = """archc: 1
name: whole
input: [3, 8, 8]
import: {parts: parts.yaml}
body: {a: parts.unit(4)}
"""


def check(*arguments: str | Path, text: str = "") -> Result:
    return CliRunner().invoke(app, ["check", *map(str, arguments)], input=text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with specs that are right, wrong, and none."""
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "nets/good.yaml": GOOD,
        "nets/deep/family.yml": FAMILY,
        "nets/deep/wrong.yaml": WRONG,
        "nets/ci.yaml": "on: push\n",
        "nets/.hidden/wrong.yaml": WRONG,
        "nets/notes.txt": WRONG,
        "odd/a b,%:.yaml": WRONG,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nets/good.yaml"], "all good: 1 variant\n"),
        (["nets/deep/family.yml"], "all good: 3 variants\n"),
        (["nets/deep/family.yml", "--variant", "b"], "all good: 1 variant\n"),
        (["nets/good.yaml", "nets/deep/family.yml"], "all good: 4 variants in 2 files\n"),
        (["nets/good.yaml", "./nets/../nets/good.yaml"], "all good: 1 variant\n"),
        (["resnet50", "resnet"], "all good: 27 variants in 2 files\n"),
        (["nets/ci.yaml", "--only-specs"], "all good: 0 files; 1 file without `archc:` left out\n"),
    ],
)
def test_all_good(arguments: list[str], said: str) -> None:
    """Variants are counted, files where there are several; each file is checked once."""
    done = check(*arguments)

    assert (done.exit_code, done.stdout, done.stderr) == (0, said, "")
    assert check(*arguments, "--quiet").output == ""


@pytest.mark.usefixtures("folder")
def test_a_folder() -> None:
    """Specs at any depth; what is hidden, and what is no spec, is left out."""
    done = check("nets")

    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.count("error[") == 1
    assert "--> nets/deep/wrong.yaml:5:" in done.stderr
    assert done.stderr.endswith("\n1 error in 1 of 3 files; 1 file without `archc:` left out\n")


def test_a_folder_without_specs(folder: Path) -> None:
    """It is likely the wrong one."""
    (folder / "none").mkdir()
    done = check("none", "nets/good.yaml")

    assert done.exit_code == 2
    assert "none has no spec" in done.stderr


def test_a_network_of_the_zoo_goes_before_a_folder(folder: Path) -> None:
    """As everywhere else."""
    (folder / "resnet").mkdir()

    assert check("resnet").stdout == "all good: 26 variants\n"


def test_files_that_cannot_be_read(folder: Path) -> None:
    """They are told, and keep none of the others from being checked."""
    (folder / "latin.yaml").write_bytes(b"archc: 1 # caf\xe9\n")
    done = check("missing.yaml", "latin.yaml", "nets/deep/wrong.yaml", "nets/good.yaml")

    assert done.exit_code == 2
    assert "archc: there is no file and no network of the zoo called `missing.yaml`" in done.stderr
    assert done.stderr.count("error[") == 2
    assert "2 errors in 3 of 4 files" in done.stderr


def test_a_library_is_told_once(folder: Path) -> None:
    """Its fault is one fault, however many files import it, and all of them are wrong."""
    (folder / "lib").mkdir()
    (folder / "lib" / "parts.yaml").write_text(LIBRARY)
    for name in ("a", "b", "c"):
        (folder / "lib" / f"{name}.yaml").write_text(IMPORTING)

    done = check("lib", "lib/../lib/a.yaml")

    assert done.exit_code == 1
    assert done.stderr.count("error[") == 1
    assert "1 error in 4 of 4 files" in done.stderr


def test_warnings_are_no_errors(folder: Path) -> None:
    """They are told, counted, and exit with 0."""
    (folder / "warned.yaml").write_text(WARNED)
    done = check("warned.yaml")

    assert (done.exit_code, done.stdout) == (0, "1 warning: 1 variant\n")
    assert done.stderr.startswith("warning[")


@pytest.mark.usefixtures("folder")
def test_standard_input_beside_files() -> None:
    """A dash is one of them, once."""
    assert check("-", "nets/good.yaml", text=FAMILY).stdout == "all good: 4 variants in 2 files\n"
    assert check("-", "-", text=FAMILY).exit_code == 2


@pytest.mark.usefixtures("folder")
def test_json() -> None:
    """One list of all."""
    found = json.loads(check("nets", "odd", "--format", "json").stdout)

    assert [(d["file"], d["code"]) for d in found] == [
        ("nets/deep/wrong.yaml", "kernel-too-large"),
        ("odd/a b,%:.yaml", "kernel-too-large"),
    ]


COMMAND = re.compile(r"::(?P<level>error|warning|notice) (?P<properties>[^:]*)::(?P<data>.*)")


def test_github(folder: Path) -> None:
    """Read back as GitHub's runner does: what stands for its own signs is decoded."""
    (folder / "warned.yaml").write_text(WARNED)
    done = check("nets", "odd", "warned.yaml", "missing.yaml", "--format", "github")
    read = []
    for line in done.stdout.splitlines():
        command = COMMAND.fullmatch(line)
        assert command is not None, line
        pairs = (p.split("=", 1) for p in command["properties"].split(","))
        properties = {key: unquote(value) for key, value in pairs}
        read.append((command["level"], properties, unquote(command["data"])))

    assert done.exit_code == 2
    assert [level for level, _, _ in read] == ["error", "error", "error", "warning"]
    assert [p.get("file") for _, p, _ in read][1:] == [
        "nets/deep/wrong.yaml",
        "odd/a b,%:.yaml",
        "warned.yaml",
    ]
    _, properties, message = read[1]
    assert (properties["line"], properties["col"], properties["endLine"]) == ("5", "9", "5")
    assert properties["title"] == "archc: kernel-too-large"
    assert "\n" in message or "help" not in message


REGION = {"type": "integer", "minimum": 1}
TEXT = {
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": 1}},
    "required": ["text"],
    "additionalProperties": False,
}
PLACE = {
    "type": "object",
    "properties": {
        "artifactLocation": {
            "type": "object",
            "properties": {
                "uri": {"type": "string", "pattern": r"^[A-Za-z0-9/._~%:@!$&'()*+,;=-]+$"}
            },
            "required": ["uri"],
            "additionalProperties": False,
        },
        "region": {
            "type": "object",
            "properties": dict.fromkeys(
                ("startLine", "startColumn", "endLine", "endColumn"), REGION
            ),
            "required": ["startLine"],
            "additionalProperties": False,
        },
    },
    "required": ["artifactLocation"],
    "additionalProperties": False,
}
SARIF: dict[str, Any] = {
    "type": "object",
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "tool": {"type": "object", "required": ["driver"]},
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "invocations": {
                        "items": {
                            "type": "object",
                            "properties": {"executionSuccessful": {"type": "boolean"}},
                            "required": ["executionSuccessful"],
                        }
                    },
                    "results": {
                        "items": {
                            "type": "object",
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": TEXT,
                                "locations": {"items": {"properties": {"physicalLocation": PLACE}}},
                                "relatedLocations": {
                                    "items": {
                                        "properties": {
                                            "id": {"type": "integer"},
                                            "message": TEXT,
                                            "physicalLocation": PLACE,
                                        }
                                    }
                                },
                            },
                            "required": ["message"],
                            "additionalProperties": False,
                        }
                    },
                },
                "required": ["tool"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["version", "runs"],
    "additionalProperties": False,
}
"""What SARIF 2.1.0 asks of the parts that are written, from sections 3.13 to 3.30 of its text."""


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "given",
    [["nets", "odd"], list(map(str, (REPOSITORY / "tests" / "bad").glob("[ad]*.yaml"))), ["-"]],
)
def test_sarif(given: list[str]) -> None:
    """It has the structure of SARIF, every fault, and rules that results point at."""
    written = json.loads(check(*given, "--format", "sarif", text=WRONG).stdout)
    plain = json.loads(check(*given, "--format", "json", text=WRONG).stdout)
    (run,) = written["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]

    assert list(Draft202012Validator(SARIF).iter_errors(written)) == []
    assert [r["ruleId"] for r in run["results"]] == [d["code"] for d in plain]
    assert all(rules[r["ruleIndex"]] == r["ruleId"] for r in run["results"])
    assert len(set(rules)) == len(rules)
    assert all(d["code"] in rules for d in plain)


@pytest.mark.usefixtures("folder")
def test_places_of_sarif_lead_to_files() -> None:
    """Their addresses, decoded, are paths from the current folder."""
    (run,) = json.loads(check("odd", "--format", "sarif").stdout)["runs"]
    where = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]

    assert Path(unquote(where)).is_file()


def test_junit(folder: Path) -> None:
    """A test for each file: passed, failed, or in error where it can't be read."""
    (folder / "warned.yaml").write_text(WARNED)
    done = check("nets", "odd", "warned.yaml", "missing.yaml", "--format", "junit")
    (suite,) = ET.fromstring(done.stdout.encode())  # noqa: S314 - we wrote it
    cases = {case.get("name"): [child.tag for child in case] for case in suite}

    assert {k: v for k, v in suite.attrib.items() if k != "name"} == {
        "tests": "6", "failures": "2", "errors": "1",
    }  # fmt: skip
    assert cases == {
        "nets/deep/family.yml": [],
        "nets/deep/wrong.yaml": ["failure"],
        "nets/good.yaml": [],
        "odd/a b,%:.yaml": ["failure"],
        "warned.yaml": ["system-out"],
        "missing.yaml": ["error"],
    }


HOSTILE = 'archc: 1\nname: tiny\ninput: [3, 8, 8]\nbody: {{a: "{}"}}\n'


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "text",
    ["]]>", "</failure>", "::error::", "%0A::stop-commands::", "\\x1b[31m", "\\u2028", "&amp;"],
)
def test_hostile_texts_stay_texts(text: str) -> None:
    """What a spec holds ends no element, and makes no command of its own."""
    source = HOSTILE.format(text)
    lines = check("-", "--format", "github", text=source).stdout.splitlines()
    tree = ET.fromstring(check("-", "--format", "junit", text=source).stdout.encode())  # noqa: S314
    json.loads(check("-", "--format", "sarif", text=source).stdout)

    assert all(COMMAND.fullmatch(line) for line in lines)
    assert [child.tag for child in tree[0][0]] == ["failure"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("form", ["json", "github", "sarif", "junit"])
def test_files_of_results(form: str) -> None:
    """With -o the diagnostics are printed as well; the file can be written again."""
    first = check("nets", "--format", form, "-o", "result")
    second = check("nets", "--format", form, "-o", "result")

    assert (first.exit_code, first.stdout) == (second.exit_code, second.stdout) == (1, "")
    assert "error[kernel-too-large]" in first.stderr
    assert Path("result").read_text("utf-8").startswith(check("nets", "--format", form).stdout[:50])


def colours(*options: str, environment: dict[str, str]) -> bool:
    """Whether a check has colours in a pipe."""
    clean: dict[str, str | None] = dict.fromkeys((k for k in os.environ if "COLOR" in k), None)
    done = CliRunner().invoke(
        app, ["check", "-", *options], input=WRONG, env={**clean, **environment}, color=True
    )
    return "\x1b[" in done.stderr


@pytest.mark.parametrize(
    ("options", "environment", "coloured"),
    [
        ([], {}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"CLICOLOR_FORCE": "1"}, True),
        ([], {"CLICOLOR_FORCE": "0"}, False),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colours(options: list[str], environment: dict[str, str], coloured: bool) -> None:
    """The option goes before NO_COLOR, that before those that force colours."""
    assert colours(*options, environment=environment) is coloured


def test_colours_of_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables have them too, but not in files."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    plain = CliRunner().invoke(app, ["table", "resnet18", "--color", "never"]).stdout
    coloured = CliRunner().invoke(app, ["table", "resnet18", "--color", "always"]).stdout

    assert "\x1b[" not in plain
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain != coloured


def test_an_unknown_colour() -> None:
    """It is a mistake on the command line."""
    assert check("resnet18", "--color", "pink").exit_code == 2


def test_the_hook_runs(folder: Path) -> None:
    """As pre-commit does: its entry, and after it the files of its types."""
    (hook,) = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text("utf-8"))
    words = hook["entry"].split()
    names = sorted(str(f.relative_to(folder)) for f in (folder / "nets").rglob("*.y*ml"))

    assert words[0] == "archc"
    done = CliRunner().invoke(app, [*words[1:], *names])
    assert done.exit_code == 1
    assert "2 errors in 2 of 4 files; 1 file" in done.stderr


def test_the_action_runs(folder: Path) -> None:
    """Its second step, with an archc where its first one puts it."""
    action = yaml.safe_load((REPOSITORY / "action.yml").read_text("utf-8"))
    check_step = action["runs"]["steps"][1]
    where = folder / "runner" / "archc" / "bin"
    where.mkdir(parents=True)
    (where / "archc").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m archc "$@"\n')
    (where / "archc").chmod(0o755)
    defaults = {name: given["default"] for name, given in action["inputs"].items()}
    environment = {
        **os.environ, "RUNNER_TEMP": str(folder / "runner"), "OPTIONS": defaults["options"],
        "PYTHONPATH": str(REPOSITORY),
    }  # fmt: skip
    for specs, code in ((defaults["specs"], 1), ("nets/good.yaml nets/deep/family.yml", 0)):
        done = subprocess.run(
            ["bash", "-e", "-c", check_step["run"]], env={**environment, "SPECS": specs},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (code, "")
        assert ("::error file=nets/deep/wrong.yaml,line=5" in done.stdout) == bool(code)
    inputs = set(re.findall(r"inputs\.(\w+)", str(action)))
    assert inputs == set(action["inputs"])


def test_the_workflow_says_what_archc_takes() -> None:
    """Every command of the example is one that archc knows."""
    workflow = yaml.safe_load((REPOSITORY / "examples/github/specs.yml").read_text("utf-8"))
    steps = workflow["jobs"]["check"]["steps"]
    lines = [
        line for step in steps for line in step.get("run", "").splitlines() if "archc c" in line
    ]

    assert len(lines) == 3
    for line in lines:
        words = line.partition("||")[0].split()[1:]
        assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0
