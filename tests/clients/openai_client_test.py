#!/usr/bin/env python3
"""Runs OpenAI's client library from npm (openai_client.mjs) against a server without a model and one with.

usage: openai_client_test.py TENFOLD PARROT_SERVER SHARED FOLDER    two programs, the folder with models (it may be
                                                                     absent, then the tests with a model skip), and one
                                                                     to install the library in

Exits with 77, which CTest counts as skipped, where Node.js is absent or too old, or the library cannot be installed.
"""
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


def install(folder):
    """The library that package.json names, once."""
    if not (shutil.which('node') and shutil.which('npm')):
        skip('Node.js or npm is absent')
    version = subprocess.run(['node', '--version'], capture_output=True, text=True, check=True).stdout
    if int(re.match(r'v(\d+)', version)[1]) < LEAST_NODE:
        skip(f'Node.js {version.strip()} is older than {LEAST_NODE}')
    wanted = json.loads((HERE / 'package.json').read_text())
    installed = folder / 'node_modules/openai/package.json'
    if installed.exists() and json.loads(installed.read_text())['version'] == wanted['dependencies']['openai']:
        return
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / 'package.json', folder)
    try:
        done = subprocess.run(['npm', 'install', '--no-package-lock', '--no-audit', '--no-fund'], cwd=folder,
                              capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        skip('npm install takes too long')
    if done.returncode != 0:
        skip(f'npm install failed: {done.stderr.strip().splitlines()[-1:]}')


def start(command, output):
    """A server, and the URL that it prints."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True, **{output: subprocess.PIPE})
    for line in getattr(server, output):
        if found := re.search(r'(http://127\.0\.0\.1:\d+)', line):
            return server, found[1]
    raise AssertionError(f'{command[0]} did not start')


def main():
    tenfold, parrot_program, shared, folder = sys.argv[1:]
    install(folder := pathlib.Path(folder))
    model = pathlib.Path(os.environ.get('TENFOLD_SHARED', shared)) / 'models/stories260K.gguf'
    parrot, url = start([parrot_program], 'stdout')
    servers, environment = [parrot], {**os.environ, 'PARROT': url}
    environment.pop('MODEL', None)
    try:
        if model.exists():
            server, url = start([tenfold, 'serve', model, '--port', '0', '--threads', '1', '--kv-cache-memory', '16M',
                                 '--log-stats-interval', '0'], 'stderr')
            servers.append(server)
            environment['MODEL'] = url
        shutil.copy(HERE / 'openai_client.mjs', folder)
        tests = subprocess.run(['node', 'openai_client.mjs'], cwd=folder, env=environment, timeout=100)
    finally:
        for server in servers:
            server.terminate()
    codes = [server.wait(timeout=30) for server in servers]
    sys.exit(tests.returncode or max(codes))


if __name__ == '__main__':
    main()
