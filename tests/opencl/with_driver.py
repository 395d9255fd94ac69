#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a command that sees one OpenCL driver and caches of its own.

usage: with_driver.py [--keep] DRIVER FOLDER COMMAND...     DRIVER: pocl or rusticl; FOLDER: for the caches, emptied first

With --keep the driver's own cache stays, for the next test to find, and Convoke's is off: what it keeps costs PoCL a second compilation of
every kernel, and has tests of its own.

A driver that is not installed is a failure: its package belongs to what the tests need.
"""
import os
import pathlib
import shutil
import subprocess
import sys

VENDORS = pathlib.Path("/etc/OpenCL/vendors")
PACKAGES = {"pocl": "pocl-opencl-icd", "rusticl": "mesa-opencl-icd"}


def main():
    keep = sys.argv[1] == "--keep"
    driver, place_of_caches, *command = sys.argv[2 if keep else 1:]
    folder = pathlib.Path(place_of_caches).resolve()
    file = VENDORS / f"{driver}.icd"
    if not file.is_file():
        print(f"no {file}: install {PACKAGES[driver]}, or all that tests need with tools/setup.sh")
        return 1
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)
    caches = {name: folder / name.lower() for name in ("CONVOKE_CACHE_DIR", "POCL_CACHE_DIR", "MESA_SHADER_CACHE_DIR")}
    for place in caches.values():
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("POCL_", "OCL_", "RUSTICL_"))}
    environment |= {name: str(place) for name, place in caches.items()}
    if keep:
        environment["CONVOKE_CACHE_DIR"] = "off"
    environment |= {"OCL_ICD_VENDORS": str(file), "RUSTICL_ENABLE": "llvmpipe"}
    environment["LSAN_OPTIONS"] = f"suppressions={pathlib.Path(__file__).with_name('lsan.supp')}:print_suppressions=0"
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
