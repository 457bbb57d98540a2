"""A running `tenfold serve`, as a rule with the smallest shared model, and clients that speak HTTP by hand. For tests."""
import asyncio
import json
import os
import pathlib
import re
import subprocess
import urllib.request

SKIPPED = 77


def find_model(shared):
    """The model's path, or None, having said why the test is skipped."""
    model = pathlib.Path(os.environ.get('TENFOLD_SHARED', shared)) / 'models/stories260K.gguf'
    if model.exists():
        return model
    print(f'skipped: needs {model}, which is not here')
    return None


class RunningServer:
    """Ends with the block that it was made for. Its log goes to `self.log` when it has ended. Without a model it serves
    the one that is part of the program."""

    def __init__(self, tenfold, model, *flags):
        models = [] if model is None else [str(model)]
        self.process = subprocess.Popen([tenfold, 'serve', *models, '--port', '0', '--threads', '1', *map(str, flags)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.log = ''
        for line in self.process.stderr:
            self.log += line
            if found := re.search(r'http://127\.0\.0\.1:(\d+)/v1', line):
                self.port = int(found[1])
                return
        raise AssertionError(f'the server did not start\n{self.log}')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.log += self.process.communicate()[1]

    def get(self, path):
        return urllib.request.urlopen(f'http://127.0.0.1:{self.port}{path}').read().decode()

    def state(self):
        return json.loads(self.get('/admin/state'))

    def metrics(self, *names):
        """Of one scrape."""
        text = self.get('/metrics')
        return [float(re.search(rf'^tenfold:{name}\{{[^}}]*\}} (\S+)$', text, re.MULTILINE)[1]) for name in names]

    def resident_bytes(self):
        status = pathlib.Path(f'/proc/{self.process.pid}/status').read_text()
        return int(re.search(r'VmRSS:\s+(\d+) kB', status)[1]) << 10


def post(path, body, keep_alive=False):
    """The bytes of a request."""
    text = body if isinstance(body, str) else json.dumps(body)
    connection = 'keep-alive' if keep_alive else 'close'
    return (f'POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: {connection}\r\n'
            f'Content-Length: {len(text)}\r\n\r\n{text}').encode()


async def read_head(reader):
    """Status and headers."""
    head = (await reader.readuntil(b'\r\n\r\n')).decode()
    headers = dict(line.lower().split(': ', 1) for line in head.split('\r\n')[1:] if line)
    return int(head.split()[1]), headers


async def read_answer(reader):
    """Status and body of an answer with a length."""
    status, headers = await read_head(reader)
    return status, await reader.readexactly(int(headers['content-length']))


async def connect(port):
    return await asyncio.open_connection('127.0.0.1', port, limit=1 << 20)
