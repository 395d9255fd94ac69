#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles every public header alone, as C11 and as C++17, and the worked example in its opening comment as C11.

usage: check_headers.py INCLUDE_FOLDER --cc COMMAND... --cxx COMMAND...
"""
import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def example_of(text):
    """The lines between @code and @endcode in the first comment, without their ' * '; None if there is no example."""
    comment = re.match(r"/\*.*?\*/", text, re.S)
    block = re.search(r"@code\n(.*?)\n \* @endcode", comment.group(0), re.S) if comment else None
    if not block:
        return None
    return "".join(re.sub(r"^ \* ?", "", line) + "\n" for line in block.group(1).split("\n"))


def compile_one(label, command, include, source, suffix):
    """Compiles source text; returns None or what went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "unit" + suffix)
        path.write_text(source, encoding="utf-8")
        done = subprocess.run([*command, *WARNINGS, f"-I{include}", "-c", str(path), "-o", str(path) + ".o"],
                              capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"{label}:\n{done.stderr or done.stdout}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("include", type=pathlib.Path)
    parser.add_argument("--cc", nargs="+", required=True)
    parser.add_argument("--cxx", nargs="+", required=True)
    args = parser.parse_args()

    headers = sorted(args.include.glob("convoke/**/*.h"))
    if not headers:
        sys.exit(f"no headers below {args.include}")
    failures, jobs, examples = [], [], 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for header in headers:
            name = header.relative_to(args.include).as_posix()
            alone = f"#include <{name}>\n#include <{name}>\nextern int unit_is_not_empty;\n"
            jobs.append(pool.submit(compile_one, f"{name} as C11", [*args.cc, "-std=c11"], args.include, alone, ".c"))
            jobs.append(pool.submit(compile_one, f"{name} as C++17", [*args.cxx, "-std=c++17"], args.include, alone, ".cpp"))
            example = example_of(header.read_text(encoding="utf-8"))
            if example is None:
                failures.append(f"{name}: no worked example between @code and @endcode in the first comment\n")
                continue
            examples += 1
            jobs.append(pool.submit(compile_one, f"example of {name}", [*args.cc, "-std=c11"], args.include, example, ".c"))
    failures += [job.result() for job in jobs if job.result()]
    for failure in failures:
        print(failure)
    print(f"{len(headers)} headers, {examples} examples, {len(failures)} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
