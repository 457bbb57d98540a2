#!/usr/bin/env python3
"""2,000 clients stream at once while 64 sequences run; the others wait. What that costs the server is read from itself.

usage: many_streams_test.py TENFOLD SHARED      as cli_test.py; exits with 77 where SHARED is absent
"""
import asyncio
import resource
import sys

from running_server import SKIPPED, RunningServer, connect, find_model, post, read_head

NUM_STREAMS = 2000
NUM_RUNNING = 64
NUM_RUNS = 3
MAX_TOKENS = 16
MAX_TOKENS_OF_THE_FIRST = 490  # they run until all others are open
MAX_STALL_S = 0.1
MAX_GROWTH_BYTES = 50 << 20


class OpenStreams(set):
    most = 0  # at once


async def stream(port, number, open_streams):
    """Reads one stream to its end; how many chunks with text it had."""
    reader, writer = await connect(port)
    max_tokens = MAX_TOKENS_OF_THE_FIRST if number < NUM_RUNNING else MAX_TOKENS
    writer.write(post('/v1/completions', {'prompt': f'Once {number}', 'max_tokens': max_tokens, 'ignore_eos': True,
                                          'stream': True}))
    assert (await read_head(reader))[0] == 200
    open_streams.add(number)
    open_streams.most = max(open_streams.most, len(open_streams))
    answer = await reader.read()
    while more := await reader.read():
        answer += more
    open_streams.discard(number)
    writer.close()
    assert b'data: [DONE]' in answer, answer[-200:]
    return answer.count(b'"text"')


async def stream_all(server):
    open_streams = OpenStreams()
    peak = 0
    streams = asyncio.gather(*(stream(server.port, i, open_streams) for i in range(NUM_STREAMS)))
    while not streams.done():
        peak = max(peak, server.resident_bytes())
        await asyncio.sleep(0.05)
    chunks = await streams
    assert min(chunks) > 0, chunks
    return peak, open_streams.most


def main():
    model = find_model(sys.argv[2])
    if model is None:
        return SKIPPED
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < NUM_STREAMS + 100:
        print(f'skipped: only {hard} files may be open at once here')
        return SKIPPED
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Other programs on the machine can only make it worse: what the server does itself shows in every run. Of a stall, what
    # the thread waited for a processor is the machine's, and printed; what it was at work itself counts.
    return 0 if any(is_good(sys.argv[1], model) for _ in range(NUM_RUNS)) else 1


def is_good(tenfold, model):
    with RunningServer(tenfold, model, '--max-num-seqs', NUM_RUNNING, '--kv-cache-memory', '32M') as server:
        server.metrics('io_thread_max_stall_seconds')
        idle = server.resident_bytes()
        peak, most = asyncio.run(stream_all(server))
        # One scrape: both begin again with it.
        stall_s, work_s = server.metrics('io_thread_max_stall_seconds', 'io_thread_max_work_seconds')
        state = server.state()
    print(f'{most} streams at once: longest stall of the I/O thread {stall_s * 1000:.1f} ms, {work_s * 1000:.1f} ms at work, '
          f'{(peak - idle) / 2**20:.1f} MiB above the idle server')
    assert state['sequences'] == [] and state['pages']['free'] == state['pages']['total'], state
    return most == NUM_STREAMS and work_s < MAX_STALL_S and peak - idle < MAX_GROWTH_BYTES


if __name__ == '__main__':
    sys.exit(main())
