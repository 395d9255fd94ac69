#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the conformance test of one op on Oclgrind, which looks at every access of every work-item; whatever it reports is a failure.

usage: oclgrind.py FOLDER CONVOKE OP...     FOLDER: made anew, for the cache and what was reported

Its check for uninitialised values is left out: it gives up at an instruction that the compiler of today makes.
"""
import os
import pathlib
import shutil
import subprocess
import sys


def main():
    folder, convoke, ops = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3:]
    if not shutil.which("oclgrind"):
        print("no oclgrind: install the package of that name, or all that tests need with tools/setup.sh")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OCL_", "OCLGRIND_"))}
    environment["CONVOKE_CACHE_DIR"] = str(folder)
    failed = False
    for op in ops:
        log = folder / f"{op}.log"
        result = subprocess.run(["oclgrind", "--data-races", "--max-errors", "20", "--log", str(log), convoke, "conform", "opencl", "--op", op],
                                env=environment, check=False)
        reported = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
        if reported.strip():
            print(f"{op}: Oclgrind reports\n{reported[:4000]}")
        failed = failed or result.returncode != 0 or bool(reported.strip())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
