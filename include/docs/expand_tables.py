#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Doxygen's input filter: writes out the members that the header makes of its tables, each with the
meaning that stands in the table as its comment.

A table is `#define TABLE(X) X(name, …, "meaning") …`; it is used as `TABLE(ROW)` where
`#define ROW(name, …) text` says what becomes of a row.
"""
import re
import sys

DEFINE = re.compile(r'^#define (\w+)\(([^)]*)\)((?:.*\\\n)*.*)$', re.MULTILINE)
ROW = re.compile(r'\b(\w+)\(((?:[^()"]|"(?:[^"\\]|\\.)*")*)\)')
ARGUMENT = re.compile(r'\s*((?:[^,"]|"(?:[^"\\]|\\.)*")+)\s*(?:,|$)')


def split(arguments):
    return [a.strip() for a in ARGUMENT.findall(arguments)]


def unquoted(argument):
    """A literal, or several in a row, as text."""
    return ''.join(re.findall(r'"((?:[^"\\]|\\.)*)"', argument))


def expand(macro, arguments):
    parameters, text = macro
    for name, value in zip(parameters, arguments):
        text = re.sub(rf'(?:##)?\b{name}\b(?:##)?', lambda _: value, text)
    said = [unquoted(a) for a in arguments if a.startswith('"') and unquoted(a)]
    return f'    {text.strip()} /**< {said[0]}{"; also " + said[1] if len(said) > 1 else ""} */'


def expanded(source):
    macros = {name: (split(parameters), body.replace('\\\n', ' '))
              for name, parameters, body in DEFINE.findall(source)}
    tables = {name: macro for name, macro in macros.items()
              if macro[0] and all(re.search(rf'\b{p}\(', macro[1]) for p in macro[0])}
    used = set()

    def write_out(match):
        if match[1] not in tables:
            return match[0]
        parameters, body = tables[match[1]]
        names = split(match[2])
        used.update(names)
        rows = dict(zip(parameters, names))
        return '\n'.join(expand(macros[rows[kind]], split(arguments))
                         for kind, arguments in ROW.findall(body) if kind in rows)

    text = re.sub(r'^ +(MQK_\w+)\(([^()]*)\)$', write_out, source, flags=re.MULTILINE)
    for name in used:
        text = re.sub(rf'^#(?:define {name}\(.*|undef {name})\n', '', text, flags=re.MULTILINE)
    return text


if __name__ == '__main__':
    with open(sys.argv[1], encoding='utf-8') as f:
        sys.stdout.write(expanded(f.read()))
