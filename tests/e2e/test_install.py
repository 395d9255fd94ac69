#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Installs a build below a temporary folder and uses what was installed, nothing of the build tree: the command plans a net on
an installed backend, and a program is compiled with pkg-config against the installed library.

A build whose prefix is the folder `installed` beside it, as in tools/test.sh, is also installed there, where the command
must find its backends by itself.

usage: test_install.py BUILD_FOLDER PREFIX CC...
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

NET = "1x8x8: 4c3-relu-mp2-flat-3n-softmax"
PROGRAM = r"""
#include <convoke/convoke.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    struct cvk_context *ctx = NULL;
    struct cvk_graph *g = NULL;
    struct cvk_session *s = NULL;
    struct cvk_tensor *x = NULL, *y = NULL;
    int ok = cvk_context_create(NULL, &ctx) == CVK_OK && cvk_graph_from_text("%NET%", 1, &g) == CVK_OK &&
             cvk_session_create(ctx, g, NULL, &s) == CVK_OK && cvk_tensor_create(CVK_F32, 4, (int64_t[]){1, 1, 8, 8}, &x) == CVK_OK &&
             cvk_tensor_create(CVK_F32, 2, (int64_t[]){1, 3}, &y) == CVK_OK && cvk_session_write(s, 0, x) == CVK_OK &&
             cvk_session_run(s) == CVK_OK && cvk_session_read(s, 0, y) == CVK_OK;
    double sum = ok ? cvk_tensor_at(y, 0) + cvk_tensor_at(y, 1) + cvk_tensor_at(y, 2) : 0;
    if (!ok)
        fprintf(stderr, "%s\n", cvk_error_text());
    printf("version %s\nsum %.4f\n", cvk_version(), sum);
    for (uint32_t i = 0; ctx && i < cvk_plugin_count(ctx); i++) {
        struct cvk_plugin_entry p;
        if (cvk_plugin_get(ctx, i, &p) == CVK_OK && p.status == CVK_OK)
            printf("plugin %s\n", p.path);
    }
    cvk_tensor_destroy(x);
    cvk_tensor_destroy(y);
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
    cvk_context_destroy(ctx);
    return ok ? 0 : 1;
}
"""


def run(*command, **more):
    """Runs a command away from the sources; ends the test with what it said if it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, cwd="/", **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nexit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def check(condition, sentence):
    if not condition:
        sys.exit("FAILED: " + sentence)
    print("ok: " + sentence)


def single(folder, pattern):
    found = sorted(folder.glob(pattern))
    check(len(found) == 1, f"{pattern} is installed once below {folder}")
    return found[0]


def check_command(command, plugin, build, env):
    devices = run(command, "devices", "--why", env=env)
    check(str(plugin) in devices and "ref:0" in devices, "the installed command finds the installed backend")
    check(str(build) not in devices, "the installed command does not look into the build tree")
    explained = run(command, "explain", NET, "--device", "ref", env=env)
    check("conv" in explained and "ref" in explained, "the installed command plans a small net")


def check_program(scratch, library, plugin, build, compiler, flags, env):
    source, program = scratch / "user.c", scratch / "user"
    source.write_text(PROGRAM.replace("%NET%", NET), encoding="utf-8")
    run(*compiler, "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", source, "-o", program, *flags)
    # The library knows where its backends lie: beside it.
    env = env | {"LD_LIBRARY_PATH": str(library.parent)}
    said = run(program, env=env)
    check("sum 1.0000" in said, "a program built with pkg-config runs a net on the installed library")
    check(f"plugin {plugin}" in said and str(build) not in said, "and uses the installed backend without being told where it is")
    return program, env


def main():
    build, prefix, compiler = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
    env = {key: value for key, value in os.environ.items() if not key.startswith("CONVOKE_")}
    with tempfile.TemporaryDirectory(prefix="convoke-install-") as scratch:
        scratch = pathlib.Path(scratch).resolve()
        run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", scratch)
        root = scratch / prefix.relative_to("/")
        command, library = single(root, "bin/convoke"), single(root, "**/libconvoke.so")
        pc = single(root, "**/pkgconfig/convoke.pc")
        plugin = single(root, "**/convoke/backends-1/ref.so")
        check((root / "include/convoke/op/conv.h").is_file() and (root / "include/convoke/ops.def").is_file(), "the headers are installed")

        # The names in the file begin with the prefix; pkg-config puts the temporary folder in front of them.
        pc_env = env | {"PKG_CONFIG_PATH": str(pc.parent), "PKG_CONFIG_SYSROOT_DIR": str(scratch)}
        folder = run("pkg-config", "--variable=pluginsdir", "convoke", env=pc_env).strip()
        final_folder = prefix / plugin.parent.relative_to(root)
        check(folder in (str(plugin.parent), str(final_folder)), f"pkg-config's pluginsdir is the folder of the backends ({folder})")

        check_command(command, plugin, build, env | {"CONVOKE_PLUGIN_PATH": str(plugin.parent)})
        flags = run("pkg-config", "--cflags", "--libs", "convoke", env=pc_env).split()
        program, program_env = check_program(scratch, library, plugin, build, compiler, flags, env)

        if not final_folder.is_dir(): # backends that the user has installed there would be found
            shutil.rmtree(plugin.parent)
            alone = subprocess.run([str(program)], capture_output=True, text=True, check=False, cwd="/", env=program_env)
            check(alone.returncode != 0 and "backend" in alone.stderr,
                  f"without the backend the program fails and says why ({alone.stderr.strip()[:200]})")

    if prefix == build.parent / "installed":
        run("meson", "install", "-C", build, "--no-rebuild", "--quiet")
        check_command(prefix / "bin/convoke", final_folder / "ref.so", build, env)


if __name__ == "__main__":
    main()
