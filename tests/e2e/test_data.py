# SPDX-License-Identifier: MIT
"""Trained models on real pictures, where they are at hand: in the folder CONVOKE_TEST_DATA, else in ../shared/data."""
import os
import pathlib
import sys

from cli import FOLDER, MISSING, SKIP, Case, main, needs, run, run_json

DATA = pathlib.Path(os.environ.get("CONVOKE_TEST_DATA") or FOLDER.parent / "shared" / "data")
# The first class and its share as another runtime tells them.
PHOTOGRAPHS = {"goldfish": ("goldfish", 0.995), "horse-cart": ("horse cart", 0.76), "wolves": ("white wolf", 0.97),
               "Chicken": ("cock", 0.90), "car": ("racer", 0.56), "cat": ("tabby", 0.23)}


class Mnist(Case):
    model = DATA / "models" / "mnist-8" / "model.onnx"

    @needs("gzip")
    def test_accuracy_over_all_pictures(self):
        result = run_json("run", self.model, "--idx", DATA / "mnist" / "t10k-images-idx3-ubyte.gz",
                          "--idx-labels", DATA / "mnist" / "t10k-labels-idx1-ubyte.gz")
        self.assertEqual(result["images"], 10000)
        self.assertAlmostEqual(result["accuracy"], 0.989, delta=0.001)

    def test_expected_outputs(self):
        for i in range(3):
            pair = self.model.parent / f"test_data_set_{i}"
            run("run", self.model, "--input", pair / "input_0.pb", "--check", pair / "output_0.pb")
        run("run", self.model, "--input", pair / "input_0.pb", "--check", self.model.parent / "test_data_set_0" / "output_0.pb",
            code=3)


class Squeezenet(Case):
    @needs("jpeg")
    def test_six_photographs(self):
        folder = DATA / "models" / "squeezenet1.1"
        words = ["run", folder / "model.onnx", "--order", "bgr", "--mean", "104,117,123", "--labels", folder / "synset_words.txt",
                 "--image"] + [DATA / "images" / f"{name}.jpg" for name in PHOTOGRAPHS]
        for batch in ("1", "4"):
            images = run_json(*words, "--batch", batch)["images"]
            self.assertEqual(len(images), len(PHOTOGRAPHS))
            for image, (label, score) in zip(images, PHOTOGRAPHS.values()):
                self.assertIn(label, image["top"][0]["label"])
                self.assertAlmostEqual(image["top"][0]["score"], score, delta=0.011)


if __name__ == "__main__":
    absent = [str(DATA / p) for p in ("mnist", "images", "models/mnist-8", "models/squeezenet1.1") if not (DATA / p).exists()]
    absent += [f"{feature} in this build" for feature in ("onnx", "json") if f"{feature}:" in MISSING]
    if absent:
        print("not run: MNIST accuracy, MNIST's expected outputs, SqueezeNet on six photographs; missing: " + ", ".join(absent))
        sys.exit(SKIP)
    main()
