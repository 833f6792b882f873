"""A folder of YAML files becomes a Config, or a list of everything that is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from pager.config.calendars import SUFFIX, read_files
from pager.config.carriers import SETTINGS
from pager.config.handoffs import shown_twice
from pager.config.noise import named_twice
from pager.config.reading import Context, nearest, pairs_of
from pager.config.sections import BY_NAME, SECTIONS
from pager.config.tree import Node, SyntaxProblem, parse
from pager.model.config import Config
from pager.model.problem import Level, Problem
from pager.model.settings import Settings

_YAML = (".yaml", ".yml")
MOST_BYTES = 32 * 1024 * 1024  # of one file


class Loaded(msgspec.Struct, frozen=True):
    """`config` is None when any problem is an error. `unset` names the variables that are spoken of and not set."""

    config: Config | None
    problems: tuple[Problem, ...]
    unset: tuple[str, ...] = ()


def load(folder: Path, environment: Mapping[str, str], *, forgiving: bool = False) -> Loaded:
    """Read the folder. Never raises for what stands in it: that is in `problems`, all at once, in the order of the files. Who only asks who is
    on call is `forgiving`: a credential or an address whose variable is not set is empty, and no error."""
    context = Context(environment, forgiving)
    files = _files(folder, context)
    trees = [(name, _tree(name, text, context)) for name, text in files]
    config = _assemble([(name, tree) for name, tree in trees if tree is not None], context)
    config, calendars = read_files(config, folder, context)
    config = msgspec.structs.replace(config, revision=_revision([*files, *calendars]))
    _check_references(config, context)
    _check_keys(config, context)
    context.problems += shown_twice(config.schedules)
    context.problems += named_twice(config.noise)
    problems = tuple(sorted(context.problems, key=lambda p: (p.file, p.line, p.column)))
    good = bool(files) and not any(p.level is Level.ERROR for p in problems)
    return Loaded(config if good else None, problems, context.unset)


def load_settings(folder: Path, environment: Mapping[str, str]) -> Settings:
    """As much of `settings` as can be read, though the rest may be broken: enough to find the store at 3 a.m."""
    context = Context(environment)
    settings = Settings()
    for name, text in _files(folder, context):
        tree = _tree(name, text, context)
        node = tree.get("settings") if tree is not None and tree.kind == "map" else None
        read = SETTINGS.read(node, context, "settings") if node is not None else None
        settings = read or settings
    return settings


def fingerprint(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Cheap to compare: changes whenever a file of the folder does."""
    found = []
    for path in _paths(folder, (*_YAML, SUFFIX)):
        try:
            status = path.stat()
            found.append((str(path), status.st_mtime_ns, status.st_size))
        except OSError:
            continue
    return tuple(found)


def _paths(folder: Path, suffixes: Collection[str] = _YAML) -> list[Path]:
    found = [p for p in folder.rglob("*") if p.suffix in suffixes and p.is_file()]
    return sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts))


def _files(folder: Path, context: Context) -> list[tuple[str, str]]:
    files: list[tuple[str, str]] = []
    if not folder.is_dir():
        context.problems.append(Problem(file=str(folder), message="there is no such folder", suggestion="give it with --config DIR"))
        return []
    for path in _paths(folder):
        name = str(path.relative_to(folder))
        try:
            if path.stat().st_size > MOST_BYTES:
                raise ValueError(f"larger than {MOST_BYTES >> 20} MiB")
            files.append((name, path.read_text("utf-8")))
        except (OSError, ValueError) as error:
            context.problems.append(Problem(file=name, message=f"can't be read: {error}"))
    if not files and not context.problems:
        context.problems.append(Problem(file=str(folder), message="there is no .yaml file in this folder"))
    return files


def _tree(name: str, text: str, context: Context) -> Node | None:
    try:
        return parse(text, name)
    except SyntaxProblem as problem:
        o = problem.origin
        context.problems.append(Problem(file=o.file, line=o.line, column=o.column, message=problem.message))
        return None


def _assemble(trees: list[tuple[str, Node]], context: Context) -> Config:
    """Every section of every file; a section of names may be spread over files, a name may not."""
    found: dict[str, Any] = {}
    first: dict[str, Node] = {}
    for _, tree in trees:
        if tree.kind != "map":
            context.fail(tree, "", "expected a map of sections at the top", nearest("", SECTIONS))
            continue
        for key, node in pairs_of(tree, context, ""):
            shape = SECTIONS.get(key.text)
            if shape is None:
                context.fail(key, key.text, f"unknown section {key.text!r}", nearest(key.text, SECTIONS))
            elif not node.is_null and (key.text in BY_NAME or not _is_second(key, first, context)):
                value = shape.read(node, context, key.text)
                if key.text in BY_NAME:
                    _merge(found.setdefault(key.text, {}), value or {}, node, key.text, context)
                elif value is not None:
                    found[key.text] = value
    return Config(**found)


def _is_second(key: Node, first: dict[str, Node], context: Context) -> bool:
    before = first.setdefault(key.text, key)
    if before is not key:
        context.fail(key, key.text, f"{key.text} stands in two places, first at {before.origin}", "keep it in one file")
    return before is not key


def _merge(into: dict[str, Any], more: Mapping[str, Any], node: Node, section: str, context: Context) -> None:
    for name, value in more.items():
        if name in into:
            key = next(k for k, _ in node.pairs() if k.text == name)
            context.fail(key, f"{section}.{name}", f"{name!r} is here for the second time, first at {into[name].origin}")
        else:
            into[name] = value


def _check_references(config: Config, context: Context) -> None:
    # What was written but could not be built is known all the same: one mistake should not look like many.
    broken = tuple(p.path for p in context.problems)
    known: dict[str, tuple[str, set[str]]] = {
        "user": ("users", set(config.users)),
        "team": ("teams", set(config.teams)),
        "calendar": ("calendars", set(config.calendars)),
        "schedule": ("schedules", set(config.schedules)),
        "policy": ("policies", set(config.policies)),
        "service": ("services", set(config.services)),
        "provider": ("providers", set(config.providers)),
        "stage": ("policies", {stage.name for policy in config.policies.values() for stage in policy.stages if stage.name}),
    }
    for kind, name, node, path in context.references:
        section, names = known[kind]
        if name not in names and not any(path == f"{section}.{name}" or path.startswith(f"{section}.{name}.") for path in broken):
            context.fail(node, path, f"there is no {kind} {name!r}", nearest(name, names))


def _check_keys(config: Config, context: Context) -> None:
    """A key stands for one integration of a kind."""
    first: dict[tuple[str, str], str] = {}
    for name, integration in config.integrations.items():
        before = first.setdefault((integration.kind, integration.key), name)
        o = integration.origin
        if integration.key and before != name and o is not None:
            message = f"has the same key as {before}: nobody could tell whose alerts come in"
            context.problems.append(
                Problem(
                    file=o.file,
                    line=o.line,
                    column=o.column,
                    path=f"integrations.{name}.key",
                    message=message,
                    suggestion="give each its own",
                )
            )


def _revision(files: list[tuple[str, str]]) -> str:
    digest = hashlib.sha256()
    for name, text in files:
        digest.update(f"{name}\0{len(text)}\0{text}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:12]
