# SPDX-License-Identifier: MIT
"""`convoke explain`: the numbers that introductory texts on convolutional networks work out by hand."""
import re

from cli import Case, main, needs, run, run_json


class Numbers(Case):
    @needs("json")
    def test_filters_over_a_colour_picture(self):
        """A 5x5x3 filter over 32x32x3 gives 28x28x1, 784 places; six of them 28x28x6 and 456 parameters."""
        one = run_json("explain", "3x32x32: 1c5")["layers"][0]
        self.assertEqual(one["output"], [1, 1, 28, 28])
        self.assertEqual(one["macs"], 784 * 75)
        self.assertEqual(one["parameters"], 76)
        six = run_json("explain", "3x32x32: 6c5")["layers"][0]
        self.assertEqual(six["output"], [1, 6, 28, 28])
        self.assertEqual((six["weights"], six["parameters"]), (450, 456))
        self.assertEqual(six["full_connection_weights"], 14450688)

    def test_the_saving_is_told(self):
        out, _ = run("explain", "3x32x32: 6c5")
        row = next(line for line in out.splitlines() if "14,450,688" in line)
        self.assertEqual(row.split()[1:4], ["450", "456", "14,450,688"])

    @needs("json")
    def test_padding_keeps_the_size(self):
        layer = run_json("explain", "3x56x56: 32c3p1")["layers"][0]
        self.assertEqual((layer["output"], layer["parameters"]), ([1, 32, 56, 56], 896))

    @needs("json")
    def test_more_channels(self):
        layer = run_json("explain", "6x9x9: 7c3")["layers"][0]
        self.assertEqual((layer["output"], layer["parameters"]), ([1, 7, 7, 7], 385))

    @needs("json")
    def test_flatten_and_dense(self):
        flat = run_json("explain", "64x3x3: flat")["layers"]
        self.assertEqual(flat[-1]["output"], [1, 576])
        layers = [n for n in run_json("explain", "576: 1000n-10n")["layers"] if n["parameters"]]
        self.assertEqual([n["parameters"] for n in layers], [577000, 10010])
        self.assertEqual(run_json("explain", "576: 1n")["layers"][0]["parameters"], 577)
        self.assertIn("577,000", run("explain", "576: 1000n-10n")[0])

    def test_what_takes_the_whole_map_has_no_stride(self):
        for layers, name in (("flat-10n", "flatten"), ("gap-10n", "pool global_avg")):
            out, _ = run("explain", "64x3x3: " + layers)
            self.assertRegex(out, name + "  ")
            self.assertNotIn("stride", out)

    @needs("json")
    def test_batch(self):
        plan = run_json("explain", "3x8x8: 2c3-mp2", "--batch", 5)
        self.assertEqual([n["output"] for n in plan["layers"]], [[5, 2, 6, 6], [5, 2, 3, 3]])
        self.assertEqual(plan["batch"], 5)


class Field(Case):
    @needs("json")
    def test_pooling_makes_it_larger(self):
        """12x12, 3x3 convolution, 3x3 pool with stride 3, 2x2 convolution: 8x8, and 4x4 without the pool."""
        layers = run_json("explain", "1x12x12: 10c3p1-mp3-1c2")["layers"]
        self.assertEqual([n["output"] for n in layers], [[1, 10, 12, 12], [1, 10, 4, 4], [1, 1, 3, 3]])
        self.assertEqual([n["field"] for n in layers], [[3, 3], [5, 5], [8, 8]])
        self.assertEqual([n["step"] for n in layers], [[1, 1], [3, 3], [3, 3]])
        self.assertEqual([n["offset"] for n in layers], [[0, 0], [1, 1], [2.5, 2.5]])
        layers = run_json("explain", "1x12x12: 10c3p1-1c2")["layers"]
        self.assertEqual([n["field"] for n in layers], [[3, 3], [4, 4]])

    def test_why(self):
        out, _ = run("explain", "1x12x12: 10c3p1-mp3-1c2", "--only", "field")
        self.assertIn("5 + (2 - 1) x 3 = 8, field 8x8", out)
        self.assertRegex(out, r"sees 8x8 pixels of the input\. Without the pooling it would see 4x4")
        self.assertIn("stride of 3", out)
        out, _ = run("explain", "1x12x12: 10c3p1-1c2", "--only", "field")
        self.assertIn("3 + (2 - 1) x 1 = 4, field 4x4", out)
        self.assertNotIn("Without the pooling", out)


class Forms(Case):
    def test_text_has_both_tables(self):
        out, _ = run("explain", "1x28x28: 8c5-relu-mp2-10n-softmax")
        self.assertIn("The layers as written", out)
        self.assertIn("What runs", out)
        self.assertRegex(out, r"relu +relu|unary_\d+ +relu|relu_\d+ +relu")
        self.assertRegex(out, r"parameters +11,738")
        self.assertNotIn("\033", out)

    def test_one_table(self):
        out, _ = run("explain", "1x28x28: 8c5-relu-mp2", "--fused")
        self.assertIn("What runs", out)
        self.assertNotIn("The layers as written", out)

    @needs("json")
    def test_json_holds_the_same(self):
        plan = run_json("explain", "1x28x28: 8c5-relu-mp2-10n-softmax")
        self.assertEqual(plan["totals"]["parameters"], sum(n["parameters"] for n in plan["layers"]))
        self.assertEqual(plan["totals"]["macs"], sum(n["macs"] for n in plan["layers"]))
        self.assertEqual(plan["totals"]["parameters"], 208 + 8 * 12 * 12 * 10 + 10)
        self.assertTrue(all(n["device"] and n["kernel"] for n in plan["nodes"]))

    def test_dot(self):
        out, _ = run("explain", "1x8x8: 2c3-relu-mp2", "--dot")
        self.assertTrue(out.startswith("digraph ") and out.rstrip().endswith("}"))
        nodes = set(re.findall(r"^    (\w+) \[label", out, re.M))
        edges = re.findall(r"^    (\w+) -> (\w+);", out, re.M)
        self.assertEqual(len(nodes), 4) # the input and three layers
        self.assertEqual(len(edges), 3)
        self.assertTrue(all(a in nodes and b in nodes for a, b in edges))
        out, _ = run("explain", "1x8x8: 2c3-relu-mp2", "--dot", "--fused", "--device", "ref")
        self.assertRegex(out, r'1x2x6x6\\nref:0 \w+, then bias\+relu"')

    def test_illegal_net_is_told_at_its_place(self):
        self.fails(1, "column 8", "explain", "1x4x4: 2c7")
        self.fails(2, "did you mean fused", "explain", "1x4x4: 2c3", "--only", "fusd")

    def test_limits(self):
        self.fails(1, "352800", "explain", "3x32x32: 6c5", "--macs-limit", "1000")


if __name__ == "__main__":
    main()
