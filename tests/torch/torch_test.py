#!/usr/bin/env python3
"""Training beside PyTorch: the same weights, the same batches, everything compared.

usage: torch_test.py PROGRAMS [Gradients | Blocks | Steps | Mistakes ...]

  PROGRAMS    the folder with write_model and run_training

Exits with 77, which CTest counts as skipped, where no python3 on PATH has PyTorch.
"""
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

import find_torch

SKIPPED = 77
if not find_torch.run_where_torch_is():
    print('skipped: no python3 on PATH has PyTorch (Debian and Ubuntu: python3-torch)')
    sys.exit(SKIPPED)

import torch  # noqa: E402

import mistakes  # noqa: E402
import torch_models  # noqa: E402
from comparison import (BF16, F32, block_logits, expect_same_run, expect_same_step,  # noqa: E402
                        expect_same_weights, leaves, model_logits, train_in_torch)
from engine_runs import RAGGED, Tools, draw_batch, draw_steps, read_folder, tensors_under  # noqa: E402

PROGRAMS = pathlib.Path(sys.argv[1])

LLAMA = {'architecture': 'llama', 'num_layers': 2, 'hidden_size': 64, 'ffn_size': 96, 'num_heads': 4,
         'num_kv_heads': 2, 'vocab_size': 300, 'context_length': 128, 'rope_base': 5000.0}
GPT2 = {'architecture': 'gpt2', 'num_layers': 2, 'hidden_size': 64, 'ffn_size': 256, 'num_heads': 4,
        'vocab_size': 300, 'context_length': 128, 'tied_head': True, 'has_biases': True}


class TorchTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.tools = Tools(PROGRAMS, pathlib.Path(scratch.name))

    def run_model(self, config, steps, **job):
        """What tenfold does, and the weights it began with."""
        model = self.tools.write_model(config)
        weights = read_folder(model, config['architecture'])
        if job.get('without_biases'):
            weights = {name: tensor for name, tensor in weights.items() if not name.endswith('.bias')}
        return self.tools.run_training(model=model, steps=steps, **job), weights

    def check_model(self, config, steps=None, bounds=F32, z_loss=0.0, **job):
        steps = steps or draw_steps(RAGGED)
        ours, weights = self.run_model(config, steps, z_loss=z_loss, **job)
        expect_same_step(ours, model_logits(config), leaves(weights), steps[0], z_loss, bounds)


class Gradients(TorchTest):
    """The first step of whole models from files that tenfold wrote."""

    def test_llama(self):
        for tied_head in [False, True]:
            for isa in ['auto', 'portable']:
                with self.subTest(tied_head=tied_head, isa=isa):
                    self.check_model({**LLAMA, 'tied_head': tied_head}, isa=isa)

    def test_gpt2(self):
        for job in [{}, {'without_biases': True}, {'isa': 'portable'}]:
            with self.subTest(**job):
                self.check_model(GPT2, **job)

    def test_gpt2_with_a_head_of_its_own(self):
        self.check_model({**GPT2, 'tied_head': False})

    def test_gguf_is_the_same_model(self):
        """Though rotary pairs stand otherwise in a GGUF file, and nothing is transposed: the bits are the same."""
        for config in [LLAMA, GPT2]:
            with self.subTest(config['architecture']):
                of_folder, of_gguf = (self.tools.run_training(model=self.tools.write_model(config, kind),
                                                              steps=draw_steps(RAGGED)) for kind in ['folder', 'gguf'])
                self.assertEqual(list(of_folder), list(of_gguf))
                for name, tensor in of_folder.items():
                    self.assertTrue(torch.equal(tensor, of_gguf[name]), name)

    def test_micro_batches_of_different_sizes(self):
        self.check_model(LLAMA, draw_steps([[[50, 3], [2], [64, 64]]]))

    def test_z_loss(self):
        self.check_model(LLAMA, z_loss=0.01)

    def test_bf16(self):
        for config in [LLAMA, GPT2]:
            for isa in ['auto', 'portable']:
                with self.subTest(config['architecture'], isa=isa):
                    self.check_model(config, bounds=BF16, precision='bf16', isa=isa)


class Blocks(TorchTest):
    """Single operations, forward and backward, on long inputs."""

    def check_block(self, block, num_tokens, bounds=F32, num_heads=4, num_kv_heads=4, head_dim=32, z_loss=0.0, **job):
        batch = {**draw_batch(5, [num_tokens], vocab_size=16), 'tokens': list(range(num_tokens))}
        ours = self.tools.run_training(block=block, num_tokens=num_tokens, num_heads=num_heads,
                                       num_kv_heads=num_kv_heads, head_dim=head_dim, vocab_size=16, steps=[[batch]],
                                       z_loss=z_loss, **job)
        w = leaves(tensors_under('initial.', ours))
        expect_same_step(ours, block_logits(block, head_dim), w, [batch], z_loss, bounds)

    def test_attention_over_a_thousand_tokens(self):
        for num_kv_heads, head_dim, isa in [(4, 32, 'auto'), (2, 64, 'auto'), (1, 48, 'auto'), (2, 32, 'portable')]:
            with self.subTest(num_kv_heads=num_kv_heads, head_dim=head_dim, isa=isa):
                self.check_block('attention', 1024, num_kv_heads=num_kv_heads, head_dim=head_dim, isa=isa)

    def test_attention_in_bf16(self):
        self.check_block('attention', 1024, BF16, num_kv_heads=2, precision='bf16')

    def test_rotary(self):
        self.check_block('rotary', 1024)

    def test_gelu(self):
        self.check_block('gelu', 300)

    def test_cross_entropy(self):
        for z_loss in [0.0, 0.1]:
            with self.subTest(z_loss=z_loss):
                self.check_block('cross_entropy', 300, z_loss=z_loss)


# The norm shortens the gradients of some steps and leaves others, which AdamW would not tell apart from a shorter one
# for all.
ADAMW = {'learning_rate': 2e-3, 'beta1': 0.9, 'beta2': 0.95, 'epsilon': 1e-8, 'weight_decay': 0.1, 'max_norm': 2.5}
COSINE = {'schedule': 'cosine', 'num_warmup_steps': 3, 'final_learning_rate': 2e-4}
MICRO_BATCHES = [[[32, 32, 20], [32, 5]], [[32, 32]], [[7, 32], [32], [32]]]


class Steps(TorchTest):
    """Runs of the trainer: AdamW with decay for some, clipping, schedules, accumulation over micro-batches."""

    def check_run(self, config, num_steps, **options):
        options = {**ADAMW, **options}
        steps = draw_steps(MICRO_BATCHES)
        ours, weights = self.run_model(config, steps, num_steps=num_steps, **options)
        run = train_in_torch(config, weights, steps, num_steps, options)
        expect_same_run(ours, run)
        expect_same_weights(ours, run)
        self.assertLess(run.losses[-1], run.losses[0] - 1)  # there was something to go wrong

    def test_ten_steps_of_gpt2(self):
        self.check_run(GPT2, 10)

    def test_ten_steps_of_llama_without_clipping(self):
        self.check_run(LLAMA, 10, max_norm=0.0)

    def test_a_schedule(self):
        self.check_run(LLAMA, 20, **COSINE)

    def test_ten_steps_in_bf16(self):
        """Rounded products send a run a little aside, which its master weights in f32 keep from becoming more."""
        for config in [GPT2, LLAMA]:
            with self.subTest(config['architecture']):
                steps = draw_steps(MICRO_BATCHES)
                ours, weights = self.run_model(config, steps, num_steps=10, precision='bf16', **ADAMW)
                expected = train_in_torch(config, weights, steps, 10, ADAMW).losses
                for loss, other in zip(ours['losses'].tolist(), expected, strict=True):
                    self.assertAlmostEqual(loss, other, delta=1.5e-2)

    def test_sixty_steps_do_not_drift(self):
        self.check_run(GPT2, 60)


class Mistakes(TorchTest):
    """Whether the comparisons can fail: PyTorch's side makes a mistake, and they must say so."""

    def expect_found(self, mistakes, compare):
        compare()
        for name, wrong in mistakes:
            with self.subTest(f'{name}: {getattr(wrong, "__name__", wrong)}'):
                with mock.patch.object(torch_models, name, wrong), self.assertRaises(AssertionError):
                    compare()

    def test_llama(self):
        steps, z_loss = draw_steps(RAGGED), 0.01
        ours, weights = self.run_model(LLAMA, steps, z_loss=z_loss)
        self.expect_found(
            [('rotate', mistakes.rotate_back),
             ('rotate', mistakes.rotate_neighbours),
             ('score_scale', lambda head_dim: 1 / head_dim),
             ('future', lambda num: torch.ones(num, num, dtype=torch.bool).triu(2)),
             ('rms_norm', mistakes.rms_norm_without_epsilon),
             ('losses', mistakes.z_loss_without_gradient),
             ('num_shares', lambda batches: sum(len(batch['tokens']) for batch in batches))],
            lambda: expect_same_step(ours, model_logits(LLAMA), leaves(weights), steps[0], z_loss))

    def test_gpt2_in_bf16(self):
        """Larger bounds find larger mistakes."""
        steps = draw_steps(RAGGED)
        ours, weights = self.run_model(GPT2, steps, precision='bf16')
        self.expect_found(
            [('gelu', lambda x: x * torch.sigmoid(1.702 * x)),
             ('score_scale', lambda head_dim: 1 / head_dim),
             ('future', lambda num: torch.ones(num, num, dtype=torch.bool).triu(2))],
            lambda: expect_same_step(ours, model_logits(GPT2), leaves(weights), steps[0], bounds=BF16))

    def test_gelu(self):
        steps = draw_steps(RAGGED)
        ours, weights = self.run_model(GPT2, steps)
        self.expect_found([('gelu', torch.nn.functional.gelu)],
                          lambda: expect_same_step(ours, model_logits(GPT2), leaves(weights), steps[0]))

    def test_steps(self):
        """Losses alone find each of them, without a look at the weights."""
        steps, options = draw_steps(MICRO_BATCHES), {**ADAMW, **COSINE}
        ours, weights = self.run_model(GPT2, steps, num_steps=10, **options)
        clip, make_adamw, rate = torch_models.clip, torch_models.make_adamw, torch_models.learning_rate

        def with_options(**others):
            return lambda w, options: make_adamw(w, {**options, **others})

        self.expect_found(
            [('decays', lambda name, tensor: True),
             ('decays', lambda name, tensor: 'token_embd' not in name and tensor.dim() > 1),
             ('clip', lambda w, max_norm: clip(w, 0)),
             ('clip', lambda w, max_norm: clip(w, max_norm / 2)),
             ('learning_rate', lambda step, num_steps, options: rate(step - 1, num_steps, options)),
             ('learning_rate', lambda step, num_steps, options: rate(step, num_steps + 1, options)),
             ('make_adamw', mistakes.AdamWithoutCorrection),
             ('make_adamw', with_options(beta2=0.999)),
             ('make_adamw', with_options(epsilon=1e-5)),
             ('make_adamw', with_options(optimizer=torch.optim.Adam))],  # adds the decay to the gradient
            lambda: expect_same_run(ours, train_in_torch(GPT2, weights, steps, 10, options)))


if __name__ == '__main__':
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
