# SPDX-License-Identifier: MIT
"""Which devices the OpenCL backend lists, beside drivers that are well and drivers that are not.

Arguments: a program that prints the list (show_platforms.c) and a driver that behaves as its file is called (fake_driver.c).
"""
import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

SHOW, FAKE = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
FIELDS = "index name vendor driver platform uuid pci kind caps memory part align units scope broken"
Device = collections.namedtuple("Device", FIELDS)
F16_STORAGE, F16_ARITHMETIC, DETERMINISTIC, UNIFIED, SELF_TEST = 2, 4, 16, 32, 64
GPU = "2"


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="convoke-test-"))
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ("vendors", "tmp", "cache"):
            (self.folder / name).mkdir()
        self.log = self.folder / "log"
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("CONVOKE_", "OCL_", "OPENCL_"))}
        self.environment.update(OCL_ICD_VENDORS=str(self.folder / "vendors"), TMPDIR=str(self.folder / "tmp"),
                                CONVOKE_CACHE_DIR=str(self.folder / "cache"), FAKE_DRIVER_LOG=str(self.log))

    def add(self, *names):
        """Installs drivers that behave as their names say."""
        for name in names:
            library = self.folder / f"{name}.so"
            shutil.copy(FAKE, library)
            (self.folder / "vendors" / f"{name}.icd").write_text(f"{library}\n")

    def show(self, *words, threads=1, **variables):
        """Lists the devices in a new process; keeps its output and how often each driver was asked for platforms."""
        self.log.write_text("")
        environment = {k: v for k, v in {**self.environment, **variables}.items() if v is not None}
        run = subprocess.run([str(SHOW), str(threads), *words], env=environment, capture_output=True, timeout=60)
        self.out, self.err = run.stdout.decode(), run.stderr.decode()
        self.assertEqual(0, run.returncode, self.out + self.err)
        lines = [line.split("\t") for line in self.out.splitlines()]
        self.assertIn(["vendors", environment.get("OCL_ICD_VENDORS", "")], lines, "the program's environment was changed")
        self.assertEqual([], list((self.folder / "tmp").iterdir()), "something was left behind")
        self.failure = " ".join(line[0] for line in lines if line[0].startswith("failure"))
        self.asked = collections.Counter(line.split()[0] for line in self.log.read_text().splitlines())
        self.processes = len({line.split()[1] for line in self.log.read_text().splitlines()})
        devices = [Device(*line[1:]) for line in lines if line[0] == "device"]
        self.assertEqual(list(range(len(devices))), [int(d.index) for d in devices])
        first_bad = next((i for i, d in enumerate(devices) if d.broken), len(devices))
        usable = [d for d in devices if not d.broken]
        if not any(d.broken for d in devices if d.platform):
            self.assertEqual(usable, devices[:first_bad], "broken drivers stand at the end")
        return usable, [d for d in devices if d.broken]

    def bad(self, name, words, **variables):
        """A driver that must be left out beside two that stay usable; the verdict is remembered."""
        self.add("good", name, "two")
        usable, broken = self.show(CONVOKE_PROBE="2", **variables)
        self.assertEqual({"good device 0", "two device 0", "two device 1"}, {d.name for d in usable})
        self.assertEqual([f"{name}.icd"], [d.name for d in broken])
        self.assertRegex(broken[0].broken, words)
        self.assertIn(f"/vendors/{name}.icd ", broken[0].broken)
        self.assertIn("in a child process", broken[0].broken)
        order = [d.name for d in usable]
        start = time.monotonic()
        usable, again = self.show(CONVOKE_PROBE="2", **variables)
        self.assertEqual((order, broken), ([d.name for d in usable], again))
        self.assertEqual({"good": 1, "two": 1}, self.asked, "a child was started, or the bad driver was loaded")
        self.assertLess(time.monotonic() - start, 1.5)


class Listing(Case):
    def test_what_is_told_of_a_device(self):
        self.add("good")
        usable, broken = self.show()
        self.assertEqual([], broken)
        d = usable[0]
        self.assertEqual(("good device 0", "Fakes Ltd"), (d.name, d.vendor))
        self.assertEqual(("7.8", "good OpenCL 1.2 fake"), (d.driver, d.platform))
        self.assertEqual(("deadbeef000102030405060708090a0b", "0000:81:1f.7", GPU), (d.uuid, d.pci, d.kind))
        self.assertEqual((str(8 << 30), str(2 << 30), "64", "40"), (d.memory, d.part, d.align, d.units))
        self.assertEqual(F16_STORAGE | F16_ARITHMETIC | DETERMINISTIC | SELF_TEST, int(d.caps, 16))
        for text in (d.name, d.driver, d.platform, d.uuid):
            self.assertIn(text, d.scope)

    def test_order_is_the_loaders(self):
        self.add("good", "two", "good-b", "none")
        usable, broken = self.show()
        self.assertEqual([], broken)
        self.assertEqual(["two device 0", "two device 1"], [d.name for d in usable][:2])  # it sorts by number of devices
        self.assertEqual({"good device 0", "good-b device 0"}, {d.name for d in usable[2:]})
        self.assertEqual(usable, self.show()[0])
        self.assertEqual(F16_STORAGE | F16_ARITHMETIC | DETERMINISTIC | SELF_TEST | UNIFIED, int(usable[0].caps, 16))
        self.assertIn("platform none has no device", self.err)

    def test_one_device_under_two_platforms_is_listed_twice(self):
        self.add("good", "good-b")
        usable, _ = self.show()
        self.assertEqual(usable[0].uuid, usable[1].uuid)
        self.assertEqual(2, len({d.scope for d in usable}))

    def test_places(self):
        self.add("nvidia", "amd", "bare")
        places = {d.name.split()[0]: (d.pci, d.uuid, int(d.caps, 16) & F16_ARITHMETIC) for d in self.show()[0]}
        self.assertEqual({"nvidia": ("0010:65:03.1", "", 0), "amd": ("0000:c3:02.1", "", 0), "bare": ("", "", 0)}, places)

    def test_odd_texts(self):
        self.add("odd")
        usable, _ = self.show()
        self.assertEqual(["Gr\u00fc\u00df e [31m ??( ???", "a" * 126, "unended"], [d.name for d in usable])
        self.assertEqual("128", usable[0].align)  # 96 is no power of two

    def test_devices_that_cannot_be_used(self):
        self.add("unavailable", "no_compiler", "old", "good")
        usable, broken = self.show()
        self.assertEqual(["good device 0"], [d.name for d in usable])
        words = {d.name.split()[0]: d.broken for d in broken}
        self.assertIn("not available", words["unavailable"])
        self.assertIn("no compiler", words["no_compiler"])
        self.assertIn("OpenCL 1.1, and 1.2 is the least", words["old"])
        self.assertEqual({"unavailable": 2, "no_compiler": 2, "old": 2, "good": 2}, self.asked)

    def test_nothing_there(self):
        self.assertEqual(([], []), self.show())
        self.assertRegex(self.failure, r"no OpenCL driver is installed \(.*/vendors\): install")
        self.add("none")
        self.assertEqual(([], []), self.show())
        self.assertIn("no OpenCL device is shown by the platforms none", self.failure)

    def test_threads(self):
        self.add("good", "two", "crash")
        self.assertEqual(3, len(self.show(threads=8)[0]))
        self.show(threads=8)
        self.assertEqual(1, self.processes)


class Vendors(Case):
    """The ways to name drivers."""

    def test_one_file(self):
        self.add("good", "two")
        usable, _ = self.show(OCL_ICD_VENDORS=str(self.folder / "vendors" / "good.icd"))
        self.assertEqual((["good device 0"], 2), ([d.name for d in usable], self.processes))

    def test_file_of_the_vendor_folder(self):
        self.add("good", "crash")
        usable, broken = self.show(OCL_ICD_VENDORS="crash.icd", OPENCL_VENDOR_PATH=str(self.folder / "vendors"))
        self.assertEqual(([], ["crash.icd"]), (usable, [d.name for d in broken]))
        usable, broken = self.show(OCL_ICD_VENDORS=None, OPENCL_VENDOR_PATH=str(self.folder / "vendors"))
        self.assertEqual((["good device 0"], ["crash.icd"]), ([d.name for d in usable], [d.name for d in broken]))

    def test_library(self):
        self.add("good", "crash")
        usable, _ = self.show(OCL_ICD_VENDORS=str(self.folder / "good.so"))
        self.assertEqual(["good device 0"], [d.name for d in usable])
        usable, broken = self.show(OCL_ICD_VENDORS=str(self.folder / "crash.so"))
        self.assertEqual(([], ["crash.so"]), (usable, [d.name for d in broken]))

    def test_bare_library_name(self):
        self.add("good")
        (self.folder / "vendors" / "good.icd").write_text("good.so")
        where = {"LD_LIBRARY_PATH": str(self.folder)}
        self.assertEqual(1, len(self.show(**where)[0]))
        self.show(**where)
        self.assertEqual(1, self.processes)
        os.utime(self.folder / "good.so", ns=(1, 1))
        self.show(**where)
        self.assertEqual(2, self.processes, "the library was exchanged and not tried again")

    def test_missing_library_is_told(self):
        self.add("good", "crash")
        (self.folder / "vendors" / "gone.icd").write_text("libgone.so.3\n")
        for _ in range(2):
            usable, broken = self.show()
            self.assertEqual(["good device 0"], [d.name for d in usable])
            self.assertEqual(["crash.icd", "gone.icd"], [d.name for d in broken])
            self.assertRegex(broken[1].broken, r"/gone\.icd cannot be loaded: libgone\.so\.3: cannot open")
        self.assertEqual({"good": 1}, self.asked)

    def test_other_files_are_not_drivers(self):
        self.add("good", "crash")
        (self.folder / "vendors" / "crash.icd").rename(self.folder / "vendors" / "crash.icd.off")
        (self.folder / "vendors" / "empty.icd").write_text("")
        usable, broken = self.show()
        self.assertEqual((["good device 0"], []), ([d.name for d in usable], broken))
        self.assertEqual(2, self.processes)


class BadDrivers(Case):
    def test_crash_when_loaded(self):
        self.bad("crash_load", r"crashed with signal 11 \(Segmentation fault\)")

    def test_crash_at_platforms(self):
        self.bad("crash", r"crashed with signal 11 \(Segmentation fault\) when asked for platforms")

    def test_crash_at_devices(self):
        self.bad("crash_devices", "crashed with signal 11 ")

    def test_crash_at_names(self):
        self.bad("crash_info", "crashed with signal 11 .* when asked for devices")

    def test_crash_at_context(self):
        self.bad("crash_context", "crashed with signal 11 .* when asked for a context")

    def test_hang(self):
        self.bad("hang", "did not answer within 2 seconds when asked for platforms")

    def test_hang_after_closing_all_files(self):
        self.bad("hang_apart", "did not answer within 2 seconds when asked for platforms")

    def test_exit(self):
        self.bad("exit", "ended the process when asked for platforms")

    def test_underscore_exit(self):
        self.bad("_exit", r"ended the process with _exit\(3\) when asked for platforms")

    def test_without_a_cache(self):
        self.add("good", "crash")
        for _ in range(2):
            usable, broken = self.show(CONVOKE_CACHE_DIR="off")
            self.assertEqual((["good device 0"], ["crash.icd"]), ([d.name for d in usable], [d.name for d in broken]))
            self.assertGreater(self.processes, 1)

    def test_all_are_bad(self):
        self.add("crash", "exit", "crash_load")
        for _ in range(2):
            usable, broken = self.show()
            self.assertEqual(([], ["crash.icd", "crash_load.icd", "exit.icd"]), (usable, [d.name for d in broken]))
        self.assertEqual(0, self.processes)

    def test_pair(self):
        """Two that live apart and crash together: the second of them is left out, whoever stands between."""
        self.add("good", "pair-a", "pair-b", "two")
        for _ in range(2):
            usable, broken = self.show()
            self.assertEqual({"good device 0", "pair-a device 0", "two device 0", "two device 1"}, {d.name for d in usable})
            self.assertEqual(["pair-b.icd"], [d.name for d in broken])
            self.assertRegex(broken[0].broken, "crashed with signal 11 .* together with those before it")
        self.assertEqual(1, self.processes)

    def test_unknown_driver(self):
        """One that the loader finds and the backend does not, as its path is too long: the known ones are used without it."""
        self.add("good", "crash")
        (self.folder / "vendors" / "crash.icd").write_text(str(self.folder) + "/." * 300 + "/crash.so")
        for _ in range(2):
            usable, broken = self.show()
            self.assertEqual((["good device 0"], ["another driver"]), ([d.name for d in usable], [d.name for d in broken]))
            self.assertIn("from outside ", broken[0].broken)
        self.assertEqual({"good": 1}, self.asked)

    def test_crash_by_chance(self):
        self.add("good", "once")
        usable, broken = self.show()
        self.assertEqual((2, []), (len(usable), broken))

    def test_no_folder_for_the_good(self):
        self.add("good", "crash")
        usable, broken = self.show(TMPDIR=str(self.folder / "nowhere"))
        self.assertEqual([], usable)
        self.assertIn("no OpenCL driver is used", broken[0].broken)
        usable, broken = self.show()
        self.assertEqual((["good device 0"], ["crash.icd"]), ([d.name for d in usable], [d.name for d in broken]))

    def test_child_is_silent(self):
        self.add("chatter")
        self.show(CONVOKE_PROBE="off")
        alone = self.out.count("chatter\n")
        self.assertEqual(1, len(self.show()[0]))
        self.assertEqual((2, alone), (self.processes, self.out.count("chatter\n")))


class Verdicts(Case):
    """What is remembered, and until when."""

    def processes_of(self, **variables):
        self.show(**variables)
        return self.processes

    def test_good_ones_are_remembered(self):
        self.add("good", "two")
        self.assertEqual(2, self.processes_of())
        self.assertEqual({"good": 2, "two": 2}, self.asked)
        self.assertEqual(1, self.processes_of())

    def test_changes(self):
        self.add("good")
        self.processes_of()
        os.utime(self.folder / "good.so", ns=(1, 1))
        self.assertEqual(2, self.processes_of(), "another library")
        self.assertEqual(1, self.processes_of())
        os.utime(self.folder / "vendors" / "good.icd", ns=(1, 1))
        self.assertEqual(2, self.processes_of(), "another .icd file")
        self.assertEqual(2, self.processes_of(RUSTICL_ENABLE="some"), "another variable")
        self.assertEqual(1, self.processes_of(RUSTICL_ENABLE="some"))
        self.assertEqual(1, self.processes_of(), "as before")
        self.add("two")
        self.assertEqual(2, self.processes_of(), "another driver")
        self.assertEqual(1, self.processes_of())

    def test_repaired_driver(self):
        self.add("good", "crash")
        self.assertEqual(1, len(self.show()[1]))
        (self.folder / "vendors" / "crash.icd").write_text(str(self.folder / "good-b.so"))
        shutil.copy(FAKE, self.folder / "good-b.so")
        usable, broken = self.show()
        self.assertEqual(({"good device 0", "good-b device 0"}, []), ({d.name for d in usable}, broken))

    def test_bad_ones_are_tried_again_after_a_day(self):
        self.add("good", "crash")
        self.show()
        self.assertEqual(1, self.processes_of(LATER_BY="80000"))
        self.assertGreater(self.processes_of(LATER_BY="90000"), 1)
        self.assertEqual(1, self.processes_of(LATER_BY="90000"))
        self.assertGreater(self.processes_of(), 1, "a verdict from the future")

    def test_good_ones_are_not(self):
        self.add("good")
        self.show()
        self.assertEqual(1, self.processes_of(LATER_BY="90000"))

    def test_damaged_note(self):
        self.add("good", "crash")
        self.assertEqual(1, len(self.show()[1]))
        for f in (self.folder / "cache").iterdir():
            f.write_bytes(os.urandom(5000))
        usable, broken = self.show()
        self.assertEqual((1, 1), (len(usable), len(broken)))
        self.assertGreater(self.processes, 1)


class Setting(Case):
    def test_program_that_uses_opencl_itself(self):
        self.add("good", "crash_context")
        usable, broken = self.show("used")
        self.assertEqual((2, [], 1), (len(usable), broken, self.processes))

    def test_off(self):
        self.add("good", "two")
        self.assertEqual(3, len(self.show(CONVOKE_PROBE="off")[0]))
        self.assertEqual(1, self.processes)
        self.add("crash")
        with self.assertRaises(AssertionError):
            self.show(CONVOKE_PROBE="off")

    def test_nonsense_is_told(self):
        self.add("good")
        self.show(CONVOKE_PROBE="0")
        self.assertIn("CONVOKE_PROBE is neither on, off nor 1 to 3600 seconds", self.err)
        self.assertEqual(2, self.processes)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
