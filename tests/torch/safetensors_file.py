"""Reads safetensors files of F32, from the format's description: 8 bytes of size, a JSON header, the numbers."""
import json

import torch


def read(path):
    """{name: tensor}"""
    content = bytearray(path.read_bytes())
    size = int.from_bytes(content[:8], 'little')
    tensors = {}
    for name, entry in json.loads(content[8:8 + size]).items():
        if name == '__metadata__':
            continue
        assert entry['dtype'] == 'F32', f'{path}: {name} is {entry["dtype"]}'
        begin, end = entry['data_offsets']
        count = (end - begin) // 4
        flat = torch.frombuffer(content, dtype=torch.float32, count=count, offset=8 + size + begin)
        tensors[name] = flat.reshape(entry['shape'])
    return tensors
