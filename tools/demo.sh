#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Gets the packages, builds Convoke in build/ and runs its demonstration, which leaves its pictures in out/demo/.
set -eu
cd "$(dirname "$0")/.."
. tools/setup.sh
install_packages "${packages[@]}"

[ -f build/build.ninja ] || meson setup build -Dtests=false
ninja -C build
mkdir -p out/demo
build/tools/convoke demo out/demo "$@"
echo "The pictures are in $PWD/out/demo"
