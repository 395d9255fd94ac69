# SPDX-License-Identifier: MIT
"""`convoke train` and `eval`: what a training leaves behind, taking it up again after a kill, options from files, errors."""
import csv
import json
import os
import random
import signal
import subprocess
import time
import xml.etree.ElementTree

from cli import COMMAND, Case, main, needs, png, run, run_json, write_npy

NET = "1x20x20: 8c3p1-bn-relu-mp2-16c3p1-relu-mp2-drop0.2-flat-24n-relu-3n-softmax"
DATA = "shapes(count=600,size=20,classes=3)"
OPTIONS = ["--optimizer", "adam", "--rate", "0.005", "--batch", "20", "--flip", "--shift", "1", "--seed", "3", "--device", "simd+ref"]


def tensors(path):
    """The tensors of a safetensors file as bytes by name."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    head = json.loads(data[8:8 + size])
    head.pop("__metadata__", None)
    return {k: data[8 + size + v["data_offsets"][0]:8 + size + v["data_offsets"][1]] for k, v in head.items()}


def weights(folder):
    found = tensors(folder / "checkpoint.safetensors")
    return {k: v for k, v in found.items() if not k.startswith("__")}


def rows(path):
    with open(path, newline="") as f:
        return list(csv.reader(f))


@needs("json")
@needs("onnx")
class Train(Case):
    def train(self, out, *words, code=0):
        return run("train", NET, DATA, *OPTIONS, "--out", out, *words, code=code)

    def test_what_is_left(self):
        out = self.folder / "run"
        text, _ = self.train(out, "--epochs", "4")
        self.assertEqual(text.count("epoch "), 4)
        names = {p.name for p in out.iterdir()}
        for name in ("model.onnx", "checkpoint.safetensors", "history.csv", "loss.svg", "accuracy.svg", "gradients.csv", "gradients.svg",
                     "confusion.csv", "confusion.svg"):
            self.assertIn(name, names)
        self.assertFalse([n for n in names if n.endswith(".new") or ".tmp" in n])
        history = rows(out / "history.csv")
        self.assertEqual([r[0] for r in history], ["epoch", "1", "2", "3", "4"])
        self.assertLess(float(history[4][1]), float(history[1][1])) # the training loss
        gradients = rows(out / "gradients.csv")
        self.assertEqual(gradients[0][1:3], ["conv1.w", "conv1.b"])
        self.assertTrue(all(float(v) > 0 for v in gradients[4][1:]))
        confusion = rows(out / "confusion.csv")
        self.assertEqual(confusion[0][1:], ["circle", "square", "triangle"])
        self.assertEqual(sum(int(v) for r in confusion[1:] for v in r[1:]), 60)
        # The exported file gives the same accuracy, on another device, by every class.
        right = sum(int(confusion[i][i]) for i in (1, 2, 3)) / 60
        result = run_json("eval", out / "model.onnx", DATA, "--device", "ref")
        self.assertAlmostEqual(result["accuracy"], right)
        self.assertGreater(result["accuracy"], 0.6)
        self.assertEqual([c["name"] for c in result["classes"]], ["circle", "square", "triangle"])
        self.assertAlmostEqual(sum(c["predicted_as"][i] for i, c in enumerate(result["classes"])) / 60, right)
        shown, _ = run("eval", out / "model.onnx", DATA, "--device", "ref")
        self.assertIn("triangle", shown)

    def test_rows_of_the_confusion_are_the_targets(self):
        # Equal items, most of them of class 0: a net can only say the same of all, and learns to say 0.
        x, y = self.folder / "x.npy", self.folder / "y.npy"
        write_npy(x, [200, 3], [1.0] * 600)
        write_npy(y, [200], [0, 0, 1, 0, 2, 0, 1, 0, 1, 0] * 20, "<i8")
        out = self.folder / "run"
        run("train", "3: 3n-softmax", f"{x},{y}", "--epochs", "20", "--batch", "20", "--rate", "0.5", "--device", "ref", "--out", out, "--quiet")
        confusion = [[int(v) for v in r[1:]] for r in rows(out / "confusion.csv")[1:]]
        self.assertEqual([r[1:] for r in confusion], [[0, 0]] * 3)
        self.assertGreater(confusion[1][0], 0)
        said = sum(r[0] for r in confusion)
        classes = run_json("eval", out / "model.onnx", f"{x},{y}", "--device", "ref")["classes"]
        self.assertEqual([c["predicted_as"] for c in classes], confusion)
        self.assertEqual([c["recall"] for c in classes], [1, 0, 0])
        for measure in ("precision", "iou"):
            self.assertAlmostEqual(classes[0][measure], confusion[0][0] / said, places=6)

    def test_killed_and_resumed_is_unbroken(self):
        whole, broken = self.folder / "whole", self.folder / "broken"
        self.train(whole, "--epochs", "5", "--quiet")
        env = {**os.environ, "CONVOKE_DEVICE": ""}
        kills, pause = 0, random.Random(5)
        words = [str(COMMAND), "train", NET, DATA, *OPTIONS, "--out", str(broken), "--epochs", "5", "--quiet", "--save-every", "0"]
        for _ in range(60):
            process = subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            begun = time.monotonic()
            wait = pause.uniform(0.02, 0.25)
            while process.poll() is None and (time.monotonic() - begun < wait or not (broken / "checkpoint.safetensors").exists()):
                time.sleep(0.005)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
            out, err = process.communicate()
            if process.returncode == 0:
                break
            self.assertEqual(process.returncode, -signal.SIGKILL, err)
            words = [str(COMMAND), "train", "--resume", str(broken), "--device", "simd+ref", "--quiet", "--save-every", "0"]
        self.assertEqual(process.returncode, 0, err)
        self.assertGreater(kills, 0)
        a, b = weights(whole), weights(broken)
        self.assertEqual(sorted(a), sorted(b))
        self.assertEqual([k for k in a if a[k] != b[k]], [])
        self.assertEqual([p.name for p in broken.iterdir() if p.name.startswith("checkpoint.safetensors.")], []) # no half ones
        strip = lambda r: [row[:7] for row in r] # the last two are times
        self.assertEqual(strip(rows(whole / "history.csv")), strip(rows(broken / "history.csv")))

    def test_ctrl_c_saves(self):
        out = self.folder / "run"
        process = subprocess.Popen([str(COMMAND), "train", NET, DATA, *OPTIONS, "--out", str(out), "--epochs", "1000"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while not (out / "history.csv").exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        text, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        self.assertIn(b"--resume", text)
        self.assertTrue((out / "model.onnx").exists())

    def test_options_from_a_file(self):
        file = self.file("digits.net", f"# a small one\nnet = {NET}\ndata = {DATA}\nepochs = 1\noptimizer = adamw\nflip = yes\nbatch = 30\n")
        out, _ = run("train", file, "--out", self.folder / "run", "--device", "simd+ref", "--batch", "60")
        self.assertIn("9 steps of 60", out) # the command line wins
        stored = tensors_text(self.folder / "run" / "checkpoint.safetensors", "options")
        self.assertIn("optimizer = adamw", stored)
        self.assertIn("flip = yes", stored)
        self.assertIn("batch = 60", stored)
        bad = self.file("bad.net", "net = 1x8x8: 2n\nspeed = 3\n")
        self.fails(2, "line 2: there is no option 'speed'", "train", bad)
        bad = self.file("worse.net", "just words\n")
        self.fails(2, "line 1: 'key = value' is expected", "train", bad)

    def test_a_model_is_trained_further(self):
        first, second = self.folder / "first", self.folder / "second"
        self.train(first, "--epochs", "2", "--quiet")
        run("train", first / "model.onnx", DATA, *OPTIONS, "--epochs", "1", "--freeze", "conv*,bn*", "--out", second, "--quiet")
        a, b = weights(first), weights(second)
        self.assertIn("dense1.w", b)
        self.assertNotEqual(a["dense1.w"], b["dense1.w"])
        self.assertNotIn("conv1.w", b) # frozen: nothing that a step changes

    def test_numbers_and_one_node(self):
        result = run_json("train", "1x28x28: 8c3-relu-mp2-flat-16n-relu-3n", "curve(count=400)", "--epochs", "3", "--optimizer", "adam",
                          "--out", self.folder / "a", "--device", "simd+ref")
        self.assertLess(result["test_error"], 0.25)
        result = run_json("train", "1x20x20: 8c3-relu-mp2-flat-16n-relu-1n-sigmoid", "shapes(count=600,size=20,classes=2)", "--epochs", "4",
                          "--optimizer", "adam", "--rate", "0.005", "--batch", "20", "--out", self.folder / "b", "--device", "simd+ref")
        self.assertGreater(result["test_accuracy"], 0.75)

    def test_other_batches_begin_the_epoch_anew(self):
        out = self.folder / "run"
        process = subprocess.Popen([str(COMMAND), "train", NET, DATA, *OPTIONS, "--out", str(out), "--epochs", "1000", "--save-every", "0"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while process.poll() is None:
            time.sleep(0.01)
            if (out / "checkpoint.safetensors").exists():
                place = tensors_text(out / "checkpoint.safetensors", "place").split()
                if int(place[1]) > 12:
                    process.kill()
        process.communicate()
        place = tensors_text(out / "checkpoint.safetensors", "place").split()
        epoch = int(place[0]) + 1
        other = self.folder / "other"
        text, err = run("train", "--resume", out, "--batch", "60", "--epochs", epoch, "--out", other)
        self.assertIn("begins anew", err)
        self.assertEqual(len(rows(other / "history.csv")), epoch + 1) # the folder that --out names
        self.assertFalse((out / "history.csv").exists() and (out / "model.onnx").exists())
        done = run_json("train", "--resume", other, "--epochs", "1") # nothing is left to do
        self.assertTrue(done["finished"])
        self.assertEqual(done["epochs"], epoch)

    def test_names_of_all_kinds(self):
        for part, count in (("train", 6), ("test", 2)):
            for k, name in enumerate(('a, "b"', "<&>", "ein sehr langer Name \u00fc\u00fc\u00fc\u00fc\u00fc")):
                folder = self.folder / "set" / part / name
                folder.mkdir(parents=True)
                for i in range(count):
                    (folder / f"{i}.png").write_bytes(png(8, 8, 3, bytes((k * 80 + i) % 256 for _ in range(192))))
        out = self.folder / "run"
        run("train", "3x8x8: 4c3-relu-gap-3n", self.folder / "set", "--epochs", "1", "--batch", "6", "--out", out, "--device", "ref")
        confusion = rows(out / "confusion.csv")
        self.assertEqual(sorted(confusion[0][1:]), ["<&>", 'a, "b"', "ein sehr langer Name \u00fc\u00fc\u00fc\u00fc\u00fc"])
        for name in ("loss", "accuracy", "gradients", "confusion"):
            xml.etree.ElementTree.parse(out / f"{name}.svg")

    def test_losses_of_both_parts_are_one_measure(self):
        """Without learning the loss on the test part is that on the training part, whatever the loss: the two parts are alike."""
        data = "shapes(count=400,size=20,classes=3,test=0.5)"
        for i, words in enumerate((["--loss", "mse"], ["--loss", "sigmoid_cross_entropy"], ["--class-weights", "5,1,1"], ["--ignore", "1"],
                                   ["--smoothing", "0.2"])):
            out = self.folder / str(i)
            run("train", "1x20x20: 8c3-relu-gap-3n", data, "--rate", "0", "--epochs", "1", "--batch", "50", "--out", out, "--device", "simd+ref",
                *words)
            row = rows(out / "history.csv")[1]
            self.assertAlmostEqual(float(row[1]), float(row[3]), delta=0.15 * float(row[1]), msg=words)

    def test_errors(self):
        out = self.folder / "run"
        for words, code, text in (
                ([NET], 2, "a net and a data set are needed"),
                ([NET, "shapes(size=9x)"], 1, "size"),
                ([NET, "shapes(count=600,size=24,classes=3)", "--out", out], 1, "the net takes"),
                ([NET, "shapes(count=600,size=20,classes=5)", "--out", out], 1, "3 outputs"),
                ([NET, DATA, "--optimizer", "adum", "--out", out], 2, "did you mean adam"),
                ([NET, DATA, "--schedule", "never", "--out", out], 2, "one_cycle"),
                ([NET, DATA, "--loss", "mse2", "--out", out], 2, "did you mean mse"),
                ([NET, DATA, "--opset", "15", "--out", out], 2, "13 or 17"),
                ([NET, DATA, "--batch", "10000", "--out", out], 1, "smaller batch"),
                ([NET, DATA, "--optimizer", "adam", "--decay", "0.1", "--out", out], 2, "--decay means nothing to adam"),
                ([NET, DATA, "--loss", "mse", "--smoothing", "0.1", "--out", out], 2, "--smoothing means nothing to mse"),
                ([NET, DATA, "--schedule", "one_cycle", "--warmup", "1", "--out", out], 2, "--warmup means nothing to the schedule one_cycle"),
                ([NET, DATA, "--ignore", "0.5", "--out", out], 2, "number of a class"),
                ([NET, DATA, "--freeze", "a\nb", "--out", out], 2, "more than one line"),
                (["--resume", self.folder / "nowhere"], 1, "nowhere")):
            self.fails(code, text, "train", *words)
        self.fails(2, "a model and a data set", "eval", NET)
        # What does not fit is told before anything is read as something else.
        self.fails(1, "the net takes", "eval", "1x28x28: 4c3-gap-3n", "shapes(size=64,classes=3,count=50)")
        self.fails(1, "needs targets", "eval", "1x28x28: 4c3-gap-3n", "curve(count=50)", "--loss", "softmax_cross_entropy")
        self.fails(1, "10 classes", "eval", "1x28x28: 4c3-4c1", "digits(count=50)")


def tensors_text(path, key):
    data = path.read_bytes()
    return json.loads(data[8:8 + int.from_bytes(data[:8], "little")])["__metadata__"][key]


if __name__ == "__main__":
    main()
