#!/usr/bin/env python3
"""Runs the program `tenfold` as a user would and checks output, exit codes and messages.

usage: cli_test.py TENFOLD SHARED [-k NAME]    the binary, and the folder with models that lies beside the repository
                                               (the environment variable TENFOLD_SHARED overrides it); -k and other
                                               options of unittest

Exits with 77, which CTest counts as skipped, where SHARED is absent.
"""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

SKIPPED = 77
TENFOLD = ''
SHARED = pathlib.Path()
FORMATS = ['models/stories260K.gguf', 'models/stories260K-hf']


def start(*arguments):
    return subprocess.Popen([TENFOLD, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def wait_until(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.model = SHARED / FORMATS[0]
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_tenfold(self, *arguments, stdin='', exit_code=0):
        done = subprocess.run([TENFOLD, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, exit_code, f'{arguments}\n{done.stdout}\n{done.stderr}')
        return done

    def run_json(self, *arguments, stdin=''):
        """One JSON object, and nothing else on standard output."""
        answer = json.loads(self.run_tenfold(*arguments, '--json', stdin=stdin).stdout)
        self.assertIsInstance(answer, dict)
        return answer

    def expect_error(self, exit_code, *arguments, says):
        done = self.run_tenfold(*arguments, exit_code=exit_code)
        self.assertEqual(done.stdout, '')
        self.assertTrue(done.stderr.startswith('tenfold: error: '), done.stderr)
        for part in says:
            self.assertIn(part, done.stderr)


class Program(CommandLine):
    def test_help_and_version(self):
        commands = ['serve', 'generate', 'chat', 'tokenize', 'info', 'perplexity', 'synth', 'quantize', 'convert',
                    'train', 'bench', 'bench kernels',
                    'bench model', 'bench serve', 'bench replay',
                    'bench paper']
        summary = self.run_tenfold('--help').stdout
        for command in commands:
            self.assertIn(command.split()[0], summary)
            self.assertIn(f'tenfold {command}', self.run_tenfold(*command.split(), '--help').stdout)
        self.assertRegex(self.run_tenfold('--version').stdout, r'^tenfold \d+\.\d+\.\d+\n$')

    def test_wrong_usage(self):
        prompt = ['--prompt', 'a']
        for arguments, says in [
            ([], ['subcommand is required', 'tenfold --help']),
            (['sing'], ['no subcommand "sing"']),
            (['--loud'], ['no subcommand "--loud"']),
            (['generate', 'hf:repo', *prompt], ['names no model on the hub', 'hf:org/repo:Q4_K_M']),
            (['generate', self.model], ['--prompt']),
            (['generate', self.model, '--prompt', 'a', '--prompt-ids', '1'], ['excludes']),
            (['generate', self.model, '--prompt-ids', '1,x'], ['--prompt-ids']),
            (['generate', self.model, *prompt, '--loud'], ['--loud']),
            (['generate', self.model, *prompt, '--max-tokens', 'many'], ['--max-tokens']),
            (['generate', self.model, *prompt, '--max-tokens', '0'], ['max_tokens']),
            (['generate', self.model, *prompt, '--temperature', '-1'], ['temperature is -1']),
            (['generate', self.model, *prompt, '--logprobs', '2'], ['--json']),
            (['generate', self.model, *prompt, '--kv-cache-memory', '3Q'], ['"3Q" is not a size']),
            (['generate', self.model, *prompt, '--kv-cache-dtype', 'q4_0'], ['--kv-cache-dtype', 'bf16']),
            (['generate', self.model, *prompt, '--block-size', '17'], ['--block-size']),
            (['generate', self.model, *prompt, '--isa', 'neon'], ['--isa', 'portable']),
            (['perplexity', self.model], ['--file']),
            (['synth', '--shape', 'vast', '--type', 'F32', '--vocab', 'a', '--out', 'b'], ['tinyllama-1.1b', 'tiny']),
            (['quantize', self.model, 'b', '--type', 'Q2_K'], ['--type', 'Q8_0', 'Q4_K_M']),
            (['quantize', self.model, 'b'], ['--type is required']),
            (['convert', self.model], ['OUT is required', 'tenfold convert --help']),
            (['convert'], ['IN is required', 'tenfold convert --help']),
            (['serve', self.model, '--port', '65536'], ['--port']),
            (['serve', self.model, '--uds', 'a', '--port', '1'], ['--uds', 'excludes', '--port']),
            (['serve', self.model, '--max-connections', '0'], ['--max-connections']),
            (['serve', self.model, '--max-body-bytes', 'much'], ['"much" is not a size']),
            (['serve', self.model, '--drain-timeout', '0'], ['--drain-timeout']),
            (['bench'], ['subcommand is required', 'tenfold bench --help']),
            (['bench', 'sing'], ['no subcommand "sing"', 'tenfold bench --help']),
            (['bench', 'model', '--loud'], ['--loud', 'tenfold bench model --help']),
            (['bench', 'model', self.model, '--prefill', '0'], ['--prefill']),
            (['bench', 'kernels', '--shape', '64'], ['"64" is no shape']),
            (['bench', 'kernels', '--rows', '1,x'], ['--rows']),
        ]:
            with self.subTest(arguments=arguments):
                self.expect_error(2, *arguments, says=says)

    def test_wrong_usage_is_told_by_the_exit_code_alone(self):
        with open('/dev/full', 'w') as full:
            self.assertEqual(subprocess.run([TENFOLD, 'sing'], stderr=full).returncode, 2)
            self.assertEqual(subprocess.run([TENFOLD, 'info', self.folder / 'none'], stderr=full).returncode, 1)

    def test_bad_models(self):
        truncated = self.folder / 'truncated.gguf'
        truncated.write_bytes(self.model.read_bytes()[:500_000])
        absent = self.folder / 'absent.gguf'
        looped = self.folder / 'looped'
        looped.mkdir()
        (looped / 'config.json').symlink_to('config.json')
        for model, says in [
            (absent, ['no such file']),
            (self.folder, ['config.json']),
            (looped, ['config.json']),
            (truncated, ['tensor "', 'incomplete download']),
            (SHARED / 'models/arch/qwen2.gguf', ['architecture "qwen2" is not supported', 'llama, gpt2']),
            (SHARED / 'models/quant/llama-256-q3_k.gguf', ['Q3_K', 'use a file in F32']),
            (SHARED / 'models/stories260K-greedy.json', ['GGUF']),
        ]:
            with self.subTest(model=model):
                self.expect_error(1, 'generate', model, '--prompt', 'a', '--json', says=[str(model), *says])

    def test_refusals_at_run_time(self):
        for arguments, says in [
            (['--prompt-ids', '512'], ['512']),
            (['--prompt', 'a', '--max-model-len', '513'], ['--max-model-len 513', '512']),
            (['--prompt', 'a', '--kv-cache-memory', '1'], ['--kv-cache-memory']),
            (['--prompt', 'a', '--kv-cache-memory', '900T'], ['--kv-cache-memory', 'are free']),
            (['--prompt', 'Once ' * 600], ['512']),
        ]:
            with self.subTest(arguments=arguments):
                self.expect_error(1, 'generate', self.model, *arguments, says=says)


class Generate(CommandLine):
    def test_recorded_texts(self):
        records = json.loads((SHARED / 'models/stories260K-greedy.json').read_text())
        self.assertEqual(len(records), 8)
        for model in FORMATS:
            for record in records:
                with self.subTest(model=model, prompt=record['prompt']):
                    answer = self.run_json('generate', SHARED / model, '--prompt', record['prompt'], '--max-tokens',
                                           len(record['completion_ids']), '--kv-cache-dtype', 'f32', '--ignore-eos',
                                           '--logprobs', 5)
                    self.assertEqual(answer['prompt_ids'], record['prompt_ids'])
                    self.assertEqual(answer['token_ids'], record['completion_ids'])
                    self.assertEqual(answer['finish_reason'], 'length')
                    for token, top in zip(answer['logprobs'], record['top5'], strict=True):
                        self.assertAlmostEqual(token['logprob'], top[0][1], delta=1e-3)
                        self.assertEqual(token['top'][0][0], top[0][0])
                        self.assertEqual(len(token['top']), 5)
                    self.assertEqual(set(answer['timings']), {'load_ms', 'prefill_ms', 'decode_ms', 'prefill_tok_s',
                                                              'decode_tok_s'})

    def test_prompt_in_three_ways(self):
        def text_of(*arguments, **keywords):
            return self.run_tenfold('generate', self.model, '--max-tokens', 20, *arguments, **keywords)

        given = text_of('--prompt', 'Once upon a time')
        self.assertTrue(given.stdout.endswith('\n'))
        self.assertGreater(len(given.stdout), 20)
        self.assertRegex(given.stderr, r'prompt \d+ tokens.*output 20 tokens.*tok/s')
        self.assertEqual(text_of('--prompt', '-', stdin='Once upon a time').stdout, given.stdout)
        ids = self.run_json('tokenize', self.model, '--text', 'Once upon a time')['ids']
        self.assertEqual(text_of('--prompt-ids', ','.join(map(str, ids))).stdout, given.stdout)

    def test_endings(self):
        arguments = ['generate', self.model, '--prompt', 'Once upon a time', '--max-tokens', 60]
        whole = self.run_json(*arguments)['text']
        self.assertIn('girl', whole)
        stopped = self.run_json(*arguments, '--stop', 'nowhere', '--stop', 'girl')
        self.assertEqual(stopped['finish_reason'], 'stop')
        self.assertEqual(stopped['text'], whole[:whole.index('girl')])

    def test_seeds(self):
        arguments = ['generate', self.model, '--prompt', 'Once', '--temperature', 1, '--max-tokens', 30]
        first, again, other = (self.run_json(*arguments, '--seed', seed)['text'] for seed in (1, 1, 2))
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)

    def test_several_texts(self):
        arguments = ['generate', self.model, '--prompt', 'Once', '--temperature', 1, '--seed', 3, '--n', 3,
                     '--max-tokens', 30]
        texts = [sample['text'] for sample in self.run_json(*arguments)['samples']]
        self.assertEqual(len(set(texts)), 3)
        self.assertEqual(self.run_tenfold(*arguments).stdout,
                         ''.join(f'[{i}] {text}\n' for i, text in enumerate(texts)))


class OtherCommands(CommandLine):
    def test_tokenize(self):
        vocabulary = SHARED / 'vocabs/ggml-vocab-llama-bpe.gguf'
        text = 'Zürich\t東 🎈'
        answer = self.run_json('tokenize', vocabulary, '--no-special', '--text', text)
        self.assertEqual(len(answer['ids']), len(answer['pieces']))
        lines = self.run_tenfold('tokenize', vocabulary, '--no-special', stdin=text).stdout.splitlines()
        self.assertEqual([int(line.split()[0]) for line in lines], answer['ids'])
        file = self.folder / 'text'
        file.write_text(text)
        self.assertEqual(self.run_json('tokenize', vocabulary, '--no-special', '--file', file), answer)
        with_special = self.run_json('tokenize', vocabulary, '--text', text)['ids']
        self.assertEqual(with_special[1:], answer['ids'])

    def test_tokenize_recorded_texts(self):
        for record in json.loads((SHARED / 'models/stories260K-greedy.json').read_text()):
            for model in FORMATS:
                answer = self.run_json('tokenize', SHARED / model, '--text', record['prompt'])
                self.assertEqual(answer['ids'], record['prompt_ids'])

    def test_info(self):
        for model in FORMATS:
            info = self.run_json('info', SHARED / model, '--max-num-seqs', 4, '--tensors')
            self.assertEqual(info['num_parameters'], 260032)
            self.assertEqual(info['weight_bytes'], 4 * 260032)
            self.assertEqual(len(info['tensors']), info['types']['F32']['tensors'])
            # 5 layers of 4 heads; keys of 8, values padded to 16 numbers of 2 bytes.
            self.assertEqual(info['kv_bytes_per_token'], 5 * 4 * (8 + 16) * 2)
            self.assertEqual(info['kv_bytes'], 4 * 512 * info['kv_bytes_per_token'])
        shown = self.run_tenfold('info', SHARED / 'models/quant/llama-256-q3_k.gguf').stdout
        self.assertRegex(shown, r'Q3_K +\d+ tensors.*cannot be computed with')

    def test_perplexity(self):
        text = 'Once upon a time, there was a little girl named Lily. She loved to play outside in the park.'
        file = self.folder / 'text'
        file.write_text(text)
        answer = self.run_json('perplexity', self.model, '--file', file, '--kv-cache-dtype', 'f32')
        ids = self.run_json('tokenize', self.model, '--no-special', '--text', text)['ids']
        self.assertEqual(answer['num_tokens'], len(ids))
        self.assertLess(answer['perplexity'], 3)
        self.assertIn('bits per byte', self.run_tenfold('perplexity', self.model, '--file', file).stdout)
        self.expect_error(1, 'perplexity', self.model, '--file', file, '--context', '513', says=['--context 513'])
        self.expect_error(1, 'perplexity', self.model, '--file', self.folder / 'none', says=['none', 'No such file'])

    def test_synth(self):
        out = self.folder / 'model.gguf'
        arguments = ['synth', '--shape', 'tiny', '--type', 'q8_0', '--vocab', self.model, '--out', out]
        self.assertIn('parameters', self.run_tenfold(*arguments).stderr)
        self.expect_error(1, *arguments, says=[str(out), '--overwrite'])
        self.run_tenfold(*arguments, '--force')
        answer = self.run_json('generate', out, '--prompt', 'a', '--max-tokens', 5, '--ignore-eos')
        self.assertEqual(len(answer['token_ids']), 5)

    def test_synth_mixes(self):
        out = self.folder / 'mix.gguf'
        arguments = ['--type', 'q4_k_m', '--vocab', self.model, '--out', out]
        self.assertNotIn('note', self.run_tenfold('synth', '--shape', 'tiny-256', *arguments).stderr)
        types = self.run_json('info', out)['types']
        # Two layers of seven matrices and the embeddings; the output matrix, and v and ffn_down of the last layer.
        self.assertEqual({name: types[name]['tensors'] for name in types}, {'F32': 5, 'Q4_K': 13, 'Q6_K': 3})
        shown = self.run_tenfold('synth', '--shape', 'tiny', '--force', *arguments).stderr
        self.assertIn('rows of 16 matrices are not whole blocks of Q4_K_M', shown)

    def test_chat(self):
        def chat(lines):
            return self.run_tenfold('chat', self.model, '--temperature', 0, '--max-tokens', 12, stdin=lines)

        once = chat('Hello\n')
        self.assertIn('no chat template', once.stderr)
        answer = once.stdout
        self.assertGreater(len(answer), 5)
        # A second turn knows the first, unless it was forgotten; nothing is read after /exit.
        self.assertEqual(chat('Hello\n/reset\n\nHello\n/exit\nHello\n').stdout, 2 * answer)
        self.assertNotEqual(chat('Hello\nHello\n').stdout, 2 * answer)

    def test_chat_template(self):
        template = self.folder / 'template.jinja'

        def chat(text, exit_code=0):
            template.write_text(text)
            return self.run_tenfold('chat', self.model, '--temperature', 0, '--max-tokens', 12, '--chat-template',
                                    template, stdin='Hello\n', exit_code=exit_code)

        # What the template writes is the prompt.
        as_is = chat('{{ bos_token }}{{ messages[0].content }}')
        self.assertNotIn('warning', as_is.stderr)
        generated = self.run_json('generate', self.model, '--prompt', 'Hello', '--temperature', 0, '--max-tokens', 12)
        self.assertEqual(as_is.stdout.strip(), generated['text'].strip())
        self.assertIn(f'{template}: chat template, line 2', chat('\n{% if %}', exit_code=1).stderr)
        self.assertIn('no Hello here', chat('{{ raise_exception("no " ~ messages[0].content ~ " here") }}', exit_code=1).stderr)
        self.assertIn('is empty', chat('', exit_code=1).stderr)
        missing = self.folder / 'missing.jinja'
        failed = self.run_tenfold('serve', self.model, '--port', 0, '--chat-template', missing, exit_code=1)
        self.assertIn(str(missing), failed.stderr)


def read_safetensors(path):
    """Names with types, shapes and bytes, by the format's definition."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], 'little')
    header = json.loads(data[8:8 + size])
    assert header.pop('__metadata__', None) in (None, {'format': 'pt'})
    tensors, end = {}, 0
    for name, entry in header.items():
        begin, after = entry['data_offsets']
        assert begin == end, 'a gap'
        end = after
        tensors[name] = (entry['dtype'], entry['shape'], data[8 + size + begin:8 + size + after])
    assert 8 + size + end == len(data)
    return tensors


class Written(CommandLine):
    """quantize and convert."""

    def test_round_trips(self):
        folder, file = self.folder / 'hf', self.folder / 'back.gguf'
        told = self.run_tenfold('convert', self.model, folder).stderr
        self.assertRegex(told, r'hf: 260032 parameters in F32, 1020\.5 KiB from 1\.0 MiB \(99 %\), [\d.]+ s\n')
        self.assertEqual(sorted(path.name for path in folder.iterdir()),
                         ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json',
                          'tokenizer_config.json'])
        # The folder that came with the model was made by others.
        theirs = SHARED / 'models/stories260K-hf'
        self.assertEqual(read_safetensors(folder / 'model.safetensors'), read_safetensors(theirs / 'model.safetensors'))
        config, other = (json.loads((path / 'config.json').read_text()) for path in (folder, theirs))
        self.assertEqual({key: config[key] for key in other}, other)
        merges, others = (json.loads((path / 'tokenizer.json').read_text())['model']['merges']
                          for path in (folder, theirs))
        self.assertEqual(merges, others)
        self.run_tenfold('convert', folder, file)
        self.assertEqual(self.run_json('info', file)['name'], 'hf')
        for record in json.loads((SHARED / 'models/stories260K-greedy.json').read_text()):
            for model in (folder, file):
                answer = self.run_json('generate', model, '--prompt', record['prompt'], '--max-tokens',
                                       len(record['completion_ids']), '--kv-cache-dtype', 'f32', '--ignore-eos')
                self.assertEqual(answer['prompt_ids'], record['prompt_ids'])
                self.assertEqual(answer['token_ids'], record['completion_ids'])

    def test_types(self):
        bf16, back = self.folder / 'bf16', self.folder / 'back.gguf'
        self.run_tenfold('convert', self.model, bf16, '--type', 'bf16')
        types = {name: tensor[0] for name, tensor in read_safetensors(bf16 / 'model.safetensors').items()}
        self.assertEqual(types['model.embed_tokens.weight'], 'BF16')
        self.assertEqual(types['model.norm.weight'], 'F32')
        self.run_tenfold('convert', bf16, back)
        self.assertEqual(self.run_json('info', back)['types'].keys(), {'BF16', 'F32'})
        told = self.run_tenfold('quantize', bf16, self.folder / 'q8.gguf', '--type', 'q8_0').stderr
        self.assertIn('parameters in Q8_0', told)
        self.assertIn('rows of 5 matrices are not whole blocks of Q8_0', told)
        self.assertEqual(self.run_json('info', self.folder / 'q8.gguf')['types'].keys(), {'Q8_0', 'F16', 'F32'})
        self.assertEqual(len(self.run_json('generate', self.folder / 'q8.gguf', '--prompt', 'Once', '--max-tokens', 5,
                                           '--ignore-eos')['token_ids']), 5)

    def test_gpt2(self):
        model, folder = SHARED / 'models/arch/gpt2.gguf', self.folder / 'hf'
        self.run_tenfold('convert', model, folder)
        records = json.loads((SHARED / 'models/arch/expected.json').read_text())['gpt2.gguf']
        for record in records:
            for path in (model, folder):
                answer = self.run_json('generate', path, '--prompt-ids', ','.join(map(str, record['prompt_ids'])),
                                       '--max-tokens', len(record['completion_ids']), '--kv-cache-dtype', 'f32',
                                       '--ignore-eos')
                self.assertEqual(answer['token_ids'], record['completion_ids'])
        # Its positions are a table, which ends.
        bench = ['bench', 'model', model, '--repeat', 1]
        self.assertIn('decode 1 at context 240', self.run_tenfold(*bench, '--context', 240).stdout)
        self.assertIn('table of positions ends at 256', self.run_tenfold(*bench, '--context', 241, exit_code=1).stderr)

    def test_refusals(self):
        out, quantized = self.folder / 'out.gguf', self.folder / 'quantized.gguf'
        self.run_tenfold('quantize', self.model, quantized, '--type', 'Q4_0')
        out.write_text('mine')
        absent = self.folder / 'absent'
        fresh = self.folder / 'fresh.gguf'
        for arguments, says in [
            (['quantize', absent, fresh, '--type', 'Q8_0'], [str(absent)]),
            (['quantize', self.model, out, '--type', 'Q8_0'], [str(out), 'exists already', '--overwrite']),
            (['quantize', quantized, quantized, '--type', 'Q8_0', '--overwrite'], ['is read from']),
            (['quantize', quantized, fresh, '--type', 'Q8_0'], ['is in Q4_0 already', '--allow-requantize']),
            (['quantize', SHARED / 'models/quant/llama-256-q3_k.gguf', fresh, '--type', 'Q8_0'], ['Q3_K']),
            (['quantize', self.model, absent / 'out.gguf', '--type', 'Q8_0'], ['cannot be written', 'No such file']),
            (['convert', absent, fresh], [str(absent), 'no such file or folder']),
            (['convert', self.model, fresh], ['is a GGUF file already', 'tenfold quantize']),
            (['convert', self.model, self.folder / 'hf', '--type', 'Q8_0'], ['F32, F16 or BF16']),
            (['convert', self.model, self.folder], [str(self.folder), 'exists already']),
            (['convert', self.model, self.folder, '--overwrite'], ['which is not replaced']),
            (['convert', SHARED / 'models/arch/qwen2.gguf', absent], ['"qwen2" is not supported']),
        ]:
            with self.subTest(arguments=arguments):
                self.expect_error(1, *arguments, says=says)
        self.assertEqual(out.read_text(), 'mine')
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ['out.gguf', 'quantized.gguf'])
        self.run_tenfold('quantize', self.model, out, '--type', 'Q8_0', '--overwrite')
        self.run_tenfold('quantize', quantized, fresh, '--type', 'Q8_0', '--allow-requantize')

    def test_full_disk(self):
        disk = self.folder / 'disk'
        disk.mkdir()
        mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', disk], capture_output=True,
                                 text=True)
        if mounted.returncode != 0:
            self.skipTest(f'a small file system cannot be mounted here: {mounted.stderr.strip()}')
        self.addCleanup(subprocess.run, ['umount', disk], check=True)
        for arguments in [('quantize', self.model, disk / 'out.gguf', '--type', 'F32'), ('convert', self.model, disk / 'hf')]:
            self.expect_error(1, *arguments, says=['No space left on device'])
            self.assertEqual(list(disk.iterdir()), [])


class Bench(CommandLine):
    """That everything is measured and said; figures of such small sizes mean nothing."""
    TINY = ['--shape', '48x256', '--rows', '1,5', '--context', '40', '--working-set', '1M', '--repeat', 1]
    FIGURES = {'median_us', 'p10_us', 'p90_us', 'samples', 'gb_s', 'percent_of_bandwidth', 'limit', 'percent_of_limit'}

    def run_lines(self, *arguments):
        """The machine, and the measurements."""
        lines = [json.loads(line) for line in self.run_tenfold('bench', *arguments, '--json').stdout.splitlines()]
        machine = lines.pop(0)
        self.assertEqual(machine['name'], 'machine')
        self.assertTrue(machine['processor'])
        self.assertGreater(machine['threads'], 0)
        for limit in ['memory_gb_s', 'cache_gb_s', 'f32_gop_s', 'bf16_gop_s', 'int8_gop_s']:
            self.assertGreater(machine[limit], 0)
            self.assertLessEqual(machine[f'{limit}_p10'], machine[f'{limit}_p90'])
        return machine, lines

    def expect_figures(self, line):
        self.assertLessEqual(self.FIGURES, line.keys(), line)
        for figure in ['median_us', 'gb_s', 'percent_of_limit']:
            self.assertGreater(line[figure], 0, line)
        self.assertIn(line['limit'], ['memory', 'cache', 'f32', 'bf16', 'int8'])

    def test_kernels(self):
        for isa in ['auto', 'portable']:
            machine, lines = self.run_lines('kernels', *self.TINY, '--isa', isa, '--threads', 2)
            self.assertEqual(machine['threads'], 2)
            self.assertEqual(machine['isa'] == 'portable', isa == 'portable')
            for line in lines:
                self.expect_figures(line)
            matmuls = [line for line in lines if line['name'] == 'matmul']
            self.assertLessEqual({'F32', 'F16', 'BF16', 'Q8_0', 'Q4_0'}, {line['type'] for line in matmuls})
            self.assertEqual({(line['outputs'], line['inputs'], line['rows']) for line in matmuls},
                             {(48, 256, 1), (48, 256, 5)})
            attentions = {(line['type'], line['sequences'], line['tokens'], line['context'], line['head_dim'])
                          for line in lines if line['name'] == 'attention'}
            self.assertEqual(attentions, {(cache, *step, 40, head_dim) for cache in ['F32', 'F16', 'BF16']
                                          for step in [(1, 256), (1, 1), (16, 1)] for head_dim in [64, 128]})
            self.assertLessEqual({'rms_norm', 'silu_multiply', 'rotary', 'pack_int8'}, {line['name'] for line in lines})

    def test_kernels_are_filtered(self):
        _, lines = self.run_lines('kernels', *self.TINY, '--filter', 'Q4_0 48x256 rows 5')
        self.assertEqual([(line['type'], line['rows']) for line in lines], [('Q4_0', 5)])
        table = self.run_tenfold('bench', 'kernels', *self.TINY, '--filter', 'matmul Q8_0').stdout
        self.assertRegex(table, r'reading memory +[\d.]+ .* GB/s')
        self.assertRegex(table, r'matmul Q8_0 48x256 rows 1 .* % of (memory|int8)(, 1 of 1 samples disturbed)?\n')
        self.expect_no_kernels('--filter', 'nothing')

    def expect_no_kernels(self, *arguments):
        done = self.run_tenfold('bench', 'kernels', *self.TINY, *arguments, exit_code=1)
        self.assertIn('no kernel has "nothing"', done.stderr)

    def test_model(self):
        points = ['--prefill', '8,70', '--decode-batch', '1,3', '--context', '0,600', '--repeat', 2]
        # 600 tokens are more than the model's context, chunks of 16 leave a rest.
        _, lines = self.run_lines('model', self.model, *points, '--max-num-batched-tokens', 16)
        by_name = {}
        for line in lines:
            by_name.setdefault(line['name'], []).append(line)
        self.assertEqual([line['tokens'] for line in by_name['prefill']], [8, 70])
        self.assertEqual([(line['batch'], line['context']) for line in by_name['decode']],
                         [(1, 0), (3, 0), (1, 600), (3, 600)])
        for line in by_name['prefill'] + by_name['decode']:
            self.expect_figures(line)
            self.assertGreater(line['tok_s'], 0)
            self.assertLessEqual(line['tok_s_p10'], line['tok_s_p90'])
        [load], [memory] = by_name['load'], by_name['memory']
        self.assertGreater(load['median_ms'], 0)
        self.assertGreater(memory['peak_bytes'], memory['weight_bytes'])
        # 3 sequences of 600 tokens and a sample's steps, in pages of 32 tokens.
        tokens = 3 * (-(-(600 + 16) // 32) * 32)
        self.assertEqual(memory['kv_bytes'], tokens * 5 * 4 * (8 + 16) * 2)

    def test_model_table(self):
        shown = self.run_tenfold('bench', 'model', self.model, '--prefill', 16, '--decode-batch', 2, '--repeat', 1).stdout
        for part in [r'prefill 16 .* tok/s', r'decode 2 at context 0 .* tok/s', r'resident memory .* MiB']:
            self.assertRegex(shown, part)
        self.expect_error_after_machine(self.folder / 'absent.gguf', says='no such file')

    def expect_error_after_machine(self, model, says):
        done = self.run_tenfold('bench', 'model', model, '--repeat', 1, exit_code=1)
        self.assertIn(says, done.stderr)


class Replay(CommandLine):
    def test_the_same_every_time(self):
        tell = ['bench', 'replay', '--workload', 'alpaca', '--num-prompts', 200, '--request-rate', '2,20', '--json']
        first = self.run_tenfold(*tell).stdout
        self.assertEqual(first, self.run_tenfold(*tell).stdout)
        lines = [json.loads(line) for line in first.splitlines()]
        policies = {line['policy'] for line in lines}
        self.assertLessEqual({'sarathi', 'prefill-first', 'orca-max', 'static'}, policies)
        self.assertEqual(len(lines), 2 * len(policies))
        for line in lines:
            self.assertGreater(line['mean_normalized_latency_s'], 0, line)
            self.assertLessEqual(line['percent_of_cache'], line['percent_of_pages'])
        self.assertIn('sarathi', self.run_tenfold(*tell[:-1]).stdout)

    def test_capacity(self):
        lines = self.run_tenfold('bench', 'replay', '--capacity', 0.1, '--num-prompts', 200, '--scheduling-policy',
                                 'orca-max,sarathi', '--json').stdout.splitlines()
        orca, sarathi = (json.loads(line)['requests_per_s'] for line in lines)
        self.assertGreater(sarathi, 2 * orca)

    def test_papers(self):
        for paper in ['paged-attention', 'orca', 'sarathi', 'radix-attention']:
            drawing = self.folder / f'{paper}.svg'
            lines = [json.loads(line) for line in
                     self.run_tenfold('bench', 'paper', paper, '--json', '--svg', drawing).stdout.splitlines()]
            figures = [line for line in lines if line['name'] == 'figure']
            self.assertEqual({figure['way'] for figure in figures}, {'replay', 'cpu'})
            self.assertNotIn('MISSED', {figure['verdict'] for figure in figures}, figures)
            self.assertIn('</svg>', drawing.read_text())

    def test_wrong_usage(self):
        self.expect_error(1, 'bench', 'replay', '--machine', 'abacus', says=['abacus', 'cpu:R'])
        self.expect_error(2, 'bench', 'paper', 'lora', says=['lora'])


class Serve(CommandLine):
    def setUp(self):
        super().setUp()
        self.server = start('serve', self.model, '--port', 0, '--api-key', 'secret', '--served-model-name', 'stories')
        self.addCleanup(self.server.communicate)
        self.addCleanup(self.server.kill)
        self.report = ''
        while 'serving' not in self.report:
            line = self.server.stderr.readline()
            self.assertNotEqual(line, '', self.report)
            self.report += line
        port = int(re.search(r'http://127\.0\.0\.1:(\d+)/v1 as "stories"', self.report)[1])
        self.connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
        self.addCleanup(self.connection.close)

    def post(self, path, body):
        self.connection.request('POST', path, json.dumps(body), {'Authorization': 'Bearer secret'})
        return self.connection.getresponse()

    def test_report(self):
        for part in ['llama "stories260K", 260032 parameters, F32', 'weights', 'tokens in BF16, pages of 32',
                     'sequences of 512 tokens', 'activations', 'threads', 'kernels', 'load']:
            self.assertIn(part, self.report)

    def test_bench_serve(self):
        url = f'http://127.0.0.1:{self.connection.port}/v1'
        result = self.folder / 'result.json'
        tell = ['bench', 'serve', '--url', url, '--api-key', 'secret', '--num-prompts', 8, '--input-len', 40,
                '--output-len', 6]
        summary = self.run_json(*tell, '--workload', 'chat', '--prefix-len', 64, '--num-turns', 4, '--save-result', result)
        self.assertEqual(summary['completed'], 8)
        self.assertEqual(summary['total_output_tokens'], 48)
        # Two conversations of four turns; all but the last few tokens of what was said before is cached.
        self.assertGreater(summary['total_cached_tokens'], 0.5 * summary['total_input_tokens'])
        self.assertEqual(json.loads(result.read_text()), summary)
        for name in ['ttft', 'tpot', 'itl', 'e2el']:
            self.assertLessEqual(summary[f'median_{name}_ms'], summary[f'p99_{name}_ms'])
        table = self.run_tenfold(*tell, '--max-concurrency', 2, '--goodput', 'e2el:60000').stdout
        self.assertRegex(table, r'Most requests at once +2\n')
        self.assertRegex(table, r'Good requests/s +[1-9]')
        self.expect_error(1, *tell[:4], '--api-key', 'wrong', says=['HTTP 401', 'is the server running?'])
        self.expect_error(2, *tell, '--goodput', 'speed:3', says=['speed:3'])

    def test_answers_until_told_to_stop(self):
        record = json.loads((SHARED / 'models/stories260K-greedy.json').read_text())[0]
        response = self.post('/v1/completions', {'model': 'stories', 'prompt': record['prompt'], 'temperature': 0,
                                                 'max_tokens': 16})
        self.assertEqual(response.status, 200)
        answer = json.loads(response.read())
        expected = self.run_json('generate', self.model, '--prompt', record['prompt'], '--max-tokens', 16)
        self.assertEqual(answer['choices'][0]['text'], expected['text'])
        self.connection.request('GET', '/v1/models')
        response = self.connection.getresponse()
        self.assertEqual(response.status, 401)
        response.read()

        # An open stream is finished first.
        response = self.post('/v1/completions', {'prompt': 'Once', 'max_tokens': 400, 'ignore_eos': True,
                                                 'stream': True})
        self.assertTrue(response.readline().startswith(b'data: '))
        self.server.send_signal(signal.SIGTERM)
        self.assertTrue(response.read().rstrip().endswith(b'data: [DONE]'))
        self.assertEqual(self.server.wait(timeout=60), 0)

    def test_port_in_use(self):
        port = re.search(r':(\d+)/v1', self.report)[1]
        self.expect_error(1, 'serve', self.model, '--port', port, says=[port])


class ServeFlags(CommandLine):
    def serve(self, *arguments):
        """The running server, and what it said of where it is."""
        server = start('serve', self.model, *arguments)
        self.addCleanup(server.communicate)
        self.addCleanup(server.kill)
        report = ''
        while 'serving' not in report:
            line = server.stderr.readline()
            self.assertNotEqual(line, '', report)
            report += line
        return server, re.search(r'serving +(\S+) as', report)[1]

    def connect(self, base_url):
        connection = http.client.HTTPConnection('127.0.0.1', int(base_url.split(':')[2].split('/')[0]), timeout=60)
        self.addCleanup(connection.close)
        return connection

    def ask(self, connection, method, path, body=None, **headers):
        connection.request(method, path, body, {name.replace('_', '-'): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.headers, response.read()

    def test_keys_from_a_file(self):
        keys = self.folder / 'keys'
        keys.write_text('# the team\nfirst\n\nsecond\n')
        _, url = self.serve('--port', 0, '--api-key', 'third', '--api-key-file', keys)
        connection = self.connect(url)
        for key, status in [('first', 200), ('second', 200), ('third', 200), ('# the team', 401), ('fourth', 401)]:
            self.assertEqual(self.ask(connection, 'GET', '/v1/models', Authorization=f'Bearer {key}')[0], status, key)
        for text, says in [('# none\n', ['no key in it']), ('a\nb c\n', ['line 2'])]:
            keys.write_text(text)
            self.expect_error(1, 'serve', self.model, '--port', 0, '--api-key-file', keys, says=[str(keys), *says])

    def test_generation_config(self):
        config = self.folder / 'generation_config.json'
        config.write_text('{"temperature": 0, "max_new_tokens": 7}')
        _, url = self.serve('--port', 0, '--generation-config', self.folder)
        connection = self.connect(url)
        texts = [json.loads(self.ask(connection, 'POST', '/v1/completions', json.dumps(body))[2])
                 for body in [{'prompt': 'Once', 'max_tokens': 50}, {'prompt': 'Once', 'max_tokens': 7, 'temperature': 0}]]
        self.assertEqual(texts[0]['choices'], texts[1]['choices'])
        self.assertEqual(texts[0]['usage']['completion_tokens'], 7)
        config.write_text('{"top_p": 7}')
        self.expect_error(1, 'serve', self.model, '--port', 0, '--generation-config', self.folder,
                          says=['--generation-config', 'top_p is 7'])
        config.unlink()
        self.expect_error(1, 'serve', self.model, '--port', 0, '--generation-config', self.folder, says=[str(config)])

    def test_messages_that_nobody_can_read(self):
        """A full disk, and a pipe whose reader has left."""
        reader, end = os.pipe()
        os.close(reader)
        for errors in [os.open('/dev/full', os.O_WRONLY), end]:
            path = self.folder / str(errors)
            server = subprocess.Popen([TENFOLD, 'serve', self.model, '--uds', path], stdout=subprocess.DEVNULL,
                                      stderr=errors)
            self.addCleanup(server.wait)
            self.addCleanup(server.kill)
            os.close(errors)
            with socket.socket(socket.AF_UNIX) as client:
                while client.connect_ex(str(path)) != 0:
                    self.assertIsNone(server.poll())
                    time.sleep(0.01)
                client.sendall(b'GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
                self.assertTrue(client.recv(1000).startswith(b'HTTP/1.1 200 OK'))
            server.terminate()
            self.assertEqual(server.wait(timeout=60), 0)

    def test_unix_socket(self):
        path = self.folder / 'socket'
        server, url = self.serve('--uds', path)
        self.assertEqual(url, f'unix:{path}')
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b'GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
            self.assertTrue(client.recv(1000).startswith(b'HTTP/1.1 200 OK'))
        self.expect_error(1, 'serve', self.model, '--uds', path, says=[str(path), 'another server listens'])
        server.kill()
        server.wait()
        self.assertTrue(path.exists(), 'it had no time to remove it')
        again, _ = self.serve('--uds', path)
        again.terminate()
        self.assertEqual(again.wait(timeout=60), 0)
        self.assertFalse(path.exists())

    def test_access_log(self):
        log = self.folder / 'log'
        server, url = self.serve('--port', 0, '--access-log', log)
        connection = self.connect(url)
        body = json.dumps({'prompt': 'Once upon a time', 'max_tokens': 60, 'temperature': 0, 'stop': ['girl'], 'n': 2})
        _, _, answer = self.ask(connection, 'POST', '/v1/completions', body)
        answer = json.loads(answer)
        moved = self.folder / 'log.1'
        wait_until(lambda: log.read_text().endswith('\n'))  # the line is written soon after the answer is out
        log.rename(moved)
        server.send_signal(signal.SIGHUP)
        wait_until(log.exists)
        self.ask(connection, 'GET', '/health')
        server.terminate()
        self.assertEqual(server.wait(timeout=60), 0)
        line = json.loads(moved.read_text())
        self.assertEqual([line['id'], line['prompt_tokens'], line['completion_tokens']],
                         [answer['id'], answer['usage']['prompt_tokens'], answer['usage']['completion_tokens']])
        self.assertEqual(json.loads(log.read_text())['path'], '/health')

    def test_access_log_on_standard_output(self):
        server, url = self.serve('--port', 0, '--access-log', '-')
        self.ask(self.connect(url), 'GET', '/health')
        self.assertEqual(json.loads(server.stdout.readline())['path'], '/health')

    def test_origins_and_limits(self):
        _, url = self.serve('--port', 0, '--allowed-origin', 'https://a.example', '--allowed-origin', 'https://b.example',
                            '--max-connections', 1, '--max-body-bytes', '1K', '--idle-timeout', 0.2)
        connection = self.connect(url)
        status, headers, _ = self.ask(connection, 'POST', '/v1/completions', ' ' * 1025, Origin='https://b.example')
        self.assertEqual([status, headers['Access-Control-Allow-Origin']], [413, 'https://b.example'])
        idle = self.connect(url)
        self.assertEqual(self.ask(idle, 'GET', '/health')[0], 200)
        status, headers, _ = self.ask(self.connect(url), 'GET', '/health')
        self.assertEqual([status, headers['Retry-After']], [503, '1'])
        self.assertEqual(idle.sock.recv(1), b'')  # in a moment
        self.expect_error(1, 'serve', self.model, '--port', 0, '--allowed-origin', 'a.example', says=['"a.example" is no origin'])


if __name__ == '__main__':
    TENFOLD, SHARED = sys.argv[1], pathlib.Path(os.environ.get('TENFOLD_SHARED', sys.argv[2]))
    if not SHARED.is_dir():
        print(f'skipped: needs {SHARED}, which is not here')
        sys.exit(SKIPPED)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
