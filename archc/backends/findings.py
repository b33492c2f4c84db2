"""What `archc check` finds in files, in the formats of those who read it: text, JSON, SARIF, ..."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from archc.diagnostics import Diagnostic, Span, errors, render
from archc.escaping import github_property, github_text, json_text, one_line, visible
from archc.version import VERSION

SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True)
class Finding:
    """A file that was checked: what is wrong with it, how many variants it has.

    `diagnostics` are those that no file before it has; `refused` says why it can't be read.
    """

    name: str
    diagnostics: tuple[Diagnostic, ...] = ()
    variants: int = 0
    wrong: bool = False
    refused: str = ""


def summary(findings: Sequence[Finding], skipped: int = 0) -> str:
    """Say in a line what became of all files."""
    diagnostics = [d for f in findings for d in f.diagnostics]
    wrong, warned = (
        sum(d.count for d in errors(diagnostics)),
        len(diagnostics) - len(errors(diagnostics)),
    )
    faulty = sum(f.wrong for f in findings)
    parts = [_count(wrong, "error")] if wrong else []
    parts += [_count(warned, "warning")] if warned else []
    text = " and ".join(parts)
    if faulty and len(findings) > 1:
        text += f" in {faulty} of {_count(len(findings), 'file')}"
    elif not faulty:
        variants = sum(f.variants for f in findings)
        what = [_count(variants, "variant")] if variants else []
        what += [_count(len(findings), "file")] if len(findings) > 1 or not variants else []
        text = f"{text or 'all good'}: {' in '.join(what)}"
    if skipped:
        text += f"; {_count(skipped, 'file')} without `archc:` left out"
    return text


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


# For programs


def json(findings: Sequence[Finding]) -> str:
    """Write the diagnostics of all files as a list."""
    return json_text([d.as_dict() for f in findings for d in f.diagnostics])


def github(findings: Sequence[Finding]) -> str:
    """Write commands of GitHub's workflows, which become annotations at the lines."""
    lines = [_command("error", {"title": "unreadable"}, f.refused) for f in findings if f.refused]
    for found in (d for f in findings for d in f.diagnostics):
        span = found.span
        where = {"line": str(span.line), "col": str(span.column), "endLine": str(span.end_line)}
        if span.end_line == span.line:
            where["endColumn"] = str(max(span.column, span.end_column - 1))
        level = found.severity if found.severity in ("error", "warning") else "notice"
        place = {"file": path(span), **where, "title": f"archc: {found.code}"}
        lines.append(_command(level, place, explained(found)))
    return "\n".join(lines)


def _command(level: str, properties: dict[str, str], message: str) -> str:
    told = ",".join(f"{k}={github_property(v)}" for k, v in properties.items())
    return f"::{level} {told}::{github_text(message)}"


def sarif(findings: Sequence[Finding]) -> str:
    """Write SARIF 2.1.0, which code scanning of GitHub and editors read."""
    diagnostics = [d for f in findings for d in f.diagnostics]
    codes = sorted({d.code for d in diagnostics})
    refused = [f for f in findings if f.refused]
    driver = {"name": "archc", "version": VERSION, "rules": [{"id": code} for code in codes]}
    invocation: dict[str, Any] = {"executionSuccessful": not refused}
    if refused:
        invocation["toolExecutionNotifications"] = [
            {"level": "error", "message": {"text": f.refused}} for f in refused
        ]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
        "results": [_result(d, codes.index(d.code)) for d in diagnostics],
    }
    return json_text({"$schema": SARIF, "version": "2.1.0", "runs": [run]})


def _result(found: Diagnostic, rule: int) -> dict[str, Any]:
    related = [
        {"id": number, "message": {"text": note.text or "here"}, **_location(note.span)}
        for number, note in enumerate(found.notes, 1)
    ]
    return {
        "ruleId": found.code,
        "ruleIndex": rule,
        "level": found.severity if found.severity in ("error", "warning") else "note",
        "message": {"text": explained(found)},
        "locations": [_location(found.span)],
        **({"relatedLocations": related} if related else {}),
    }


def _location(span: Span) -> dict[str, Any]:
    region = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": max(span.line, span.end_line),
        "endColumn": span.end_column,
    }
    where = {"artifactLocation": {"uri": _uri(span)}, "region": region}
    return {"physicalLocation": where}


def _uri(span: Span) -> str:
    where = path(span)
    return (
        Path(where).as_uri()
        if Path(where).is_absolute()
        else quote(where, errors="backslashreplace")
    )


def junit(findings: Sequence[Finding]) -> str:
    """Write the XML of JUnit: a test for each file."""
    counts = {
        "tests": len(findings),
        "failures": sum(f.wrong and not f.refused for f in findings),
        "errors": sum(bool(f.refused) for f in findings),
    }
    attributes = {"name": "archc check", **{k: str(v) for k, v in counts.items()}}
    root = ET.Element("testsuites", attributes)
    suite = ET.SubElement(root, "testsuite", attributes)
    for file in findings:
        case = ET.SubElement(suite, "testcase", classname="archc", name=_xml(file.name))
        wrong = errors(file.diagnostics)
        if file.refused:
            ET.SubElement(case, "error", message=_xml(file.refused))
        elif file.wrong:
            message = _count(len(wrong), "error") if wrong else "see the files before"
            codes = ", ".join(dict.fromkeys(d.code for d in wrong)) or "faulty-import"
            failure = ET.SubElement(case, "failure", message=message, type=codes)
            failure.text = _xml(text(wrong))
        if warned := [d for d in file.diagnostics if d not in wrong]:
            ET.SubElement(case, "system-out").text = _xml(text(warned))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}'


def _xml(shown: str) -> str:
    """Return text without what XML can't hold; the writer escapes the rest."""
    return visible(re.sub("[\ufdd0-\ufdef]", "", shown))


def text(diagnostics: Iterable[Diagnostic]) -> str:
    """Write diagnostics as a terminal shows them."""
    return "\n\n".join(map(render, diagnostics))


def explained(found: Diagnostic) -> str:
    """Say what a diagnostic does without the lines of the file."""
    parts = [found.message]
    parts += [f"{one_line(n.text)} ({path(n.span)}:{n.span.line})" for n in found.notes if n.text]
    parts += [f"help: {found.help}"] * bool(found.help)
    return visible("\n".join(parts))


def path(span: Span) -> str:
    """Return where a file is as seen from the current folder, or its name where it is none."""
    where = span.source.path
    if where is None:
        return span.source.name
    try:
        here = Path.cwd()
        real = Path(os.path.normpath(here / where))
        return real.relative_to(here).as_posix() if real.is_relative_to(here) else real.as_posix()
    except OSError:
        return where.as_posix()


FORMATS: dict[str, Callable[[Sequence[Finding]], str]] = {
    "json": json,
    "github": github,
    "sarif": sarif,
    "junit": junit,
}


@dataclass
class Once:
    """Leaves out what was reported: a fault in a file that several others import."""

    known: set[tuple[Any, ...]] = field(default_factory=set)

    def fresh(self, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Return those that are new, and know them from now on."""
        new = []
        for found in diagnostics:
            where = found.span.source.path
            file = os.path.realpath(where) if where is not None else found.span.source.name
            key = (found.code, file, *found.span.key[1:], found.message)
            if key not in self.known:
                self.known.add(key)
                new.append(found)
        return tuple(new)
