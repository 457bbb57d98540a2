#!/usr/bin/env bash
# Measures matrix products and draws their roofline: docs/benchmarks/roofline.svg. Needs gnuplot and a release build.
#
# usage: tools/draw_roofline.sh [--from FILE] [--out FILE.svg] [OPTIONS of `tenfold bench kernels`]
#
#   --from   JSON lines that `tenfold bench kernels --json` has printed, instead of measuring now
#   --out    where to draw (default: docs/benchmarks/roofline.svg)
#
# Each point stands at its share of the limit that binds, measured beside it: what the machine was busy with meanwhile
# moves neither points nor ceilings. The number at a point is the rows of activations.
#
# Without other options one matrix of TinyLlama-1.1B (5632x2048) is measured with every weight type, at the usual rows.
set -euo pipefail
cd "$(dirname "$0")/.."

tenfold=${TENFOLD:-build/release/bin/tenfold}
from=
out=docs/benchmarks/roofline.svg
while [ $# -gt 0 ]; do
  case "$1" in
    --from) from=${2:?--from needs a file}; shift 2 ;;
    --out) out=${2:?--out needs a file}; shift 2 ;;
    -h | --help) sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) break ;;
  esac
done

if ! command -v gnuplot >/dev/null; then
  echo "gnuplot is not installed: tools/install_dependencies.sh develop installs it (the package is gnuplot-nox)." >&2
  exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if [ -z "$from" ]; then
  if [ ! -x "$tenfold" ]; then
    echo "$tenfold is not there: make build builds it, or set TENFOLD to where it is." >&2
    exit 1
  fi
  [ $# -gt 0 ] || set -- --shape 5632x2048
  from=$folder/lines.json
  "$tenfold" bench kernels --filter matmul --json "$@" >"$from"
fi

# One file per weight type, and what gnuplot's variables are to be.
variables=$(python3 - "$from" "$folder" <<'PYTHON'
import json
import pathlib
import sys

lines = [json.loads(line) for line in open(sys.argv[1])]
points = [line for line in lines if line['name'] == 'matmul']
if not points:
    sys.exit(f'{sys.argv[1]}: no matrix products in it')
machine = lines[0]


def height(point):
    """GOP/s at the ceilings drawn."""
    if point['limit'] == 'memory':
        return point['percent_of_bandwidth'] / 100 * machine['memory_gb_s'] * point['operations_per_byte']
    return point['percent_of_compute'] / 100 * machine[point['limit'] + '_gop_s']


types = list(dict.fromkeys(point['type'] for point in points))
for kind in types:
    rows = [f"{p['operations_per_byte']} {height(p):.4g} {p['rows']}\n" for p in points if p['type'] == kind]
    pathlib.Path(sys.argv[2], f'{kind}.dat').write_text(''.join(rows))
shapes = ', '.join(dict.fromkeys(f"{p['outputs']}x{p['inputs']}" for p in points))
title = f"Matrix products {shapes} on {machine['processor']}, {machine['threads']} threads, {machine['isa']}"
print(f"types='{' '.join(types)}'; title='{title}'; memory={machine['memory_gb_s']}; f32={machine['f32_gop_s']}; "
      f"bf16={machine['bf16_gop_s']}; int8={machine['int8_gop_s']}")
PYTHON
)
gnuplot -e "folder='$folder'; output='$out'; $variables" docs/benchmarks/roofline.gnuplot
echo "$out"
