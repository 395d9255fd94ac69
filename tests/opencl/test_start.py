# SPDX-License-Identifier: MIT
"""What a start finds in the cache: nothing, everything, damage, another driver, another process at work.

    test_start.py START_COUNTS DEVICE...
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM, *DEVICES = sys.argv[1:]


class Start(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="convoke-start-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def begin(self, device, *words, cache=None):
        # The driver's own cache would hide what ours does not hold.
        env = dict(os.environ, CONVOKE_CACHE_DIR=str(cache or self.folder / "cache"), POCL_CACHE_DIR=str(self.folder / "pocl"))
        return subprocess.Popen([PROGRAM, device, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True)

    def end(self, process):
        out, err = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 0, err)
        found = re.fullmatch(r"compiled (\d+), loaded (\d+), right\n", out)
        self.assertTrue(found, out + err)
        return int(found[1]), int(found[2])

    def start(self, *words, **options):
        return self.end(self.begin(*words, **options))

    def cold(self, counts):
        self.assertGreater(counts[0], 0)
        self.assertEqual(counts[1], 0)
        return counts[0]

    def warm(self, counts, programs):
        self.assertEqual(counts[0], 0)
        self.assertGreaterEqual(counts[1], 1)
        self.assertLessEqual(counts[1], programs)

    def test_second_start_compiles_nothing(self):
        for device in DEVICES:
            with self.subTest(device):
                programs = self.cold(self.start(device))
                self.warm(self.start(device), programs)

    def test_another_driver_version_finds_nothing(self):
        device = DEVICES[0]
        programs = self.cold(self.start(device))
        self.cold(self.start(device, "9.9 made up"))
        self.warm(self.start(device, "9.9 made up"), programs)
        self.warm(self.start(device), programs)

    def test_damage_is_compiled_anew(self):
        device = DEVICES[0]
        programs = self.cold(self.start(device))
        file = self.folder / "cache" / "opencl.db"
        content = bytearray(file.read_bytes())
        for i in range(100, len(content), 97):
            content[i] ^= 0x5a
        file.write_bytes(content)
        self.assertGreater(self.start(device)[0], 0)
        self.warm(self.start(device), programs)
        file.write_bytes(b"this is no database " * 500)
        self.cold(self.start(device))
        self.warm(self.start(device), programs)

    def test_without(self):
        for _ in range(2):
            self.cold(self.start(DEVICES[0], cache="off"))
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["pocl"])

    def test_two_at_once(self):
        device = DEVICES[0]
        both = [self.begin(device) for _ in range(2)]
        counts = [self.end(p) for p in both]
        programs = max(c[0] + c[1] for c in counts)
        self.warm(self.start(device), programs)


unittest.main(argv=sys.argv[:1], verbosity=2)
