#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/examples/classify.c, built against the shared library, classifies: on the mean of each colour (an official ONNX model with one
global average pool), and on a real digit where the data folder is there.

usage: test_example.py CLASSIFY SOURCE_FOLDER
"""
import gzip
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

CLASSIFY = pathlib.Path(sys.argv[1]).resolve()
MEAN_MODEL = pathlib.Path("/usr/share/libonnx-testdata/data/node/test_globalaveragepool/model.onnx")
DATA = pathlib.Path(os.environ.get("CONVOKE_TEST_DATA", pathlib.Path(sys.argv[2]) / "../shared/data"))


def png(path, width, height, channels, pixels):
    rows = b"".join(b"\0" + pixels[r * width * channels:(r + 1) * width * channels] for r in range(height))
    chunks = b"\x89PNG\r\n\x1a\n"
    head = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, 0)
    for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        chunks += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    path.write_bytes(chunks)


def classify(model, picture, code=0):
    result = subprocess.run([str(CLASSIFY), str(model), str(picture)], capture_output=True, text=True, timeout=60, check=False,
                            env={**os.environ, "CONVOKE_DEVICE": "ref"})
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout if code == 0 else result.stderr


class Example(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.picture = pathlib.Path(folder.name) / "picture.png"

    def test_the_brightest_colour_wins(self):
        for colour in range(3):
            pixel = bytes(200 if c == colour else 50 for c in range(3))
            png(self.picture, 10, 10, 3, pixel * 100)
            self.assertEqual(classify(MEAN_MODEL, self.picture), f"class {colour}, score 200\n")

    def test_a_picture_that_is_none_is_refused(self):
        self.picture.write_bytes(b"no picture")
        self.assertIn("usage", classify(MEAN_MODEL, self.picture, code=2))

    def test_a_model_that_is_none_is_refused(self):
        png(self.picture, 1, 1, 1, b"\x80")
        self.assertIn(self.picture.name, classify(self.picture, self.picture, code=1))

    @unittest.skipUnless((DATA / "mnist").is_dir(), f"{DATA}/mnist is not there: no real digit was classified")
    def test_a_real_digit(self):
        pixels = gzip.open(DATA / "mnist/t10k-images-idx3-ubyte.gz").read(16 + 784)[16:]
        label = gzip.open(DATA / "mnist/t10k-labels-idx1-ubyte.gz").read(9)[8]
        png(self.picture, 28, 28, 1, pixels)
        self.assertTrue(classify(DATA / "models/mnist-8/model.onnx", self.picture).startswith(f"class {label},"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
