#!/usr/bin/env python3
"""Runs `tenfold ... hf:org/repo` against a hub of its own, which speaks as much of the hub's API as is used.

usage: hub_test.py TENFOLD SHARED [NAME...]    the binary, and the folder with models that lies beside the repository
                                               (the environment variable TENFOLD_SHARED overrides it); names of tests,
                                               -k and other options of unittest

The models are tiny files made by fake_hub.py; only the tests of class SharedModels need SHARED. Exits with 77, which
CTest counts as skipped, where all that was asked for is skipped.
"""
import contextlib
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

from fake_hub import (CONFIG, SIGNATURE, FakeHub, blob_name, corrupt, cut, gguf, ignore_range, no_answer,
                      other_content, part, safetensors, stall, status)

TENFOLD = ''
SHARED = pathlib.Path()
SKIPPED = 77
TOKEN = 'hf_TheSecretOfThisTest'


class HubTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.cache = self.folder / 'hub'
        self.files = {
            'README.md': b'# A model\n',
            'tiny-Q4_K_M.gguf': gguf('the Q4_K_M one', padding=3 << 20),
            'tiny-Q8_0.gguf': gguf('the Q8_0 one', padding=1 << 16),
            'mmproj-tiny-Q8_0.gguf': gguf('a projector'),
        }
        self.hub = FakeHub(self.files)
        self.addCleanup(self.hub.close)
        self.environment = {'PATH': os.environ['PATH'], 'HOME': str(self.folder), 'HF_HUB_CACHE': str(self.cache),
                            'HF_ENDPOINT': self.hub.url, 'HF_TOKEN': TOKEN, 'NO_PROXY': '*'}
        # Sanitizers are told what they are told elsewhere.
        self.environment |= {k: v for k, v in os.environ.items() if k.endswith('SAN_OPTIONS')}

    def tearDown(self):
        self.assertEqual(self.hub.leaks, [], 'the token was sent to another server')

    def start(self, *arguments):
        return subprocess.Popen([TENFOLD, *arguments], env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process, exit_code=0):
        out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, exit_code, f'{out}\n{err}')
        self.assertNotIn(TOKEN, out + err)
        self.assertNotIn(SIGNATURE, out + err)
        return out, err

    def info(self, model):
        """What `tenfold info` says of the model, and its log."""
        out, err = self.finish(self.start('info', model, '--json'))
        return json.loads(out), err

    def expect_error(self, model, *says, exit_code=1):
        out, err = self.finish(self.start('info', model, '--json'), exit_code)
        self.assertEqual(out, '')
        self.assertIn('tenfold: error: ', err)
        for part in says:
            self.assertIn(part, err)
        return err

    @property
    def model_folder(self):
        return self.cache / 'models--org--repo'

    def blob(self, path):
        return self.model_folder / 'blobs' / blob_name(path, self.files[path])

    def incomplete(self, path):
        return self.blob(path).with_name(self.blob(path).name + '.incomplete')

    def snapshot(self, path=''):
        return self.model_folder / 'snapshots' / self.hub.commit / path

    def assert_downloaded(self, path):
        self.assertEqual(self.blob(path).read_bytes(), self.files[path])
        self.assertFalse(self.incomplete(path).exists())
        link = self.snapshot(path)
        self.assertEqual(os.readlink(link), '../' * (2 + path.count('/')) + f'blobs/{self.blob(path).name}')
        self.assertEqual(link.read_bytes(), self.files[path])


class Download(HubTest):
    def test_the_layout_and_the_choice(self):
        for model, name, path, revision in [
                ('hf:org/repo', 'the Q4_K_M one', 'tiny-Q4_K_M.gguf', 'main'),
                ('hf:org/repo:q8_0', 'the Q8_0 one', 'tiny-Q8_0.gguf', 'main'),
                ('hf:org/repo:tiny-Q8_0.gguf', 'the Q8_0 one', 'tiny-Q8_0.gguf', 'main'),
                ('hf:org/repo@refs/pr/1:Q8_0', 'the Q8_0 one', 'tiny-Q8_0.gguf', 'refs/pr/1'),
                (f'hf:org/repo@{self.hub.commit}:Q8_0', 'the Q8_0 one', 'tiny-Q8_0.gguf', None)]:
            with self.subTest(model=model):
                shutil.rmtree(self.cache, ignore_errors=True)
                self.hub.requests.clear()
                info, log = self.info(model)
                self.assertEqual(info['name'], name)
                self.assertEqual(self.hub.downloads(), [path])
                self.assert_downloaded(path)
                refs = {str(file.relative_to(self.model_folder / 'refs')): file.read_text()
                        for file in self.model_folder.glob('refs/**/*') if file.is_file()}
                self.assertEqual(refs, {revision: self.hub.commit} if revision else {})
                lock = self.cache / '.locks/models--org--repo' / f'{self.blob(path).name}.lock'
                self.assertTrue(lock.exists())
                for step in ('downloading', 'downloaded'):
                    self.assertIn(f'{step} hf:{model.split(":")[1]}: "{path}": ', log)

    def test_a_folder_of_safetensors(self):
        index = {'weight_map': {'a': 'model-00001-of-00002.safetensors', 'b': 'model-00002-of-00002.safetensors'}}
        self.files = {
            'config.json': CONFIG, 'tokenizer.json': b'{}', 'tokenizer_config.json': b'{"a": 1}',
            'generation_config.json': b'{"b": 2}', 'chat_template.jinja': b'{{ messages }}', 'README.md': b'# A model',
            'model.safetensors.index.json': json.dumps(index).encode(), 'pytorch_model.bin': b'pickle',
            'model-00001-of-00002.safetensors': safetensors('a'), 'model-00002-of-00002.safetensors': safetensors('b'),
            'consolidated.safetensors': safetensors('c'), 'tiny.gguf': gguf('not this')}
        self.hub.set_files(self.files)
        info, _ = self.info('hf:org/repo')
        self.assertEqual(info['num_layers'], 3)
        self.assertEqual(info['format'], 'safetensors')
        wanted = set(self.files) - {'README.md', 'pytorch_model.bin', 'consolidated.safetensors', 'tiny.gguf'}
        self.assertEqual(set(self.hub.downloads()), wanted)
        for path in wanted:
            self.assert_downloaded(path)
        # The second run, and one without the hub, find all of it.
        self.hub.requests.clear()
        self.info('hf:org/repo')
        self.assertEqual(self.hub.downloads(), [])
        self.environment['HF_HUB_OFFLINE'] = '1'
        self.assertEqual(self.info('hf:org/repo')[0]['num_layers'], 3)
        self.snapshot('model-00002-of-00002.safetensors').unlink()
        self.expect_error('hf:org/repo', 'model-00002-of-00002.safetensors', 'HF_HUB_OFFLINE')

    def test_a_file_in_a_folder_with_a_difficult_name(self):
        path = 'quants of 2024/tiny #1?.gguf'
        self.files[path] = gguf('in a folder')
        self.hub.set_files(self.files)
        self.assertEqual(self.info(f'hf:org/repo:{path}')[0]['name'], 'in a folder')
        self.assert_downloaded(path)

    def test_the_second_run_downloads_nothing(self):
        self.info('hf:org/repo:Q8_0')
        self.hub.requests.clear()
        _, log = self.info('hf:org/repo:Q8_0')
        self.assertEqual(self.hub.downloads(), [])
        self.assertEqual(log, '')
        # By commit and file name nobody need be asked.
        self.hub.requests.clear()
        self.info(f'hf:org/repo@{self.hub.commit}:tiny-Q8_0.gguf')
        self.assertEqual(self.hub.requests, [])

    def test_a_new_commit_shares_what_did_not_change(self):
        self.info('hf:org/repo:Q8_0')
        old = self.hub.commit
        self.files['README.md'] = b'# Changed\n'
        self.hub.set_files(self.files)
        self.hub.requests.clear()
        self.info('hf:org/repo:Q8_0')
        self.assertNotEqual(self.hub.commit, old)
        self.assertEqual(self.hub.downloads(), [])
        self.assert_downloaded('tiny-Q8_0.gguf')
        self.assertEqual((self.model_folder / 'refs/main').read_text(), self.hub.commit)

    def test_a_damaged_blob_in_the_cache_is_replaced(self):
        self.info('hf:org/repo:Q8_0')
        self.blob('tiny-Q8_0.gguf').write_bytes(b'short')
        self.assertEqual(self.info('hf:org/repo:Q8_0')[0]['name'], 'the Q8_0 one')
        self.assert_downloaded('tiny-Q8_0.gguf')

    def test_the_token_goes_to_the_hub_alone(self):
        self.hub.required_token = TOKEN
        self.info('hf:org/repo:Q8_0')  # tearDown looks at what the CDN got
        self.assertTrue(any(server == 'cdn' for server, _, _ in self.hub.requests))
        # From the file, too, and over a redirect within the hub.
        shutil.rmtree(self.cache)
        self.hub.absolute_redirects = False
        del self.environment['HF_TOKEN']
        (self.folder / 'home').mkdir()
        (self.folder / 'home/token').write_text(TOKEN + '\n')
        self.environment['HF_HOME'] = str(self.folder / 'home')
        self.info('hf:org/repo:Q8_0')
        self.assertTrue(any(path.startswith('/moved/') for _, path, _ in self.hub.requests))
        # Without one there is no such header.
        self.hub.required_token = None
        (self.folder / 'home/token').unlink()
        self.hub.requests.clear()
        self.info('hf:org/repo:Q8_0')
        self.assertTrue(self.hub.requests)
        self.assertFalse(any('Authorization' in headers for _, _, headers in self.hub.requests))

    def test_two_processes_download_once(self):
        path = 'tiny-Q4_K_M.gguf'
        first_has_begun = threading.Event()

        def slow(handler, content):
            handler.reply(200, content[:1000], length=len(content))
            first_has_begun.set()
            time.sleep(1.5)
            handler.wfile.write(content[1000:])
        self.hub.faults[path] = [slow]
        first = self.start('info', 'hf:org/repo', '--json')
        self.assertTrue(first_has_begun.wait(60))
        second = self.start('info', 'hf:org/repo', '--json')
        for process in (first, second):
            out, err = self.finish(process)
            self.assertEqual(json.loads(out)['name'], 'the Q4_K_M one')
        self.assertIn(f'another process is downloading hf:org/repo: "{path}"', err)
        self.assertEqual(self.hub.downloads(), [path])
        self.assert_downloaded(path)


class Broken(HubTest):
    PATH = 'tiny-Q4_K_M.gguf'

    def ranges(self):
        return [headers.get('Range') for server, _, headers in self.hub.requests if server == 'cdn']

    def test_a_connection_that_breaks_is_taken_up_again(self):
        self.hub.faults[self.PATH] = [cut(1_000_000), no_answer, cut(500_000)]
        _, log = self.info('hf:org/repo')
        self.assertEqual(self.ranges(), [None, 'bytes=1000000-', 'bytes=1000000-', 'bytes=1500000-'])
        self.assertIn('trying again', log)
        self.assert_downloaded(self.PATH)

    def test_a_line_that_breaks_often_still_brings_the_file(self):
        self.files[self.PATH] = gguf('the Q4_K_M one', padding=10 << 20)
        self.hub.set_files(self.files)
        self.hub.faults[self.PATH] = [cut(5 << 18)] * 8  # more than are allowed in a row, but each brings something
        self.info('hf:org/repo')
        self.assertEqual(len(self.ranges()), 9)
        self.assert_downloaded(self.PATH)

    def test_a_later_run_goes_on_where_one_was_stopped(self):
        self.hub.faults[self.PATH] = [stall(1_000_000, 30)]
        process = self.start('info', 'hf:org/repo')
        self.wait_for_part(1_000_000)
        process.kill()
        process.communicate(timeout=60)
        self.assertEqual(self.incomplete(self.PATH).stat().st_size, 1_000_000)
        self.assertFalse(self.blob(self.PATH).exists())
        self.assertFalse((self.model_folder / 'refs/main').exists())
        _, log = self.info('hf:org/repo')
        self.assertEqual(self.ranges(), [None, 'bytes=1000000-'])
        self.assertIn('are here already', log)
        self.assert_downloaded(self.PATH)

    def test_a_file_that_is_whole_but_not_named_is_only_checked(self):
        self.blob(self.PATH).parent.mkdir(parents=True)
        self.incomplete(self.PATH).write_bytes(self.files[self.PATH])
        self.info('hf:org/repo')
        self.assertEqual(self.hub.downloads(), [])
        self.assert_downloaded(self.PATH)

    def test_a_server_that_ignores_ranges(self):
        self.hub.faults[self.PATH] = [cut(1_000_000), ignore_range]
        self.info('hf:org/repo')
        self.assertEqual(self.ranges(), [None, 'bytes=1000000-'])
        self.assert_downloaded(self.PATH)

    def test_a_server_that_cannot_go_on(self):
        self.hub.faults[self.PATH] = [cut(1_000_000), status(416)]
        self.info('hf:org/repo')
        self.assertEqual(self.ranges(), [None, 'bytes=1000000-', None])
        self.assert_downloaded(self.PATH)

    def test_a_server_that_sends_another_part(self):
        self.hub.faults[self.PATH] = [cut(1_000_000), status(206, Content_Range='bytes 5-17/18')]
        self.expect_error('hf:org/repo', self.PATH, 'another part')
        self.assertEqual(self.incomplete(self.PATH).read_bytes(), self.files[self.PATH][:1_000_000])
        self.info('hf:org/repo')
        self.assert_downloaded(self.PATH)

    def test_a_server_that_sends_less_than_it_was_asked_for(self):
        self.hub.faults[self.PATH] = [cut(1_000_000), part(1 << 20)]
        self.info('hf:org/repo')
        self.assertEqual(self.ranges(), [None, 'bytes=1000000-', f'bytes={1_000_000 + (1 << 20)}-'])
        self.assert_downloaded(self.PATH)
        self.hub.faults['tiny-Q8_0.gguf'] = [cut(1000)] + [part(1)] * 1000  # no good will come of it
        self.expect_error('hf:org/repo:Q8_0', 'next to nothing at a time')
        self.hub.faults['tiny-Q8_0.gguf'] = []
        self.info('hf:org/repo:Q8_0')  # goes on with what there is

    def test_an_error_page_without_end(self):
        def fault(handler, content):
            handler.reply(404, bytes(8 << 20), length=1 << 40)
            time.sleep(20)
        self.hub.faults[self.PATH] = [fault]
        self.expect_error('hf:org/repo', 'answers 404')

    def test_ctrl_c_ends_every_command(self):
        for command in [('info', 'hf:org/repo'), ('chat', 'hf:org/repo'), ('serve', 'hf:org/repo', '--port', '0')]:
            with self.subTest(command=command):
                shutil.rmtree(self.cache, ignore_errors=True)
                self.hub.faults[self.PATH] = [stall(1_000_000, 5)]
                process = self.start(*command)
                self.wait_for_part(1_000_000)
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=60)
                self.assertEqual(process.returncode, -signal.SIGINT)
                self.assertFalse(self.blob(self.PATH).exists())  # at once, not when it is done

    def wait_for_part(self, num_bytes):
        deadline = time.time() + 60
        while not (self.incomplete(self.PATH).exists() and self.incomplete(self.PATH).stat().st_size == num_bytes):
            self.assertLess(time.time(), deadline)
            time.sleep(0.01)

    def test_a_leftover_that_is_no_beginning_is_thrown_away(self):
        self.blob(self.PATH).parent.mkdir(parents=True)
        self.incomplete(self.PATH).write_bytes(b'x' * 1000)
        _, log = self.info('hf:org/repo')
        self.assertEqual(self.ranges(), ['bytes=1000-', None])
        self.assertIn('loading it anew', log)
        self.assert_downloaded(self.PATH)

    def test_a_server_that_stands_still(self):
        self.environment['HF_HUB_DOWNLOAD_TIMEOUT'] = '1'
        self.hub.faults[self.PATH] = [stall(1_000_000, 20)]
        _, log = self.info('hf:org/repo')
        self.assertIn('nothing came for 1 s', log)
        self.assertEqual(self.ranges(), [None, 'bytes=1000000-'])
        self.assert_downloaded(self.PATH)

    def test_content_that_is_not_what_was_announced(self):
        for path, change, says in [
            (self.PATH, corrupt, ['damaged', 'SHA-256']),
            (self.PATH, lambda content: content[:-5], ['bytes came instead of the']),
            (self.PATH, lambda content: content + b'more', ['more than the']),
        ]:
            with self.subTest(says=says):
                self.hub.faults[path] = [other_content(change)]
                err = self.expect_error('hf:org/repo', path, 'removed', *says)
                self.assertIn('hf:org/repo', err)
                self.assertEqual(list(self.model_folder.glob('blobs/*')), [])
                self.assertFalse(self.snapshot(path).exists())
        self.info('hf:org/repo')
        self.assert_downloaded(self.PATH)

    def test_small_files_are_checked_too(self):
        self.files = {'config.json': CONFIG, 'tokenizer.json': b'{}', 'model.safetensors': safetensors('a')}
        self.hub.set_files(self.files)
        self.hub.faults['config.json'] = [other_content(corrupt)]
        self.expect_error('hf:org/repo', 'config.json', 'damaged', 'Git SHA-1', 'removed')

    def test_a_hub_that_is_busy(self):
        self.hub.api_faults = [status(503), None, status(429, Retry_After='1')]
        self.hub.faults[self.PATH] = [status(500), status(502)]
        began = time.monotonic()
        _, log = self.info('hf:org/repo')
        self.assertGreater(time.monotonic() - began, 0.5 + 1 + 0.5 + 1)
        for part in ['answers 503', 'answers 429', 'asks to come back in 1 s', 'answers 500', 'answers 502']:
            self.assertIn(part, log)
        self.assert_downloaded(self.PATH)

    def test_a_hub_that_stays_busy(self):
        self.hub.api_faults = [status(503)] * 100
        self.expect_error('hf:org/repo', 'answers 503', 'nor is the model in the cache')
        self.assertEqual(len(self.hub.requests), 4)
        self.hub.api_faults = [status(429, Retry_After='3600')] * 100
        self.hub.requests.clear()
        self.expect_error('hf:org/repo', 'too many requests', 'come back in 3600 s')
        self.assertEqual(len(self.hub.requests), 1)

    def test_too_little_room(self):
        self.hub.extra_entries = [{'type': 'file', 'path': 'huge-Q5_0.gguf', 'size': 0, 'oid': '0' * 40,
                                   'lfs': {'oid': 'a' * 64, 'size': 1 << 60}}]
        self.expect_error('hf:org/repo:Q5_0', 'still to be downloaded', 'HF_HUB_CACHE', '1048576.0 TiB')
        self.assertEqual(self.hub.downloads(), [])

    def test_a_cache_that_cannot_be_written(self):
        (self.folder / 'file').write_text('no folder')
        self.environment['HF_HUB_CACHE'] = str(self.folder / 'file/hub')
        self.expect_error('hf:org/repo', 'file/hub', 'set HF_HUB_CACHE')

    def test_names_that_lead_elsewhere(self):
        for path in ['../evil.gguf', '/tmp/evil.gguf', 'a/../../evil.gguf', 'a\\evil.gguf', './evil.gguf', 'a//evil.gguf',
                     'evil\n.gguf']:
            with self.subTest(path=path):
                self.hub.extra_entries = [{'type': 'file', 'path': path, 'size': 1, 'oid': 'a' * 40}]
                self.expect_error('hf:org/repo', 'no path inside a repository', 'evil')
                self.assertEqual(self.hub.downloads(), [])
                self.assertFalse(self.cache.exists())
        self.hub.extra_entries = [{'type': 'file', 'path': 'a.gguf', 'size': 1, 'oid': '../../evil'}]
        self.expect_error('hf:org/repo', 'no hash')
        self.hub.extra_entries = []
        self.hub.commit = '../../../evil'
        self.expect_error('hf:org/repo', 'no commit')

    def test_shards_that_lead_elsewhere(self):
        for shard, says in [('../evil.safetensors', 'the same folder'), ('absent.safetensors', 'does not have')]:
            self.files = {'config.json': CONFIG, 'tokenizer.json': b'{}',
                          'model.safetensors.index.json': json.dumps({'weight_map': {'a': shard}}).encode()}
            self.hub.set_files(self.files)
            self.expect_error('hf:org/repo', says)

    def test_redirects_that_lead_elsewhere(self):
        for location, says in [('file:///etc/passwd', 'not on the web'), ('ftp://127.0.0.1/x', 'not on the web'),
                               (f'{self.hub.url}/org/repo/resolve/{self.hub.commit}/README.md', 'bytes came instead')]:
            self.hub.faults['tiny-Q8_0.gguf'] = [status(302, Location=location)] * 10
            self.expect_error('hf:org/repo:Q8_0', says)
            self.assertFalse(self.snapshot('tiny-Q8_0.gguf').exists())
        loop = f'{self.hub.cdn.url}/tiny-Q8_0.gguf?Signature={SIGNATURE}'
        self.hub.faults['tiny-Q8_0.gguf'] = [status(302, Location=loop)] * 100
        self.expect_error('hf:org/repo:Q8_0', 'redirects')


class Refused(HubTest):
    def test_gated(self):
        self.hub.required_token = 'another one'
        self.expect_error('hf:org/repo', 'accept their terms', f'{self.hub.url}/org/repo', 'HF_TOKEN')
        self.assertEqual(len(self.hub.requests), 1)
        self.hub.required_token = None
        self.hub.faults['tiny-Q8_0.gguf'] = [status(403)]  # by the CDN: nothing that a token would change
        self.expect_error('hf:org/repo:Q8_0', f'{self.hub.cdn.url}/tiny-Q8_0.gguf answers 403')
        self.files = {'config.json': CONFIG, 'tokenizer.json': b'{}', 'model.safetensors': safetensors('a')}
        self.hub.set_files(self.files)
        self.hub.faults['config.json'] = [status(403, X_Error_Code='GatedRepo')]  # the listing is open, the files are not
        self.expect_error('hf:org/repo', 'accept their terms', 'HF_TOKEN')

    def test_what_is_not_there(self):
        self.expect_error('hf:org/other', 'no such repository', 'private', 'HF_TOKEN')
        self.expect_error('hf:org/repo@v9', 'no revision "v9"; it has "main", "v1.0"')
        self.expect_error('hf:org/repo:absent.gguf', '"absent.gguf"', 'tiny-Q4_K_M.gguf, tiny-Q8_0.gguf')
        self.expect_error('hf:org/repo:Q5_K_M', '"Q5_K_M"', 'tiny-Q4_K_M.gguf, tiny-Q8_0.gguf')
        self.assertEqual(self.hub.downloads(), [])

    def test_a_choice_that_is_not_clear(self):
        self.hub.set_files({'a-Q5_K_M.gguf': b'', 'b-Q5_K_M.gguf': b''})
        self.expect_error('hf:org/repo:Q5_K_M', 'a-Q5_K_M.gguf, b-Q5_K_M.gguf')
        self.expect_error('hf:org/repo', 'a-Q5_K_M.gguf, b-Q5_K_M.gguf')

    def test_models_in_parts(self):
        self.hub.set_files({'a-Q8_0-00001-of-00002.gguf': b'', 'a-Q8_0-00002-of-00002.gguf': b''})
        for model in ['hf:org/repo', 'hf:org/repo:Q8_0', 'hf:org/repo:a-Q8_0-00001-of-00002.gguf']:
            self.expect_error(model, 'a-Q8_0-0000')

    def test_wrong_usage(self):
        for model in ['hf:', 'hf:repo', 'hf:org/repo/file.gguf', 'hf:org/repo:', 'hf:../..']:
            self.expect_error(model, 'hf:org/repo:Q4_K_M', exit_code=2)
        self.environment['HF_ENDPOINT'] = 'hub.example'
        self.expect_error('hf:org/repo', 'HF_ENDPOINT')

    def test_certificates_are_verified(self):
        openssl = shutil.which('openssl')
        if openssl is None:
            self.skipTest('needs openssl to make a certificate')
        key, certificate = self.folder / 'key.pem', self.folder / 'certificate.pem'
        subprocess.run([openssl, 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1',
                        '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate],
                       check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.hub.hub.socket = context.wrap_socket(self.hub.hub.socket, server_side=True)
        self.environment['HF_ENDPOINT'] = self.hub.url.replace('http:', 'https:')
        self.expect_error('hf:org/repo', 'certificate cannot be verified', 'SSL_CERT_FILE')
        self.assertEqual(self.hub.requests, [])
        self.environment['SSL_CERT_FILE'] = str(certificate)
        # The hub itself is trusted now; its redirect to plain HTTP is not followed.
        self.expect_error('hf:org/repo', 'only https is followed')
        self.assertFalse(any(server == 'cdn' for server, _, _ in self.hub.requests))


class WithoutHub(HubTest):
    def test_offline(self):
        self.info('hf:org/repo:Q8_0')
        self.environment['HF_HUB_OFFLINE'] = '1'
        self.hub.requests.clear()
        for model in ['hf:org/repo:Q8_0', 'hf:org/repo', 'hf:org/repo:tiny-Q8_0.gguf', f'hf:org/repo@{self.hub.commit}']:
            info, log = self.info(model)
            self.assertEqual(info['name'], 'the Q8_0 one')
            self.assertEqual(log, '')
        self.expect_error('hf:org/repo:Q4_K_M', 'HF_HUB_OFFLINE', 'tiny-Q8_0.gguf')
        self.expect_error('hf:org/repo@v2', 'HF_HUB_OFFLINE')
        self.expect_error('hf:org/other', 'HF_HUB_OFFLINE', str(self.cache))
        self.assertEqual(self.hub.requests, [])

    def test_a_network_that_is_gone(self):
        self.info('hf:org/repo:Q8_0')
        self.hub.close()
        for endpoint, says in [(self.hub.url, 'connect'), ('https://no-such-host.invalid', 'resolve')]:
            self.environment['HF_ENDPOINT'] = endpoint
            info, log = self.info('hf:org/repo:Q8_0')
            self.assertEqual(info['name'], 'the Q8_0 one')
            self.assertIn(f'hf:org/repo: {endpoint}', log)
            self.assertIn(says, log)
            self.assertIn('trying again', log)
            self.assertIn('using what the cache has: ', log)
        self.environment['HF_ENDPOINT'] = self.hub.url
        self.expect_error('hf:org/repo:Q4_K_M', self.hub.url, 'nor is the model in the cache')

    def test_a_refusal_is_not_a_network_that_is_gone(self):
        self.info('hf:org/repo:Q8_0')
        self.hub.api_faults = [status(403, X_Error_Code='GatedRepo')]
        self.expect_error('hf:org/repo:Q8_0', 'accept their terms')

    def test_an_interrupted_update_leaves_the_old_model(self):
        self.info('hf:org/repo:Q8_0')
        self.files['tiny-Q8_0.gguf'] = gguf('a newer one')
        self.hub.set_files(self.files)
        self.hub.faults['tiny-Q8_0.gguf'] = [status(404)]
        self.expect_error('hf:org/repo:Q8_0', 'answers 404')
        self.environment['HF_HUB_OFFLINE'] = '1'
        self.assertEqual(self.info('hf:org/repo:Q8_0')[0]['name'], 'the Q8_0 one')


class Terminal(HubTest):
    def test_a_progress_bar(self):
        def slow(handler, content):
            handler.reply(200, b'', length=len(content))
            for begin in range(0, len(content), 1 << 18):
                handler.wfile.write(content[begin:begin + (1 << 18)])
                time.sleep(0.25)
        self.hub.faults['tiny-Q4_K_M.gguf'] = [slow]
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        process = subprocess.Popen([TENFOLD, 'info', 'hf:org/repo'], env=self.environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        shown = b''
        with contextlib.suppress(OSError):  # the terminal's other end is closed
            while select.select([ours], [], [], 60)[0] and (chunk := os.read(ours, 4096)):
                shown += chunk
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertRegex(shown.decode(), r'tiny-Q4_K_M\.gguf \[#+\.+\] +\d+ %  [\d.]+ [KM]iB/s  0:00:\d\d left')
        self.assertNotIn(b'downloading', shown)


class SharedModels(HubTest):
    def setUp(self):
        if not SHARED.is_dir():
            self.skipTest(f'needs {SHARED}, which is not here')
        super().setUp()

    def test_generate(self):
        folder = SHARED / 'models/stories260K-hf'
        gguf_file = SHARED / 'models/stories260K.gguf'
        arguments = ['--prompt', 'Once upon a time', '--max-tokens', '8', '--json']
        for local, files in [(folder, {path.name: path.read_bytes() for path in folder.iterdir()}),
                             (gguf_file, {gguf_file.name: gguf_file.read_bytes()})]:
            with self.subTest(model=local):
                self.hub.set_files(files)
                out, _ = self.finish(self.start('generate', 'hf:org/repo', *arguments))
                expected, _ = self.finish(self.start('generate', str(local), *arguments))
                self.assertEqual(json.loads(out)['token_ids'], json.loads(expected)['token_ids'])
                for command in [('tokenize', 'hf:org/repo', '--text', 'Once'),
                                ('chat', 'hf:org/repo'),
                                ('bench', 'model', 'hf:org/repo', '--prefill', '4', '--repeat', '1')]:
                    self.finish(self.start(*command))

    def test_serve(self):
        content = (SHARED / 'models/stories260K.gguf').read_bytes()
        self.hub.set_files({'stories.gguf': content})
        server = self.start('serve', 'hf:org/repo', '--port', '0')
        try:
            report = ''
            while 'serving' not in report and (line := server.stderr.readline()):
                report += line
            url = re.search(r'serving +(http://\S+)/v1 as "org/repo"', report)[1]
            with urllib.request.urlopen(f'{url}/v1/models', timeout=60) as answer:
                self.assertEqual([model['id'] for model in json.load(answer)['data']], ['org/repo'])
        finally:
            server.send_signal(signal.SIGTERM)
            out, err = server.communicate(timeout=60)
        self.assertEqual(server.returncode, 0, report + err)


if __name__ == '__main__':
    TENFOLD, SHARED = sys.argv[1], pathlib.Path(os.environ.get('TENFOLD_SHARED', sys.argv[2]))
    done = unittest.main(argv=[sys.argv[0], *sys.argv[3:]], exit=False).result
    if done.wasSuccessful() and len(done.skipped) == done.testsRun > 0:
        print(f'skipped: {done.skipped[0][1]}')
        sys.exit(SKIPPED)
    sys.exit(0 if done.wasSuccessful() else 1)
