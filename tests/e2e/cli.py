# SPDX-License-Identifier: MIT
"""What the tests of the command share: running it, and reading and writing small files without any library.

The first argument of a test is the command's path.
"""
import base64
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

SKIP = 77 # meson's exit code for "not run"
COMMAND = pathlib.Path(sys.argv[1]).resolve()
FOLDER = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None

# 16x8 pixels, red on the left and blue on the right.
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIU"
    "FRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wAARCAAIABADAREAAhEB"
    "AxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS"
    "0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKz"
    "tLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgEC"
    "BAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpj"
    "ZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6"
    "/9oADAMBAAIRAxEAPwClX4Ef0meX1/o6fwOf/9k=")


def run(*words, code=0, **variables):
    """Runs the command, expects an exit code, and gives what it printed on stdout and stderr."""
    kept = ("CONVOKE_PLUGIN_PATH", "CONVOKE_CACHE_DIR")
    env = {k: v for k, v in os.environ.items() if not k.startswith("CONVOKE_") or k in kept}
    env.update(variables)
    result = subprocess.run([str(COMMAND)] + [w if isinstance(w, bytes) else str(w) for w in words], capture_output=True, env=env, timeout=300)
    out, err = result.stdout.decode(), result.stderr.decode()
    assert result.returncode == code, f"convoke {words}: exit code {result.returncode}, not {code}\n{out}\n{err}"
    return out, err


def run_json(*words, code=0, **variables):
    out, _ = run(*words, "--json", code=code, **variables)
    return json.loads(out)


MISSING = run("--version")[0]


def needs(feature):
    """For tests of what a build may lack: png, jpeg, gzip, json, onnx."""
    return unittest.skipIf(f"{feature}:" in MISSING, f"this build has no {feature}")


def write_npy(path, shape, values, kind="<f4"):
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}"
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    form = {"<f4": "f", "<f8": "d", "<i8": "q"}[kind]
    pathlib.Path(path).write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() +
                                   struct.pack(f"<{len(values)}{form}", *values))


def read_npy(path):
    """Shape and values of an f32 file."""
    data = pathlib.Path(path).read_bytes()
    length = struct.unpack("<H", data[8:10])[0]
    head = data[10:10 + length].decode()
    assert data[:8] == b"\x93NUMPY\x01\x00" and "'<f4'" in head and "False" in head, head
    shape = [int(n) for n in head.split("(")[1].split(")")[0].split(",") if n.strip()]
    body = data[10 + length:]
    return shape, list(struct.unpack(f"<{len(body) // 4}f", body))


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, channels, pixels, claim=None):
    """A PNG of 8 bits; claim: other sizes to put into its header."""
    row = width * channels
    body = b"".join(b"\0" + bytes(pixels[y * row:(y + 1) * row]) for y in range(height))
    head = struct.pack(">IIBBBBB", *(claim or (width, height)), 8, 2 if channels == 3 else 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def unfilter(kind, line, above, step):
    for i in range(len(line)):
        left = line[i - step] if i >= step else 0
        up, corner = above[i], above[i - step] if i >= step else 0
        if kind == 4:
            guess = left + up - corner
            add = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
        else:
            add = (0, left, up, (left + up) // 2)[kind]
        line[i] = (line[i] + add) & 255
    return line


def read_png(path):
    """Width, height, channels and pixels; every checksum is looked at."""
    data, at, packed = pathlib.Path(path).read_bytes(), 8, b""
    assert data[:8] == b"\x89PNG\r\n\x1a\n", path
    kind = None
    while kind != b"IEND":
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        assert chunk(kind, body) == data[at:at + 12 + length], f"{path}: checksum of {kind}"
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            assert depth == 8 and colour in (0, 2), (depth, colour)
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    assert at == len(data), f"{path}: bytes behind the end"
    channels = 3 if colour == 2 else 1
    row, body, out = width * channels, zlib.decompress(packed), bytearray()
    above = bytearray(row)
    for y in range(height):
        start = y * (row + 1)
        above = unfilter(body[start], bytearray(body[start + 1:start + 1 + row]), above, channels)
        out += above
    return width, height, channels, bytes(out)


def idx(kind, sizes, values):
    return bytes((0, 0, kind, len(sizes))) + struct.pack(f">{len(sizes)}I", *sizes) + bytes(values)


class Case(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.folder = pathlib.Path(self._folder.name)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def fails(self, code, text, *words, **variables):
        """The command must fail with this code, say this in one line on stderr, and print no result."""
        out, err = run(*words, code=code, **variables)
        self.assertIn(text, err)
        self.assertEqual(len(err.strip().splitlines()), 1, err)
        self.assertTrue(err.startswith("convoke: "), err)
        return out


def main():
    unittest.main(argv=sys.argv[:1], verbosity=2)
