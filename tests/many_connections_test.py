#!/usr/bin/env python3
"""10,000 connections stand open, half of them used before, while a few clients are served: what that costs those.

usage: many_connections_test.py TENFOLD SHARED      as cli_test.py; exits with 77 where SHARED is absent
"""
import asyncio
import resource
import sys
import time

from running_server import SKIPPED, RunningServer, connect, find_model, post, read_answer

NUM_CONNECTIONS = 10_000
NUM_CLIENTS = 4
NUM_REQUESTS_EACH = 50
NUM_RUNS = 3
MAX_BYTES_EACH = 4 << 10
MAX_WORK_S = 0.1
# A request alone takes a few milliseconds; beside others on a busy machine, sometimes many.
MAX_SLOWER = 1.5
SLACK_S = 0.002


def median(values):
    return sorted(values)[len(values) // 2]


async def ask_often(port):
    """The time of each request on one connection."""
    reader, writer = await connect(port)
    request = post('/v1/completions', {'prompt': 'Once', 'max_tokens': 8, 'ignore_eos': True}, keep_alive=True)
    times = []
    for _ in range(NUM_REQUESTS_EACH):
        begin = time.perf_counter()
        writer.write(request)
        status, body = await read_answer(reader)
        assert status == 200, body
        times.append(time.perf_counter() - begin)
    writer.close()
    return times


async def measure(port):
    return sorted(sum(await asyncio.gather(*(ask_often(port) for _ in range(NUM_CLIENTS))), []))


async def stand_open(port, number):
    reader, writer = await connect(port)
    if number % 2 == 0:
        writer.write(b'GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
        assert (await read_answer(reader))[0] == 200
    return reader, writer


async def run(server):
    await measure(server.port)  # warms up
    alone = await measure(server.port)
    idle_bytes = server.resident_bytes()
    server.metrics('io_thread_max_work_seconds')  # begins again
    connections = []
    begin = time.perf_counter()
    while len(connections) < NUM_CONNECTIONS:  # no more at once than wait to be accepted
        numbers = range(len(connections), min(len(connections) + 500, NUM_CONNECTIONS))
        connections += await asyncio.gather(*(stand_open(server.port, number) for number in numbers))
    opened_s = time.perf_counter() - begin
    among = await measure(server.port)
    bytes_each = (server.resident_bytes() - idle_bytes) / NUM_CONNECTIONS
    [work_s] = server.metrics('io_thread_max_work_seconds')
    still_open = sum(not reader.at_eof() for reader, _ in connections)
    for _, writer in connections:
        writer.transport.abort()
    print(f'{still_open} connections, opened in {opened_s:.1f} s, {bytes_each:.0f} bytes each; a request takes '
          f'{median(alone) * 1000:.2f} ms alone and {median(among) * 1000:.2f} ms among them (median), '
          f'{alone[-2] * 1000:.2f} and {among[-2] * 1000:.2f} ms (P99); the I/O thread was at work for {work_s * 1000:.1f} ms '
          'at a time')
    assert still_open == NUM_CONNECTIONS
    return (bytes_each < MAX_BYTES_EACH and work_s < MAX_WORK_S and
            median(among) < MAX_SLOWER * median(alone) + SLACK_S)


def main():
    model = find_model(sys.argv[2])
    if model is None:
        return SKIPPED
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < NUM_CONNECTIONS + 1000:
        print(f'skipped: only {hard} files may be open at once here')
        return SKIPPED
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Other programs on the machine can only make it worse: what the server does itself shows in every run.
    for _ in range(NUM_RUNS):
        with RunningServer(sys.argv[1], model, '--max-num-seqs', NUM_CLIENTS, '--kv-cache-memory', '8M') as server:
            if asyncio.run(run(server)):
                return 0
    return 1


if __name__ == '__main__':
    sys.exit(main())
