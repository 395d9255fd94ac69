#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the habits of the source tree and what a build of it exports and needs.

usage: check_tree.py SOURCE_FOLDER [--library FILE] [--plugins FILE...]
"""
import argparse
import pathlib
import re
import subprocess
import sys

FOLDERS = ("include", "core", "backends", "plugins", "tests", "tools", "docs", ".ci")
CODE = {".c", ".h", ".def", ".cl", ".cpp", ".py", ".sh"}
MAX_LINES = 600
# Put together here, so that this file does not find itself.
WORDS = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "TB" + "D")) + r")\b")
PLUGIN_HEADERS = re.compile(r"convoke/(?:plugin|plugin_cpu|tensor|status|rng|op/[a-z_]+)\.h|convoke/ops\.def")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)
# What a library must not do to the program that it is in, and memory that a test could not refuse.
NEVER = {"exit", "_Exit", "quick_exit", "abort", "printf", "vprintf", "puts", "putchar", "__printf_chk", "__vprintf_chk"}
MEMORY = re.compile(r"(?<![\w.>])(?:malloc|calloc|realloc|reallocarray|strdup|strndup|asprintf|vasprintf|aligned_alloc|"
                    r"posix_memalign)\s*\(")


def sources(root):
    """Every file of the tree, as a path relative to it."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(root)
    for name in ("meson.build", "meson_options.txt", "README.md"):
        if (root / name).is_file():
            yield pathlib.Path(name)


def without_comments(text):
    """C code without comments and without the content of strings, line for line."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0)) if match.group(0)[0] == "/" else '""'
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def check_text(path, text):
    """Length, first line, words."""
    lines = text.count("\n")
    if path.suffix in CODE and lines > MAX_LINES and path.parts[:2] != ("tests", "ops"):
        yield f"{path}: {lines} lines; at most {MAX_LINES}"
    if path.suffix in CODE:
        first = text.split("\n")
        first = first[1] if first[0].startswith("#!") and len(first) > 1 else first[0]
        if "SPDX-License-Identifier: MIT" not in first:
            yield f"{path}: does not begin with SPDX-License-Identifier: MIT"
    for number, line in enumerate(text.split("\n"), 1):
        if found := WORDS.search(line):
            yield f"{path}:{number}: '{found.group(0)}'"


def resolve(root, path, quote, name):
    """The file of the tree that an include means, relative to the root; None for system headers."""
    places = ([root / path.parent] if quote == '"' else []) + [root / "include", root / "core", root / "tests", root]
    for place in places:
        target = (place / name).resolve()
        if target.is_file() and root in target.parents:
            return target.relative_to(root)
    return None


def check_includes(root, path, text):
    """Core sees the public headers and core; a backend the plugin's headers and its own folder; nothing sees a backend."""
    for quote, name in INCLUDE.findall(text):
        target = resolve(root, path, quote, name)
        if target is None:
            if name.startswith("convoke/"):
                yield f"{path}: includes {name}, which does not exist"
            continue
        mine, theirs = path.parts[:2], target.parts[:2]
        in_backend = mine[0] in ("backends", "plugins")
        if theirs[0] in ("backends", "plugins") and theirs != mine:
            yield f"{path}: includes {target}; nothing may include a backend"
        elif mine[0] == "core" and theirs[0] not in ("include", "core"):
            yield f"{path}: includes {target}; core may include include/convoke and core only"
        elif mine[0] == "include" and theirs[0] != "include":
            yield f"{path}: includes {target}; public headers stand alone"
        elif in_backend and theirs != mine and not PLUGIN_HEADERS.fullmatch(target.relative_to("include").as_posix()
                                                                           if theirs[0] == "include" else str(target)):
            yield f"{path}: includes {target}; a backend may include what a stranger's plugin may"


def check_memory(path, text):
    """All memory of the core comes from one file, and its plugins' from the host."""
    if path.parts[0] != "core" or path.as_posix() == "core/base/alloc.c":
        return
    for number, line in enumerate(without_comments(text).split("\n"), 1):
        if found := MEMORY.search(line):
            yield f"{path}:{number}: {found.group(0)} ...; memory comes from core/base/alloc.c"


def check_example(path, text):
    comment = re.match(r"/\*.*?\*/", text, re.S)
    if path.parts[:2] == ("include", "convoke") and path.suffix == ".h" and not (comment and "@code" in comment.group(0)):
        yield f"{path}: no worked example in the first comment"


def check_sources(root):
    for path in sources(root):
        try:
            text = (root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue # test data
        if path.suffix in CODE or path.suffix in (".build", ".txt", ".md"):
            yield from check_text(path, text)
        if path.suffix in (".c", ".h", ".def", ".cl", ".cpp"):
            yield from check_includes(root, path, text)
            yield from check_example(path, text)
        if path.suffix in (".c", ".h"):
            yield from check_memory(path, text)


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def symbols(path, *options):
    """Dynamic symbols without their versions."""
    return {line.split()[0].split("@")[0] for line in run("nm", "-D", "-P", *options, str(path)).splitlines()}


def check_library(path):
    exported = symbols(path, "--defined-only")
    if "cvk_version" not in exported:
        yield f"{path}: does not export cvk_version"
    for name in sorted(exported):
        if not name.startswith("cvk_") or name.startswith("cvk__"):
            yield f"{path}: exports {name}"
    for name in sorted(symbols(path, "--undefined-only") & NEVER):
        yield f"{path}: calls {name}"
    needed = run("ldd", str(path))
    for bad in ("OpenCL", "libstdc++", "not found"):
        if bad in needed:
            yield f"{path}: ldd shows {bad}:\n{needed}"


def check_plugin(path):
    exported = symbols(path, "--defined-only")
    if exported != {"cvk_plugin_query"}:
        yield f"{path}: exports {', '.join(sorted(exported)) or 'nothing'}; a plugin exports cvk_plugin_query alone"
    undefined = symbols(path, "--undefined-only")
    for name in sorted(undefined):
        if name.startswith("cvk_"):
            yield f"{path}: needs {name} of the host"
    for name in sorted(undefined & (NEVER | {"_exit"})): # the library ends the children that it probes plugins in
        yield f"{path}: calls {name}"
    if "libconvoke" in run("ldd", str(path)):
        yield f"{path}: is linked with the library"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--library", dest="built", type=pathlib.Path)
    parser.add_argument("--plugins", type=pathlib.Path, nargs="*", default=[])
    args = parser.parse_args()

    root = args.root.resolve()
    complaints = list(check_sources(root))
    if args.built:
        complaints += check_library(args.built)
    for plugin in args.plugins:
        complaints += check_plugin(plugin)
    for complaint in complaints:
        print(complaint)
    print(f"{sum(1 for _ in sources(root))} files, {len(complaints)} complaints")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
