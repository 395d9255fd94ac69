# SPDX-License-Identifier: MIT
"""`convoke run` and `convoke info`: pixels in, numbers out, and what differs from what was expected."""
import json

from cli import Case, JPEG, idx, main, needs, png, read_npy, read_png, run, run_json, write_npy


class Pixels(Case):
    """The net "relu" hands pixels on unchanged, so that its output shows what went in."""

    def through(self, net, picture, *words):
        out = self.folder / "out.npy"
        run("run", net, "--image", picture, "--output", out, *words)
        return read_npy(out)

    @needs("png")
    def test_every_byte_value_there_and_back(self):
        picture = self.file("x.png", png(16, 16, 1, range(256)))
        shape, values = self.through("1x16x16: relu", picture)
        self.assertEqual(shape, [1, 1, 16, 16])
        self.assertEqual(values, list(range(256)))
        back = self.folder / "back.png"
        rule = ("--scale", "1/255", "--mean", "0.1", "--std", "0.3")
        run("run", "1x16x16: tanh-atanh", "--image", picture, "--scale", "1/256", "--output", back)
        self.assertEqual(read_png(back), (16, 16, 1, bytes(range(256))))
        # Values below the mean are negative; without relu's cut they come back as well.
        run("run", "1x16x16: sinh-asinh", "--image", picture, *rule, "--output", back)
        self.assertEqual(read_png(back), (16, 16, 1, bytes(range(256))))

    @needs("png")
    def test_order_of_channels(self):
        pixels = [10, 20, 30, 40, 50, 60] # two pixels
        picture = self.file("x.png", png(2, 1, 3, pixels))
        self.assertEqual(self.through("3x1x2: relu", picture), ([1, 3, 1, 2], [10, 40, 20, 50, 30, 60]))
        self.assertEqual(self.through("3x1x2: relu", picture, "--order", "bgr")[1], [30, 60, 20, 50, 10, 40])
        shape, values = self.through("3x1x2: relu", picture, "--order", "bgr", "--mean", "1,2,3", "--std", "2", "--scale", "2")
        self.assertEqual(values, [(30 * 2 - 1) / 2, (60 * 2 - 1) / 2, 19, 49, 8.5, 38.5])
        back = self.folder / "back.png"
        run("run", "3x1x2: relu", "--image", picture, "--order", "bgr", "--output", back)
        self.assertEqual(read_png(back)[3], bytes(pixels))
        grey = self.through("1x1x2: relu", picture)[1]
        self.assertAlmostEqual(grey[0], 0.299 * 10 + 0.587 * 20 + 0.114 * 30, places=4)

    def test_resize(self):
        """Half-pixel centres: between 0 and 100, twice as fine, lie 0, 25, 75 and 100."""
        picture = self.file("x.pgm", "P2 2 2 255 0 100 100 200\n")
        shape, values = self.through("1x4x4: relu", picture)
        rows = [[0, 25, 75, 100], [25, 50, 100, 125], [75, 100, 150, 175], [100, 125, 175, 200]]
        self.assertEqual(values, [float(v) for row in rows for v in row])
        # Smaller: each new pixel looks at its two nearest old ones.
        picture = self.file("y.pgm", "P2 4 1 255 0 10 20 90\n")
        self.assertEqual(self.through("1x1x2: relu", picture)[1], [5, 55])
        self.assertEqual(self.through("1x1x4: relu", picture, "--size", "4x1")[1], [0, 10, 20, 90])

    def test_pnm(self):
        bits = self.file("x.pbm", b"P4\n# comment\n9 2\n" + bytes((0b10100000, 0, 0, 0b10000000)))
        shape, values = self.through("1x2x9: relu", bits)
        self.assertEqual(values, [0, 255, 0] + [255] * 6 + [255] * 8 + [0])
        self.assertEqual(self.through("1x1x3: relu", self.file("y.pbm", "P1 3 1 0#\n1 0"))[1], [255, 0, 255])
        deep = self.file("z.pgm", b"P5 2 1 65535\n\xff\xff\x80\x00")
        self.assertEqual(self.through("1x1x2: relu", deep)[1], [255, 128])
        colour = self.file("c.ppm", b"P6 1 1 255\n\x01\x02\x03")
        self.assertEqual(self.through("3x1x1: relu", colour)[1], [1, 2, 3])

    @needs("jpeg")
    def test_jpeg(self):
        shape, values = self.through("3x8x16: relu", self.file("x.jpg", JPEG))
        for c, (left, right) in enumerate(((200, 40), (100, 100), (40, 200))):
            plane = values[c * 128:(c + 1) * 128]
            self.assertLess(abs(plane[0] - left), 3)
            self.assertLess(abs(plane[15] - right), 3)


class Tensors(Case):
    def setUp(self):
        super().setUp()
        self.x, self.y = self.folder / "x.npy", self.folder / "y.npy"
        write_npy(self.x, [1, 2, 2, 2], [-1, 2, -3, 4, -5, 6, -7, 8])
        write_npy(self.y, [1, 2, 2, 2], [0, 2, 0, 4, 0, 6, 0, 8])
        self.words = ("run", "2x2x2: relu", "--input", self.x)

    def test_as_expected(self):
        out, _ = run(*self.words, "--check", self.y)
        self.assertIn("as expected", out)
        self.assertIn("2 of 8", run(*self.words, "--check", self.wrong(), code=3)[1])

    def wrong(self):
        wrong = self.folder / "wrong.npy"
        write_npy(wrong, [1, 2, 2, 2], [0, 2, 0, 4, 0.5, 6, 0, 9.5])
        return wrong

    def test_mismatch_names_place_and_values(self):
        _, err = run(*self.words, "--check", self.wrong(), code=3)
        self.assertIn("[0, 1, 1, 1]: got 8, expected 9.5", err)
        run(*self.words, "--check", self.wrong(), "--atol", "1.5")
        run(*self.words, "--check", self.wrong(), "--rtol", "0.2", code=3)
        write_npy(self.y, [2, 2, 2], range(8))
        self.assertIn("is 1x2x2x2, expected 2x2x2", run(*self.words, "--check", self.y, code=3)[1])

    def test_not_a_number_is_no_match(self):
        write_npy(self.y, [1, 2, 2, 2], [0, 2, 0, 4, float("nan"), 6, 0, 8])
        self.assertIn("expected nan", run(*self.words, "--check", self.y, code=3)[1])
        write_npy(self.x, [1, 2, 2, 2], [-1, 2, -3, 4, float("nan"), 6, -7, 8])
        run(*self.words, "--check", self.y)

    def test_names(self):
        self.fails(2, "no output 'nosuch'", *self.words, "--check", f"nosuch={self.y}")
        self.fails(2, "no input 'inputt'; did you mean 'input'?", "run", "2x2x2: relu", "--input", f"inputt={self.x}")
        run("run", "2x2x2: relu", "--input", f"input={self.x}", "--check", f"output={self.y}")
        self.fails(2, "more files", *self.words, "--input", self.x)
        self.fails(2, ".npy and .pb", "run", "2x2x2: relu", "--input", self.file("x.txt", "1"))

    def test_types_and_sizes(self):
        write_npy(self.x, [1, 2, 2, 2], [1.0] * 8, "<f8")
        self.fails(1, "holds f64, but input 'input' is f32", *self.words)
        write_npy(self.x, [1, 3, 2, 2], [1.0] * 12)
        run("run", "2x2x2: 1c1", "--input", self.x, code=1)

    def test_output_is_read_back(self):
        out = self.folder / "o.npy"
        run(*self.words, "--output", out)
        self.assertEqual(read_npy(out), ([1, 2, 2, 2], [0, 2, 0, 4, 0, 6, 0, 8]))
        self.fails(1, "can be saved as a picture", *self.words, "--output", self.folder / "o.png")
        self.fails(2, ".npy or, where they are pictures, .png", *self.words, "--output", self.folder / "o.txt")
        run(*self.words, "--output", self.folder / "none" / "o.npy", code=1)

    def test_batch_from_the_file(self):
        write_npy(self.x, [3, 2], [1, -1, 2, -2, 3, -3])
        out = self.folder / "o.npy"
        run("run", "2: relu", "--input", self.x, "--output", out)
        self.assertEqual(read_npy(out), ([3, 2], [1, 0, 2, 0, 3, 0]))

    def test_ramp(self):
        out = self.folder / "o.npy"
        run("run", "1x2x4: relu", "--fill", "ramp", "--output", out)
        self.assertEqual(read_npy(out), ([1, 1, 2, 4], [i / 8 for i in range(8)]))

    @needs("json")
    def test_json(self):
        result = run_json(*self.words, "--check", self.wrong(), "--device", "ref", code=3)
        self.assertEqual(result["outputs"][0]["shape"], [1, 2, 2, 2])
        self.assertEqual((result["outputs"][0]["as_expected"], result["outputs"][0]["different"]), (False, 2))
        self.assertEqual(result["device"], "ref")


class Trace(Case):
    @needs("json")
    def test_every_node_once_in_its_order(self):
        path = self.folder / "trace.json"
        run("run", "3x32x32: 6c5-relu-mp2-10n-softmax", "--fill", "random", "--device", "ref", "--trace", path)
        trace = json.loads(path.read_text())
        events = [e for e in trace["traceEvents"] if e["ph"] == "X"]
        self.assertEqual([e["args"]["op"] for e in events], ["conv", "pool", "gemm", "softmax"])
        self.assertEqual(events[0]["args"]["output"], [1, 6, 28, 28])
        self.assertGreaterEqual(events[0]["args"]["flops"], 2 * 75 * 6 * 784)
        end = 0
        for e in events:
            self.assertGreater(e["dur"], 0)
            self.assertGreaterEqual(e["ts"] + 0.5, end)
            end = e["ts"] + e["dur"]
        rows = {e["tid"]: e["args"]["name"] for e in trace["traceEvents"] if e["ph"] == "M"}
        self.assertEqual({rows[e["tid"]] for e in events}, {"ref:0"})
        self.fails(1, "cannot be written", "run", "1x4x4: relu", "--fill", "ramp", "--trace", self.folder / "none" / "t.json")


class Classes(Case):
    def pictures(self, count):
        return [self.file(f"p{i}.pgm", b"P5 4 4 255\n" + bytes((i * 37 + j * 11) % 256 for j in range(16))) for i in range(count)]

    @needs("json")
    def test_batches_give_what_single_pictures_give(self):
        pictures = self.pictures(5)
        words = ("run", "1x4x4: 4c3-relu-6n-softmax", "--scale", "1/255", "--image", *pictures)
        single = run_json(*words)["images"]
        self.assertEqual([p["image"] for p in single], [str(p) for p in pictures])
        self.assertEqual(run_json(*words, "--batch", "2")["images"], single)
        self.assertAlmostEqual(sum(t["score"] for t in run_json(*words, "--top", "6")["images"][0]["top"]), 1, places=5)

    def test_labels(self):
        picture = self.pictures(1)[0]
        labels = self.file("labels", "cat\ndog\nelephant\n")
        out, err = run("run", "1x4x4: 3n-softmax", "--image", picture, "--labels", labels)
        self.assertTrue(all(word in out for word in ("cat", "dog", "elephant", " %")), out)
        self.assertEqual(err, "")
        _, err = run("run", "1x4x4: 4n", "--image", picture, "--labels", labels)
        self.assertIn("3 lines, the output 4 classes", err)

    def test_channels_and_sizes_that_do_not_fit(self):
        picture = self.pictures(1)[0]
        self.fails(1, "with 5 channels", "run", "5x4x4: 3n", "--image", picture)
        self.fails(1, "pictures go to f32 inputs", "run", "7: 3n", "--image", picture)
        self.fails(2, "--mean has 3 numbers", "run", "1x4x4: 3n", "--image", picture, "--mean", "1,2,3")
        self.fails(2, "--batch 2", "run", "1x4x4: 3n", "--image", *self.pictures(2), "--output", self.folder / "o.npy")

    @needs("json")
    def test_accuracy(self):
        """Four-pixel pictures whose brightest pixel is their label: the net "flat" names it."""
        values = [[255 if j == i % 4 else 10 * j for j in range(4)] for i in range(130)]
        images = self.file("images", idx(8, (130, 2, 2), sum(values, [])))
        labels = [i % 4 if i % 10 else (i + 1) % 4 for i in range(130)] # one in ten is wrong
        result = run_json("run", "1x2x2: flat", "--idx", images, "--idx-labels", self.file("labels", idx(8, (130,), labels)))
        self.assertEqual((result["images"], result["right"]), (130, 117))
        self.assertAlmostEqual(result["accuracy"], 0.9)


class Info(Case):
    @needs("png")
    def test_sizes_in_both_orders(self):
        picture = self.file("x.png", png(28, 28, 3, bytes(28 * 28 * 3)))
        out, _ = run("info", picture)
        self.assertRegex(out, r"(?m)^  3x28x28 ")
        self.assertRegex(out, r"(?m)^  28\*28\*3 ")
        out, _ = run("info", picture, picture, picture, picture, picture)
        self.assertIn("5x3x28x28", out)
        grey = self.file("y.png", png(28, 28, 1, bytes(range(28)) * 28))
        out, _ = run("info", grey)
        self.assertRegex(out, r"(?m)^  1x28x28 ")
        self.assertRegex(out, r"grey +min 0, max 27, mean 13.50")
        self.assertIn("differ in size", run("info", picture, grey)[0])

    @needs("json")
    def test_json(self):
        wide = self.file("x.pgm", b"P5 3 2 255\n" + bytes(range(6)))
        info = run_json("info", wide, wide)
        self.assertEqual(info["files"][0]["shape"], [1, 2, 3])
        self.assertEqual(info["files"][0]["shape_hwc"], [2, 3, 1])
        self.assertEqual(info["batch_shape"], [2, 1, 2, 3])

    def test_others(self):
        path = self.folder / "x.npy"
        write_npy(path, [2, 3], [1, 2, 3, 4, 5, float("inf")])
        self.assertIn("f32 2x3", run("info", path)[0])
        self.assertIn("1 are NaN or infinite", run("info", path)[0])
        self.assertIn("456 parameters", run("info", "3x32x32: 6c5")[0])
        self.assertIn("2x2x2", run("info", self.file("a", idx(8, (2, 2, 2), range(8))))[0])
        self.fails(1, "no such file", "info", "missing.npy.png")


if __name__ == "__main__":
    main()
