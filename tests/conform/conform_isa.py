#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The conformance test of the SIMD backend in one instruction set, on this processor or on an emulated older one.

usage: conform_isa.py CONVOKE ISA [CPU]

With CPU the command runs under qemu-x86_64 as that processor, where an instruction that it does not have ends the test; the backend must
then choose ISA by itself. Exit code 77, with the reason, where this machine cannot do it.
"""
import shutil
import subprocess
import sys

SKIP = 77


def main():
    convoke, isa, cpu = sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None
    command = [convoke, "conform", "simd" if cpu else f"simd(isa={isa})"]
    if cpu:
        emulator = shutil.which("qemu-x86_64")
        if not emulator:
            print("not run: qemu-x86_64 (package qemu-user) is not there")
            return SKIP
        command = [emulator, "-cpu", cpu] + command
        devices = subprocess.run(command[:3] + [convoke, "devices"], capture_output=True, text=True)
        if f"{isa} kernels" not in devices.stdout:
            print(f"as {cpu} the backend does not choose {isa}:\n{devices.stdout}{devices.stderr}")
            return 1
    result = subprocess.run(command, capture_output=True, text=True)
    print(result.stdout[-20000:], result.stderr[-4000:], sep="\n")
    if f"cannot run isa={isa}" in result.stderr:
        print(f"not run: this processor has no {isa}")
        return SKIP
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
