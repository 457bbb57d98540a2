#!/usr/bin/env python3
"""2,000 clients stream at once while 64 sequences run; the others wait. What that costs the server is read from itself.

usage: many_streams_test.py TENFOLD SHARED      as cli_test.py; exits with 77 where SHARED is absent
"""
import asyncio
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.request

SKIPPED = 77
NUM_STREAMS = 2000
NUM_RUNNING = 64
NUM_RUNS = 3
MAX_TOKENS = 16
MAX_TOKENS_OF_THE_FIRST = 490  # they run until all others are open
MAX_STALL_S = 0.1
MAX_GROWTH_BYTES = 50 << 20


def resident_bytes(pid):
    status = pathlib.Path(f'/proc/{pid}/status').read_text()
    return int(re.search(r'VmRSS:\s+(\d+) kB', status)[1]) << 10


def metrics(url, *names):
    text = urllib.request.urlopen(f'{url}/metrics').read().decode()
    return [float(re.search(rf'^tenfold:{name}\{{[^}}]*\}} (\S+)$', text, re.MULTILINE)[1]) for name in names]


def start(tenfold, model):
    server = subprocess.Popen([tenfold, 'serve', model, '--port', '0', '--threads', '1', '--max-num-seqs', str(NUM_RUNNING),
                               '--kv-cache-memory', '32M'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
    for line in server.stderr:
        if found := re.search(r'http://127\.0\.0\.1:(\d+)/v1', line):
            return server, int(found[1])
    raise AssertionError('the server did not start')


class OpenStreams(set):
    most = 0  # at once


async def stream(port, number, open_streams):
    """Reads one stream to its end; how many chunks with text it had."""
    reader, writer = await asyncio.open_connection('127.0.0.1', port, limit=1 << 20)
    max_tokens = MAX_TOKENS_OF_THE_FIRST if number < NUM_RUNNING else MAX_TOKENS
    body = json.dumps({'prompt': f'Once {number}', 'max_tokens': max_tokens, 'ignore_eos': True, 'stream': True})
    writer.write(f'POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n'
                 f'Content-Length: {len(body)}\r\n\r\n{body}'.encode())
    head = await reader.readuntil(b'\r\n\r\n')
    assert head.startswith(b'HTTP/1.1 200'), head
    open_streams.add(number)
    open_streams.most = max(open_streams.most, len(open_streams))
    answer = await reader.read()
    while more := await reader.read():
        answer += more
    open_streams.discard(number)
    writer.close()
    assert b'data: [DONE]' in answer, answer[-200:]
    return answer.count(b'"text"')


async def stream_all(port, pid):
    open_streams = OpenStreams()
    peak = 0
    streams = asyncio.gather(*(stream(port, i, open_streams) for i in range(NUM_STREAMS)))
    while not streams.done():
        peak = max(peak, resident_bytes(pid))
        await asyncio.sleep(0.05)
    chunks = await streams
    assert min(chunks) > 0, chunks
    return peak, open_streams.most


def main():
    tenfold, shared = sys.argv[1], pathlib.Path(os.environ.get('TENFOLD_SHARED', sys.argv[2]))
    model = shared / 'models/stories260K.gguf'
    if not model.exists():
        print(f'skipped: needs {model}, which is not here')
        return SKIPPED
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < NUM_STREAMS + 100:
        print(f'skipped: only {hard} files may be open at once here')
        return SKIPPED
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Other programs on the machine can only make it worse: what the server does itself shows in every run. Of a stall, what
    # the thread waited for a processor is the machine's, and printed; what it was at work itself counts.
    return 0 if any(is_good(tenfold, model) for _ in range(NUM_RUNS)) else 1


def is_good(tenfold, model):
    server, port = start(tenfold, model)
    try:
        url = f'http://127.0.0.1:{port}'
        metrics(url)
        idle = resident_bytes(server.pid)
        peak, most = asyncio.run(stream_all(port, server.pid))
        # One scrape: both begin again with it.
        stall_s, work_s = metrics(url, 'io_thread_max_stall_seconds', 'io_thread_max_work_seconds')
        state = json.load(urllib.request.urlopen(f'{url}/admin/state'))
    finally:
        server.kill()
        server.communicate()
    print(f'{most} streams at once: longest stall of the I/O thread {stall_s * 1000:.1f} ms, {work_s * 1000:.1f} ms at work, '
          f'{(peak - idle) / 2**20:.1f} MiB above the idle server')
    assert state['sequences'] == [] and state['pages']['free'] == state['pages']['total'], state
    return most == NUM_STREAMS and work_s < MAX_STALL_S and peak - idle < MAX_GROWTH_BYTES


if __name__ == '__main__':
    sys.exit(main())
