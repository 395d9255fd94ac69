# SPDX-License-Identifier: MIT
"""`convoke bench`: what it tells, and that it tells no time for a wrong result. The second argument is the folder of a backend
whose softmax is wrong."""
import os
import re

from cli import FOLDER, Case, main, needs, run, run_json

FIELDS = ("model device threads batch median_ms min_ms max_ms p90_ms load_ms plan_ms first_run_ms peak_memory_bytes checked "
          "spread runs rounds").split()
NET = "1x12x12: 4c3-relu-mp2-5n-softmax"
RATES = "fma_gflops l2_read_gb_per_s l3_read_gb_per_s dram_read_gb_per_s dram_triad_gb_per_s".split()


def paths():
    return ":".join(filter(None, (str(FOLDER), os.environ.get("CONVOKE_PLUGIN_PATH"))))


class Roof(Case):
    """What the machine can do at most is measured on a machine that does other things too: bounds are wide."""

    @needs("json")
    def test_probe(self):
        roof = run_json("bench", "--probe", "--threads", "1,2")
        one, two = roof["rates"]
        self.assertEqual((one["threads"], two["threads"]), (1, 2))
        for rates in one, two:
            for name in RATES:
                # No cache of that level, or a share of it that is too small to measure: null, and never 0.
                if rates[name] is not None or not name.startswith("l"):
                    self.assertGreater(rates[name], 0.1, name)
                    self.assertLess(rates[name], 1e5, name)
        self.assertGreater(one["fma_gflops"], 1)
        for _ in range(4): # other work on the machine may hit one measurement and spare the other
            if two["fma_gflops"] > 0.5 * one["fma_gflops"]:
                break
            one, two = run_json("bench", "--probe", "--threads", "1,2")["rates"]
        self.assertGreater(two["fma_gflops"], 0.5 * one["fma_gflops"])
        self.assertIn(roof["isa"], roof["fma_gflops_by_isa"])
        best = max(roof["fma_gflops_by_isa"].values())
        self.assertGreater(roof["fma_gflops_by_isa"][roof["isa"]], 0.9 * best)
        self.assertGreaterEqual(roof["dram_buffer_bytes"], 1 << 20)
        self.assertEqual(roof["dram_buffer_bytes"] % 4096, 0)

    @needs("json")
    def test_probe_uses_all_threads(self):
        self.assertEqual([r["threads"] for r in run_json("bench", "--probe", CONVOKE_THREADS="3")["rates"]], [1, 3])
        self.assertEqual([r["threads"] for r in run_json("bench", "--probe", CONVOKE_THREADS="1")["rates"]], [1])

    def test_probe_text(self):
        out, err = run("bench", "--probe", "--threads", "1")
        self.assertRegex(out, r"(?m)^roof of .+ with \w+$")
        self.assertRegex(out, r"(?m)^FMA, GFLOP/s +[0-9.]+$")
        self.assertRegex(out, r"(?m)^DRAM read, GB/s +[0-9.]+$")
        self.assertEqual(err, "")

    @needs("json")
    def test_percent_of_the_roof(self):
        result = run_json("bench", NET, "--runs", "5", "--per-op", "--device", "ref", "--threads", "2")
        rates, = result["roof"]["rates"]
        self.assertEqual(rates["threads"], 2)
        total = result["per_op_total"]
        self.assertEqual(total["nodes"], len(result["per_op"]))
        self.assertAlmostEqual(total["ms"], sum(n["median_ms"] for n in result["per_op"]), places=6)
        self.assertAlmostEqual(total["overhead"], total["ms"] / result["median_ms"] - 1, places=6)
        self.assertAlmostEqual(sum(n["share"] for n in result["per_op"]), 1, places=6)
        worked = 0
        for n in result["per_op"] + [total]:
            if n.get("median_ms", n.get("ms")) == 0: # a view
                continue
            if "flops" in n:
                self.assertAlmostEqual(n["gflops"], n["flops"] / n["median_ms"] / 1e6, delta=1e-6 * n["gflops"] + 1e-12)
                self.assertAlmostEqual(n["gb_per_s"], n["bytes"] / n["median_ms"] / 1e6, delta=1e-6 * n["gb_per_s"])
            percent = 100 * n["gflops"] / rates["fma_gflops"]
            self.assertAlmostEqual(n["percent_of_fma"], percent, delta=1e-6 * percent + 1e-12)
            percent = 100 * n["gb_per_s"] / rates["dram_read_gb_per_s"]
            self.assertAlmostEqual(n["percent_of_dram"], percent, delta=1e-6 * percent + 1e-12)
            self.assertLess(n["percent_of_fma"], 105) # the reference has no kernel with fewer operations than the layer
            worked += n["percent_of_fma"] > 0
        self.assertGreater(worked, 3)

    @needs("json")
    def test_threads_of_the_device(self):
        result = run_json("bench", NET, "--runs", "3", "--per-op", "--device", "ref(threads=1)", "--threads", "2")
        self.assertEqual(result["threads"], 1)
        self.assertEqual(result["roof"]["rates"][0]["threads"], 1)

    def test_per_op_text(self):
        out, _ = run("bench", NET, "--runs", "5", "--per-op", "--device", "ref")
        self.assertRegex(out, r"(?m)^# +node +op +device/kernel +ms +share +GFLOP/s +% FMA +GB/s$")
        numbers = [int(line.split()[0]) for line in out.splitlines() if "ref:0/" in line]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertRegex(out, r"(?m)^ +all \d nodes .* 100.0 %")
        self.assertRegex(out, r"nodes +[0-9.e-]+ ms together, the whole run [0-9.e-]+ ms \([+-][0-9.]+ %")
        self.assertIn("Winograd", out)

    @needs("json")
    def test_top(self):
        # The pooling is first, and much the fastest.
        words = ("bench", "1x8x8: mp2-64c3p1-64c3p1-200n", "--runs", "3", "--top", "2", "--device", "ref")
        result = run_json(*words)
        times = [n["median_ms"] for n in result["per_op"]]
        self.assertEqual(len(times), 2)
        self.assertNotIn(1, [n["number"] for n in result["per_op"]])
        self.assertEqual(times, sorted(times, reverse=True))
        self.assertGreater(result["per_op_total"]["nodes"], 2)
        self.assertRegex(run(*words)[0], r"the 2 slowest of \d nodes, [0-9.]+ % of their time")

    @needs("json")
    def test_no_roof_of_other_devices(self):
        words = ("bench", "5: softmax", "--device", "wrong", "--runs", "3", "--per-op", "--no-check")
        result = run_json(*words, CONVOKE_PLUGIN_PATH=paths())
        self.assertNotIn("roof", result)
        self.assertNotIn("percent_of_fma", result["per_op"][0])
        self.assertGreater(result["per_op"][0]["gb_per_s"], 0)
        out, _ = run(*words, CONVOKE_PLUGIN_PATH=paths())
        self.assertIn("only the roof of this CPU is measured, and nothing ran on it", out)
        self.assertNotRegex(out, "share.*% FMA")
        # Beside one, the CPU's nodes keep theirs, and the total has none.
        words = ("bench", "5: 7n-softmax", "--device", "wrong+ref", "--runs", "3", "--per-op", "--no-check")
        result = run_json(*words, CONVOKE_PLUGIN_PATH=paths())
        self.assertEqual({n["device"]: "percent_of_fma" in n for n in result["per_op"] if n["flops"]},
                         {"wrong:0": False, "ref:0": True})
        self.assertNotIn("percent_of_fma", result["per_op_total"])


class Several(Case):
    @needs("json")
    def test_batches_and_threads(self):
        words = ("bench", NET, "--batch", "1,3", "--threads", "1,2", "--runs", "4", "--device", "ref")
        results = run_json(*words)["results"]
        self.assertEqual([(r["batch"], r["threads"]) for r in results], [(1, 1), (1, 2), (3, 1), (3, 2)])
        self.assertEqual(results[2]["macs"], 3 * results[0]["macs"])
        for r in results:
            self.assertEqual(r["runs"], 4)
            self.assertNotIn("ratio", r)
            for field in FIELDS:
                self.assertIn(field, r)
        out, _ = run(*words)
        self.assertEqual(len(re.findall(r"(?m)^  median ", out)), 4)
        self.assertRegex(out, r"(?m)^ref +2 +3 +[0-9.]+ ")

    @needs("json")
    def test_compare(self):
        words = ("bench", NET, "--compare", "ref,ref(threads=1)", "--threads", "2", "--rounds", "4")
        first, second = run_json(*words)["results"]
        self.assertEqual((first["device"], second["device"]), ("ref", "ref(threads=1)"))
        self.assertEqual((first["rounds"], second["rounds"], first["ratio"]), (4, 4, 1))
        self.assertGreater(first["runs"], 4)
        self.assertAlmostEqual(second["ratio"], second["median_ms"] / first["median_ms"], delta=1e-6 * second["ratio"])
        self.assertLessEqual(second["ratio_low"], second["ratio_high"])
        self.assertTrue(second["min_ms"] <= second["median_ms"] <= second["max_ms"], second)
        self.assertRegex(run(*words)[0], r"(?m)^ref\(threads=1\) .* to ")

    @needs("json")
    def test_runs_are_spread_over_rounds(self):
        for result in run_json("bench", NET, "--compare", "ref,ref(threads=1)", "--runs", "7")["results"]:
            self.assertEqual((result["runs"], result["rounds"]), (7, 4))

    def test_compare_checks_every_device(self):
        out, err = run("bench", "5: 7n-softmax", "--compare", "ref,wrong+ref", "--runs", "3", code=3, CONVOKE_PLUGIN_PATH=paths())
        self.assertEqual(out, "")
        self.assertIn("wrong result on wrong+ref", err)


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
        self.fails(2, "bench wants a MODEL", "bench")
        self.fails(2, "not a MODEL", "bench", NET, "--probe")
        self.fails(2, "did you mean --probe?", "bench", "--prob")
        self.fails(2, "did you mean --per-op?", "bench", NET, "--perop")
        self.fails(2, "did you mean --json?", "bench", NET, "--jason")
        self.fails(2, "whole number, not 'x'", "bench", NET, "--batch", "1,x")
        self.fails(2, "whole number, not ''", "bench", NET, "--threads", "1,")
        self.fails(2, "at least 1", "bench", NET, "--threads", "1,0")
        self.fails(2, "16 numbers at most", "bench", NET, "--batch", ",".join("1" * 17))
        self.fails(2, "at least 1", "bench", NET, "--top", "0")
        self.fails(2, "exclude each other", "bench", NET, "--runs", "3", "--rounds", "3")
        self.fails(2, "exclude each other", "bench", NET, "--compare", "ref,ref", "--device", "ref")
        self.fails(2, "--compare wants 2 to 16 devices", "bench", NET, "--compare", "ref(threads=1,2)")


if __name__ == "__main__":
    main()
