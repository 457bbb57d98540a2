#!/usr/bin/env bash
# Checks what a compiler does not: levels, format, and the short list of .clang-tidy. Run from anywhere; needs a
# configured release build (make build). Prints what is wrong and exits 1.
#
# usage: tools/check.sh [FILE.cc...]    files for clang-tidy (default: all of src/tenfold)
set -euo pipefail
cd "$(dirname "$0")/.."

python3 tools/check_layers.py
clang-format --dry-run -Werror $(git ls-files '*.h' '*.cc')

files=("$@")
if [ ${#files[@]} -eq 0 ]; then mapfile -t files < <(git ls-files 'src/tenfold/*.cc' | grep -v _test.cc); fi
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy -p build/release --quiet --warnings-as-errors='*' \
  --extra-arg=-Wno-unknown-warning-option
