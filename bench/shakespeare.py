#!/usr/bin/env python3
"""Trains nanoGPT's configuration for processors (4 layers, 128 wide, 64 characters of context, 2,000 steps) on
tinyshakespeare with three seeds and prints the validation losses, of which nanoGPT reports 1.88.

usage: shakespeare.py TENFOLD TEXT [flags of tenfold train]

Exits with 1 when the mean is above 1.92.
"""
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

CONFIG = pathlib.Path(__file__).resolve().parent.parent / 'examples/training/shakespeare_characters.toml'
MARK = 1.92


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    tenfold, text, *flags = sys.argv[1:]
    losses = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in (1, 2, 3):
            out = pathlib.Path(folder) / str(seed)
            done = subprocess.run([tenfold, 'train', '--config', CONFIG, '--train-files', text, '--seed', str(seed),
                                   '--sample-interval', '0', '--evaluation-interval', '500', '--json', '--out', out,
                                   *flags], stdout=subprocess.PIPE, text=True)
            if done.returncode != 0:
                sys.exit(done.returncode)
            summary = json.loads(done.stdout)
            cpu_s = sum(json.loads(line)['cpu_s'] for line in (out / 'metrics.jsonl').read_text().splitlines())
            losses.append(summary['validation_loss'])
            print(f'seed {seed}: validation loss {losses[-1]:.4f}, {summary["seconds"]:.0f} s, {cpu_s:.0f} s of '
                  f'processors, {summary["tokens_per_s"]:.0f} tokens/s', flush=True)
    mean = statistics.mean(losses)
    print(f'mean {mean:.4f}, mark {MARK}')
    sys.exit(mean > MARK)


if __name__ == '__main__':
    main()
