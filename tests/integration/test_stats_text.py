#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The statistics as text: JSON as Python reads it, Prometheus' format and OpenMetrics as the parsers
of Prometheus' own Python library read them; the example dashboard asks for what is there.

  test_stats_text.py WRITE_STATS

The library comes with pip, into MQK_CACHE; without a registry the tests that need it are skipped.
"""
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.environ.get('MQK_CACHE') or os.path.join(REPO, '.work/cache')
WRITE_STATS = ''
EVENTS = 3000
EU = 'eu "1"\\\n{}'
NODE = 'gw "1" \\ \N{REPLACEMENT CHARACTER}}\n'
# Names as an attacker, or a tired operator, would choose them.
NAMES = ['plain', 'a "quoted" one', 'back\\slash\\', 'two\nlines', '# HELP x y', '} 1', '{a="b",} 7 7',
         'käse \N{GRINNING FACE}', '\\n', 'tab\there', '\x01\x1f\x7f\x85\u2028', '","x":"', 'hook[13]',
         ' spaces ', 'x' * 255]


def quoted(text):
    """As YAML in double quotes."""
    return '"' + ''.join(c if c.isalnum() and c.isascii() else f'\\U{ord(c):08x}' for c in text) + '"'


def rules():
    text = 'kafka:\n  clusters:\n'
    for name in (EU, 'away'):
        servers = '"127.0.0.1:1"' if name == 'away' else 'embedded'
        text += f'    - {{ name: {quoted(name)}, servers: [{servers}] }}\n'
    text += '  hook:\n'
    for i, name in enumerate([*NAMES, None]):
        text += '    - hook: message.publish\n      topic: t\n      filter: "factory/#"\n'
        text += f'      cluster: {quoted(EU)}\n'
        text += f'      name: {quoted(name)}\n' if name else ''
        text += '      value: \'{"p":${payload}}\'\n' if i == 0 else '      where: "qos > 5"\n'
    return text + '    - { hook: message.acked, topic: t, cluster: away, name: to away }\n'


def library():
    """Prometheus' Python library: the system's, or installed at first use. None: it cannot be had."""
    if not importlib.util.find_spec('prometheus_client') and not install():
        return None
    from prometheus_client import parser
    from prometheus_client.openmetrics import parser as openmetrics
    return parser, openmetrics


def install():
    folder = os.path.join(CACHE, f'prometheus-client-{sys.version_info[0]}.{sys.version_info[1]}')
    if not os.path.isdir(os.path.join(folder, 'prometheus_client')):
        os.makedirs(CACHE, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            # A virtual environment, for its pip: the system's may be missing or not be allowed to.
            pip = os.path.join(work, 'venv/bin/pip')
            target = os.path.join(work, 'library')
            for command in ([sys.executable, '-m', 'venv', os.path.join(work, 'venv')],
                            [pip, 'install', '--quiet', '--timeout', '20', '--retries', '1',
                             '--target', target, 'prometheus-client']):
                done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
                if done.returncode != 0:
                    return False
            try:
                os.rename(target, folder)
            except OSError:
                pass  # another test was quicker
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    return True


class StatsText(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'rules.yaml')
            with open(path, 'w', encoding='utf-8') as f:
                f.write(rules())
            subprocess.run([WRITE_STATS, path, str(EVENTS), folder], check=True, timeout=120)
            cls.text = {}
            for name in ('json', 'prometheus', 'openmetrics'):
                with open(os.path.join(folder, name), encoding='utf-8', newline='') as f:
                    cls.text[name] = f.read()
        cls.json = json.loads(cls.text['json'])
        cls.library = library()

    def samples(self, form):
        """(name, labels) -> value, by the library."""
        if not self.library:
            self.skipTest('prometheus-client cannot be installed: no registry')
        parse = self.library[form == 'openmetrics'].text_string_to_metric_families
        found, families = {}, []
        for family in parse(self.text[form]):
            self.assertTrue(family.documentation, family.name)
            self.assertIn(family.type, ('counter', 'gauge', 'histogram'), family.name)
            self.assertTrue(family.samples, family.name)
            families.append(family.name)
            for sample in family.samples:
                key = (sample.name, tuple(sorted(sample.labels.items())))
                self.assertNotIn(key, found)
                found[key] = sample.value
        self.assertEqual(len(families), len(set(families)))
        return found

    def test_json_has_every_member(self):
        with open(os.path.join(REPO, 'include/mqkafka/mqkafka.h'), encoding='utf-8') as f:
            header = f.read()
        tables = {name: re.findall(r'X\((\w+), "', body) for name, body in re.findall(
            r'#define (MQK_RULE_COUNTERS|MQK_CLUSTER_NUMBERS)\(X\)(.*?")\)\n\n', header, re.DOTALL)}
        for row in self.json['rules']:
            self.assertLessEqual({'name', 'cluster', *tables['MQK_RULE_COUNTERS']}, set(row))
        for row in self.json['clusters']:
            self.assertLessEqual({'name', 'state', 'message', 'spool_state',
                                  *tables['MQK_CLUSTER_NUMBERS']}, set(row))
        self.assertLessEqual({'version', 'librdkafka', 'node', 'state', 'message', 'events', 'unmatched',
                              'queued', 'queued_bytes', 'log_dropped', *tables['MQK_RULE_COUNTERS']},
                             set(self.json))
        self.assertEqual(self.text['json'].count('\n'), 1)

    def test_json_counts(self):
        self.assertEqual(self.json['node'], NODE)
        self.assertEqual([row['name'] for row in self.json['rules']],
                         [*NAMES, f'hook[{len(NAMES)}]', 'to away'])
        self.assertEqual([row['matched'] for row in self.json['rules']],
                         [EVENTS] + [0] * (len(NAMES) + 1))
        eu, away = self.json['clusters']
        self.assertEqual((eu['delivered'], eu['latency_count'], eu['queued']), (EVENTS, EVENTS, 0))
        self.assertEqual((self.json['delivered'], self.json['utf8_replaced']), (EVENTS, EVENTS))
        order = [eu[f'latency_{name}_us'] for name in ('p50', 'p95', 'p99', 'p999', 'max')]
        self.assertEqual(order, sorted(order))
        self.assertGreater(order[0], 0)
        self.assertEqual((eu['state'], eu['message']), ('ok', ''))
        self.assertEqual(away['state'], 'down')
        self.assertIn('away', away['message'])
        self.assertEqual(self.json['state'], away['state'])

    def check_numbers(self, form):
        found = self.samples(form)
        node = ('node', NODE)
        for row in self.json['rules']:
            labels = tuple(sorted([node, ('rule', row['name']), ('cluster', row['cluster'])]))
            for counter in set(row) - {'name', 'cluster'}:
                self.assertEqual(found.pop((f'mqkafka_rule_{counter}_total', labels)), row[counter])
        for row in self.json['clusters']:
            def take(name, *labels):
                return found.pop((f'mqkafka_{name}', tuple(sorted([node, ('cluster', row['name']), *labels]))))
            for ours, theirs in (('delivered', 'cluster_delivered_total'), ('failed', 'cluster_failed_total'),
                                 ('dead_lettered', 'cluster_dead_lettered_total'),
                                 ('queued', 'cluster_queued_records'), ('queued_bytes', 'cluster_queued_bytes'),
                                 ('in_flight', 'cluster_in_flight_records'),
                                 ('backlog', 'cluster_backlog_records'), ('spool_records', 'spool_records'),
                                 ('spool_bytes', 'spool_bytes'), ('spool_waiting', 'spool_waiting_records'),
                                 ('spool_damaged', 'spool_damaged_records_total'),
                                 ('latency_count', 'delivery_latency_seconds_count')):
                self.assertEqual(take(theirs), row[ours], ours)
            self.assertAlmostEqual(take('delivery_latency_seconds_sum'), row['latency_sum_us'] / 1e6)
            take('cluster_oldest_record_age_seconds')
            for family, states, now in (
                    ('cluster_state', ('ok', 'starting', 'degraded', 'down'), row['state']),
                    ('spool_state', ('none', 'ok', 'full', 'broken'), row['spool_state'])):
                for state in states:
                    self.assertEqual(take(family, ('state', state)), state == now)
            bounds = [dict(labels)['le'] for name, labels in found
                      if name == 'mqkafka_delivery_latency_seconds_bucket'
                      and dict(labels)['cluster'] == row['name']]
            counts = [take('delivery_latency_seconds_bucket', ('le', le))
                      for le in sorted(bounds, key=float)]
            self.assertEqual(counts, sorted(counts))
            self.assertEqual(counts[-1], row['latency_count'])
        for ours, theirs in (('events', 'events_total'), ('unmatched', 'unmatched_events_total'),
                             ('log_dropped', 'log_lines_dropped_total')):
            self.assertEqual(found.pop((f'mqkafka_{theirs}', (node,))), self.json[ours])
        self.assertEqual(found.pop(('mqkafka_rules', (node,))), len(self.json['rules']))
        self.assertEqual(found.pop(('mqkafka_clusters', (node,))), len(self.json['clusters']))
        self.assertEqual(found, {('mqkafka_build_info', tuple(sorted(
            [node, ('version', self.json['version']), ('librdkafka', self.json['librdkafka'])]))): 1})

    def test_prometheus(self):
        self.check_numbers('prometheus')

    def test_openmetrics(self):
        self.check_numbers('openmetrics')
        self.assertTrue(self.text['openmetrics'].endswith('\n# EOF\n'))

    def test_names_follow_the_conventions(self):
        lines = self.text['prometheus'].splitlines()
        types = dict(line.split()[2:] for line in lines if line.startswith('# TYPE mqkafka_'))
        helps = [line.split()[2] for line in lines if line.startswith('# HELP mqkafka_')]
        self.assertEqual(list(types), helps)
        for name, kind in types.items():
            self.assertRegex(name, '^mqkafka_[a-z0-9_]+$')
            self.assertEqual(kind == 'counter', name.endswith('_total'), name)

    def test_the_readme_names_what_is_there(self):
        there = set(re.findall(r'^# TYPE (\w+)', self.text['prometheus'], re.MULTILINE))
        with open(os.path.join(REPO, 'README.md'), encoding='utf-8') as f:
            named = set(re.findall(r'`(mqkafka_\w*[a-z])\b', f.read()))
        self.assertGreater(len(named), 10)
        self.assertEqual({name for name in named - there if 'mqkafka_rule' not in name}, set())

    def test_the_dashboard_asks_for_what_is_there(self):
        there = {line.split('{')[0] for line in self.text['prometheus'].split('\n')
                 if line and not line.startswith('#')}
        labels = set(re.findall(r'[{,](\w+)="', self.text['prometheus']))
        with open(os.path.join(REPO, 'examples/grafana/mqkafka.json'), encoding='utf-8') as f:
            dashboard = json.load(f)
        expressions = [target['expr'] for panel in dashboard['panels'] for target in panel.get('targets', [])]
        expressions += [str(v.get('query', '')) for v in dashboard['templating']['list']]
        with open(os.path.join(REPO, 'examples/grafana/README.md'), encoding='utf-8') as f:
            expressions += re.findall(r'expr: (.*)', f.read())
        names = set(re.findall(r'mqkafka_\w+', ' '.join(expressions)))
        self.assertGreater(len(names), 15)
        self.assertEqual(names - there, set())
        used = set(re.findall(r'(\w+)=~?"', ' '.join(expressions)))
        for inside in re.findall(r'by ?\(([^)]*)\)', ' '.join(expressions)):
            used |= set(re.findall(r'\w+', inside))
        self.assertEqual(used - labels, set())
        identifiers = [panel['id'] for panel in dashboard['panels']]
        self.assertEqual(len(identifiers), len(set(identifiers)))


if __name__ == '__main__':
    WRITE_STATS = os.path.abspath(sys.argv[1])
    done = unittest.main(argv=sys.argv[:1], verbosity=2, exit=False).result
    if done.skipped and done.wasSuccessful():
        print("skipped: what Prometheus' own parsers say: prometheus-client cannot be installed")
        sys.exit(77)
    sys.exit(not done.wasSuccessful())
