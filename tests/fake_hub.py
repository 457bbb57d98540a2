"""A hub on this machine, as much of its API as tenfold uses, with the faults that hubs and lines have; and tiny models.

For hub_test.py. Nothing here asserts: what came in is recorded.
"""
import hashlib
import http.server
import json
import random
import re
import struct
import threading
import time
import urllib.parse

SIGNATURE = 'TheSignatureOfThisTest'


# ---- models that `tenfold info` can read

def gguf(name, padding=64):
    """A GGUF file without a sensible weight; `padding` bytes of noise make it large."""
    def text(value):
        return struct.pack('<Q', len(value)) + value.encode()

    def string(key, value):
        return text(key) + struct.pack('<I', 8) + text(value)

    def number(key, value):
        return text(key) + struct.pack('<II', 4, value)

    def tensor(label, sizes, offset):
        return text(label) + struct.pack(f'<I{len(sizes)}QIQ', len(sizes), *sizes, 0, offset)

    entries = [string('general.architecture', 'llama'), string('general.name', name)]
    entries += [number(f'llama.{key}', value) for key, value in
                {'block_count': 1, 'embedding_length': 8, 'feed_forward_length': 16, 'attention.head_count': 2,
                 'context_length': 64}.items()]
    tensors = [tensor('token_embd.weight', [8, 4], 0), tensor('noise', [padding // 4], 128)]
    head = b'GGUF' + struct.pack('<IQQ', 3, len(tensors), len(entries)) + b''.join(entries + tensors)
    return head + bytes(-len(head) % 32) + bytes(128) + random.Random(name).randbytes(padding // 4 * 4) + bytes(32)


def safetensors(name):
    header = json.dumps({name: {'dtype': 'F32', 'shape': [2, 4], 'data_offsets': [0, 32]}}).encode()
    return struct.pack('<Q', len(header)) + header + bytes(32)


CONFIG = json.dumps({'model_type': 'llama', 'hidden_size': 8, 'intermediate_size': 16, 'num_hidden_layers': 3,
                     'num_attention_heads': 2, 'max_position_embeddings': 64, 'vocab_size': 4}).encode()


def is_lfs(path):
    return path.endswith(('.gguf', '.safetensors'))


def blob_name(path, content):
    if is_lfs(path):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b'blob %d\0' % len(content) + content).hexdigest()


# ---- the hub

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer):
        self.answer = answer
        super().__init__(('127.0.0.1', 0), Handler)
        threading.Thread(target=self.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # clients that hang up are part of the tests

    @property
    def url(self):
        return f'http://127.0.0.1:{self.server_port}'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.server.answer(self)

    def reply(self, status, body=b'', length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Length', str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


class FakeHub:
    """One repository, org/repo, whose branch main is at one commit. Large files lie on a second server, the CDN.

    `api_faults` and `faults[path]` are lists of functions of a handler (and the content); each takes one request and is
    gone; None lets a request through.
    """

    def __init__(self, files):
        self.set_files(files)
        self.api_faults, self.faults, self.extra_entries = [], {}, []
        self.requests = []  # (server, path with query, headers); tests clear it
        self.leaks = []     # paths for which the CDN was shown a token; nobody clears it
        self.page_size = 2
        self.required_token = None
        self.absolute_redirects = True
        self.hub, self.cdn = Server(self.answer_hub), Server(self.answer_cdn)
        self.url = self.hub.url

    def close(self):
        for server in (self.hub, self.cdn):
            server.shutdown()
            server.server_close()

    def set_files(self, files):
        self.files = dict(files)
        self.commit = hashlib.sha1(repr(sorted((p, blob_name(p, c)) for p, c in files.items())).encode()).hexdigest()

    def entries(self):
        for path, content in sorted(self.files.items()):
            entry = {'type': 'file', 'path': path, 'size': len(content), 'oid': blob_name('', content)}
            if is_lfs(path):
                entry |= {'oid': '0' * 40, 'lfs': {'oid': blob_name(path, content), 'size': len(content), 'pointerSize': 134}}
            yield entry
        yield {'type': 'directory', 'path': 'folder', 'size': 0, 'oid': '1' * 40}
        yield from self.extra_entries

    def downloads(self):
        """Paths of the content that was asked for, in order."""
        return [urllib.parse.unquote(path.split('/', 5)[5]) for server, path, _ in self.requests
                if server == 'hub' and '/resolve/' in path and not path.startswith('/moved')]

    def answer_hub(self, handler):
        self.requests.append(('hub', handler.path, dict(handler.headers)))
        path, _, query = handler.path.partition('?')
        if self.required_token and handler.headers.get('Authorization') != f'Bearer {self.required_token}':
            return handler.reply(401, X_Error_Code='GatedRepo', X_Error_Message='Access to model is restricted.')
        if path.startswith('/api/'):
            fault = self.api_faults.pop(0) if self.api_faults else None
            return fault(handler) if fault else self.answer_api(handler, path, urllib.parse.parse_qs(query))
        moved = re.fullmatch(r'/moved(/org/repo/.*)', path)
        found = re.fullmatch(rf'/org/repo/resolve/{self.commit}/(.*)', path)
        file = urllib.parse.unquote(found[1]) if found else None
        if not moved and file not in self.files:
            return handler.reply(404, X_Error_Code='EntryNotFound')
        if not moved and not self.absolute_redirects:
            return handler.reply(307, Location=f'/moved{path}')
        if moved:
            file = urllib.parse.unquote(re.fullmatch(r'/org/repo/resolve/[^/]*/(.*)', moved[1])[1])
        if is_lfs(file):
            location = f'{self.cdn.url}/{urllib.parse.quote(file)}?Signature={SIGNATURE}'
            return handler.reply(302, b'Found. Redirecting', Location=location)
        self.send_content(handler, file)

    def answer_api(self, handler, path, query):
        if not path.startswith('/api/models/org/repo/'):
            return handler.reply(401, X_Error_Code='RepoNotFound', X_Error_Message='Repository not found')
        if path.removeprefix('/api/models/org/repo/revision/') in ('main', 'refs%2Fpr%2F1', self.commit):
            return handler.reply(200, json.dumps({'id': 'org/repo', 'sha': self.commit}).encode())
        if path == f'/api/models/org/repo/tree/{self.commit}' and query.get('recursive') == ['true']:
            begin = int(query.get('cursor', ['0'])[0])
            entries = list(self.entries())
            end = begin + self.page_size
            headers = {}
            if end < len(entries):
                # As seen from outside, whatever name the hub has here.
                headers['Link'] = f'<https://hub.example{path}?recursive=true&cursor={end}>; rel="next"'
            return handler.reply(200, json.dumps(entries[begin:end]).encode(), **headers)
        if path == '/api/models/org/repo/refs':
            return handler.reply(200, b'{"branches": [{"name": "main"}], "tags": [{"name": "v1.0"}], "converts": []}')
        return handler.reply(404, X_Error_Code='RevisionNotFound', X_Error_Message='Invalid rev id')

    def answer_cdn(self, handler):
        self.requests.append(('cdn', handler.path, dict(handler.headers)))
        if 'Authorization' in handler.headers:
            self.leaks.append(handler.path)
        path, _, query = handler.path.partition('?')
        if query != f'Signature={SIGNATURE}':
            return handler.reply(403)
        self.send_content(handler, urllib.parse.unquote(path[1:]))

    def send_content(self, handler, file):
        content = self.files[file]
        faults = self.faults.get(file)
        fault = faults.pop(0) if faults else None
        if fault:
            return fault(handler, content)
        begin = self.range_begin(handler)
        if begin is None:
            return handler.reply(200, content)
        if begin >= len(content):
            return handler.reply(416, Content_Range=f'bytes */{len(content)}')
        handler.reply(206, content[begin:], Content_Range=f'bytes {begin}-{len(content) - 1}/{len(content)}')

    @staticmethod
    def range_begin(handler):
        asked = re.fullmatch(r'bytes=(\d+)-', handler.headers.get('Range', ''))
        return int(asked[1]) if asked else None


# ---- faults

def status(code, **headers):
    return lambda handler, content=None: handler.reply(code, b'an error page', **headers)


def cut(num_bytes):
    """The connection ends after so many bytes of what was asked for."""
    def fault(handler, content):
        begin = FakeHub.range_begin(handler) or 0
        headers = {'Content_Range': f'bytes {begin}-{len(content) - 1}/{len(content)}'} if begin else {}
        handler.reply(206 if begin else 200, content[begin:begin + num_bytes], length=len(content) - begin, **headers)
        handler.close_connection = True
    return fault


def part(num_bytes):
    """Less than was asked for, and said so."""
    def fault(handler, content):
        begin = FakeHub.range_begin(handler)
        end = begin + num_bytes
        handler.reply(206, content[begin:end], Content_Range=f'bytes {begin}-{end - 1}/{len(content)}')
    return fault


def stall(num_bytes, seconds):
    def fault(handler, content):
        handler.reply(200, content[:num_bytes], length=len(content))
        time.sleep(seconds)
        handler.close_connection = True
    return fault


def no_answer(handler, content=None):
    handler.close_connection = True


def ignore_range(handler, content):
    handler.reply(200, content)


def other_content(change):
    return lambda handler, content: handler.reply(200, change(content))


def corrupt(content):
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
