#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds up the meson test logs of several build folders; the last line is "N passed, N failed".

usage: summarize_tests.py BUILD_FOLDER... [--broken NAME...]     --broken: builds that did not compile, a failure each
"""
import argparse
import json
import pathlib
import sys


def read_log(folder):
    """(name, result) of each test that ran in a build folder."""
    for path in sorted(folder.glob("meson-logs/testlog*.json")):
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            yield entry["name"], entry["result"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    parser.add_argument("--broken", nargs="*", default=[])
    args = parser.parse_args()

    passed = failed = skipped = 0
    for name in args.broken:
        print(f"{name}: does not build")
        failed += 1
    for folder in args.folders:
        counts = {"passed": 0, "failed": 0, "skipped": 0}
        for name, result in read_log(folder):
            kind = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}.get(result, "failed")
            counts[kind] += 1
            if kind != "passed":
                print(f"{folder.name}: {kind}: {name}" + (f" ({result})" if kind == "failed" else ""))
        if sum(counts.values()):
            print(f"{folder.name}: " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))
        else:
            print(f"{folder.name}: no test ran")
            failed += 1
        passed += counts["passed"]
        failed += counts["failed"]
        skipped += counts["skipped"]
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(0 if passed and not failed else 1)


if __name__ == "__main__":
    main()
