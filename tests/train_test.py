#!/usr/bin/env python3
"""Runs `tenfold train` as a user would: from a text file to a model that `tenfold generate` loads, with all that can
go wrong on the way.

usage: train_test.py TENFOLD SHARED [NAME...]    the binary, the shared folder; names of tests, -k and other options of
                                              unittest
"""
import fcntl
import json
import os
import pathlib
import pty
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

TENFOLD = ''
SHARED = pathlib.Path()
SOURCE = pathlib.Path(__file__).resolve().parent.parent
TINY = ['--layers', 1, '--hidden-size', 32, '--heads', 2, '--context-length', 16, '--vocab-size', 300,
        '--batch-size', 4, '--warmup-steps', 5, '--learning-rate', 5e-3, '--threads', 2]


def tales(num_sentences, seed=1):
    """Sentences that a tiny model can learn something about."""
    draw = random.Random(seed).choice
    return ''.join(f'The {draw(["fox", "hen", "old bear"])} {draw(["sees", "follows", "fears"])} the '
                   f'{draw(["moon", "river", "miller"])}. ' + draw(['', '\n']) for _ in range(num_sentences))


class TrainTest(unittest.TestCase):
    TIMEOUT_S = 120  # of one command

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.text = self.folder / 'tales.txt'
        self.text.write_text(tales(2000))
        self.out = self.folder / 'run'

    def tenfold(self, *arguments, exit_code=0):
        done = subprocess.run([TENFOLD, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=self.TIMEOUT_S)
        self.assertEqual(done.returncode, exit_code, f'{arguments}\n{done.stdout}\n{done.stderr}')
        return done

    def arguments(self, *more, out=None):
        """Of a tiny run: `more` replaces what stands there."""
        flags = ['--train-files', self.text, *TINY, '--out', out or self.out]
        kept = [part for flag in zip(flags[::2], flags[1::2]) if flag[0] not in more for part in flag]
        return ['train', *kept, *more]

    def train(self, *more, out=None):
        return json.loads(self.tenfold(*self.arguments('--json', *more, out=out)).stdout)

    def resume(self, *more, out=None):
        """As one does it: the folder says all that is not changed."""
        return json.loads(self.tenfold('train', '--resume', '--json', *more, '--out', out or self.out).stdout)

    def expect_error(self, exit_code, *arguments, says):
        done = self.tenfold(*arguments, exit_code=exit_code)
        self.assertEqual(done.stdout, '')
        self.assertIn('tenfold: error: ', done.stderr)
        for part in says:
            self.assertIn(part, done.stderr)

    def metrics(self, out=None):
        return [json.loads(line) for line in ((out or self.out) / 'metrics.jsonl').read_text().splitlines()]


class Train(TrainTest):
    def test_from_a_text_to_a_model(self):
        summary = self.train('--steps', 150, '--evaluation-interval', 50, '--sample-interval', 100,
                             '--checkpoint-interval', 50, '--sample-prompt', 'The ')
        self.assertEqual([summary['step'], summary['finished'], summary['tokens']], [150, True, 150 * 4 * 16])
        metrics = self.metrics()
        self.assertEqual([line['step'] for line in metrics], list(range(1, 151)))
        self.assertGreater(metrics[0]['loss'], 5)
        self.assertLess(summary['validation_loss'], 2)
        self.assertEqual(metrics[-1]['validation_loss'], summary['validation_loss'])
        self.assertGreater(summary['bits_per_byte'], 0)
        for name in ['README.txt', 'config.toml', 'log.txt', 'loss.svg', 'samples.txt', 'vocabulary/tokenizer.json']:
            self.assertTrue((self.out / name).is_file(), name)
        self.assertIn('=== after step 100\nThe ', (self.out / 'samples.txt').read_text())
        drawn = [element.tag.split('}')[1] for element in xml.etree.ElementTree.parse(self.out / 'loss.svg').iter()]
        self.assertEqual([drawn.count('polyline'), drawn.count('circle')], [2, 3])  # losses, and 3 validations
        self.assertEqual(len(list((self.out / 'checkpoints').iterdir())), 2)
        # Both models are the one that was trained: they know the tales, and agree.
        answers = [json.loads(self.tenfold('generate', self.out / name, '--prompt', 'The fox', '--max-tokens', 12,
                                           '--temperature', 0, '--kv-cache-dtype', 'f32', '--json').stdout)
                   for name in ['model.gguf', 'model']]
        self.assertEqual(answers[0]['token_ids'], answers[1]['token_ids'])
        self.assertRegex(answers[0]['text'], r'^ (sees|follows|fears) the (moon|river|miller)\.')

    def test_the_exported_model_has_the_measured_loss(self):
        validation = self.folder / 'validation.txt'
        validation.write_text(tales(300, seed=2))
        for architecture in ['llama', 'gpt2']:
            with self.subTest(architecture=architecture):
                out = self.folder / architecture
                summary = self.train('--steps', 60, '--evaluation-interval', 60, '--architecture', architecture,
                                     '--validation-files', validation, out=out)
                measured = json.loads(self.tenfold('perplexity', out / 'model.gguf', '--file', validation, '--context', 16,
                                                   '--kv-cache-dtype', 'f32', '--json').stdout)
                # Windows are cut elsewhere, so that other tokens have short contexts.
                self.assertAlmostEqual(measured['mean_nll'], summary['validation_loss'], delta=0.1)

    def test_config_files(self):
        config = self.folder / 'run.toml'
        config.write_text(f'# tiny\nlayers = 1\nhidden-size = 32\nheads = 2\ncontext-length = 16\nvocab-size = 300\n'
                          f'batch-size = 4\nsteps = 7\nwarmup-steps = 2\nseed = 5\ntrain-files = ["{self.text}"]\n')
        first = json.loads(self.tenfold('train', '--config', config, '--steps', 9, '--out', self.out, '--json').stdout)
        self.assertEqual(first['step'], 9)  # the flag wins
        resolved = (self.out / 'config.toml').read_text()
        for line in ['steps = 9', 'seed = 5', 'head-dim = 16', 'ffn-size = 96', 'vocab-size = 297']:
            self.assertIn(f'\n{line}\n', resolved)
        # What it wrote repeats the run.
        again = self.folder / 'again'
        self.tenfold('train', '--config', self.out / 'config.toml', '--out', again)
        self.assertEqual((again / 'model.gguf').read_bytes(), (self.out / 'model.gguf').read_bytes())
        self.assertEqual([line['loss'] for line in self.metrics(again)], [line['loss'] for line in self.metrics()])

        for text, says in [('layer = 4\n', ['run.toml: line 1: there is no key "layer"']),
                           ('layers = "4"\n', ['layers is "4"; it must be a whole number']),
                           ('heads = 7\n', ['hidden-size is 288', '7 heads']),
                           ('steps = 5\n', ['train-files is empty'])]:
            config.write_text(text)
            with self.subTest(text=text):
                self.expect_error(2, 'train', '--config', config, '--out', self.folder / 'other', says=says)
        self.expect_error(1, 'train', '--config', self.folder / 'absent.toml', '--out', self.out, says=['absent.toml'])
        self.assertFalse((self.folder / 'other').exists())

    def test_what_a_run_cannot_change(self):
        """Its vocabulary and seed are in its tokens, weights and order already."""
        self.train('--steps', 5)
        config = (self.out / 'config.toml').read_text()
        for change, says in [(['--vocabulary', 'characters'], ['vocabulary is "characters"', '"bpe"']),
                             (['--seed', 9], ['seed is 9', 'with 1,']), (['--vocab-size', 300], ['vocab-size is 300', '297'])]:
            with self.subTest(change=change):
                self.expect_error(2, 'train', '--resume', '--steps', 9, '--out', self.out, *change, says=says)
                self.assertEqual((self.out / 'config.toml').read_text(), config)
        self.assertEqual(self.resume('--steps', 9, '--seed', 1, '--vocab-size', 297, '--vocabulary', 'bpe')['step'], 9)

    def test_a_vocabulary_is_found_from_any_folder(self):
        self.train('--steps', 5)
        vocabulary = os.path.relpath(self.out / 'vocabulary')
        other = self.folder / 'other'
        self.train('--steps', 5, '--vocabulary', vocabulary, out=other)
        self.assertIn(f'vocabulary = "{(self.out / "vocabulary").resolve()}"\n', (other / 'config.toml').read_text())
        self.assertEqual(self.resume('--steps', 9, '--vocabulary', vocabulary, out=other)['step'], 9)

    def test_without_validation(self):
        self.train('--steps', 6, '--validation-share', 0, '--evaluation-interval', 2)
        self.assertFalse([line for line in self.metrics() if 'validation_loss' in line])

    def test_ways_to_compute(self):
        """Recomputation changes no bit; bf16, dropout and z-loss change some."""
        models = {}
        for flags in [(), ('--recompute', 'selective'), ('--recompute', 'full'), ('--precision', 'bf16'),
                      ('--dropout', 0.1), ('--z-loss', 1e-3)]:
            for architecture in ['llama', 'gpt2']:
                out = self.folder / f'{architecture}{"".join(map(str, flags))}'
                self.train('--steps', 8, '--architecture', architecture, '--layers', 2, *flags, out=out)
                models[architecture, flags[-1] if flags else ''] = (out / 'model.gguf').read_bytes()
        for architecture in ['llama', 'gpt2']:
            plain = models[architecture, '']
            self.assertEqual(models[architecture, 'selective'], plain)
            self.assertEqual(models[architecture, 'full'], plain)
            for other in ['bf16', 0.1, 1e-3]:
                self.assertNotEqual(models[architecture, other], plain)

    def test_vocabularies_that_no_format_can_say(self):
        """They are refused before anything is computed, and not when it is to be written."""
        self.train('--steps', 5)
        vocabulary = self.folder / 'vocabulary'
        shutil.copytree(self.out / 'vocabulary', vocabulary)
        tokenizer = json.loads((vocabulary / 'tokenizer.json').read_text())
        cut = {'type': 'Split', 'pattern': {'Regex': 'zebra|.'}, 'behavior': 'Isolated', 'invert': False}
        join = {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': False, 'use_regex': False}
        tokenizer['pre_tokenizer'] = {'type': 'Sequence', 'pretokenizers': [cut, join]}
        (vocabulary / 'tokenizer.json').write_text(json.dumps(tokenizer))
        out = self.folder / 'other'
        self.expect_error(1, *self.arguments('--steps', 5, '--vocabulary', vocabulary, out=out),
                          says=[f'{vocabulary}', 'GGUF has no name for this tokenizer', 'zebra'])
        self.assertFalse((out / 'config.toml').exists())

    def test_a_vocabulary_of_sentence_piece(self):
        """Stopped or not, a run sees the same one: that of its own folder."""
        model = SHARED / 'models/stories260K.gguf'
        if not model.exists():
            self.skipTest(f'{model} is not there')
        run = ['--vocabulary', model, '--checkpoint-interval', 4]
        self.train('--steps', 8, *run)
        stopped = self.folder / 'stopped'
        self.train('--steps', 8, *run, out=stopped)
        for file in ['model.gguf', 'checkpoints/step-00000008.checkpoint']:
            (stopped / file).unlink()
        self.assertEqual(self.resume(out=stopped)['step'], 8)
        self.assertEqual((stopped / 'model.gguf').read_bytes(), (self.out / 'model.gguf').read_bytes())

    def test_what_one_format_cannot_be_written_to(self):
        """The other is, and the error still tells of the first."""
        (self.out / 'model.gguf').mkdir(parents=True)
        (self.out / 'model.gguf/file').touch()
        self.train('--steps', 5, out=self.folder / 'other')
        shutil.copytree(self.folder / 'other', self.out, dirs_exist_ok=True, ignore=lambda *_: ['model', 'model.gguf'])
        self.expect_error(1, 'train', '--resume', '--out', self.out, says=['model.gguf'])
        self.assertTrue((self.out / 'model/config.json').exists())

    def test_characters(self):
        self.train('--steps', 5, '--vocabulary', 'characters', '--architecture', 'gpt2')
        characters = len(set(self.text.read_bytes()))
        self.assertIn(f'\nvocab-size = {characters}\n', (self.out / 'config.toml').read_text())
        self.tenfold('generate', self.out / 'model.gguf', '--prompt', 'The', '--max-tokens', 5)

    def test_what_cannot_be_done(self):
        empty, short = self.folder / 'empty.txt', self.folder / 'short.txt'
        empty.write_text('')
        short.write_text('The fox.')
        absent = self.folder / 'absent.txt'
        self.expect_error(1, *self.arguments('--train-files', absent), says=[str(absent), 'No such file'])
        self.expect_error(1, *self.arguments('--train-files', empty), says=['empty.txt'])
        self.expect_error(1, *self.arguments('--train-files', short), says=['context'])
        self.assertFalse((self.out / 'config.toml').exists(), 'no run was begun')
        self.expect_error(1, *self.arguments('--batch-size', 1 << 18, '--context-length', 64, '--hidden-size', 1024),
                          says=['the run needs', 'micro-batches'])
        self.expect_error(1, *self.arguments('--sample-prompt', 'the ' * 16), says=['sample-prompt has', 'tokens'])
        self.expect_error(2, *self.arguments('--dropout', 2), says=['dropout is 2'])
        self.expect_error(2, 'train', '--train-files', self.text, says=['--out is required'])
        for arguments in [self.arguments('--resume'), ['train', '--resume', '--out', self.out]]:
            self.expect_error(1, *arguments, says=['no run to continue', '--resume'])
        self.train('--steps', 5)
        self.expect_error(1, *self.arguments('--steps', 5), says=[str(self.out), '--resume'])
        config = (self.out / 'config.toml').read_text()
        self.expect_error(1, 'train', '--resume', '--steps', 9, '--hidden-size', 64, '--head-dim', 32, '--out', self.out,
                          says=['token_embd.weight is [297,32] there and [297,64] in this run'])
        self.assertEqual((self.out / 'config.toml').read_text(), config, 'what was refused left its config')
        self.assertEqual(self.resume('--steps', 9)['step'], 9)

    def test_a_loss_that_is_no_number(self):
        self.train('--steps', 6)
        self.expect_error(1, 'train', '--resume', '--out', self.out, '--steps', 50, '--learning-rate', 1000,
                          '--warmup-steps', 0, '--schedule', 'constant', '--weight-decay', 1000, '--max-gradient-norm', 0,
                          says=['the loss is', 'learning-rate'])
        self.assertTrue((self.out / 'checkpoints/step-00000006.checkpoint').is_file())
        self.assertEqual(self.resume('--steps', 9, '--learning-rate', 1e-3, '--weight-decay', 0.1)['step'], 9)

    def test_a_full_disk(self):
        disk = self.folder / 'disk'
        disk.mkdir()
        if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=640k', 'tmpfs', disk], capture_output=True).returncode != 0:
            self.skipTest('needs to mount a small disk, which is not allowed here')
        self.addCleanup(subprocess.run, ['umount', disk], check=True)
        out = disk / 'run'
        # Room for the first checkpoint (12 bytes for each of 22,000 parameters), none for a second beside it.
        self.expect_error(1, *self.arguments('--steps', 40, '--checkpoint-interval', 5, '--kept-checkpoints', 9, out=out),
                          says=['No space left on device', 'is whole, --resume continues there'])
        checkpoints = sorted((out / 'checkpoints').iterdir())
        self.assertGreaterEqual(len(checkpoints), 1)
        self.assertFalse([path for path in checkpoints if path.suffix == '.partial'])
        subprocess.run(['mount', '-o', 'remount,size=16m', disk], check=True)
        self.resume(out=out)
        self.train('--steps', 40)
        self.assertEqual((out / 'model.gguf').read_bytes(), (self.out / 'model.gguf').read_bytes())

    def test_messages_that_nobody_can_read(self):
        """A full disk, a terminal that is closed on the way, a pipe whose reader leaves."""
        def run_with(stderr, out):
            command = [TENFOLD, *map(str, self.arguments('--steps', 3000, '--sample-interval', 500, out=out))]
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)

        with open('/dev/full', 'w') as full:
            self.assertEqual(run_with(full, self.folder / 'full').wait(timeout=60), 0)
        for name, (reader, end) in [('terminal', pty.openpty()), ('pipe', os.pipe())]:
            with self.subTest(name=name):
                process = run_with(end, self.folder / name)
                os.close(end)
                os.read(reader, 16)
                os.close(reader)
                self.assertEqual(process.wait(timeout=60), 0)
                self.assertTrue((self.folder / name / 'model.gguf').exists())

    def test_a_terminal_sees_a_line_that_changes(self):
        terminal, end = pty.openpty()
        process = subprocess.Popen([TENFOLD, *map(str, self.arguments('--steps', 4000, '--evaluation-interval', 0))], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=end)
        os.close(end)
        shown = b''
        while True:
            try:
                piece = os.read(terminal, 1 << 16)
            except OSError:  # the program has ended
                break
            if not piece:
                break
            shown += piece
        os.close(terminal)
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertRegex(shown.decode(), r'step +\d+/4000  loss \d\.\d+.* tokens/s \(\d+ % of the limit\)  0:00:\d\d left')
        self.assertIn('\r\x1b[K', shown.decode())


class Interrupted(TrainTest):
    def start(self, *arguments):
        return subprocess.Popen([TENFOLD, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def wait_for(self, path, contains):
        for _ in range(600):
            if path.exists() and contains in path.read_text():
                return
            time.sleep(0.05)
        self.fail(f'{path} never contained {contains}')

    def test_a_signal_stops_after_a_checkpoint(self):
        for wanted in [signal.SIGINT, signal.SIGTERM]:
            with self.subTest(signal=wanted):
                out = self.folder / wanted.name
                process = self.start(*self.arguments('--steps', 1000000, '--json', '--checkpoint-interval', 0, out=out))
                self.wait_for(out / 'metrics.jsonl', '"step":5,')
                process.send_signal(wanted)
                output, errors = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 0, errors)
                self.assertIn('--resume', errors)
                summary = json.loads(output)
                self.assertFalse(summary['finished'])
                self.assertTrue((out / f'checkpoints/step-{summary["step"]:08}.checkpoint').is_file())
                again = self.resume('--steps', summary['step'] + 3, out=out)
                self.assertEqual(again['step'], summary['step'] + 3)

    def test_a_signal_after_the_last_step_ends_the_program(self):
        # The last message, with this path in it twice, is longer than the pipe has room for: the program waits there.
        out = pathlib.Path(self.folder, *['x' * 200] * 10, 'run')
        out.parent.mkdir(parents=True)
        errors, end = os.pipe()
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 4096)
        process = subprocess.Popen([TENFOLD, *map(str, self.arguments('--steps', 9, out=out))], stdin=subprocess.DEVNULL,
                                   stderr=end)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(end)
        shown = b''
        while b'step 9/9' not in shown:
            piece = os.read(errors, 1 << 12)
            self.assertTrue(piece, shown)
            shown += piece
        self.wait_for(out / 'log.txt', '/model\n')
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), -signal.SIGINT)
        os.close(errors)

    def test_two_processes_do_not_train_in_one_folder(self):
        process = self.start(*self.arguments('--steps', 1000000))
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.wait_for(self.out / 'metrics.jsonl', '"step":1,')
        self.expect_error(1, 'train', '--resume', '--out', self.out, says=['another process trains there'])

    def test_killed_at_any_moment_it_ends_with_the_same_bits(self):
        run = ['--steps', 600, '--checkpoint-interval', 3, '--evaluation-interval', 30, '--sample-interval', 40,
               '--evaluation-batches', 4]
        self.train(*run)
        out = self.folder / 'killed'
        draw = random.Random(int(os.environ.get('SEED', 7)))

        def begin_or_continue(*more):
            begun = (out / 'config.toml').exists()
            return ['train', '--resume', '--out', out, *more] if begun else self.arguments(*run, *more, out=out)

        def num_lines():
            metrics = out / 'metrics.jsonl'
            return metrics.read_bytes().count(b'\n') if metrics.exists() else 0

        # Now while it starts, now soon after a step that it has reached: ever later ones, so that on the slowest machine
        # most kills come before the end.
        num_killed = 0
        for attempt in range(20):
            process = self.start(*begin_or_continue('--threads', draw.choice([1, 2, 3])))
            is_late = attempt % 3 > 0
            wanted = attempt * 20 + draw.randrange(20) if is_late else 0
            while num_lines() < wanted and process.poll() is None:
                time.sleep(0.001)
            time.sleep(draw.uniform(0, 0.01 if is_late else 0.05))
            process.kill()
            process.communicate()
            num_killed += process.returncode == -signal.SIGKILL
        self.assertGreater(num_killed, 5)
        self.tenfold(*begin_or_continue())
        self.assertEqual((out / 'model.gguf').read_bytes(), (self.out / 'model.gguf').read_bytes())
        for name in ['loss', 'validation_loss', 'gradient_norm', 'learning_rate', 'tokens', 'step']:
            self.assertEqual([line.get(name) for line in self.metrics(out)], [line.get(name) for line in self.metrics()])
        self.assertEqual((out / 'samples.txt').read_text(), (self.out / 'samples.txt').read_text())
        self.assertEqual(sorted(path.name for path in (out / 'checkpoints').iterdir()),
                         sorted(path.name for path in (self.out / 'checkpoints').iterdir()))


class Continued(TrainTest):
    """What --resume must notice, and what it must not mind."""

    def test_another_text_is_refused(self):
        text = self.text.read_text()
        self.train('--steps', 5)
        refused = ['it was trained with another text than train-files and validation-share say']
        self.text.write_text(text.replace('moon', 'noon'))
        self.expect_error(1, *self.arguments('--resume', '--steps', 9), says=refused)
        self.text.write_text(text)
        self.expect_error(1, *self.arguments('--resume', '--steps', 9, '--validation-share', 0.3), says=refused)
        self.expect_error(1, *self.arguments('--resume', '--steps', 9, '--context-length', 8),
                          says=['context-length 16, and this run has 8'])
        moved = self.folder / 'moved.txt'
        self.text.rename(moved)
        self.assertEqual(self.train('--resume', '--steps', 9, '--validation-share', 0.1, '--train-files', moved)['step'], 9)

    def test_a_model_that_was_being_written(self):
        self.train('--steps', 5)
        partial = self.out / 'model.partial'
        partial.mkdir()
        (partial / 'tokenizer.json.partial').write_text('half')
        self.train('--resume')
        self.assertFalse(partial.exists())

    def test_a_folder_with_the_same_names(self):
        (self.out / 'data').mkdir(parents=True)
        mine = self.out / 'data/train.tokens'
        mine.write_text('mine')
        self.expect_error(1, *self.arguments('--steps', 5), says=['no empty folder'])
        self.assertEqual(mine.read_text(), 'mine')


class Shakespeare(TrainTest):
    """nanoGPT's model of characters, the beginning of it; `make bench` trains it to the end. A test of its own for ctest:
    minutes, where the machine is busy or the build slow."""
    TIMEOUT_S = 1500

    def test_three_hundred_steps(self):
        text = SHARED / 'text/tinyshakespeare.txt'
        if not text.exists():
            self.skipTest(f'{text} is not there')
        config = SOURCE / 'examples/training/shakespeare_characters.toml'
        summary = json.loads(self.tenfold(
            'train', '--config', config, '--train-files', text, '--steps', 300, '--warmup-steps', 30,
            '--evaluation-interval', 300, '--sample-interval', 0, '--out', self.out, '--json').stdout)
        # Seeds 1, 2 and 3: 2.393, 2.391, 2.391.
        self.assertLess(summary['validation_loss'], 2.42)
        self.assertGreater(summary['validation_loss'], 2.3, 'too good to be true')


if __name__ == '__main__':
    TENFOLD, SHARED = sys.argv[1], pathlib.Path(os.environ.get('TENFOLD_SHARED', sys.argv[2]))
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
