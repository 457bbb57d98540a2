#!/usr/bin/env python3
"""Checks that src/tenfold obeys layers.txt: includes point strictly downwards, third-party headers stay fenced.

usage: tools/check_layers.py [ROOT]      ROOT is the repository (default: the folder above this script)

Prints one line per violation and exits 1, or prints the number of checked files and exits 0.
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]')
HARD_LINE_LIMIT = 800


def read_rules(path):
    """Returns ({folder: level}, [(prefix, {folders})]) from layers.txt, longest prefixes first."""
    levels, fences = {}, []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split('#')[0].split()
        if not words:
            continue
        if words[0] == 'fence':
            fences.append((words[1], set(words[2:])))
        elif words[0].isdigit():
            for folder in words[1:]:
                levels[folder] = int(words[0])
        else:
            sys.exit(f'{path}:{number}: expected "LEVEL FOLDER..." or "fence PREFIX FOLDER..."')
    fences.sort(key=lambda fence: -len(fence[0]))
    return levels, fences


def check_include(folder, included, levels, fences):
    """Returns what is wrong with `included` seen from `folder`, or None."""
    if included.startswith('tenfold/'):
        target = included.split('/')[1]
        if target not in levels:
            return f'includes {included}, whose folder is not in layers.txt'
        if target != folder and levels[target] >= levels[folder]:
            return (f'includes {included}: {target} (level {levels[target]}) is not below '
                    f'{folder} (level {levels[folder]})')
        return None
    for prefix, owners in fences:
        if included.startswith(prefix):
            return None if folder in owners else f'includes {included}: only {", ".join(sorted(owners))} may'
    return None


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    levels, fences = read_rules(root / 'layers.txt')
    source = root / 'src' / 'tenfold'
    violations, num_files = [], 0
    for path in sorted(source.rglob('*')):
        if path.suffix not in ('.h', '.cc', '.cu'):
            continue
        num_files += 1
        folder = path.relative_to(source).parts[0]
        lines = path.read_text().splitlines()
        name = path.relative_to(root)
        if folder not in levels:
            violations.append(f'{name}: folder {folder} is not in layers.txt')
            continue
        if len(lines) > HARD_LINE_LIMIT:
            violations.append(f'{name}: {len(lines)} lines; a file holds one idea, at most {HARD_LINE_LIMIT} lines')
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            problem = check_include(folder, match.group(1), levels, fences) if match else None
            if problem:
                violations.append(f'{name}:{number}: {problem}')
    print('\n'.join(violations) if violations else f'{num_files} files obey layers.txt')
    sys.exit(1 if violations or num_files == 0 else 0)


if __name__ == '__main__':
    main()
