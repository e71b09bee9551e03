#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""README.md names what there is: settings, words, options, hooks, fields. (test_docs.py tries the code.)

  test_readme.py LOAD_CONFIG
"""
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOAD_CONFIG = ''


def read(path):
    with open(os.path.join(REPO, path), encoding='utf-8') as f:
        return f.read()


def blocks(page, language):
    return re.findall(rf'^```{language}\n(.*?)^```$', read(page), re.DOTALL | re.MULTILINE)


def load(text):
    """Loads a configuration in a folder where the files are that the pages speak of."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ('ca.pem', 'client.pem', 'client.key'):
            with open(os.path.join(folder, name), 'w', encoding='utf-8'):
                pass
        with open(os.path.join(folder, 'rules.yaml'), 'w', encoding='utf-8') as f:
            f.write(text)
        return subprocess.run([LOAD_CONFIG, 'rules.yaml'], cwd=folder, text=True, timeout=60,
                              env={**os.environ, 'KAFKA_PASSWORD': 'secret'},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class Readme(unittest.TestCase):
    def test_a_wrong_configuration_is_noticed(self):
        done = load(blocks('README.md', 'yaml')[0].replace('servers:', 'server:'))
        self.assertEqual(done.returncode, 1)
        self.assertIn('did you mean "servers"?', done.stdout)

    def test_the_program_is_the_example(self):
        self.assertEqual(blocks('README.md', 'c')[0], read('examples/embed.c'))

    def test_the_picture_is_well_formed(self):
        xml.etree.ElementTree.parse(os.path.join(REPO, 'lib/architecture.svg'))

    def test_the_two_commands_are_there(self):
        for command in ('examples/quickstart.sh', 'tests/run.sh'):
            self.assertIn(f'./{command}', read('README.md'))
            self.assertTrue(os.access(os.path.join(REPO, command), os.X_OK), command)

    def test_counters_are_named(self):
        header = read('include/mqkafka/mqkafka.h')
        tables = re.findall(r'#define (?:MQK_RULE_COUNTERS|MQK_CLUSTER_NUMBERS)\(X\)(.*?"\))\n\n', header, re.DOTALL)
        self.assertEqual(len(tables), 2)
        for name in re.findall(r'X\((\w+), "', ''.join(tables)):
            self.assertIn(f'`{name}`', read('README.md'))

    def test_settings_options_and_aliases_are_named(self):
        text = read('README.md')
        schema = read('lib/edges/config_schema.c')
        keys = re.findall(r'(?:TEXT|WORD|MAP|TEXTS|MAPS)\(S, "(\w+)"', schema)
        keys += re.findall(r'NONE\("(\w+)"', schema)
        words = [word for body in re.findall(r'_words\[\] = \{(.*?)\};', schema, re.DOTALL)
                 for word in re.findall(r'\{"(\w+)"', body)]
        options = re.findall(r"option\('(\w+)'", read('meson_options.txt'))
        hooks = re.findall(r'X\(\w+, \d+, "[\w.]+", "([\w.]+)"\)', read('include/mqkafka/mqkafka.h'))
        fields = re.findall(r'(?:TEXT|INT|BOOL|TIME)\((\w+), "', read('include/mqkafka/mqkafka.h'))
        self.assertGreater(min(map(len, (keys, words, options, hooks, fields))), 1)
        known = set(re.findall(r'\w+(?:\.\w+)?', text)) | set(re.findall(r'\w+', text))
        self.assertEqual(sorted({*keys, *words, *options, *hooks, *fields} - known), [])


if __name__ == '__main__':
    LOAD_CONFIG = os.path.abspath(sys.argv[1])
    unittest.main(argv=sys.argv[:1], verbosity=2)
