#!/usr/bin/env python3
"""Measures steps of training beside PyTorch eager, by turns: the same model, weights, batch, optimizer and cores.

Each round runs every program in a process of its own on the same cores, in an order that turns round from one round to
the next: on a shared machine only neighbours in time can be compared, so ratios are medians over rounds. A process
leaves out its first steps. Losses of the first step must agree. README.md says what is needed.
"""
import argparse
import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / 'tests/torch'))

import find_torch  # noqa: E402

MODELS = {
    'gpt2': {'what': 'GPT-2 of 4 layers of 128 on characters, batch 12 x 64', 'sequences': 12, 'length': 64,
             'steps': 30,
             'config': {'architecture': 'gpt2', 'num_layers': 4, 'hidden_size': 128, 'ffn_size': 512, 'num_heads': 4,
                        'vocab_size': 65, 'context_length': 64, 'tied_head': True, 'has_biases': False}},
    # models/storyteller/config.toml
    'storyteller': {'what': 'The storyteller, a Llama of 5.5 M parameters, batch 2 x 1024', 'sequences': 2,
                    'length': 1024, 'steps': 4,
                    'config': {'architecture': 'llama', 'num_layers': 6, 'hidden_size': 256, 'ffn_size': 704,
                               'num_heads': 4, 'num_kv_heads': 2, 'vocab_size': 4096,
                               'context_length': 1024, 'tied_head': True}},
}
WARMUP = {'gpt2': 5, 'storyteller': 1}
PROGRAMS = ['f32', 'bf16', 'pytorch']


def fail(message):
    sys.exit(f'compare.py: {message}')


def make_job(model, threads):
    draw = random.Random(1)
    size = model['sequences'] * model['length']
    vocab_size = model['config']['vocab_size']
    batch = {'lengths': [model['length']] * model['sequences'], 'target_rows': list(range(size)),
             'tokens': [draw.randrange(vocab_size) for _ in range(size)],
             'targets': [draw.randrange(vocab_size) for _ in range(size)]}
    return {'config': model['config'], 'steps': [[batch]], 'threads': threads, 'learning_rate': 1e-3, 'beta1': 0.9,
            'beta2': 0.95, 'epsilon': 1e-8, 'weight_decay': 0.1, 'max_norm': 1.0}


class Runs:
    """Processes on the first cores."""

    def __init__(self, folder, options):
        self.folder, self.options = folder, options

    def run(self, command, job):
        path = self.folder / 'job.json'
        path.write_text(json.dumps(job))
        environment = {**os.environ, 'OMP_NUM_THREADS': str(job['threads'])}
        if self.options.torch_libraries:
            environment['LD_LIBRARY_PATH'] = str(self.options.torch_libraries.resolve())
        cores = sorted(os.sched_getaffinity(0))[:job['threads']]
        done = subprocess.run([str(part) if part else path for part in command], capture_output=True, text=True,
                              env=environment, preexec_fn=lambda: os.sched_setaffinity(0, cores))
        if done.returncode != 0:
            fail(f'{" ".join(map(str, command))} failed:\n{done.stderr.strip()}')
        return json.loads(done.stdout.splitlines()[-1])

    def tenfold(self, job, precision, **more):
        return self.run([self.options.run_training, None], {**job, 'precision': precision, **more})

    def pytorch(self, job, initial):
        return self.run([sys.executable, HERE / 'torch_steps.py', None, initial], job)


def measure(name, threads, runs, options):
    """{program: [what each round's process printed, without its first steps]}"""
    model = MODELS[name]
    job = make_job(model, threads)
    initial = runs.folder / 'initial.safetensors'
    runs.tenfold(job, 'f32', num_steps=1, out=str(initial))
    job['num_steps'] = WARMUP[name] + model['steps']
    results = {program: [] for program in options.programs}
    for round_number in range(options.rounds):
        order = options.programs if round_number % 2 == 0 else options.programs[::-1]
        for program in order:
            if program == 'pytorch':
                result = runs.pytorch(job, initial)
            else:
                result = runs.tenfold(job, program, time_products=True)
            results[program].append(result)
            for times in [result['step'], result.get('products', {})]:
                for clock in times:
                    times[clock] = statistics.median(times[clock][WARMUP[name]:])
            print(f'{name}, {threads} threads, round {round_number + 1} of {options.rounds}: {program}: '
                  f'{result["step"]["wall"] * 1e3:.1f} ms, CPU {result["step"]["cpu"] * 1e3:.1f} ms', file=sys.stderr)
    first = {program: rounds[0]['losses'][0] for program, rounds in results.items()}
    for program, loss in first.items():
        if abs(loss - first['f32']) > (5e-3 if program == 'bf16' else 1e-4) * first['f32']:
            fail(f'{name}: the losses of the first step differ: {first}')
    return results


def median_of(rounds, *path):
    def look_up(result):
        for key in path:
            result = result[key]
        return result
    return statistics.median(map(look_up, rounds))


def ratio(ours, theirs, clock):
    """How many times faster ours is: the median over rounds, and of the best rounds."""
    ours, theirs = ([result['step'][clock] for result in rounds] for rounds in [ours, theirs])
    return (f'{statistics.median(b / a for a, b in zip(ours, theirs, strict=True)):.2f} '
            f'({min(theirs) / min(ours):.2f})')


def share_of_products(rounds, with_attention):
    """Of a step's CPU time, what its arithmetic takes at the rate that its products alone reach."""
    shares = []
    for result in rounds:
        flops = result['product_flops'] + (result['attention_flops'] if with_attention else 0)
        rate = result['product_flops'] / result['products']['cpu']
        shares.append(flops / rate / result['step']['cpu'])
    return statistics.median(shares)


def print_table(name, threads, results):
    model = MODELS[name]
    num_tokens = model['sequences'] * model['length']
    print(f'\n{model["what"]}, {threads} {"thread" if threads == 1 else "threads"}')
    print(f'  {"":10}{"wall ms":>9}{"CPU ms":>9}{"tok/s":>8}{"/ PyTorch: wall":>17}{"CPU":>13}{"/ f32: wall":>15}'
          f'{"CPU":>13}{"products":>10}{"+ attention":>12}{"GFLOP/s":>9}')
    for program, rounds in results.items():
        wall, cpu = median_of(rounds, 'step', 'wall'), median_of(rounds, 'step', 'cpu')
        line = f'  {program:10}{wall * 1e3:9.1f}{cpu * 1e3:9.1f}{num_tokens / wall:8.0f}'
        if program != 'pytorch':
            for other, width in [('pytorch', 17), ('f32', 15)]:
                compared = other in results and other != program
                for clock, clock_width in [('wall', width), ('cpu', 13)]:
                    line += f'{ratio(rounds, results[other], clock) if compared else "":>{clock_width}}'
            rate = median_of(rounds, 'product_flops') / median_of(rounds, 'products', 'cpu') / 1e9
            line += (f'{share_of_products(rounds, False):10.0%}{share_of_products(rounds, True):12.0%}{rate:9.0f}')
        print(line)


def main():
    if not find_torch.run_where_torch_is():
        fail('no python3 on PATH has PyTorch; README.md says how it is installed')
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--models', nargs='+', choices=MODELS, default=list(MODELS))
    parser.add_argument('--threads', nargs='+', type=int, default=[2, 1])
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--programs', nargs='+', choices=PROGRAMS, default=PROGRAMS, help='f32 must be among them')
    parser.add_argument('--run-training', type=pathlib.Path, default=ROOT / 'build/release/bin/run_training')
    parser.add_argument('--torch-libraries', type=pathlib.Path,
                        help='a folder whose libblas.so.3 PyTorch shall use, such as OpenBLAS')
    options = parser.parse_args()
    if not options.run_training.is_file():
        fail(f'{options.run_training} is not there: build the target run_training')

    load = os.getloadavg()[0]
    if load > 0.5 and 'OMP_WAIT_POLICY' not in os.environ:
        print(f"This machine is busy already (load {load:.1f}), and PyTorch's threads spin while they wait for each "
              'other: with OMP_WAIT_POLICY=PASSIVE they lose less by it.', file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(pathlib.Path(folder), options)
        tables = [(name, threads, measure(name, threads, runs, options))
                  for name in options.models for threads in options.threads]
    facts = pathlib.Path('/proc/cpuinfo').read_text().splitlines()
    names = [line.split(':')[1].strip() for line in facts if line.startswith('model name')]
    processor = names[0] if names else platform.machine()
    print(f'{processor}, {os.cpu_count()} cores, {platform.system()} {platform.release()}; load {load:.1f} at the '
          f'start; {options.rounds} rounds')
    for name, threads, results in tables:
        if 'pytorch' in results and (name, threads) == tables[0][:2]:
            torch = results['pytorch'][0]
            print(f'PyTorch {torch["torch"]} with {", ".join(torch["blas"]) or "its own BLAS"}, '
                  f'{torch["product_rate"]:.0f} GFLOP/s a CPU second in products of 512; '
                  f'tenfold with {results["f32"][0]["isa"]} kernels')
        print_table(name, threads, results)
    print('\nRatios: how many times faster, median over rounds (of the best rounds). Products: the share of the CPU '
          'time of a step\nthat its matrix products take alone, at the GFLOP/s a CPU second in the last column; '
          "+ attention: with attention's\narithmetic at the same rate.")


if __name__ == '__main__':
    main()
