#!/usr/bin/env python3
"""Writes the seed files of fuzz/corpus: the smallest files that reach each part of the parsers."""

import json
import pathlib
import struct

CORPUS = pathlib.Path(__file__).parent / "corpus"

U8, U32, F32, BOOL, STRING, ARRAY, U64, I64 = 0, 4, 6, 7, 8, 9, 10, 11
TENSOR_F32, TENSOR_Q4_0, TENSOR_Q8_0, TENSOR_Q4_K = 0, 2, 8, 12


def text(value):
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def scalar(kind, value):
    return text(value) if kind == STRING else struct.pack({U8: "<B", U32: "<I", F32: "<f", BOOL: "<?", U64: "<Q", I64: "<q"}[kind], value)


def metadata(key, kind, value):
    return text(key) + struct.pack("<I", kind) + scalar(kind, value)


def array(key, kind, values):
    content = b"".join(scalar(kind, value) for value in values)
    return text(key) + struct.pack("<IIQ", ARRAY, kind, len(values)) + content


def tensor(name, dimensions, kind, offset):
    sizes = struct.pack(f"<{len(dimensions)}Q", *dimensions)
    return text(name) + struct.pack("<I", len(dimensions)) + sizes + struct.pack("<IQ", kind, offset)


def gguf(version, entries, tensors, data_bytes):
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(entries)) + b"".join(entries + tensors)
    return head + bytes(-len(head) % 32) + bytes(data_bytes)


def safetensors(header, data_bytes):
    raw = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(raw)) + raw + bytes(data_bytes)


def http(*lines, body=""):
    return "\r\n".join([*lines, "", body]).encode()


def request(**fields):
    return json.dumps(fields, ensure_ascii=False).encode()


SEEDS = {
    "gguf/empty": gguf(3, [], [], 0),
    "gguf/scalars": gguf(3, [metadata("a", U8, 1), metadata("b", U32, 2), metadata("c", F32, 0.5), metadata("d", BOOL, True),
                             metadata("e", STRING, "llama"), metadata("f", U64, 2**64 - 1), metadata("g", I64, -1)], [], 0),
    "gguf/arrays": gguf(3, [array("i", U32, [1, 2, 3]), array("f", F32, [0.5]), array("b", BOOL, [True, False]),
                            array("s", STRING, ["<s>", "", "\u00e9"])], [], 0),
    "gguf/tensors": gguf(3, [metadata("general.alignment", U32, 32)],
                         [tensor("a", [4, 2], TENSOR_F32, 0), tensor("b", [32], TENSOR_Q8_0, 32),
                          tensor("c", [32, 1, 2], TENSOR_Q4_0, 96)], 132),
    "gguf/version2": gguf(2, [metadata("split.count", U32, 1)], [tensor("k", [256], TENSOR_Q4_K, 0)], 144),
    "safetensors/empty": safetensors({}, 0),
    "safetensors/tensors": safetensors(
        {"__metadata__": {"format": "pt"},
         "a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
         "b": {"dtype": "BF16", "shape": [3], "data_offsets": [16, 22]},
         "c": {"dtype": "F16", "shape": [], "data_offsets": [22, 24]}}, 24),
    "safetensors/other_types": safetensors(
        {"i": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]},
         "q": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [8, 10]}}, 10),
    "http/get": http("GET /v1/models?a=b HTTP/1.1", "Host: x", "Authorization: Bearer key", "Connection: close"),
    "http/length": http("POST /v1/completions HTTP/1.1", "Content-Type: application/json", "Content-Length: 5", body="hello"),
    "http/chunks": http("POST / HTTP/1.1", "Transfer-Encoding: chunked",
                        body="3;a=\"b\"\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: x\r\n\r\n"),
    "http/pipeline": http("GET /a HTTP/1.1") + http("POST /b HTTP/1.1", "Content-Length: 1", body="b")
    + http("GET /c HTTP/1.0", "Connection: keep-alive"),
    "http/proxy": http("GET http://host:8000/health?x HTTP/1.1", "Expect: 100-continue", "Content-Length: 0"),
    "http/preflight": http("OPTIONS * HTTP/1.1", "Origin: https://a.example", "Access-Control-Request-Method: POST"),
    "http/both": http("POST / HTTP/1.1", "Content-Length: 4, 4", "Transfer-Encoding: gzip, chunked", body="0\r\n\r\n"),
    "http/folded": http("GET / HTTP/1.1", "X: a", "  b", "Upgrade: h2c", "Proxy-Connection: keep-alive"),
    "request/completion": request(model="m", prompt="Hi \u00e9", max_tokens=4, temperature=0.5, top_p=0.9, n=2, best_of=3,
                                  logprobs=2, stop=["a", "b"], seed=-1, logit_bias={"5": -100}, echo=False),
    "request/prompts": request(prompt=["a", [1, 2]], use_beam_search=True, best_of=2, length_penalty=1.5, priority=-3),
    "request/vllm": request(prompt=[[1], [2]], top_k=5, min_p=0.1, repetition_penalty=1.1, min_tokens=1, ignore_eos=True,
                            stop_token_ids=[3], cache_salt="s", request_timeout=1.5, return_token_ids=True),
    "request/chat": request(messages=[{"role": "developer", "content": "Be brief."},
                                      {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
                                      {"role": "assistant", "content": "Well", "tool_calls": None}],
                            stream=True, stream_options={"include_usage": True}, logprobs=True, top_logprobs=3,
                            continue_final_message=True, chat_template_kwargs={"x": [1, {"y": None}]}),
    "request/tools": request(messages=[{"role": "user", "content": "Hi", "name": "u"},
                                       {"role": "assistant", "content": None, "reasoning_content": "so",
                                        "tool_calls": [{"id": "1", "type": "function",
                                                        "function": {"name": "f", "arguments": "{\"x\": 1}"}}]},
                                       {"role": "tool", "tool_call_id": "1", "content": "2"}],
                             tools=[{"type": "function", "function": {"name": "f", "description": "d", "parameters": {
                                 "type": "object", "properties": {"x": {"type": "integer"}}}}}],
                             tool_choice="auto", parallel_tool_calls=False),
    "request/ignored": request(prompt="a", user="u", metadata={}, response_format={"type": "text"}, max_tokens=1e300,
                               frequency_penalty=-2, presence_penalty=2),
}

for name, content in SEEDS.items():
    path = CORPUS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    print(f"{path.relative_to(CORPUS)}: {len(content)} bytes")
