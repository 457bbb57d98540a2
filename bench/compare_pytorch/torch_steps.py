#!/usr/bin/env python3
"""Trains by PyTorch eager as run_training (tests/torch) does, from its initial weights, and prints such a line of JSON.

usage: torch_steps.py JOB.json INITIAL.safetensors
"""
import json
import math
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / 'tests/torch'))

import torch  # noqa: E402

import engine_runs  # noqa: E402
import safetensors_file  # noqa: E402
import torch_models  # noqa: E402


def blas_libraries():
    maps = pathlib.Path('/proc/self/maps').read_text().splitlines()
    return sorted({pathlib.Path(line.split()[-1]).resolve().name for line in maps
                   if any(name in line for name in ['blas', 'libmkl', 'libblis'])})


def product_rate():
    """GFLOP/s a CPU second of the best of some products of 512 x 512: tells a tuned BLAS from the reference one."""
    a = torch.randn(512, 512)
    least = math.inf
    for _ in range(8):
        begin = time.process_time()
        a @ a
        least = min(least, time.process_time() - begin)
    return 2 * 512**3 / least / 1e9


def main():
    job = json.loads(pathlib.Path(sys.argv[1]).read_text())
    torch.set_num_threads(job['threads'])
    config = job['config']
    [[batch]] = job['steps']
    num_sequences, length = len(batch['lengths']), batch['lengths'][0]
    assert batch['target_rows'] == list(range(num_sequences * length)), 'every row has a target here'
    tokens = torch.tensor(batch['tokens']).view(num_sequences, length)
    targets = torch.tensor(batch['targets'])
    initial = engine_runs.tensors_under('initial.', safetensors_file.read(pathlib.Path(sys.argv[2])))
    w = {name: tensor.clone().requires_grad_() for name, tensor in initial.items()}
    optimizer = torch_models.make_adamw(w, job)
    losses, wall, cpu = [], [], []
    for _ in range(job['num_steps']):
        wall_begin, cpu_begin = time.perf_counter(), time.process_time()
        optimizer.zero_grad(set_to_none=True)
        states = torch_models.STATES[config['architecture']](config, w, tokens)
        logits = torch.nn.functional.linear(states, torch_models.head(config, w))
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets)
        loss.backward()
        torch_models.clip(w, job['max_norm'])
        optimizer.step()
        losses.append(loss.item())
        wall.append(time.perf_counter() - wall_begin)
        cpu.append(time.process_time() - cpu_begin)
    print(json.dumps({'losses': losses, 'step': {'wall': wall, 'cpu': cpu}, 'torch': torch.__version__,
                      'blas': blas_libraries(), 'product_rate': product_rate()}))


if __name__ == '__main__':
    main()
