"""Runs of the tools beside this file, what they get and what they leave."""
import json
import pathlib
import random
import subprocess

import safetensors_file

# Hugging Face's names, as its own models write them, and whether it keeps the transpose (its Conv1D).
LLAMA_NAMES = {'model.embed_tokens': 'token_embd', 'model.norm': 'output_norm', 'lm_head': 'output'}
LLAMA_LAYER = {'input_layernorm': 'attn_norm', 'self_attn.q_proj': 'attn_q', 'self_attn.k_proj': 'attn_k',
               'self_attn.v_proj': 'attn_v', 'self_attn.o_proj': 'attn_output', 'mlp.gate_proj': 'ffn_gate',
               'post_attention_layernorm': 'ffn_norm', 'mlp.up_proj': 'ffn_up', 'mlp.down_proj': 'ffn_down'}
GPT2_NAMES = {'transformer.wte': 'token_embd', 'transformer.wpe': 'position_embd', 'transformer.ln_f': 'output_norm',
              'lm_head': 'output'}
GPT2_LAYER = {'ln_1': 'attn_norm', 'attn.c_attn': 'attn_qkv', 'attn.c_proj': 'attn_output', 'ln_2': 'ffn_norm',
              'mlp.c_fc': 'ffn_up', 'mlp.c_proj': 'ffn_down'}


def read_folder(folder, architecture):
    """The weights of a Hugging Face folder by GGUF's names, nothing transposed."""
    gpt2 = architecture == 'gpt2'
    of_model, of_layer = (GPT2_NAMES, GPT2_LAYER) if gpt2 else (LLAMA_NAMES, LLAMA_LAYER)
    before_layer = 'transformer.h.' if gpt2 else 'model.layers.'
    weights = {}
    for name, tensor in safetensors_file.read(folder / 'model.safetensors').items():
        part, kind = name.rsplit('.', 1)
        if part.startswith(before_layer):
            layer, part = part.removeprefix(before_layer).split('.', 1)
            ours = f'blk.{layer}.{of_layer[part]}'
            if gpt2 and tensor.dim() == 2:
                tensor = tensor.T
        else:
            ours = of_model[part]
        weights[f'{ours}.{kind}'] = tensor
    return weights


def draw_batch(seed, lengths, vocab_size=300):
    """Tokens that follow each other by a rule most of the time, so that there is something to learn. Every third row
    has no target."""
    draw = random.Random(seed)
    batch = {'lengths': lengths, 'tokens': [], 'target_rows': [], 'targets': []}
    for length in lengths:
        token = draw.randrange(vocab_size)
        for _ in range(length):
            following = (token * 7 + 1) % vocab_size if draw.random() < 0.8 else draw.randrange(vocab_size)
            if draw.randrange(3):
                batch['target_rows'].append(len(batch['tokens']))
                batch['targets'].append(following)
            batch['tokens'].append(token)
            token = following
    return batch


RAGGED = [[[40, 1, 77, 0, 13]]]  # a step of one micro-batch


def tensors_under(prefix, tensors):
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def draw_steps(lengths, vocab_size=300):
    return [[draw_batch(100 * s + b, batch, vocab_size) for b, batch in enumerate(step)]
            for s, step in enumerate(lengths)]


class Tools:
    """write_model and run_training, with a folder for what they write."""

    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder

    def run(self, tool, **job):
        path = self.folder / f'{tool}.json'
        path.write_text(json.dumps({key: str(v) if isinstance(v, pathlib.Path) else v for key, v in job.items()}))
        done = subprocess.run([self.programs / tool, path], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f'{tool} ended with {done.returncode}: {done.stderr.strip()}')
        return done.stdout

    def write_model(self, config, model_format='folder'):
        out = self.folder / f'model.{model_format}'
        self.run('write_model', config=config, format=model_format, out=out)
        return out

    def run_training(self, **job):
        """What it wrote: {name: tensor}."""
        out = self.folder / 'out.safetensors'
        out.unlink(missing_ok=True)
        self.run('run_training', out=out, **job)
        return safetensors_file.read(out)
