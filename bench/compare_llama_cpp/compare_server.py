#!/usr/bin/env python3
"""Loads tenfold's server and llama.cpp's on the same GGUF file, by turns, with `tenfold bench serve`, and prints ratios.

  chat     48 requests with the lengths of Sarathi's chat trace / 8, 16 clients
  prefix   32 requests of 512 tokens that all share and 32 of their own, 32 tokens of output, 16 clients
  decode   32 requests of 16 tokens, 128 tokens of output, 16 clients

Give a llama-server program of llama.cpp or of a fork, and what it needs beside the defaults here:

  compare_server.py MODEL.gguf --llama-server path/to/llama-server [--llama-flags "-rtr"] [--rounds 3] [--case chat]

Each round starts each server anew, in an order that turns round, and runs all cases against it; ratios are medians over
rounds. Run it on an idle machine.
"""
import argparse
import json
import pathlib
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NUM_CLIENTS = 16
LONGEST = 1280  # tokens of a request, prompt and output
CASES = {
    'chat': ['--workload', 'sarathi-chat', '--length-divisor', '8', '--num-prompts', '48'],
    'prefix': ['--workload', 'prefix', '--prefix-len', '512', '--input-len', '32', '--output-len', '32', '--num-prompts',
               '32'],
    'decode': ['--workload', 'random', '--input-len', '16', '--output-len', '128', '--num-prompts', '32'],
}
# What is compared: its name in the result, and whether more is better.
FIGURES = [('duration', False), ('total_token_throughput', True), ('output_throughput', True), ('median_ttft_ms', False),
           ('p99_itl_ms', False), ('max_itl_ms', False)]


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def wait_for(url, server, log, seconds=120):
    for _ in range(seconds * 10):
        if server.poll() is not None:
            break
        try:
            if urllib.request.urlopen(f'{url}/health', timeout=5).status == 200:
                return
        except OSError:
            time.sleep(0.1)
    log.seek(0)
    sys.exit(f'compare_server.py: {shlex.join(server.args)} does not answer:\n{log.read()[-2000:]}')


def measure(command, url, options):
    """Starts a server, runs every case against it, and stops it. It logs into a folder that goes away."""
    folder = tempfile.TemporaryDirectory()
    log = open(pathlib.Path(folder.name) / 'stderr.log', 'w+')
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, cwd=folder.name)
    try:
        wait_for(url, server, log)
        results = {}
        for case in options.case:
            done = subprocess.run([options.tenfold, 'bench', 'serve', '--url', url, '--max-concurrency', str(NUM_CLIENTS),
                                   '--json', *CASES[case]], capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f'compare_server.py: {case}: {done.stderr}')
            results[case] = json.loads(done.stdout)
        return results
    finally:
        server.kill()
        server.wait()
        log.close()
        folder.cleanup()


def report(results, cases):
    """The medians over the rounds that are done."""

    print(f'after {len(results["tenfold"])} rounds')
    for case in cases:
        print(f'{case:<28}{"tenfold":>12}{"llama-server":>14}{"times better":>14}')
        for figure, more_is_better in FIGURES:
            ours, theirs = ([run[case][figure] for run in runs] for runs in results.values())
            ratios = [a / b if more_is_better else b / a for a, b in zip(ours, theirs)]
            print(f'  {figure:<26}{statistics.median(ours):>12.2f}{statistics.median(theirs):>14.2f}'
                  f'{statistics.median(ratios):>14.2f}')
        print(flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', type=pathlib.Path)
    parser.add_argument('--llama-server', type=pathlib.Path, required=True)
    parser.add_argument('--llama-flags', default='', help='more flags for it')
    parser.add_argument('--tenfold', type=pathlib.Path, default=ROOT / 'build/release/bin/tenfold')
    parser.add_argument('--tenfold-flags', default='', help='more flags for it')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--case', action='append', choices=CASES)
    options = parser.parse_args()
    options.case = options.case or list(CASES)

    port = free_port()
    url = f'http://127.0.0.1:{port}'
    commands = {
        'tenfold': [str(options.tenfold.resolve()), 'serve', str(options.model.resolve()), '--port', str(port), '--threads', str(options.threads),
                    '--max-num-seqs', str(NUM_CLIENTS), '--max-model-len', str(LONGEST), *shlex.split(options.tenfold_flags)],
        'llama-server': [str(options.llama_server.resolve()), '-m', str(options.model.resolve()), '--port', str(port), '-t', str(options.threads),
                         '-np', str(NUM_CLIENTS), '-c', str(NUM_CLIENTS * LONGEST), '-fa', 'on',
                         *shlex.split(options.llama_flags)],
    }
    results = {name: [] for name in commands}
    for round_number in range(options.rounds):
        order = list(commands) if round_number % 2 == 0 else list(reversed(commands))
        for name in order:
            results[name].append(measure(commands[name], url, options))
            took = ', '.join(f'{case} {results[name][-1][case]["duration"]:.1f} s' for case in options.case)
            print(f'round {round_number + 1} of {options.rounds}: {name}: {took}', file=sys.stderr)
        report(results, options.case)


if __name__ == '__main__':
    main()
