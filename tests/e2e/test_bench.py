# SPDX-License-Identifier: MIT
"""`convoke bench`: what it tells, and that it tells no time for a wrong result. The second argument is the folder of a backend
whose softmax is wrong."""
import os

from cli import FOLDER, Case, main, needs, run, run_json

FIELDS = ("model device threads batch median_ms min_ms p90_ms load_ms plan_ms first_run_ms peak_memory_bytes checked spread "
          "runs").split()
NET = "1x12x12: 4c3-relu-mp2-5n-softmax"


def paths():
    return ":".join(filter(None, (str(FOLDER), os.environ.get("CONVOKE_PLUGIN_PATH"))))


class Bench(Case):
    @needs("json")
    def test_fields(self):
        result = run_json("bench", NET, "--batch", "3", "--threads", "1", "--seconds", "0.5", "--device", "ref")
        for field in FIELDS:
            self.assertIn(field, result)
        self.assertEqual((result["model"], result["batch"], result["threads"]), (NET, 3, 1))
        self.assertTrue(result["device"].startswith("ref"))
        self.assertTrue(0 < result["min_ms"] <= result["median_ms"] <= result["p90_ms"], result)
        self.assertTrue(result["median_low_ms"] <= result["median_ms"] <= result["median_high_ms"], result)
        self.assertGreaterEqual(result["runs"], 10)
        self.assertGreater(result["peak_memory_bytes"], 3 * 4 * 100 * 4)

    @needs("json")
    def test_runs_and_ops(self):
        result = run_json("bench", NET, "--runs", "7", "--per-op", "--device", "ref")
        self.assertEqual(result["runs"], 7)
        nodes = run_json("explain", NET, "--device", "ref")["nodes"]
        self.assertEqual([n["name"] for n in result["per_op"]], [n["name"] for n in nodes])
        self.assertGreater(sum(n["median_ms"] for n in result["per_op"]), 0)

    def test_text(self):
        out, err = run("bench", NET, "--runs", "5", "--device", "ref")
        self.assertRegex(out, r"median +[0-9.e-]+ ms")
        self.assertRegex(out, r"runs +5 timed")
        self.assertEqual(err, "")

    def test_wrong_result_gives_no_time(self):
        words = ("bench", "5: 7n-softmax", "--device", "wrong+ref", "--runs", "3")
        out, err = run(*words, code=3, CONVOKE_PLUGIN_PATH=paths())
        self.assertEqual(out, "")
        self.assertIn("wrong result on wrong+ref", err)
        out, _ = run(*words, "--no-check", CONVOKE_PLUGIN_PATH=paths())
        self.assertIn("not checked", out)

    def test_wrong_result_of_a_device_alone(self):
        out, err = run("bench", "5: softmax", "--device", "wrong", "--runs", "3", code=3, CONVOKE_PLUGIN_PATH=paths())
        self.assertEqual(out, "")
        self.assertIn("wrong result on wrong", err)

    @needs("json")
    def test_right_result_is_told_to_be_checked(self):
        # The wrong backend has no pool, so that all is done by the reference under another list of devices.
        result = run_json("bench", "1x6x6: mp2", "--device", "wrong+ref", "--runs", "3", CONVOKE_PLUGIN_PATH=paths())
        self.assertTrue(result["checked"], result)
        self.assertIn("as expected", result["verdict"])
        self.assertFalse(run_json("bench", "1x6x6: mp2", "--device", "ref", "--runs", "3")["checked"])

    def test_wrong_use(self):
        self.fails(2, "above 0", "bench", NET, "--seconds", "0")
        self.fails(2, "above 0", "bench", NET, "--precision", "0")


if __name__ == "__main__":
    main()
