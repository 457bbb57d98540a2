#!/usr/bin/env python3
"""Measures tenfold beside llama.cpp on the same GGUF file, by turns, and prints medians and ratios.

llama.cpp comes from npm as node-llama-cpp with its prebuilt binary; it is installed into this folder (node_modules, which
git ignores) on the first run. A llama-bench program of llama.cpp or of a fork can be measured too, or instead.

Run it on an idle machine. llama.cpp's threads wait for each other at every operation, so one busy neighbour slows it down
many times over, and the ratios flatter tenfold. Load is said when there is some; the ratio of the best rounds suffers least.

Each round measures every point with every program, each in a process of its own, in an order that turns round from one
round to the next: on a shared machine only neighbours in time can be compared, so the ratios are medians over rounds.
"""
import argparse
import json
import os
import pathlib
import platform
import shlex
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
POINTS = [('prefill', 512), ('decode', 1), ('decode', 4), ('decode', 16), ('decode', 32)]


def fail(message):
    sys.exit(f'compare.py: {message}')


def last_json_line(command, **keywords):
    done = subprocess.run(command, capture_output=True, text=True, **keywords)
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        fail(f'{shlex.join(map(str, command))} failed:\n{done.stderr.strip() or done.stdout.strip()}')
    return lines


class Tenfold:
    name = 'tenfold'

    def __init__(self, options):
        self.options = options
        self.machine = {}
        if not options.tenfold.is_file():
            fail(f'{options.tenfold} is not there: `make build` builds it, or say where it is with --tenfold')

    def measure(self, kind, size):
        flag = '--prefill' if kind == 'prefill' else '--decode-batch'
        lines = last_json_line([self.options.tenfold, 'bench', 'model', self.options.model, flag, str(size), '--repeat',
                                '3', '--threads', str(self.options.threads), '--json'])
        parsed = [json.loads(line) for line in lines]
        self.machine = parsed[0]
        return next(line['tok_s'] for line in parsed if line['name'] == kind)


class NodeLlamaCpp:
    name = 'llama.cpp'

    def __init__(self, options):
        self.options = options
        self.release = 'unknown'
        for program in ['node', 'npm']:
            if shutil.which(program) is None:
                fail(f'{program} is not installed; llama.cpp comes through it. Install Node.js 20 or newer, or pass '
                     '--without-node and --llama-bench PATH')
        if not (HERE / 'node_modules' / 'node-llama-cpp').is_dir():
            print('Installing node-llama-cpp ...', file=sys.stderr)
            done = subprocess.run(['npm', 'install', '--no-audit', '--no-fund', '--no-package-lock'], cwd=HERE,
                                  capture_output=True, text=True)
            if done.returncode != 0:
                fail(f'npm install in {HERE} failed:\n{done.stderr.strip()}')

    def measure(self, kind, size):
        answer = json.loads(last_json_line(['node', str(HERE / 'llama_cpp.mjs'), str(self.options.model),
                                            str(self.options.threads), kind, str(size)], cwd=HERE)[-1])
        self.release = answer['release']
        return answer['tok_s']


class LlamaBench:
    """A llama-bench program. It has no batched decode, so only prefill and one sequence are measured."""
    name = 'llama-bench'

    def __init__(self, options):
        self.options = options
        if not options.llama_bench.is_file():
            fail(f'{options.llama_bench} is not there')

    def measure(self, kind, size):
        if kind == 'decode' and size != 1:
            return None
        amount = ['-p', str(size), '-n', '0'] if kind == 'prefill' else ['-p', '0', '-n', '64']
        lines = last_json_line([self.options.llama_bench, '-m', self.options.model, *amount, '-t',
                                str(self.options.threads), '-fa', '1', '-r', '3', '-o', 'json',
                                *shlex.split(self.options.llama_bench_args)])
        text = '\n'.join(lines)  # forks print remarks before the array
        return json.loads(text[text.index('\n[') if '\n[' in text else text.index('['):])[0]['avg_ts']


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', type=pathlib.Path, help='a GGUF file')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--tenfold', type=pathlib.Path, default=ROOT / 'build/release/bin/tenfold')
    parser.add_argument('--without-node', action='store_true', help='leave node-llama-cpp out')
    parser.add_argument('--llama-bench', type=pathlib.Path, help='a llama-bench program to measure as well')
    parser.add_argument('--llama-bench-args', default='', help='what it gets beside, such as "-rtr 1"')
    options = parser.parse_args()
    if not options.model.is_file():
        fail(f'{options.model} is not there. `tenfold synth` writes a model with random weights at a real shape')
    options.model = options.model.resolve()
    return options


def main():
    options = parse_options()
    tenfold = Tenfold(options)
    peers = [] if options.without_node else [NodeLlamaCpp(options)]
    if options.llama_bench:
        peers.append(LlamaBench(options))
    if not peers:
        fail('nothing to compare with: --without-node needs --llama-bench')
    programs = [tenfold, *peers]

    load_at_start = os.getloadavg()[0]
    if load_at_start > 0.5:
        print(f'This machine is busy already (load {load_at_start:.1f}): others slow llama.cpp down more than tenfold, so '
              'take no ratio from this run.', file=sys.stderr)
    rates = {}  # (program, point): one figure per round
    for round_number in range(options.rounds):
        for point in POINTS:
            for program in programs if round_number % 2 == 0 else reversed(programs):
                figure = program.measure(*point)
                rates.setdefault((program.name, point), []).append(figure)
                if figure is not None:
                    print(f'round {round_number + 1} of {options.rounds}: {point[0]} {point[1]}, {program.name}: '
                          f'{figure:.1f} tok/s', file=sys.stderr)

    machine = tenfold.machine
    print(f"{machine['processor']}, {options.threads} threads, {platform.system()} {platform.release()}; "
          f"load {load_at_start:.1f} at the start; tenfold with {machine['isa']} kernels" +
          ''.join(f'; llama.cpp {peer.release} by node-llama-cpp' for peer in peers if isinstance(peer, NodeLlamaCpp)) +
          (f'; {options.llama_bench} {options.llama_bench_args}'.rstrip() if options.llama_bench else ''))
    print(f'{options.model.name}, {options.rounds} rounds; tokens per second, median (least to greatest); ratio: '
          'tenfold / peer, median over rounds, and of the best rounds\n')
    for point in POINTS:
        own = rates[tenfold.name, point]
        print(f'{point[0]} {point[1]}' + (' sequences' if point[0] == 'decode' else ' tokens'))
        for program in programs:
            figures = rates[program.name, point]
            if None in figures:
                continue
            ratio = ''
            if program is not tenfold:
                ratio = (f'   ratio {statistics.median(a / b for a, b in zip(own, figures, strict=True)):.2f}, '
                         f'best {max(own) / max(figures):.2f}')
            print(f'  {program.name:<14}{statistics.median(figures):>9.1f}  ({min(figures):.1f} to {max(figures):.1f})'
                  f'{ratio}')
    print('\ntenfold decodes at contexts of 0 to 16 tokens without sampling. node-llama-cpp decodes behind 16 tokens, '
          'samples greedily and returns\nevery token to JavaScript: with many sequences that is a part of its time '
          '(prefill is free of it).')


if __name__ == '__main__':
    main()
