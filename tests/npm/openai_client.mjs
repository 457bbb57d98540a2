// OpenAI's client library against a server: PARROT is the URL of a parrot_server, MODEL that of `tenfold serve` with a
// real model, where there is one. Run by npm_test.py.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';

const parrotUrl = process.env.PARROT;
const modelUrl = process.env.MODEL;
const connect = (url, options = {}) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'secret', maxRetries: 0, ...options });
const parrot = connect(parrotUrl);

const say = (text, fields = {}) => ({ model: 'parrot', messages: [{ role: 'user', content: `Say: ${text}` }], ...fields });
const tools = [{
  type: 'function',
  function: {
    name: 'get_time',
    description: 'The time somewhere.',
    parameters: { type: 'object', properties: { zone: { type: 'string' } }, required: ['zone'] },
  },
}];
const call = (zone) => `<tool_call>\n{"name": "get_time", "arguments": {"zone": "${zone}"}}\n</tool_call>`;

const collect = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
};

test('lists and finds models', async () => {
  const { data } = await parrot.models.list();
  assert.deepEqual(data.map((model) => model.id), ['parrot']);
  assert.equal((await parrot.models.retrieve('parrot')).object, 'model');
  await assert.rejects(parrot.models.retrieve('cat'), OpenAI.NotFoundError);
});

test('chats', async () => {
  const answer = await parrot.chat.completions.create(say('Grüße 🦜'));
  assert.equal(answer.object, 'chat.completion');
  assert.match(answer.id, /^chatcmpl-/);
  assert.equal(answer.choices[0].message.role, 'assistant');
  assert.equal(answer.choices[0].message.content, 'Grüße 🦜');
  assert.equal(answer.choices[0].finish_reason, 'stop');
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

test('streams a chat', async () => {
  const chunks = await collect(await parrot.chat.completions.create(
    say('Hello.', { stream: true, stream_options: { include_usage: true } })));
  assert.equal(chunks[0].choices[0].delta.role, 'assistant');
  const usage = chunks.pop();
  assert.deepEqual(usage.choices, []);
  assert.equal(usage.usage.completion_tokens, 6);
  assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? '').join(''), 'Hello.');
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
  assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
});

test('the stream helper puts a chat together', async () => {
  const stream = parrot.chat.completions.stream(say('Hello.', { logprobs: true }));
  assert.equal(await stream.finalContent(), 'Hello.');
  assert.equal((await stream.finalChatCompletion()).choices[0].logprobs.content.length, 6);
});

test('calls a tool', async () => {
  const { choices: [choice] } = await parrot.chat.completions.create(say(`Well. ${call('UTC')}`, { tools }));
  assert.equal(choice.finish_reason, 'tool_calls');
  assert.equal(choice.message.content, 'Well.');
  assert.equal(choice.message.tool_calls[0].type, 'function');
  assert.equal(choice.message.tool_calls[0].function.name, 'get_time');
  assert.deepEqual(JSON.parse(choice.message.tool_calls[0].function.arguments), { zone: 'UTC' });
});

test('streams two calls of tools', async () => {
  const stream = parrot.chat.completions.stream(say(call('UTC') + call('CET'), { tools }));
  const { choices: [choice] } = await stream.finalChatCompletion();
  assert.equal(choice.finish_reason, 'tool_calls');
  assert.deepEqual(choice.message.tool_calls.map((each) => JSON.parse(each.function.arguments).zone), ['UTC', 'CET']);
});

test('goes on with what a tool answered', async () => {
  const asked = [];
  const runnable = [{
    type: 'function',
    function: {
      ...tools[0].function,
      parse: JSON.parse,
      function: ({ zone }) => {
        asked.push(zone);
        return `Say: It is noon in ${zone}.`;
      },
    },
  }];
  for (const stream of [false, true]) {
    const runner = parrot.chat.completions.runTools(say(call('UTC'), { tools: runnable, stream }));
    assert.equal(await runner.finalContent(), 'It is noon in UTC.');
  }
  assert.deepEqual(asked, ['UTC', 'UTC']);
});

test('takes reasoning apart', async () => {
  const { choices: [{ message }] } = await parrot.chat.completions.create(say('<think>Hm.</think>\n\nYes.'));
  assert.equal(message.reasoning_content, 'Hm.');
  assert.equal(message.content, 'Yes.');
});

test('gives several choices and log-probabilities', async () => {
  const chat = await parrot.chat.completions.create(say('ab', { n: 3, logprobs: true, top_logprobs: 0 }));
  assert.deepEqual(chat.choices.map((choice) => choice.index), [0, 1, 2]);
  assert.deepEqual(chat.choices[2].logprobs.content.map((token) => [token.token, token.bytes]), [['a', [97]], ['b', [98]]]);
  const text = await parrot.completions.create({ model: 'parrot', prompt: ['Say: ab', 'Say: cd'], logprobs: 0, best_of: 2 });
  assert.deepEqual(text.choices.map((choice) => choice.text), ['ab', 'cd']);
  assert.deepEqual(text.choices[1].logprobs.tokens, ['c', 'd']);
});

test('completes and streams a completion', async () => {
  const whole = await parrot.completions.create({ model: 'parrot', prompt: 'Say: abcdef', max_tokens: 3 });
  assert.equal(whole.choices[0].text, 'abc');
  assert.equal(whole.choices[0].finish_reason, 'length');
  const chunks = await collect(await parrot.completions.create({ model: 'parrot', prompt: 'Say: abc', stream: true }));
  assert.equal(chunks.map((chunk) => chunk.choices[0].text).join(''), 'abc');
});

test('errors arrive as the classes that programs catch', async () => {
  await assert.rejects(parrot.chat.completions.create({ ...say('a'), model: 'cat' }), (error) =>
    error instanceof OpenAI.NotFoundError && error.code === 'model_not_found' && error.param === 'model');
  await assert.rejects(parrot.chat.completions.create(say('a', { temperature: -1 })), (error) =>
    error instanceof OpenAI.BadRequestError && error.param === 'temperature' && /between 0 and 100/.test(error.message));
  await assert.rejects(parrot.chat.completions.create(say('a', { temprature: 1 })), (error) =>
    error instanceof OpenAI.BadRequestError && error.param === 'temprature');
  await assert.rejects(connect(parrotUrl, { apiKey: 'wrong' }).models.list(), OpenAI.AuthenticationError);
});

// Sequences that the server works on; a FakeEngine always shows one that nobody asked for.
const numRunning = async () => {
  const answer = await fetch(`${parrotUrl}/admin/state`, { headers: { Authorization: 'Bearer secret' } });
  return (await answer.json()).sequences.length - 1;
};
const untilIdle = async () => {
  for (let i = 0; await numRunning() > 0; ++i) {
    assert.ok(i < 100, 'a request whose client has left is still running');
    await new Promise((done) => setTimeout(done, 20));
  }
};
const slowly = { model: 'parrot', messages: [{ role: 'user', content: `Slowly: ${'a'.repeat(1000)}` }] };

test('a request whose time is up is given up', async () => {
  await assert.rejects(parrot.chat.completions.create(slowly, { timeout: 100 }), OpenAI.APIConnectionTimeoutError);
  await untilIdle();
});

test('a stream may be left', async () => {
  const stream = await parrot.chat.completions.create({ ...slowly, stream: true });
  for await (const chunk of stream) {
    if (!chunk.choices[0].delta.content) continue;  // the role
    assert.equal(await numRunning(), 1);
    break;  // aborts
  }
  await untilIdle();
});

test('a request may be aborted', async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 100);
  await assert.rejects(parrot.chat.completions.create(slowly, { signal: controller.signal }), OpenAI.APIUserAbortError);
  await untilIdle();
});

test('a model writes the same whole and streamed', { skip: !modelUrl && 'no model here' }, async () => {
  const client = connect(modelUrl);
  const { data: [{ id: model }] } = await client.models.list();
  const request = { model, prompt: 'Once upon a time', max_tokens: 24, temperature: 0 };
  const whole = await client.completions.create(request);
  assert.equal(whole.usage.completion_tokens, 24);
  const chunks = await collect(await client.completions.create({ ...request, stream: true }));
  assert.equal(chunks.map((chunk) => chunk.choices[0].text).join(''), whole.choices[0].text);
  const stopped = await client.completions.create({ ...request, stop: '.' });
  assert.equal(stopped.choices[0].text, whole.choices[0].text.split('.')[0]);
  const chat = { model, messages: [{ role: 'user', content: 'Tell me a story.' }], max_completion_tokens: 16, seed: 7 };
  const [first, second] = await Promise.all([client.chat.completions.create(chat), client.chat.completions.create(chat)]);
  assert.equal(first.choices[0].message.content, second.choices[0].message.content);
});

test('a model embeds', { skip: !modelUrl && 'no model here' }, async () => {
  const client = connect(modelUrl);
  const { data: [{ id: model }] } = await client.models.list();
  const packed = await client.embeddings.create({ model, input: ['Once upon a time', 'The end.'] });  // as base64
  const plain = await client.embeddings.create({ model, input: ['Once upon a time', 'The end.'], encoding_format: 'float' });
  assert.equal(packed.usage.prompt_tokens, packed.usage.total_tokens);
  assert.deepEqual(packed.data.map((each) => each.index), [0, 1]);
  for (const [i, { embedding }] of packed.data.entries()) {
    assert.deepEqual(Array.from(embedding), plain.data[i].embedding.map(Math.fround));
    assert.ok(Math.abs(Math.hypot(...embedding) - 1) < 1e-5);
  }
  assert.notDeepEqual(packed.data[0].embedding, packed.data[1].embedding);
});
