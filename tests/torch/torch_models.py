"""Llama and GPT-2 in plain PyTorch, written from their definitions: nothing is tenfold's but the names of tensors.

Weights are {name: tensor} by GGUF's names, a product's weight [outputs, inputs]; a config is the "config" of a job
(run_training.cc). Everything here is a plain function, so that a test can put a wrong one in its place.
"""
import functools
import math

import torch
from torch.nn import functional


def rms_norm(x, weight, epsilon):
    """Zhang and Sennrich, NeurIPS 2019."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + epsilon) * weight


@functools.lru_cache(maxsize=8)
def rotary_angles(num_positions, head_dim, base, dtype):
    half = head_dim // 2
    frequencies = base ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = torch.arange(num_positions, dtype=torch.float64)[:, None] * frequencies
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(x, base):
    """Su et al., 2021, with pairs in halves: features i and i + half turn by the same angle. x [..., T, head_dim]."""
    cosines, sines = rotary_angles(x.shape[-2], x.shape[-1], base, x.dtype)
    a, b = x.chunk(2, -1)
    return torch.cat([a * cosines - b * sines, a * sines + b * cosines], -1)


@functools.lru_cache(maxsize=8)
def future(num_positions):
    return torch.ones(num_positions, num_positions, dtype=torch.bool).triu(1)


def score_scale(head_dim):
    return 1 / math.sqrt(head_dim)


def attention(q, k, v):
    """Causal, softmax(q k^T / sqrt(head_dim)) v. q [B, heads, T, head_dim]; k and v may have fewer heads, in groups."""
    group = q.shape[1] // k.shape[1]
    if group > 1:
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    scores = q @ k.transpose(-2, -1) * score_scale(q.shape[-1])
    return scores.masked_fill(future(q.shape[-2]), -math.inf).softmax(-1) @ v


def split_heads(x, num_heads):
    return x.unflatten(-1, (num_heads, -1)).transpose(1, 2)


def join_heads(x):
    return x.transpose(1, 2).flatten(2)


def gelu(x):
    """Hendrycks and Gimpel, 2016, the form with tanh."""
    return functional.gelu(x, approximate='tanh')


def llama_states(config, w, tokens):
    """What the output matrix multiplies, [B, T, hidden], of tokens [B, T]."""
    epsilon, base = config.get('norm_epsilon', 1e-5), config.get('rope_base', 10000.0)
    heads = config['num_heads']
    kv_heads = config.get('num_kv_heads', heads)
    linear = functional.linear
    x = w['token_embd.weight'][tokens]
    for layer in range(config['num_layers']):
        def part(name, layer=layer):
            return w[f'blk.{layer}.{name}.weight']
        h = rms_norm(x, part('attn_norm'), epsilon)
        q = rotate(split_heads(linear(h, part('attn_q')), heads), base)
        k = rotate(split_heads(linear(h, part('attn_k')), kv_heads), base)
        v = split_heads(linear(h, part('attn_v')), kv_heads)
        x = x + linear(join_heads(attention(q, k, v)), part('attn_output'))
        h = rms_norm(x, part('ffn_norm'), epsilon)
        gated = functional.silu(linear(h, part('ffn_gate'))) * linear(h, part('ffn_up'))
        x = x + linear(gated, part('ffn_down'))
    return rms_norm(x, w['output_norm.weight'], epsilon)


def gpt2_states(config, w, tokens):
    epsilon, heads = config.get('norm_epsilon', 1e-5), config['num_heads']

    def norm(x, name):
        weight = w[f'{name}.weight']
        return functional.layer_norm(x, weight.shape, weight, w.get(f'{name}.bias'), epsilon)

    def linear(x, name):
        return functional.linear(x, w[f'{name}.weight'], w.get(f'{name}.bias'))

    x = w['token_embd.weight'][tokens] + w['position_embd.weight'][:tokens.shape[1]]
    for layer in range(config['num_layers']):
        blk = f'blk.{layer}'
        q, k, v = linear(norm(x, f'{blk}.attn_norm'), f'{blk}.attn_qkv').chunk(3, -1)
        attended = attention(split_heads(q, heads), split_heads(k, heads), split_heads(v, heads))
        x = x + linear(join_heads(attended), f'{blk}.attn_output')
        x = x + linear(gelu(linear(norm(x, f'{blk}.ffn_norm'), f'{blk}.ffn_up')), f'{blk}.ffn_down')
    return norm(x, 'output_norm')


STATES = {'llama': llama_states, 'gpt2': gpt2_states}


def head(config, w):
    return w['token_embd.weight' if config.get('tied_head') else 'output.weight']


def losses(logits, targets, z_loss=0.0):
    """Of each row, in nats; the second term is PaLM's (JMLR 2023, section 5)."""
    result = functional.cross_entropy(logits, targets, reduction='none')
    return result + z_loss * torch.logsumexp(logits, -1).square() if z_loss else result


def num_shares(batches):
    """What a step's sum of losses is divided by."""
    return sum(len(batch['targets']) for batch in batches)


def batch_logits(config, w, batch):
    """[R, vocab_size] of the target rows of a batch of whole sequences of any lengths."""
    states, begin = [], 0
    for length in batch['lengths']:
        tokens = torch.tensor([batch['tokens'][begin:begin + length]])
        if length > 0:
            states.append(STATES[config['architecture']](config, w, tokens)[0])
        begin += length
    return functional.linear(torch.cat(states)[batch['target_rows']], head(config, w))


def decays(name, tensor):
    """Weight decay is for matrices and tables, not for what scales and shifts."""
    return tensor.dim() > 1


def make_adamw(w, options):
    groups = [{'params': [t for n, t in w.items() if decays(n, t)], 'weight_decay': options['weight_decay']},
              {'params': [t for n, t in w.items() if not decays(n, t)], 'weight_decay': 0.0}]
    kind = options.get('optimizer', torch.optim.AdamW)
    return kind(groups, lr=options['learning_rate'], betas=(options['beta1'], options['beta2']),
                eps=options['epsilon'])


def clip(w, max_norm):
    """Returns the gradient's norm before."""
    return torch.nn.utils.clip_grad_norm_(list(w.values()), max_norm if max_norm else math.inf)


def learning_rate(step, num_steps, options):
    """Of a step counted from 1: a linear warm-up, then constant or half a cosine down to the final rate."""
    peak, num_warmup = options['learning_rate'], options.get('num_warmup_steps', 0)
    if step < num_warmup:
        return peak * step / num_warmup
    if options.get('schedule', 'constant') == 'constant':
        return peak
    progress = (step - num_warmup) / (num_steps - num_warmup)
    final = options['final_learning_rate']
    return final + (peak - final) * (1 + math.cos(math.pi * progress)) / 2


def set_learning_rate(optimizer, rate):
    for group in optimizer.param_groups:
        group['lr'] = rate
