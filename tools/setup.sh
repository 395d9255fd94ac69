#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The packages that Convoke is built from and tested with, and how to get them (Debian 12; elsewhere names may differ).
# Run by itself it installs them; tools/demo.sh and tools/test.sh read it.

packages=(
    meson ninja-build pkg-config gcc g++ libc6-dev python3
    libonnx-dev libprotobuf-c-dev protobuf-c-compiler          # ONNX
    libpng-dev libturbojpeg0-dev zlib1g-dev libjansson-dev     # pictures and --json in the command
    ocl-icd-opencl-dev libclblast-dev libsqlite3-dev           # OpenCL
)
test_packages=(
    clang libclang-rt-14-dev libcmocka-dev libonnx-testdata binutils
    libopencv-dnn-dev                                          # reads the models that we write
    gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user      # other processors, emulated
    pocl-opencl-icd mesa-opencl-icd oclgrind                   # OpenCL without a card
    ccache                                                     # two of the builds compile the same files
)

# Installs what is missing of the packages named; as an ordinary user without sudo it says what to type.
install_packages() {
    local package missing=() sudo=()
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "There is no apt-get here: have ready what these packages hold: $*"
        return 0
    fi
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if [ "$(id -u)" -ne 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            echo "Some packages are missing. Type this, then run the script again:" >&2
            echo "  sudo apt-get install ${missing[*]}" >&2
            return 1
        fi
        sudo=(sudo -n)
    fi
    echo "Installing: ${missing[*]}"
    "${sudo[@]}" apt-get update -qq || echo "apt-get update failed; trying with the lists that are there" >&2
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -eu
    install_packages "${packages[@]}" "${test_packages[@]}"
    echo "All packages are there."
fi
