"""The same steps in PyTorch, and what counts as the same.

PyTorch computes in f64, so that all of a difference is tenfold's. Bounds are shares of what is compared.
"""
import typing

import torch

import torch_models
from engine_runs import tensors_under


class Bounds(typing.NamedTuple):
    """Of a difference, as shares: its greatest of the tensor's greatest, its root mean square of the tensor's own, and
    the loss's."""
    greatest: float
    average: float
    loss: float


# Some hundred roundings of f32 one behind the other; the project's mark is 1e-4.
F32 = Bounds(1e-5, 1e-5, 1e-6)
# Operands of products, attention's included, keep 8 bits: they are off by 2^-9 / sqrt(3) = 0.11 % on average. Through
# some ten products one behind the other, a softmax and norms that becomes 1.8 % of the gradients of queries: PyTorch in
# f64 whose products round their operands alike is as far from itself without rounding, and tenfold is 1.9 % from that.
BF16 = Bounds(3e-2, 2.5e-2, 1e-3)


def leaves(weights):
    return {name: tensor.double().clone().requires_grad_() for name, tensor in weights.items()}


def torch_step(logits_of, w, batches, z_loss=0.0):
    """Adds up the gradients of the mean loss over the targets of all batches; returns the loss."""
    total = 0.0
    for batch in batches:
        losses = torch_models.losses(logits_of(w, batch), torch.tensor(batch['targets']), z_loss)
        loss = losses.sum() / torch_models.num_shares(batches)
        loss.backward()
        total += loss.item()
    return total


def model_logits(config):
    return lambda w, batch: torch_models.batch_logits(config, w, batch)


def block_logits(block, head_dim):
    """As block_graphs.h says."""
    def logits(w, batch):
        def heads(name):
            return torch_models.split_heads(w[name][None], w[name].shape[1] // head_dim)
        if block == 'attention':
            assert len(batch['lengths']) == 1
            y = torch_models.join_heads(torch_models.attention(heads('q'), heads('k'), heads('v')))[0]
        elif block == 'rotary':
            y = torch_models.join_heads(torch_models.rotate(heads('x'), 10000.0))[0]
        else:
            y = torch_models.gelu(w['x']) if block == 'gelu' else w['x']
        return y[batch['target_rows']] @ w['head'].T
    return logits


def expect_near(what, ours, theirs, bounds):
    ours, theirs = ours.double(), theirs.detach()
    if ours.shape != theirs.shape:
        raise AssertionError(f'{what}: {list(ours.shape)}, in PyTorch {list(theirs.shape)}')
    off = ours - theirs
    greatest = (off.abs().max() / theirs.abs().max()).item()
    average = (off.square().mean() / theirs.square().mean()).sqrt().item()
    if not (greatest <= bounds.greatest and average <= bounds.average):
        raise AssertionError(f'{what} is off by {greatest:.2g} of its greatest number and {average:.2g} on average; '
                             f'allowed are {bounds.greatest:.2g} and {bounds.average:.2g}')


def expect_same_step(ours, logits_of, w, batches, z_loss=0.0, bounds=F32):
    """The first step of a run: logits, loss, all gradients."""
    expect_near('logits', ours['logits'], logits_of(w, batches[0]), bounds)
    loss, own_loss = torch_step(logits_of, w, batches, z_loss), ours['loss'].item()
    if not abs(own_loss - loss) <= bounds.loss * loss:
        raise AssertionError(f'the loss is {own_loss}, in PyTorch {loss}; allowed is a share of {bounds.loss:.2g}')
    names = set(tensors_under('gradient.', ours))
    if names != set(w):
        raise AssertionError(f'parameters in one program only: {sorted(names ^ set(w))}')
    for name, tensor in w.items():
        expect_near(f'the gradient of {name}', ours[f'gradient.{name}'], tensor.grad, bounds)


class TorchRun(typing.NamedTuple):
    losses: list
    norms: list
    weights: dict


def train_in_torch(config, weights, steps, num_steps, options):
    w = leaves(weights)
    optimizer = torch_models.make_adamw(w, options)
    losses, norms = [], []
    for step in range(num_steps):
        for tensor in w.values():
            tensor.grad = None
        losses.append(torch_step(model_logits(config), w, steps[step % len(steps)]))
        norms.append(float(torch_models.clip(w, options['max_norm'])))
        torch_models.set_learning_rate(optimizer, torch_models.learning_rate(step + 1, num_steps, options))
        optimizer.step()
    return TorchRun(losses, norms, w)


# The project's mark for ten steps. Two runs of the same arithmetic stay far nearer to each other: what sets them apart
# is rounding, whose effect AdamW neither adds up nor spreads much. A different update, be it of the norms' scales only,
# drives them apart by more with each step, and is beyond the second bound before sixty.
LOSS_BOUND = 2e-3
DRIFT_BOUND = 1e-5


def expect_same_run(ours, run, loss_bound=LOSS_BOUND, drift_bound=DRIFT_BOUND):
    """Losses, norms of gradients and the weights at the end. No drift: over the whole run no loss is further off than
    rounding explains, and the last third of them no further than three times the first."""
    off = [abs(a - b) for a, b in zip(ours['losses'].tolist(), run.losses, strict=True)]
    for step, one in enumerate(off):
        if not one <= min(loss_bound, drift_bound):
            raise AssertionError(f'the loss of step {step + 1} is off by {one:.2g} nats')
    third = len(off) // 3
    first, last = (sum(part) / third for part in (off[:third], off[-third:]))
    if last > 3 * first + 0.2 * drift_bound:
        raise AssertionError(f'losses drift: off by {first:.2g} in the first third of steps, {last:.2g} in the last')
    for step, (norm, expected) in enumerate(zip(ours['norms'].tolist(), run.norms, strict=True)):
        if not abs(norm - expected) <= 1e-4 * expected:
            raise AssertionError(f"the norm of step {step + 1}'s gradient is {norm}, in PyTorch {expected}")


def expect_same_weights(ours, run):
    """How far each weight went. The bias of keys is left out, which moves no score's softmax: its gradient is zero but
    for roundings, and AdamW makes whole steps of them."""
    for name, tensor in run.weights.items():
        begin, end, expected = ours[f'initial.{name}'].double(), ours[f'final.{name}'].double(), tensor.detach()
        if name.endswith('attn_qkv.bias'):
            q, _, v = (torch.arange(len(begin)).chunk(3))
            kept = torch.cat([q, v])
            begin, end, expected = begin[kept], end[kept], expected[kept]
        expect_near(f'the way of {name}', end - begin, expected - begin, Bounds(1e-2, 1e-3, 0))
