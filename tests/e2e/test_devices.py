# SPDX-License-Identifier: MIT
"""`convoke devices`, and the words that CONVOKE_DEVICE and --device answer anywhere."""
import os
import pathlib

from cli import Case, main, needs, run, run_json


class Devices(Case):
    @needs("json")
    def test_listed_names_are_accepted(self):
        devices = run_json("devices")["devices"]
        self.assertIn("ref:0", [d["name"] for d in devices])
        for d in devices:
            run("devices", "--device", d["name"])

    def test_text(self):
        out, _ = run("devices")
        self.assertRegex(out, r"(?m)^ref:0 +cpu ")
        self.assertIn("Choice for auto", out)
        self.assertIn("Choice for ref", run("devices", CONVOKE_DEVICE="ref")[0])

    def test_why_tells_of_good_and_bad_plugins(self):
        bad = self.folder / "broken.so"
        bad.write_bytes(b"not a library")
        self.folder.chmod(0o755)
        paths = ":".join(filter(None, (str(self.folder), os.environ.get("CONVOKE_PLUGIN_PATH"))))
        out, _ = run("devices", "--why", CONVOKE_PLUGIN_PATH=paths)
        refused = out[out.index("refused"):]
        self.assertIn("broken.so", refused)
        self.assertIn("at stage", refused)
        self.assertRegex(out, r"taken +\S*ref\S*")
        self.assertIn("usable   ref:0", out)

    @needs("json")
    def test_why_json(self):
        plugins = run_json("devices", "--why")["plugins"]
        ref = next(p for p in plugins if p["name"] == "ref")
        self.assertTrue(ref["taken"] and pathlib.Path(ref["path"]).name)

    @needs("json")
    def test_choice_json_is_a_list_of_sentences(self):
        choice = run_json("devices", CONVOKE_DEVICE="nosuch,ref")["choice"]
        self.assertEqual(3, len(choice))
        self.assertRegex(choice[0], r"^nosuch -> no: no backend 'nosuch'")
        self.assertRegex(choice[2], r"^would take 'ref'[^\\]*$")

    def test_refused_folder_is_told(self):
        self.folder.chmod(0o777)
        paths = ":".join(filter(None, (str(self.folder), os.environ.get("CONVOKE_PLUGIN_PATH"))))
        self.assertIn("not taken: convoke devices --why", run("devices", CONVOKE_PLUGIN_PATH=paths)[0])
        self.fails(1, "can be written by everyone", "explain", "1x4x4: relu", CONVOKE_DEVICE="nosuch", CONVOKE_PLUGIN_PATH=paths)
        # Nothing was named: the run goes on without it, but says so.
        _, err = run("run", "1x4x4: relu", "--fill", "ramp", CONVOKE_PLUGIN_PATH=paths)
        self.assertIn("was refused", err)
        self.assertEqual(run("run", "1x4x4: relu", "--fill", "ramp", CONVOKE_DEVICE="ref", CONVOKE_PLUGIN_PATH=paths)[1], "")

    def test_unknown_device(self):
        out, err = run("devices", "--device", "reff", code=1)
        self.assertIn("reff", out + err)
        self.fails(1, "nosuch", "explain", "1x4x4: relu", "--device", "nosuch")
        self.fails(1, "nosuch", "demo", self.folder, CONVOKE_DEVICE="nosuch")
        self.fails(1, "nosuch", "run", "1x4x4: relu", "--fill", "random", CONVOKE_DEVICE="nosuch")

    def test_help_and_list_anywhere(self):
        for words in (("run", "x.onnx"), ("bench", "1x4x4: relu"), ("demo",), ()):
            grammar, _ = run(*words, CONVOKE_DEVICE="help")
            self.assertIn("auto", grammar)
            listed, _ = run(*words, CONVOKE_DEVICE="list")
            self.assertIn("ref:0", listed)
        self.assertEqual(run("explain", "1x4x4: relu", "--device", "help")[0], grammar)
        self.assertEqual(run("explain", "1x4x4: relu", "--device", "list")[0], listed)
        # The option overrides the variable.
        self.assertIn("Totals", run("explain", "1x4x4: relu", "--device", "ref", CONVOKE_DEVICE="help")[0])


if __name__ == "__main__":
    main()
