#!/usr/bin/env python3
"""Tests against other people's programs from npm: OpenAI's client library, Hugging Face's engine for chat templates
and its readers of GGUF files and tokenizers.

usage: npm_test.py openai_client | jinja_oracle | gguf_reader | tokenizer_reader PROGRAMS SHARED FOLDER

  PROGRAMS    the folder with tenfold, parrot_server and render_templates
  SHARED      the folder with models (or TENFOLD_SHARED); where it is absent, tests with a model skip
  FOLDER      to install packages in

Exits with 77, which CTest counts as skipped, where Node.js is absent or too old, or the packages cannot be installed.
"""
import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

SKIPPED = 77
LEAST_NODE = 18
HERE = pathlib.Path(__file__).resolve().parent


def skip(reason):
    print(f'skipped: {reason}')
    sys.exit(SKIPPED)


def is_installed(folder, package, version):
    facts = folder / 'node_modules' / package / 'package.json'
    return facts.exists() and json.loads(facts.read_text())['version'] == version


def install(folder):
    """What package.json names, once."""
    if not (shutil.which('node') and shutil.which('npm')):
        skip('Node.js or npm is absent')
    version = subprocess.run(['node', '--version'], capture_output=True, text=True, check=True).stdout
    if int(re.match(r'v(\d+)', version)[1]) < LEAST_NODE:
        skip(f'Node.js {version.strip()} is older than {LEAST_NODE}')
    wanted = json.loads((HERE / 'package.json').read_text())['dependencies']
    if all(is_installed(folder, *package) for package in wanted.items()):
        return
    shutil.copy(HERE / 'package.json', folder)
    try:
        done = subprocess.run(['npm', 'install', '--no-package-lock', '--no-audit', '--no-fund'], cwd=folder,
                              capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        skip('npm install takes too long')
    if done.returncode != 0:
        skip(f'npm install failed: {" ".join(done.stderr.strip().splitlines()[-1:])}')


@contextlib.contextmanager
def serving(command, output):
    """A server, as its URL, which it prints."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True, **{output: subprocess.PIPE})
    try:
        for line in getattr(server, output):
            if found := re.search(r'(http://127\.0\.0\.1:\d+)', line):
                yield found[1]
                break
        else:
            raise AssertionError(f'{command[0]} did not start')
    finally:
        server.terminate()
        code = server.wait(timeout=30)
    assert code == 0, f'{command[0]} ended with {code}'


def main():
    suite, programs, shared, folder = sys.argv[1:]
    shared = pathlib.Path(os.environ.get('TENFOLD_SHARED', shared))
    model, vocabularies = shared / 'models/stories260K.gguf', shared / 'vocabs'
    for reader, needed in [('gguf_reader', model), ('tokenizer_reader', vocabularies)]:
        if suite == reader and not needed.exists():
            skip(f'needs {needed}, which is not here')
    programs, folder = pathlib.Path(programs), pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / 'lock', 'w') as lock:  # tests run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        install(folder)
    shutil.copy(HERE / f'{suite}.mjs', folder)
    environment = {**os.environ, 'RENDER': str(programs / 'render_templates'), 'TENFOLD': str(programs / 'tenfold'),
                   'VOCABS': str(vocabularies)}
    environment.pop('MODEL', None)
    if suite == 'gguf_reader':
        environment['MODEL'] = str(model)
    with contextlib.ExitStack() as servers:
        if suite == 'openai_client':
            environment['PARROT'] = servers.enter_context(serving([programs / 'parrot_server'], 'stdout'))
            if model.exists():
                environment['MODEL'] = servers.enter_context(serving(
                    [programs / 'tenfold', 'serve', model, '--port', '0', '--threads', '1', '--kv-cache-memory', '16M',
                     '--log-stats-interval', '0'], 'stderr'))
        code = subprocess.run(['node', f'{suite}.mjs'], cwd=folder, env=environment, timeout=100).returncode
    sys.exit(code)


if __name__ == '__main__':
    main()
