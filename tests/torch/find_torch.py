"""Finds a Python that has PyTorch: this one, or another `python3` on PATH."""
import importlib.util
import os
import pathlib
import subprocess
import sys


def has_torch(python):
    return subprocess.run([python, '-c', 'import torch'], capture_output=True, timeout=60).returncode == 0


def run_where_torch_is():
    """Returns in a Python that has PyTorch, if need be after starting the script anew; without one, returns False."""
    if importlib.util.find_spec('torch') is not None:
        return True
    if 'TENFOLD_LOOKED_FOR_TORCH' in os.environ:
        return False
    os.environ['TENFOLD_LOOKED_FOR_TORCH'] = '1'
    seen = {pathlib.Path(sys.executable).resolve()}
    for folder in os.get_exec_path():
        python = pathlib.Path(folder) / 'python3'
        if not python.is_file() or python.resolve() in seen:
            continue
        seen.add(python.resolve())
        if has_torch(python):
            os.execv(python, [str(python), *sys.argv])
    return False
