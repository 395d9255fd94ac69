# SPDX-License-Identifier: MIT
"""Help, wrong use, exit codes, and files that mean harm."""
import gzip
import re

from cli import Case, JPEG, idx, main, needs, png, run

COMMANDS = ("devices", "run", "explain", "bench", "info", "demo", "conform")
NET = "1x4x4: relu"


class Usage(Case):
    def test_help(self):
        out, _ = run("--help")
        for name in COMMANDS:
            self.assertRegex(out, rf"(?m)^  {name} ")
            text, _ = run(name, "--help")
            self.assertIn(f"Usage: convoke {name}", text)
            self.assertIn("Examples:\n  ", text)
            self.assertIn("Exit codes: 0", text)
            self.assertEqual(run("help", name)[0], text)
            self.assertIn(f"convoke {name} ", text[text.index("Examples:"):] + " ")
            # Every option of the help is one that the command knows, and help wins over what else is wrong.
            for option in re.findall(r"(?m)^  --([a-z-]+)", text):
                run(name, f"--{option}", "--help")

    def test_version(self):
        version = run("--version")[0]
        self.assertRegex(version, r"^convoke \d+\.\d+\.\d+\n")
        self.assertEqual(version, run("bench", "--version")[0])

    def test_no_command(self):
        out, err = run(code=2)
        self.assertEqual(out, "")
        self.assertIn("Usage", err)

    def test_did_you_mean(self):
        self.fails(2, "did you mean explain?", "explane", NET)
        self.fails(2, "did you mean --threads?", "run", NET, "--thread", "2")
        self.fails(2, "did you mean --image?", "run", NET, "--imgae", "x.png")
        self.fails(2, "see convoke run --help", "run", NET, "--zzzzzz")
        self.fails(2, "two dashes", "run", NET, "-x")

    def test_wrong_values(self):
        self.fails(2, "wants a value", "run", NET, "--top")
        self.fails(2, "whole number", "run", NET, "--top", "many")
        self.fails(2, "at least 1", "run", NET, "--top", "0")
        self.fails(2, "takes no value", "explain", NET, "--dot=yes")
        self.fails(2, "104,117,123", "run", NET, "--mean", "1,,2")
        self.fails(2, "such as 0.5", "run", NET, "--scale", "1/0")
        self.fails(2, "rgb or bgr", "run", NET, "--order", "brg")
        self.fails(2, "wants a MODEL", "run")
        self.fails(2, "does not know what to do with", "run", NET, "more")
        self.fails(2, "exclude each other", "run", NET, "--fill", "random", "--idx", "x")
        self.fails(2, "nothing for input", "run", NET)

    def test_models_that_are_none(self):
        self.fails(1, "no such file", "explain", "missing.onnx")
        self.fails(2, "neither a file nor a net text", "explain", "lenet")
        self.fails(1, "is a folder", "explain", self.folder)
        self.fails(1, "", "explain", self.file("rubbish.onnx", b"\xff" * 100))
        self.fails(1, "", "explain", "1x4x4: relx")

    def test_names_cannot_write_to_the_terminal(self):
        name = "a\033[31mb\u202ec.png"
        path = self.file(name, "P2 2 1 255 0 255\n")
        out, _ = run("info", path)
        self.assertNotIn("\033", out)
        self.assertIn("\\x1B[31mb\\xE2\\x80\\xAEc", out)
        _, err = run("info", self.folder / "no\033such.png", code=1)
        self.assertNotIn("\033", err)
        labels = self.file("labels", "first\033]0;x\007\nsecond\xff\n".encode("latin-1"))
        picture = self.file("p.pgm", "P2 2 2 255 9 9 9 9\n")
        out, _ = run("run", "1x2x2: 2n", "--image", picture, "--labels", labels)
        self.assertIn("first\\x1B]0;x\\x07", out)
        self.assertIn("second\\xFF", out)


class Pictures(Case):
    def refused(self, text, name, content):
        self.fails(1, text, "info", self.file(name, content))

    @needs("png")
    def test_png(self):
        good = png(4, 4, 1, range(16))
        self.refused("the limit is 32768 a side", "huge.png", png(4, 4, 1, range(16), claim=(100000, 4)))
        self.refused("and 67108864 in all", "wide.png", png(4, 4, 1, range(16), claim=(32768, 32768)))
        self.refused("damaged PNG", "more.png", png(4, 4, 1, range(16), claim=(4, 400)))
        self.refused("damaged PNG", "crc.png", good[:-20] + bytes((good[-20] ^ 1,)) + good[-19:])
        for n in range(8, len(good) - 12, 7):
            self.refused("damaged PNG", "cut.png", good[:n])

    @needs("jpeg")
    def test_jpeg(self):
        at = JPEG.index(b"\xff\xc0")
        self.refused("the limit is", "huge.jpg", JPEG[:at + 5] + b"\xf0\x00\xf0\x00" + JPEG[at + 9:])
        self.refused("damaged JPEG", "cut.jpg", JPEG[:-12])
        self.refused("damaged JPEG", "head.jpg", JPEG[:at])
        self.refused("damaged JPEG", "short.jpg", JPEG[:3])

    def test_pnm(self):
        self.refused("the limit is", "huge.ppm", "P6 99999999999 2 255\n")
        self.refused("is empty", "zero.pgm", "P5 0 2 255\n")
        self.refused("cut short", "cut.ppm", b"P6 2 2 255\n" + bytes(11))
        self.refused("cut short", "long.pgm", "P5 30000 2000 65535\n")
        self.refused("largest value", "max.pgm", "P5 1 1 0\n\0")
        self.refused("missing or not a number", "text.pgm", "P2 2 2 255 1 2 x 4 5 6 7 8\n")
        self.refused("value 2 of 4 is 999; the header says at most 255", "large.pgm", "P2 2 2 255 1 2 999 4\n")
        self.refused("header", "header.pgm", "P5 2\n")

    def test_no_picture(self):
        picture = self.file("x.png", b"GIF89a")
        self.fails(1, "neither PNG nor JPEG nor PNM", "run", "1x4x4: 2n", "--image", picture)
        self.fails(1, "not a regular file", "run", "1x4x4: 2n", "--image", "/dev/zero")
        self.fails(1, "No such file", "run", "1x4x4: 2n", "--image", self.folder / "none.png")
        self.fails(1, "neither PNG", "run", "1x4x4: 2n", "--image", self.file("empty.png", b""))

    @needs("json")
    def test_no_json_of_a_failure(self):
        for words in (("run", "1x4x4: 2n", "--image", self.folder / "none.png"), ("info", self.file("x.pgm", "P5 2")),
                      ("explain", "1x4x4: relx"), ("bench", "1x4x4: relx")):
            self.assertEqual(self.fails(1, "", *words, "--json"), "")


class Idx(Case):
    def refused(self, text, images, labels=None):
        words = ["run", "1x2x2: 3n", "--idx", self.file("images-idx3", images)]
        if labels is not None:
            words += ["--idx-labels", self.file("labels-idx1", labels)]
        self.fails(1, text, *words)

    def test_idx(self):
        good = idx(8, (3, 2, 2), range(12))
        labels = idx(8, (3,), (0, 1, 2))
        run("run", "1x2x2: 3n", "--idx", self.file("a", good), "--idx-labels", self.file("b", labels))
        self.refused("promises 16 elements, the file has 12", idx(8, (4, 2, 2), range(12)))
        self.refused("promises 8 elements, the file has 12", idx(8, (2, 2, 2), range(12)))
        self.refused("too large", idx(8, (2**32 - 1,) * 3, range(12)))
        self.refused("type 0x0D", idx(13, (3, 2, 2), range(12)))
        self.refused("rank", idx(8, (12,), range(12)))
        self.refused("rank 200", bytes((0, 0, 8, 200)) + bytes(20))
        self.refused("two zero bytes", b"\1" + good[1:])
        self.refused("two zero bytes", b"")
        self.refused("label 1 is 3, but the model has 3 classes", good, idx(8, (3,), (0, 3, 2)))
        self.refused("do not belong together", good, idx(8, (2,), (0, 1)))

    @needs("gzip")
    def test_gzip(self):
        packed = gzip.compress(idx(8, (3, 2, 2), range(12)))
        run("run", "1x2x2: 3n", "--idx", self.file("a.gz", packed))
        self.refused("damaged gzip", packed[:-9])
        self.refused("damaged gzip", packed[:12] + bytes((packed[12] ^ 0xFF,)) + packed[13:])

    @needs("gzip")
    def test_gzip_bomb(self):
        one = gzip.compress(bytes(1 << 20), 9)
        self.assertLess(len(one), 1200)
        self.refused("more than the limit", gzip.compress(bytes((1 << 30) + 10), 1))


if __name__ == "__main__":
    main()
