# SPDX-License-Identifier: MIT
"""tools/examples/train_digits.c, built against the shared library, learns digits; the file that it writes names most of them rightly. The
second argument is the example's path."""
import os
import re
import subprocess

from cli import FOLDER, Case, main, needs, run_json


class Example(Case):
    @needs("json")
    def test_it_learns(self):
        model = self.folder / "digits.onnx"
        result = subprocess.run([str(FOLDER), "digits(count=4000)", str(model)], capture_output=True, text=True, timeout=100,
                                env={**os.environ, "CONVOKE_DEVICE": "simd+ref"})
        self.assertEqual(result.returncode, 0, result.stderr)
        losses = [float(x) for x in re.findall(r"loss ([0-9.]+)", result.stdout)]
        self.assertEqual(len(losses), 3)
        self.assertLess(losses[2], losses[0] / 3)
        self.assertGreater(run_json("eval", model, "digits(count=4000)", "--device", "simd+ref")["accuracy"], 0.95)

    def test_data_that_is_none(self):
        result = subprocess.run([str(FOLDER), "no/such/data"], capture_output=True, text=True, timeout=100)
        self.assertEqual(result.returncode, 1)
        self.assertIn("no/such/data", result.stderr)


if __name__ == "__main__":
    main()
