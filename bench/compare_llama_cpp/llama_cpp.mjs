// Measures llama.cpp through node-llama-cpp: one point, one JSON line.
//
// usage: node llama_cpp.mjs MODEL.gguf THREADS prefill TOKENS | decode SEQUENCES
//
// prefill  evaluates a prompt without generating, batches of 512 tokens.
// decode   every sequence has a prompt of 16 tokens and then generates greedily; all of them stand in one context that
//          batches them. Timed from the second new token of each on, when all prompts are done.
import {getLlama} from "node-llama-cpp";

const PROMPT_TOKENS = 16;
const [path, threads, kind, size] = [process.argv[2], Number(process.argv[3]), process.argv[4], Number(process.argv[5])];

// Any tokens do: the work is the same. Different in each sequence, so that no prefix is shared.
function tokens(count, sequence, vocabularySize) {
  return Array.from({length: count}, (_, i) => 100 + ((i * 37 + sequence * 1009) % (vocabularySize - 200)));
}

const llama = await getLlama({gpu: false, build: "never", logLevel: "error", maxThreads: threads});
const model = await llama.loadModel({modelPath: path});
const vocabularySize = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
const seconds = (since) => (performance.now() - since) / 1e3;

async function prefill(count) {
  const context = await model.createContext({contextSize: count + 64, batchSize: 512, threads, flashAttention: true});
  const sequence = context.getSequence();
  await sequence.evaluateWithoutGeneratingNewTokens(tokens(32, 1, vocabularySize));  // warms up
  await sequence.clearHistory();
  const start = performance.now();
  await sequence.evaluateWithoutGeneratingNewTokens(tokens(count, 0, vocabularySize));
  return {tok_s: count / seconds(start)};
}

async function decode(sequences) {
  const steps = sequences > 8 ? 16 : 48;
  const context = await model.createContext({
    contextSize: PROMPT_TOKENS + steps + 16, sequences, threads, flashAttention: true,
    batchSize: Math.max(512, sequences * PROMPT_TOKENS), batching: {dispatchSchedule: "nextCycle"}
  });
  const all = Array.from({length: sequences}, () => context.getSequence());
  await Promise.all(all.map((sequence, i) =>
    sequence.evaluateWithoutGeneratingNewTokens(tokens(PROMPT_TOKENS - 1, i, vocabularySize))));
  // In lock step: whoever asks for a token while the others are still being sampled would get a batch of its own.
  const generators = all.map((sequence, i) =>
    sequence.evaluate(tokens(1, i, vocabularySize), {temperature: 0, yieldEogToken: true}));
  const step = () => Promise.all(generators.map((generator) => generator.next()));
  await step();
  const start = performance.now();
  for (let i = 0; i < steps; i++) await step();
  return {tok_s: sequences * steps / seconds(start)};
}

const figures = kind === "prefill" ? await prefill(size) : await decode(size);
console.log(JSON.stringify({...figures, release: llama.llamaCppRelease.release}));
process.exit(0);
