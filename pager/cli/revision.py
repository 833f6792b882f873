"""A config folder as it is on disk, or as it was at a git revision. The work tree, the index and whatever is checked out are never touched."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import msgspec

_READ = (".yaml", ".yml", ".ics")  # what a config is made of
_FILE, _LINK = "100", "120"  # how the modes of git begin


class NoSuchSide(ValueError):
    """There is no such folder and no such revision; says what to write."""


class UnreadableSide(ValueError):
    """A file of the revision can't be had; says which."""


class Side(msgspec.Struct, frozen=True):
    """`name` is how it was asked for, with its commit in short where it is a revision."""

    name: str
    folder: Path


@contextmanager
def side_of(word: str, config: Path) -> Iterator[Side]:
    """A folder; or a revision, and then the folder `config` at that revision, or with `REVISION:FOLDER` another one of it. Raises NoSuchSide and
    UnreadableSide."""
    if Path(word).is_dir():
        if not word.startswith((".", os.sep)) and _is_revision(word, config):
            raise NoSuchSide(f"{word!r} is a folder and a git revision: write ./{word} or refs/heads/{word}")
        yield Side(word, Path(word))
        return
    try:
        at, prefix = _place(config)
        commit, prefix = _commit(at, word, prefix)
    except (_GitSaid, OSError) as error:
        raise NoSuchSide(f"{word!r} is no folder, and no git revision: {error}") from None
    name = f"{word} ({_git(at, 'rev-parse', '--short', commit)})"
    with TemporaryDirectory(prefix="pagerd-") as made:
        _unpack(at, commit, prefix, name, Path(made))
        yield Side(name, Path(made))


def _place(config: Path) -> tuple[Path, str]:
    """Where to ask git, and what the config folder is called from the root of its trees; empty: it is the root."""
    at, rest = Path(os.path.abspath(config)), list[str]()
    while not at.is_dir():
        rest.insert(0, at.name)
        at = at.parent
    if _git(at, "rev-parse", "--is-inside-work-tree") == "true":
        above = _git(at, "rev-parse", "--show-prefix").rstrip("/")
    else:  # a bare repository: what it has is counted from where it lies
        above = os.path.relpath(at.resolve(), _git(at, "rev-parse", "--absolute-git-dir"))
        above = "" if above.startswith(".") else above
    return at, "/".join([*([above] if above else []), *rest])


def _commit(at: Path, word: str, prefix: str) -> tuple[str, str]:
    """The commit, and the folder in it."""
    if word.startswith("-"):
        raise _GitSaid("it begins with a dash")
    whole = _resolved(at, word)
    if whole is not None:
        return whole, prefix
    revision, colon, folder = word.partition(":")
    found = _resolved(at, revision) if colon and revision else None
    if found is None:
        raise _GitSaid("write a branch, a tag, a commit, HEAD~1, or REVISION:FOLDER")
    return found, str(PurePosixPath(folder or ".")).removeprefix(".")


def _resolved(at: Path, revision: str) -> str | None:
    try:
        return _git(at, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    except _GitSaid as said:
        if str(said):  # not an unknown revision: the repository itself
            raise
        return None


def _is_revision(word: str, config: Path) -> bool:
    try:
        return _resolved(_place(config)[0], word) is not None
    except (_GitSaid, OSError):
        return False


# --- files ----------------------------------------------------------------------------------------------------------------------------
def _unpack(at: Path, commit: str, prefix: str, name: str, into: Path) -> None:
    """Read from git's own store, and not by `git archive`, which leaves out and changes what .gitattributes says."""
    tree = f"{commit}:{prefix}"
    try:
        listed = _run(at, "ls-tree", "-r", "-z", "--full-tree", tree).decode("utf-8", "surrogateescape")
    except _GitSaid:
        raise NoSuchSide(f"there is no folder {prefix} at {name}: name it with REVISION:FOLDER, or with --config") from None
    wanted = [path for path in _paths(listed) if path.suffix in _READ]
    if not wanted:
        raise UnreadableSide(f"{name}: there is no .yaml file in {prefix or 'it'}")
    # A link is followed inside of the tree of the commit, and never out of it.
    asked = "".join(f"{commit}:{prefix}{'/' if prefix else ''}{path}\n" for path in wanted)
    answers = _run(at, "cat-file", "--batch", "--follow-symlinks", given=asked.encode("utf-8", "surrogateescape"))
    for path, content in zip(wanted, _contents(answers, wanted, name), strict=True):
        if content is not None:
            target = into / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def _paths(listed: str) -> Iterator[PurePosixPath]:
    for entry in filter(None, listed.split("\0")):
        about, _, path = entry.partition("\t")
        hidden = any(part.startswith(".") for part in path.split("/"))
        if about.startswith((_FILE, _LINK)) and not hidden and "\n" not in path:
            yield PurePosixPath(path)


def _contents(answers: bytes, wanted: Iterable[PurePosixPath], name: str) -> Iterator[bytes | None]:
    """What git says of each file, in order; None for a link to what is not there, or is no file."""
    place = 0
    for path in wanted:
        line = answers.index(b"\n", place)
        head, place = answers[place:line].split(b" "), line + 1
        if head[-1] == b"missing":
            yield None
            continue
        size = int(head[-1])
        content, place = answers[place : place + size], place + size + 1
        if head[0] == b"symlink":
            raise UnreadableSide(f"{name}: {path}: leads out of the repository, to {os.fsdecode(content)}")
        yield content if head[1:2] == [b"blob"] else None


# --- git ------------------------------------------------------------------------------------------------------------------------------
class _GitSaid(Exception):
    """Git's own words."""


def _git(at: Path, *words: str) -> str:
    return os.fsdecode(_run(at, *words)).removesuffix("\n")


def _run(at: Path, *words: str, given: bytes = b"") -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(at), *words], input=given, capture_output=True, env=_environment(), check=False)
    except FileNotFoundError:
        raise _GitSaid("git is not installed") from None
    if done.returncode:
        raise _GitSaid(os.fsdecode(done.stderr).strip().removeprefix("fatal: "))
    return done.stdout


def _environment() -> dict[str, str]:
    """In a hook, git says by relative paths where its repository is: from here they would lead elsewhere."""
    found = {**os.environ, "LC_ALL": "C"}
    if "GIT_DIR" in found:
        found.setdefault("GIT_WORK_TREE", ".")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        if name in found:
            found[name] = os.path.abspath(found[name])
    return found
