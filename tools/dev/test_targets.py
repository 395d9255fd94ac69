#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the ninja targets that the tests of one suite need, a line each; files that are only copied or written by a script always.

usage: test_targets.py BUILD_FOLDER SUITE
"""
import json
import pathlib
import sys


def main():
    folder, suite = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    info = folder / "meson-info"
    tests = json.loads((info / "intro-tests.json").read_text(encoding="utf-8"))
    needed = {target for test in tests if any(name.endswith(":" + suite) for name in test["suite"]) for target in test["depends"]}
    for target in json.loads((info / "intro-targets.json").read_text(encoding="utf-8")):
        if target["id"] in needed or (target["type"] == "custom" and target["build_by_default"]):
            for file in target["filename"]:
                print(pathlib.Path(file).relative_to(folder))


if __name__ == "__main__":
    main()
