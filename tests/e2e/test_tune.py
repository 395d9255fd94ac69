# SPDX-License-Identifier: MIT
"""`convoke tune`: what it measures, keeps, carries elsewhere, and how it stops. The backend "noted" has kernels that are wrong, break, or
are slow and right, and keeps its notes in a file."""
import json
import os
import signal
import subprocess
import time

from cli import COMMAND, FOLDER, Case, main, needs, run, run_json

RELU = "1x10x10: relu" # its first kernel is wrong
TANH = "1x10x10: tanh" # its first kernel breaks
DEVICE = ("--device", "noted+ref")


class Tune(Case):
    def setUp(self):
        super().setUp()
        self.notes = self.folder / "notes"
        self.env = {"CONVOKE_PLUGIN_PATH": ":".join(filter(None, (str(FOLDER), os.environ.get("CONVOKE_PLUGIN_PATH")))),
                    "NOTED_FILE": str(self.notes), "NOTED_DRIVER": "1.0"}

    def convoke(self, *words, **more):
        return run(*words, **{**self.env, **more})

    def json(self, *words, **more):
        return run_json(*words, **{**self.env, **more})

    def test_table_and_memory(self):
        out, err = self.convoke("tune", RELU, *DEVICE)
        self.assertRegex(out.splitlines()[0], "^node +op +times +untuned +ms +chosen +ms +gain$")
        self.assertRegex(out, r"unary 1x1x10x10 +1 +wrong +- +exact +[\d.]+ +-\n")
        self.assertIn("1 of 1 kinds of nodes measured; 1 kernel gave wrong results or failed", out)
        self.assertIn("kernel unary:fwd=wrong gave wrong results in tuning on this driver", err)
        self.assertEqual(self.notes.read_text().count("tune|"), 1)
        out, err = self.convoke("tune", RELU, *DEVICE)
        self.assertIn("1 of 1 kinds of nodes measured, 1 of them earlier", out)
        self.assertEqual(err, "")
        out, _ = self.convoke("tune", RELU, *DEVICE, "--again")
        self.assertNotIn("earlier", out)
        out, _ = self.convoke("tune", RELU, *DEVICE, NOTED_DRIVER="2.0")
        self.assertNotIn("earlier", out)

    @needs("json")
    def test_json(self):
        found = self.json("tune", TANH, *DEVICE, "--level", "full")
        self.assertEqual((found["level"], found["end"], len(found["nodes"])), ("full", "done", 1))
        node = found["nodes"][0]
        self.assertEqual((node["op"], node["device"], node["output"]), ("unary", "noted:0", [1, 1, 10, 10]))
        self.assertEqual((node["count"], node["ways"], node["tried"], node["wrong"]), (1, 2, 2, 1))
        self.assertEqual((node["measured"], node["remembered"]), (True, False))
        self.assertEqual((node["untuned"]["kernel"], node["untuned"]["ms"]), ("broken", None))
        chosen = node["chosen"]
        self.assertEqual((chosen["kernel"], chosen["variant"], chosen["layout_in"], chosen["layout_out"]), ("exact", 0, "NCHW", "NCHW"))
        self.assertGreater(chosen["ms"], 0.4)

    @needs("json")
    def test_later_runs_use_it(self):
        plan = self.json("explain", RELU, *DEVICE)
        self.assertEqual(plan["nodes"][0]["kernel"], "wrong")
        self.convoke("tune", RELU, *DEVICE)
        plan = self.json("explain", RELU, *DEVICE)
        self.assertEqual(plan["nodes"][0]["kernel"], "exact")

    @needs("json")
    def test_export_and_import(self):
        file = self.folder / "choices.json"
        out, _ = self.convoke("tune", RELU, *DEVICE, "--export", file)
        self.assertIn(f"1 choices written to {file}", out)
        content = json.loads(file.read_text())
        self.assertEqual((content["convoke_tuning"], content["backend"], content["device"], content["driver"]),
                         (1, "noted", "a device with a driver", "1.0"))
        self.assertEqual(len(content["entries"]), 1)
        self.notes.unlink()
        out, _ = self.convoke("tune", "--import", file, *DEVICE)
        self.assertIn(f"1 choices taken from {file}", out)
        out, _ = self.convoke("tune", RELU, *DEVICE)
        self.assertIn("1 of them earlier", out)
        self.notes.unlink()
        # Another driver, another backend, no such file at all.
        self.fails(1, "was measured on 'a device with a driver' with driver '1.0'; this is 'a device with a driver' with '2.0'", "tune",
                   "--import", file, *DEVICE, **{**self.env, "NOTED_DRIVER": "2.0"})
        self.assertFalse(self.notes.exists())
        self.convoke("tune", "--import", file, "--force", *DEVICE, NOTED_DRIVER="2.0")
        self.assertTrue(self.notes.exists())
        self.fails(1, "is for the backend 'noted', not for 'ref'", "tune", "--import", file, "--device", "ref")
        self.fails(1, "No such file", "tune", "--import", self.folder / "none", *DEVICE, **self.env)
        for text, words in (("{", "line 1"), ("{}", "no file of measured choices"), ("[]", "no file of measured choices"),
                            ('{"convoke_tuning": 2, "entries": []}', "no file of measured choices"),
                            (json.dumps({**content, "entries": [{"node": "tune|x", "choice": "a b"}]}), "is no measured choice"),
                            (json.dumps({**content, "entries": [7]}), "is no measured choice")):
            self.fails(1, words, "tune", "--import", self.file("bad.json", text), *DEVICE, **self.env)
        self.fails(1, "cannot be written", "tune", "--export", self.folder / "no" / "where", *DEVICE, **self.env)

    def test_variable(self):
        _, err = self.convoke("run", RELU, "--fill", "random", *DEVICE, CONVOKE_TUNE="quick", CONVOKE_LOG="info,tune")
        self.assertRegex(err, "tune: 1 of 1: unary '.*' on noted:0: exact .* ms, untuned exact .* ms .measured, 1 of 1 tried.")
        self.fails(1, "CONVOKE_TUNE='much': there is off, quick and full", "run", RELU, "--fill", "random", *DEVICE,
                   **{**self.env, "CONVOKE_TUNE": "much"})
        self.fails(1, "CONVOKE_SELFTEST='no': there is on, off and always", "run", RELU, "--fill", "random", *DEVICE,
                   **{**self.env, "CONVOKE_SELFTEST": "no"})

    def test_usage(self):
        self.fails(2, "tune wants a MODEL", "tune")
        self.fails(2, "--level is quick or full, not 'long'", "tune", RELU, "--level", "long")
        self.fails(2, "--budget must be above 0", "tune", RELU, "--budget", "-1")

    def test_what_is_lost_is_told(self):
        out, err = self.convoke("tune", RELU, "--device", "noted(notes=none)+ref")
        self.assertIn("'noted' keeps nothing beyond a process", err)
        self.assertFalse(self.notes.exists())
        out, _ = run("tune", RELU, "--device", "ref")
        self.assertIn("nothing to measure", out)

    def test_stopped_by_hand(self):
        """Ctrl-C ends it with what it has, and the next call goes on."""
        words = [str(COMMAND), "tune", "1x64x64: tanh" + 5 * "-ap2-tanh", *DEVICE, "--level", "full"]
        env = {**{k: v for k, v in os.environ.items() if not k.startswith("CONVOKE_")}, **self.env, "CONVOKE_LOG": "info,tune", "NOTED_US": "20000"}
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
        first = process.stderr.readline().decode() # the first node is measured
        while "tune: 1 of" not in first:
            self.assertNotEqual(first, "")
            first = process.stderr.readline().decode()
        process.send_signal(signal.SIGINT)
        begin = time.monotonic()
        out, _ = process.communicate(timeout=60)
        self.assertLess(time.monotonic() - begin, 10)
        self.assertEqual(process.returncode, 1)
        self.assertIn("stopped: the same command goes on from here", out.decode())
        out, _ = self.convoke(*words[1:])
        self.assertRegex(out, r"6 of 6 kinds of nodes measured, \d of them earlier")


if __name__ == "__main__":
    main()
