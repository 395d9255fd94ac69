#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Gets the packages, builds Convoke six times in build-test/ and runs the tests:
#   gcc    all tests
#   bare   without optional libraries: the tests of what uses them (core and backends are the same code as in gcc)
#   clang  compiled only, every warning an error
#   asan   under the address and undefined-behaviour sanitizers: all tests but those of the source
#   arm    for 64-bit Arm, emulated: the SIMD backend's conformance
#   tsan   under the thread sanitizer: the tests with threads
# The last line is "N passed, N failed", with ", N skipped" where a test lacked its optional data or feature; the exit status is 0 only
# if every build was tested and nothing failed.
set -u
cd "$(dirname "$0")/.."
. tools/setup.sh
install_packages "${packages[@]}" "${test_packages[@]}" || exit 1

# The choices of whoever runs this must not decide a test; only the place of the optional test data may be given.
for variable in $(compgen -e CONVOKE_); do
    [ "$variable" = CONVOKE_TEST_DATA ] || unset "$variable"
done

# What the gcc build compiled is there for the bare build.
cache=
if command -v ccache >/dev/null; then
    cache='ccache '
    export CCACHE_DIR=$PWD/build-test/ccache
fi
bare=(-Dopencl=disabled -Donnx=disabled -Dimages=disabled -Djson=disabled)
# With assertions, and the line of what a sanitizer finds; to write down every variable would double the time. What the sanitizers add to
# the code makes gcc warn of things that are not there.
sanitizer=(-Ddebug=false -Dc_args=-g1 -Db_ndebug=false -Dwerror=false)

broken=()
checked=()

step() {
    printf '== %s (after %d:%02d)\n' "$*" $((SECONDS / 60)) $((SECONDS % 60))
}

# build NAME COMPILER OPTION...: configures build-test/NAME anew where its options are others, and compiles all, or what the tests
# of the suite `only` need.
only=
build() {
    local name=$1 compiler=$2 folder=build-test/$1 targets=()
    shift 2
    step "$name: build"
    mkdir -p build-test
    if [ "$(cat "$folder.options" 2>/dev/null)" != "$compiler $*" ] || [ ! -f "$folder/build.ninja" ]; then
        rm -rf "$folder"
        CC=$compiler meson setup "$folder" "$@" >"$folder.log" 2>&1 || { tail -n 20 "$folder.log"; broken+=("$name"); return 1; }
        echo "$compiler $*" >"$folder.options"
    fi
    rm -f "$folder"/meson-logs/testlog*.json
    [ -z "$only" ] || mapfile -t targets < <(python3 tools/dev/test_targets.py "$folder" "$only")
    ninja -C "$folder" ${targets[@]+"${targets[@]}"} >"$folder.log" 2>&1 || { grep -A 20 -E '^FAILED|error' "$folder.log" | head -n 60; broken+=("$name"); return 1; }
}

# check NAME OPTION...: runs tests; the summary reads their log.
check() {
    local name=$1
    shift
    step "$name: tests"
    checked+=("build-test/$name")
    "${runner[@]}" meson test -C "build-test/$name" --no-rebuild --print-errorlogs "$@" || true
}

runner=()
build gcc "${cache}gcc" --prefix="$PWD/build-test/installed" && check gcc
build bare "${cache}gcc" --prefix="$PWD/build-test/installed" "${bare[@]}" && check bare --no-suite source --no-suite core --no-suite conform
build clang clang -Dc_args=-O0
build asan gcc -Doptimization=1 -Db_sanitize=address,undefined "${sanitizer[@]}" && check asan --no-suite source --timeout-multiplier 4

build arm gcc --cross-file tools/cross/aarch64.ini "${bare[@]}" && check arm

# Some kernels place programs where the thread sanitizer of this compiler cannot work; a fixed placement helps.
cat >build-test/empty.c <<'END'
int main(void) { return 0; }
END
gcc -fsanitize=thread build-test/empty.c -o build-test/empty
if build-test/empty 2>/dev/null; then
    runner=()
elif setarch -R build-test/empty 2>/dev/null; then
    runner=(setarch -R)
else
    runner=(none)
    step "tsan: left out, the thread sanitizer does not start on this machine"
fi
if [ "${runner[*]}" != none ]; then
    only=threads build tsan gcc -Doptimization=2 -Db_sanitize=thread "${sanitizer[@]}" && check tsan --suite threads --timeout-multiplier 4
fi

step summary
[ ${#checked[@]} -gt 0 ] || checked=(build-test/gcc)
python3 tools/dev/summarize_tests.py "${checked[@]}" --broken ${broken[@]+"${broken[@]}"}
