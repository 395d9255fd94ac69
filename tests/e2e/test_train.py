# SPDX-License-Identifier: MIT
"""`convoke train` and `eval`: what a training leaves behind, taking it up again after a kill, options from files, errors."""
import csv
import fcntl
import json
import os
import pty
import random
import re
import signal
import struct
import subprocess
import termios
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
        out.mkdir()
        (out / "checkpoint.safetensors.abc012.part").touch() # of a process that was killed
        (out / "checkpoint.safetensors.backup").touch() # somebody's own
        text, _ = self.train(out, "--epochs", "4")
        self.assertEqual(text.count("epoch "), 4)
        names = {p.name for p in out.iterdir()}
        self.assertNotIn("checkpoint.safetensors.abc012.part", names)
        self.assertIn("checkpoint.safetensors.backup", names)
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
        shown, _ = run("eval", out / "model.onnx", DATA, "--device", "ref", "--out", self.folder / "new")
        self.assertIn("triangle", shown)
        self.assertEqual(rows(self.folder / "new" / "confusion.csv"), confusion)
        # What is written along the vertical axis of a chart lies in the picture.
        for name in ("accuracy", "gradients"):
            for text in xml.etree.ElementTree.parse(out / f"{name}.svg").iter("{http://www.w3.org/2000/svg}text"):
                if text.get("text-anchor") == "end":
                    self.assertGreaterEqual(float(text.get("x")), 6 * len(text.text), text.text)

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

    def test_a_signal_that_comes_twice_is_one(self):
        """As of `timeout`, which tells the process and then its group."""
        out = self.folder / "run"
        process = subprocess.Popen([str(COMMAND), "train", NET, DATA, *OPTIONS, "--out", str(out), "--epochs", "1000"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.readline() # the steps begin
        process.send_signal(signal.SIGTERM)
        time.sleep(0.001)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        self.assertTrue((out / "checkpoint.safetensors").exists())
        self.assertTrue((out / "history.csv").exists())

    def test_a_reader_who_goes_ends_it_in_order(self):
        for number, out in ((None, self.folder / "pipe"), (signal.SIGHUP, self.folder / "terminal")):
            process = subprocess.Popen([str(COMMAND), "train", NET, DATA, *OPTIONS, "--out", str(out), "--epochs", "1000"],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, restore_signals=True)
            process.stdout.readline()
            if number:
                process.send_signal(number)
            process.stdout.close()
            process.wait(timeout=60)
            self.assertIn(process.returncode, (0, 1)) # 1: the last lines could not be printed
            self.assertTrue((out / "checkpoint.safetensors").exists())
            self.assertTrue((out / "model.onnx").exists())

    def test_one_training_at_a_time_in_a_folder(self):
        out = self.folder / "run"
        process = subprocess.Popen([str(COMMAND), "train", NET, DATA, *OPTIONS, "--out", str(out), "--epochs", "1000"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while not (out / "history.csv").exists() and process.poll() is None:
            time.sleep(0.01)
        self.fails(1, "another training is writing there", "train", NET, DATA, *OPTIONS, "--out", out)
        self.fails(1, "another training is writing there", "train", "--resume", out)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        _, err = self.train(out, "--epochs", "1")
        self.assertIn("the training there is replaced", err)

    def test_the_display_fits_a_narrow_terminal(self):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
        process = subprocess.Popen([str(COMMAND), "train", NET, DATA, *OPTIONS, "--out", str(self.folder / "run"), "--epochs", "1"],
                                   stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        text = b""
        try:
            while part := os.read(ours, 65536):
                text += part
        except OSError: # the other end was closed
            pass
        process.communicate()
        os.close(ours)
        shown = re.split(rb"\r\x1b\[K", text)
        self.assertGreater(len(shown), 10)
        self.assertLess(max(map(len, shown)), 40)

    def test_no_number_is_told_as_such(self):
        out = self.folder / "run"
        text, err = run("train", NET, DATA, "--rate", "1e30", "--epochs", "1", "--out", out, "--device", "simd+ref")
        self.assertIn("loss nan", text)
        self.assertIn("a smaller --rate", err)
        self.assertNotIn("-nan", text + err + (out / "history.csv").read_text() + (out / "gradients.csv").read_text())
        x, y = self.folder / "x.npy", self.folder / "y.npy"
        write_npy(x, [40, 3], [float("nan")] * 120)
        write_npy(y, [40], [0, 1] * 20, "<i8")
        _, err = run("train", "3: 2n", f"{x},{y}", "--batch", "4", "--epochs", "1", "--out", out, "--device", "simd+ref")
        self.assertIn("look at the data", err) # the rate cannot be the reason yet

    def test_a_warning_is_told_once(self):
        _, err = run("train", "1x20x20: 4c3-lrn-gap-3n", DATA, "--epochs", "3", "--out", self.folder / "run", "--device", "simd+ref")
        warnings = [line for line in err.splitlines() if "warn:" in line]
        self.assertEqual(len(warnings), len(set(warnings)), err)

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
        self.fails(1, "no weight 'konv*'", "train", first / "model.onnx", DATA, "--freeze", "conv*,konv*", "--out", second)
        self.assertNotEqual(a["dense1.w"], b["dense1.w"])
        self.assertNotIn("conv1.w", b) # frozen: nothing that a step changes

    def test_numbers_and_one_node(self):
        out = self.folder / "a.net" # no file of options
        result = run_json("train", "1x28x28: 8c3-relu-mp2-flat-16n-relu-3n", "curve(count=400)", "--epochs", "3", "--optimizer", "adam",
                          "--out", out, "--device", "simd+ref")
        self.assertLess(result["test_error"], 0.25)
        (out / "accuracy.svg").touch() # of an older run
        text, _ = run("train", "--resume", out, "--epochs", "1")
        self.assertIn("result after 3 epochs", text)
        self.assertIn("error.svg", text)
        self.assertNotIn("accuracy.svg", text)
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
        run("train", "--resume", other, "--epochs", "1", "--out", self.folder / "third") # all of it goes to the other folder
        self.assertEqual(rows(self.folder / "third" / "history.csv"), rows(other / "history.csv"))
        self.assertEqual(weights(self.folder / "third"), weights(other))

    def test_names_of_all_kinds(self):
        for part, count in (("train", 6), ("test", 2)):
            for k, name in enumerate(('a, "b"', "<&>", "ein sehr langer Name \u00fc\u00fc\u00fc\u00fc\u00fc")):
                folder = self.folder / "set" / part / name
                folder.mkdir(parents=True)
                for i in range(count):
                    (folder / f"{i}.png").write_bytes(png(8, 8, 3, bytes((k * 80 + i) % 256 for _ in range(192))))
        out, data = self.folder / "run", self.folder / "set\x1b[31m"
        (self.folder / "set").rename(data)
        text, _ = run("train", "3x8x8: 4c3-relu-gap-3n", data, "--epochs", "1", "--batch", "6", "--out", out, "--device", "ref")
        text += run("eval", out / "model.onnx", data, "--device", "ref")[0]
        self.assertEqual(text.count("of set\\x1B[31m"), 2)
        self.assertNotIn("\x1b", text)
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
                ([NET, DATA, "--batch", "1000000", "--out", out], 1, "540 pictures to train with, fewer than one batch of 1000000"),
                ([NET, DATA, "--optimizer", "adam", "--decay", "0.1", "--out", out], 2, "--decay means nothing to adam"),
                ([NET, DATA, "--loss", "mse", "--smoothing", "0.1", "--out", out], 2, "--smoothing means nothing to mse"),
                ([NET, DATA, "--schedule", "one_cycle", "--warmup", "1", "--out", out], 2, "--warmup means nothing to the schedule one_cycle"),
                ([NET, DATA, "--ignore", "0.5", "--out", out], 2, "number of a class"),
                ([NET, DATA, "--loss", "mse", "--ignore", "1", "--out", out], 2, "--ignore means nothing to mse"),
                (["1x20x20: 1n", DATA, "--out", out], 1, "the net has 1 output, shapes has 3 classes"),
                (["1x20x20: 1n", "shapes(count=600,size=20,classes=2)", "--loss", "softmax_cross_entropy", "--out", out], 1,
                 "the loss is softmax_cross_entropy"),
                ([NET, DATA, "--freeze", "a\nb", "--out", out], 2, "more than one line"),
                ([NET, DATA, "--schedule", "step", "--gamma", "0", "--out", out], 2, "--gamma must be above 0"),
                ([NET, DATA, "--loss", "huber", "--delta", "0", "--out", out], 2, "--delta must be above 0"),
                ([NET, DATA, "--class-weights", "0,0,0", "--out", out], 2, "one at least must be above 0"),
                ([NET, DATA, "--save-every", "-1", "--out", out], 2, "--save-every is 0"),
                ([self.folder / "none.net"], 1, "No such file"),
                (["--resume", self.folder / "nowhere"], 1, "nowhere")):
            self.fails(code, text, "train", *words)
        self.assertFalse(out.exists())
        self.fails(2, "no UTF-8", "train", NET, b"caf\xe9", "--out", out)
        self.fails(2, "a model and a data set", "eval", NET)
        # As many numbers, but in another order.
        x, y = self.folder / "x.npy", self.folder / "y.npy"
        write_npy(x, [20, 4, 4, 2], [0.5] * 640)
        write_npy(y, [20], [0, 1] * 10, "<i8")
        self.fails(1, "the net takes f32 2x4x4", "eval", "2x4x4: 2n", f"{x},{y}")
        self.fails(1, "the net takes f32 2x4x4", "train", "2x4x4: 2n", f"{x},{y}", "--batch", "4", "--out", out)
        # What does not fit is told before anything is read as something else.
        self.fails(1, "the net takes", "eval", "1x28x28: 4c3-gap-3n", "shapes(size=64,classes=3,count=50)")
        self.fails(1, "needs targets", "eval", "1x28x28: 4c3-gap-3n", "curve(count=50)", "--loss", "softmax_cross_entropy")
        self.fails(1, "10 classes", "eval", "1x28x28: 4c3-4c1", "digits(count=50)")


def tensors_text(path, key):
    data = path.read_bytes()
    return json.loads(data[8:8 + int.from_bytes(data[:8], "little")])["__metadata__"][key]


if __name__ == "__main__":
    main()
