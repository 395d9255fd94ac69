#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Looks at the machine code of kernels: their innermost loops with multiply-adds must not move vectors to or from the stack.

usage: check_hot_loops.py [--objdump PROGRAM] --functions REGEX --at-least N FILE...

FILE is an object or a static library. A compiler that runs out of registers spills silently; a tile whose accumulators lie in memory
is several times slower and still right, so no other test would notice. Fails, too, if fewer than N loops were found.
"""
import argparse
import re
import subprocess
import sys

HEAD = re.compile(r"^[0-9a-f]+ <([^>]+)>:$")
LINE = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")
# x86 and 64-bit Arm; mulps is what is left of a multiply-add where there is none.
MULTIPLY = re.compile(r"^(vfn?madd|fml[as]$|mulps$|vmulps$|fmul$)")
JUMP = re.compile(r"^(j[a-z]+|b|b\.[a-z]+|cbn?z|tbn?z)$")
STACK = re.compile(r"\(%r[sb]p|\[(?:sp|x29)")
VECTOR = re.compile(r"%[xyz]mm\d|\b[qv]\d+")


def functions(objdump, path):
    """(name, [(address, operation, operands)]) of each function."""
    text = subprocess.run([objdump, "-d", "--no-show-raw-insn", path], check=True, capture_output=True, text=True).stdout
    name, code = None, []
    for line in text.splitlines():
        head = HEAD.match(line)
        if head:
            if name:
                yield name, code
            name, code = head.group(1), []
            continue
        found = LINE.match(line)
        if found and name:
            code.append((int(found.group(1), 16), found.group(2), found.group(3)))
    if name:
        yield name, code


def innermost_loops(code):
    """The instructions of each loop that has no other loop inside."""
    begin = code[0][0] if code else 0
    spans = []
    for address, operation, operands in code:
        target = re.search(r"\b([0-9a-f]+) <", operands) if JUMP.match(operation) else None
        if target and begin <= int(target.group(1), 16) <= address:
            spans.append((int(target.group(1), 16), address))
    for first, last in spans:
        if not any((a, b) != (first, last) and first <= a and b <= last for a, b in spans):
            yield [item for item in code if first <= item[0] <= last]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objdump", default="objdump")
    parser.add_argument("--functions", required=True)
    parser.add_argument("--at-least", type=int, required=True)
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    wanted = re.compile(args.functions)
    loops = spills = 0
    for path in args.files:
        for name, code in functions(args.objdump, path):
            if not wanted.search(name):
                continue
            for loop in innermost_loops(code):
                if not any(MULTIPLY.match(operation) for _, operation, _ in loop):
                    continue
                loops += 1
                moved = [item for item in loop if STACK.search(item[2]) and VECTOR.search(item[2])]
                if moved:
                    spills += 1
                    print(f"{path}: {name}: {len(moved)} vectors go through the stack in the loop at {loop[0][0]:x}, "
                          f"such as: {moved[0][1]} {moved[0][2]}")
    print(f"{loops} hot loops looked at, {spills} with stack traffic")
    if loops < args.at_least:
        print(f"expected at least {args.at_least}: nothing was checked")
        return 1
    return 1 if spills else 0


if __name__ == "__main__":
    sys.exit(main())
