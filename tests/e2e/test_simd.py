# SPDX-License-Identifier: MIT
"""The SIMD backend behind the command: its options, and the same bits for every number of threads and every cut of the batch."""
import pathlib
import re
import tempfile

from cli import Case, main, run

# Between them: the first layer, 1x1, windows of several sizes and strides, groups, depthwise, pools, dense layers; sizes that tiles
# do not divide.
NETS = ("3x37x29: 20c3s2p1-relu-24c1-relu-dw3p1-relu-17c1-mp2-40c3p1-relu-40c3p1-gap-11n-softmax",
        "3x32x32: 32c7s2p3-bn-relu-mp3s2-64c3p1-relu-64c3p1-relu-ap2-flat-100n-relu-10n",
        "16x14x14: 64c3p1-relu-64c5p2-tanh-dw5p2-sigmoid-48c1s2-relu-gap-7n")
THREADS = (1, 2, 3, 8)


def isas():
    """The instruction sets that this processor can run, by what the device says when it cannot."""
    found = []
    for isa in ("avx512", "avx2", "neon", "generic"):
        try:
            run("explain", "1x4x4: 2c3", "--device", f"simd(isa={isa})+ref")
        except AssertionError as failure:
            if not re.search(r"cannot run isa=|is none of", str(failure)):
                raise
            continue
        found.append(isa)
    return found


def output(net, device, threads, folder, *words):
    path = pathlib.Path(folder) / "y.npy"
    run("run", net, "--device", device, "--threads", threads, "--fill", "random", "--output", path, *words)
    return path.read_bytes()


class Bits(Case):
    def test_same_for_every_number_of_threads(self):
        tested = isas()
        self.assertIn("generic", tested)
        with tempfile.TemporaryDirectory() as folder:
            for isa in tested:
                device = f"simd(isa={isa})+ref"
                for net in NETS:
                    for batch in (1, 5):
                        one = output(net, device, THREADS[0], folder, "--batch", batch)
                        for threads in THREADS[1:]:
                            self.assertEqual(one, output(net, device, threads, folder, "--batch", batch),
                                             f"{net} on {device}, batch {batch}: {threads} threads give other bits than one")

    def test_option_threads(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(output(NETS[0], "simd+ref", 3, folder), output(NETS[0], "simd(threads=1)+ref", 3, folder))

    def test_close_to_the_reference(self):
        for isa in isas():
            for accuracy in ("strict", "normal", "fast"):
                for net in NETS:
                    out, _ = run("bench", net, "--device", f"simd(isa={isa},accuracy={accuracy})+ref", "--runs", 2)
                    self.assertRegex(out, "as expected", f"{net}: {out}")


class Options(Case):
    def test_errors(self):
        for spec, sentence in (("simd(isa=mmx)", "isa=mmx is none of"), ("simd(threads=two)", "threads=two is not a whole number"),
                               ("simd(accuracy=best)", "accuracy=best is none of strict, normal, fast")):
            _, err = run("explain", NETS[0], "--device", spec, code=1)
            self.assertIn(sentence, err)


if __name__ == "__main__":
    main()
