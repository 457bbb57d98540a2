// GGUF files that our program writes, read by Hugging Face's own reader in JavaScript: what is said of the model, and
// the weights, against the file that they were made from. Run by npm_test.py, with TENFOLD and MODEL.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gguf, GGMLFileQuantizationType, GGMLQuantizationType } from '@huggingface/gguf';

const { TENFOLD, MODEL } = process.env;
const folder = mkdtempSync(join(tmpdir(), 'tenfold_gguf_'));
after(() => rmSync(folder, { recursive: true }));

const run = (...args) => execFileSync(TENFOLD, args, { stdio: ['ignore', 'ignore', 'inherit'] });

async function read(path) {
  const { metadata, tensorInfos, tensorDataOffset } = await gguf(path, { allowLocalFile: true });
  const bytes = readFileSync(path);
  const tensors = new Map(tensorInfos.map((info) => {
    const begin = bytes.byteOffset + Number(tensorDataOffset) + Number(info.offset);
    const count = Number(info.shape.reduce((a, b) => a * b, 1n));
    return [info.name, { type: GGMLQuantizationType[info.dtype], shape: info.shape, begin, count, buffer: bytes.buffer }];
  }));
  return { metadata, tensors };
}

const floats = ({ buffer, begin, count }) => new Float32Array(buffer.slice(begin, begin + 4 * count));

function half(bits) {
  const exponent = bits >> 10 & 31, mantissa = bits & 1023, sign = bits >> 15 ? -1 : 1;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + mantissa / 1024) : 2 ** -14 * mantissa / 1024);
}

// Each block of 32 as its scale and its whole numbers.
const blocks = {
  Q8_0(view, at) {
    return { scale: half(view.getUint16(at, true)), codes: Array.from({ length: 32 }, (_, i) => view.getInt8(at + 2 + i)), bytes: 34 };
  },
  Q4_0(view, at) {
    const code = (i) => i < 16 ? view.getUint8(at + 2 + i) & 15 : view.getUint8(at + 2 + i - 16) >> 4;
    return { scale: half(view.getUint16(at, true)), codes: Array.from({ length: 32 }, (_, i) => code(i) - 8), bytes: 18 };
  },
};

const original = await read(MODEL);

test('the converter and back', async () => {
  run('convert', MODEL, join(folder, 'hf'));
  run('convert', join(folder, 'hf'), join(folder, 'back.gguf'));
  const back = await read(join(folder, 'back.gguf'));
  const ours = new Set(['general.name', 'general.quantization_version', 'tokenizer.ggml.add_space_prefix', 'tokenizer.ggml.scores']);
  for (const [key, value] of Object.entries(original.metadata)) {
    if (ours.has(key) || key === 'kv_count') continue;
    assert.deepEqual(back.metadata[key], value, key);
  }
  assert.deepEqual([...back.tensors.keys()].sort(), [...original.tensors.keys()].sort());
  for (const [name, tensor] of original.tensors) {
    assert.deepEqual(back.tensors.get(name).shape, tensor.shape, name);
    assert.deepEqual(floats(back.tensors.get(name)), floats(tensor), name);
  }
});

for (const type of ['Q8_0', 'Q4_0']) {
  test(`quantized to ${type}`, async () => {
    const path = join(folder, `${type}.gguf`);
    run('quantize', MODEL, path, '--type', type);
    const quantized = await read(path);
    assert.equal(quantized.metadata['general.file_type'], GGMLFileQuantizationType[`MOSTLY_${type}`] ?? GGMLFileQuantizationType[type]);
    let seen = 0;
    for (const [name, tensor] of quantized.tensors) {
      const expected = floats(original.tensors.get(name));
      if (tensor.type === 'F32') assert.deepEqual(floats(tensor), expected, name);
      if (tensor.type !== type) continue;
      ++seen;
      const view = new DataView(tensor.buffer);
      for (let i = 0, at = tensor.begin; i < tensor.count; i += 32) {
        const { scale, codes, bytes } = blocks[type](view, at);
        // To the nearest; the last code of Q4_0's positive side is a whole scale off; the scale itself is rounded.
        for (let j = 0; j < 32; ++j) {
          const error = Math.abs(codes[j] * scale - expected[i + j]);
          assert.ok(error <= Math.abs(scale) * (type === 'Q4_0' && codes[j] === 7 ? 1.01 : 0.57), `${name} ${i + j}: ${error} of ${scale}`);
        }
        at += bytes;
      }
    }
    assert.ok(seen > 20, `${seen} tensors`);
  });
}
