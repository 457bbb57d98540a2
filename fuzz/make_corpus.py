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
}

for name, content in SEEDS.items():
    path = CORPUS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    print(f"{path.relative_to(CORPUS)}: {len(content)} bytes")
