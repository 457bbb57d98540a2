#!/usr/bin/env python3
"""SIGTERM under load: whoever was admitted gets the whole answer, whoever comes later is sent away; a second one ends all.

usage: drain_test.py TENFOLD SHARED      as cli_test.py; exits with 77 where SHARED is absent
"""
import asyncio
import json
import pathlib
import signal
import sys
import tempfile
import time
import unittest

from running_server import SKIPPED, RunningServer, connect, find_model, post, read_head

TENFOLD = MODEL = ''
NUM_CLIENTS = 40
MAX_TOKENS = 400
# Alone they take seconds, one after the other: more than any deadline here.
NUM_LONG = 200
MAX_TOKENS_OF_LONG = 500


def body(stream, max_tokens=MAX_TOKENS):
    return {'prompt': 'Once upon a time', 'max_tokens': max_tokens, 'ignore_eos': True, 'stream': stream}


async def ask(port, stream, max_tokens=MAX_TOKENS):
    """'whole' for an answer with all its tokens, 'refused' for one that says that the server stops, 'door shut' when
    there was no answer at all, and else what came."""
    try:
        reader, writer = await connect(port)
    except OSError:
        return 'door shut'
    answer = b''
    try:
        writer.write(post('/v1/completions', body(stream, max_tokens)))
        status, _ = await read_head(reader)
        answer = await reader.read(-1)
    except (OSError, asyncio.IncompleteReadError):
        return 'door shut' if not answer else f'cut off after {answer[-200:]}'
    finally:
        writer.close()
    if status == 503:
        return 'refused' if json.loads(answer)['error']['code'] == 'shutting_down' else answer
    if stream:
        whole = answer.count(b'"finish_reason":"length"') == 1 and b'data: [DONE]' in answer
    else:
        whole = json.loads(answer)['usage']['completion_tokens'] == max_tokens if answer else False
    return 'whole' if status == 200 and whole else f'{status} {answer[-200:]}'


async def keep_asking(port, number, outcomes):
    """One request after the other until the server is gone."""
    while True:
        outcomes.append(await ask(port, stream=(number + len(outcomes)) % 2 == 0))
        if outcomes[-1] != 'whole':
            return


async def wait_for_sequences(server, count):
    for _ in range(2000):
        if len((await asyncio.to_thread(server.state))['sequences']) >= count:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f'never {count} sequences')


class Drain(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.access_log = pathlib.Path(folder.name) / 'log'

    def serve(self, *flags):
        return RunningServer(TENFOLD, MODEL, '--kv-cache-memory', '4M', '--access-log', self.access_log, *flags)

    def ends_in_log(self):
        lines = [json.loads(line) for line in self.access_log.read_text().splitlines()]
        return [line['end'] for line in lines if line['path'] == '/v1/completions' and 'id' in line]

    def test_admitted_requests_are_finished(self):
        async def run(server):
            outcomes = []
            clients = asyncio.gather(*(keep_asking(server.port, i, outcomes) for i in range(NUM_CLIENTS)))
            while len(outcomes) < NUM_CLIENTS:
                await asyncio.sleep(0.01)
            await wait_for_sequences(server, 4)
            server.process.send_signal(signal.SIGTERM)
            num_before = len(outcomes)
            await clients
            return outcomes, num_before

        with self.serve('--max-num-seqs', 8) as server:
            outcomes, num_before = asyncio.run(run(server))
            self.assertEqual(server.process.wait(timeout=60), 0)
        tally = {outcome: outcomes.count(outcome) for outcome in set(outcomes)}
        print(f'SIGTERM under load, after {num_before} answers: {tally}')
        self.assertLessEqual(tally.keys(), {'whole', 'refused', 'door shut'})
        self.assertGreater(tally['whole'], num_before)
        # Nothing was taken on and then dropped.
        ends = self.ends_in_log()
        self.assertEqual(set(ends), {'complete'})
        self.assertEqual(len(ends), tally['whole'])

    def end_early(self, seconds, *flags, second_signal):
        """How long it took from the first signal to the end."""
        async def run(server):
            clients = asyncio.gather(*(ask(server.port, i % 2 == 0, MAX_TOKENS_OF_LONG) for i in range(NUM_LONG)))
            await wait_for_sequences(server, NUM_LONG // 2)
            begin = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            if second_signal:
                while 'finishing open requests' not in server.log:
                    server.log += await asyncio.to_thread(server.process.stderr.readline)
                server.process.send_signal(signal.SIGTERM)
            await clients
            self.assertEqual(server.process.wait(timeout=60), 0)
            return time.monotonic() - begin

        with self.serve('--max-num-seqs', 1, *flags) as server:  # more work than the time allows
            took = asyncio.run(run(server))
        self.assertLess(took, seconds)
        self.assertIn('shutdown', self.ends_in_log())
        return took

    def test_a_second_signal_ends_all_at_once(self):
        print(f'a second SIGTERM: {self.end_early(1.5, second_signal=True):.2f} s')

    def test_the_deadline_ends_what_is_left(self):
        took = self.end_early(2, '--drain-timeout', 0.4, second_signal=False)
        print(f'a deadline of 0.4 s: {took:.2f} s')
        self.assertGreater(took, 0.35)


if __name__ == '__main__':
    TENFOLD, MODEL = sys.argv[1], find_model(sys.argv[2])
    if MODEL is None:
        sys.exit(SKIPPED)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
