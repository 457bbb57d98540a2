#!/usr/bin/env python3
"""The storyteller, the model that is part of the program: what commands take when MODEL is left out.

usage: storyteller_test.py TENFOLD SHARED    the binary, and the shared folder with the tales that it is measured on
                                            (the environment variable TENFOLD_SHARED overrides it)

Exits with 77, which CTest counts as skipped, where SHARED is absent.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.request

from running_server import SKIPPED, RunningServer

TENFOLD = ''
TALES = pathlib.Path()
BEGINNING = '<|endoftext|>Once upon a time there was a fox.'  # what the chat template makes of the next line
ASK = 'Tell me a story about a fox.'


def tenfold(*arguments, stdin=''):
    done = subprocess.run([TENFOLD, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, f'{arguments}\n{done.stdout}\n{done.stderr}'
    return done.stdout


def generate(prompt, num_tokens, temperature=0):
    """The text that follows."""
    return json.loads(tenfold('generate', '--prompt', prompt, '--max-tokens', num_tokens, '--temperature', temperature,
                              '--seed', 1, '--json'))['text']


def words_of(text):
    return re.findall(r"[a-z']+", text.lower())


class Storyteller(unittest.TestCase):
    def test_is_small_and_knows_its_text(self):
        info = json.loads(tenfold('info', '--json'))
        self.assertEqual((info['architecture'], info['name'], info['context_length']), ('llama', 'storyteller', 1024))
        self.assertLess(info['weight_bytes'], 10_000_000)
        # models/storyteller/README.md says what the whole file gives; it takes a minute.
        with tempfile.NamedTemporaryFile() as file:
            file.write(TALES.read_bytes()[:120_000])
            file.flush()
            self.assertLess(json.loads(tenfold('perplexity', '--file', file.name, '--json'))['bits_per_byte'], 1.5)

    def test_writes_english(self):
        words = words_of(generate('Once upon a time', 200, temperature=0.7))
        self.assertGreater(len(words), 100)
        self.assertGreater(len(set(words)), 50)
        known = set(words_of(TALES.read_text()))
        self.assertGreater(sum(word in known for word in words) / len(words), 0.95)

    def test_chats(self):
        def chat(*lines):
            return tenfold('chat', '--temperature', 0, '--repetition-penalty', 1, '--max-tokens', 40,
                           stdin='\n'.join(lines) + '\n')

        self.assertEqual(chat(ASK), generate(BEGINNING, 40) + '\n')
        # "Go on." goes on where the answer stopped.
        self.assertEqual(chat(ASK, 'Go on.').replace('\n', ''), generate(BEGINNING, 80).replace('\n', ''))
        # The model says how it is sampled: with a penalty, among others.
        self.assertNotEqual(tenfold('chat', '--temperature', 0, '--max-tokens', 40, stdin=ASK + '\n'), chat(ASK))
        # However long a conversation gets, there is room for an answer.
        answers = chat(*30 * ['And then a great wind blew over the sea, and all the ships were lost.'])
        self.assertGreater(len(answers), 30 * 40)

    def test_is_served(self):
        with RunningServer(TENFOLD, None) as server:
            def post(path, body):
                request = urllib.request.Request(f'http://127.0.0.1:{server.port}{path}', json.dumps(body).encode(),
                                                 {'Content-Type': 'application/json'})
                return json.load(urllib.request.urlopen(request))

            self.assertEqual(json.loads(server.get('/v1/models'))['data'][0]['id'], 'storyteller')
            limits = {'temperature': 0, 'repetition_penalty': 1, 'max_tokens': 40}
            answer = post('/v1/chat/completions', {'messages': [{'role': 'user', 'content': ASK}], **limits})
            self.assertEqual(answer['choices'][0]['message']['content'], generate(BEGINNING, 40))
            answer = post('/v1/completions', {'prompt': 'Once upon a time', **limits})
            self.assertEqual(answer['choices'][0]['text'], generate('Once upon a time', 40))


if __name__ == '__main__':
    TENFOLD, shared = sys.argv[1], pathlib.Path(os.environ.get('TENFOLD_SHARED', sys.argv[2]))
    TALES = shared / 'text/tales-val.txt'
    if not TALES.exists():
        print(f'skipped: needs {TALES}, which is not here')
        sys.exit(SKIPPED)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
