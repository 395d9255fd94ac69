# SPDX-License-Identifier: MIT
"""`convoke demo`: its pictures are whole and show what they say, and a wrong device is found out. The second argument is the
folder of a backend whose softmax is wrong."""
import os
import re

from cli import FOLDER, MISSING, Case, main, needs, read_png, run

SIZE = 264


def sobel(pixels, x, y):
    """Both of Sobel's answers at a place, zeros outside the picture."""
    def p(i, j):
        return pixels[j * SIZE + i] if 0 <= i < SIZE and 0 <= j < SIZE else 0
    across = p(x + 1, y - 1) + 2 * p(x + 1, y) + p(x + 1, y + 1) - p(x - 1, y - 1) - 2 * p(x - 1, y) - p(x - 1, y + 1)
    down = p(x - 1, y + 1) + 2 * p(x, y + 1) + p(x + 1, y + 1) - p(x - 1, y - 1) - 2 * p(x, y - 1) - p(x + 1, y - 1)
    return abs(down), abs(across)


class Demo(Case):
    @needs("png")
    def test_pictures(self):
        out, _ = run("demo", "--out", self.folder / "pictures", "--device", "simd+ref")
        folder = self.folder / "pictures"
        right = int(re.search(r"agrees, (\d+) of 400 named right", out).group(1))
        self.assertGreaterEqual(right, 388) # 97 %
        self.assertEqual(out.count("12 of 12 named right"), 3)
        self.assertNotIn("WRONG", out)
        names = sorted(p.name for p in folder.iterdir() if p.suffix == ".png")
        self.assertEqual(names, ["accuracy.png", "demo.png", "drawing.png", "lines_input.png", "lines_maps.png", "shapes.png", "sobel_both.png",
                                 "sobel_horizontal.png", "sobel_signed.png", "sobel_vertical.png"])
        if "onnx:" not in MISSING:
            self.assertTrue((folder / "shapes.onnx").exists())
        for name in names:
            self.assertIn(name, out)
            width, height, channels, pixels = read_png(folder / name)
            self.assertGreater(len(set(pixels)), 5, f"{name} is all but empty")
        for name in ("drawing", "sobel_horizontal", "sobel_vertical", "sobel_both"):
            width, height, channels, pixels = read_png(folder / f"{name}.png")
            self.assertEqual((width, height, channels), (SIZE, SIZE, 1))
            self.assertEqual((min(pixels), max(pixels)), (0, 255))

    @needs("png")
    def test_edges_are_sobels(self):
        run("demo", self.folder, "--device", "simd+ref", "--epochs", "1")
        drawing = read_png(self.folder / "drawing.png")[3]
        answers = [sobel(drawing, i % SIZE, i // SIZE) for i in range(SIZE * SIZE)]
        wanted = {"horizontal": [a[0] for a in answers], "vertical": [a[1] for a in answers], "both": [sum(a) for a in answers]}
        for name, values in wanted.items():
            pixels = read_png(self.folder / f"sobel_{name}.png")[3]
            most = max(values)
            worst = max(abs(p - 255 * v / most) for p, v in zip(pixels, values))
            self.assertLess(worst, 3, name) # the drawing's grey is rounded, the network's input was not

    def test_every_device(self):
        out, _ = run("demo", self.folder, "--epochs", "1")
        self.assertIn("ref", out)
        self.assertIn("convoke devices --why", out)
        again = {p.name: p.read_bytes() for p in self.folder.iterdir()}
        run("demo", self.folder, "--epochs", "1")
        self.assertEqual(again, {p.name: p.read_bytes() for p in self.folder.iterdir()}) # the same seed, the same pictures

    def test_wrong_device_is_found_out(self):
        paths = ":".join(filter(None, (str(FOLDER), os.environ.get("CONVOKE_PLUGIN_PATH"))))
        out, err = run("demo", self.folder, "--device", "wrong+simd+ref", "--epochs", "1", code=3, CONVOKE_PLUGIN_PATH=paths)
        self.assertEqual(out.count("WRONG, 3 of 12 named right"), 3)
        self.assertEqual(out.count("WRONG"), 5) # both other networks as well, but not Sobel's, which has no softmax
        self.assertIn("differ from the reference", err)

    def test_folder_that_cannot_be_made(self):
        blocked = self.file("taken", "a file")
        self.fails(1, "cannot be made", "demo", blocked)


if __name__ == "__main__":
    main()
