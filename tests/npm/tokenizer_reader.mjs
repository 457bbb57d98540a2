// tokenizer.json as our program writes it, read by Hugging Face's own tokenizers in JavaScript: real vocabularies must
// give the ids that are recorded for them. Run by npm_test.py, with TENFOLD and VOCABS.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Tokenizer } from '@huggingface/tokenizers';

const { TENFOLD, VOCABS } = process.env;
const folder = mkdtempSync(join(tmpdir(), 'tenfold_tokenizer_'));
after(() => rmSync(folder, { recursive: true }));

const run = (...args) => execFileSync(TENFOLD, args, { stdio: ['ignore', 'ignore', 'inherit'] });
const json = (...path) => JSON.parse(readFileSync(join(...path)));

for (const name of ['llama-spm', 'phi-3', 'gpt-2', 'llama-bpe', 'qwen2', 'deepseek-llm']) {
  test(name, () => {
    const vocab = join(VOCABS, `ggml-vocab-${name}.gguf`), model = join(folder, `${name}.gguf`), hf = join(folder, name);
    run('synth', '--shape', 'tiny', '--type', 'F16', '--vocab', vocab, '--out', model);
    run('convert', model, hf);
    const tokenizer = new Tokenizer(json(hf, 'tokenizer.json'), json(hf, 'tokenizer_config.json'));
    const texts = readFileSync(`${vocab}.inp`, 'utf8').split('\n__ggml_vocab_test__\n').slice(0, -1);
    const expected = readFileSync(`${vocab}.out`, 'utf8').split('\n').map((line) => line.trim().split(/ +/).filter(Boolean).map(Number));
    assert.equal(texts.length, 46);
    const wrong = [];
    texts.forEach((text, i) => {
      const { ids } = tokenizer.encode(text, { add_special_tokens: false });
      if (JSON.stringify(ids) !== JSON.stringify(expected[i])) wrong.push({ text, ids, expected: expected[i] });
    });
    assert.deepEqual(wrong, []);
  });
}
