#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns kernels/*.cl into C: one ocl_source_NAME each, with the SHA-256 of its text. A line #include "FILE.cl" becomes that file.

    embed.py OUT.c OUT.h FILE.cl...
"""
import hashlib
import pathlib
import re
import sys


def text_of(path: pathlib.Path) -> bytes:
    return re.sub(rb'^#include "(.+)"$', lambda m: text_of(path.parent / m[1].decode()), path.read_bytes(), flags=re.M)


def main() -> None:
    out_c, out_h, *files = sys.argv[1:]
    every = hashlib.sha256()
    body = ['/* Made by embed.py from kernels/. */', '#include "kernel_sources.h"']
    head = ['/* Made by embed.py from kernels/. */', '#ifndef OCL_KERNEL_SOURCES_H', '#define OCL_KERNEL_SOURCES_H', '#include "ocl.h"']
    for path in map(pathlib.Path, files):
        text = text_of(path)
        # Bytes instead of a string literal: C promises only 4095 characters of those.
        rows = [','.join(str(b) for b in text[i:i + 32]) for i in range(0, len(text), 32)]
        body.append(f'static const char text_{path.stem}[] = {{\n' + ',\n'.join(rows) + ',0};')
        body.append(f'const struct ocl_source ocl_source_{path.stem} = {{"{path.stem}", text_{path.stem}, "{hashlib.sha256(text).hexdigest()}"}};')
        head.append(f'extern const struct ocl_source ocl_source_{path.stem};')
        every.update(text)
    head.append(f'#define OCL_SOURCES_HASH "{every.hexdigest()}" /* of all texts together */')
    head.append('#endif')
    pathlib.Path(out_c).write_text('\n'.join(body) + '\n')
    pathlib.Path(out_h).write_text('\n'.join(head) + '\n')


main()
