#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A network that loses, delays and stops: nothing is lost, doubled or out of order.

Runs in a network namespace of its own, whose loopback device is made bad with tc: a token bucket
with a short queue delays and drops, a black hole drops everything."""
import collections
import json
import os
import shutil
import subprocess
import sys
import time

import harness
from harness import Sender, wait_until, yaml


def network(*discipline):
    """Makes the network bad; without arguments good again."""
    subprocess.run(['tc', 'qdisc', 'del', 'dev', 'lo', 'root'], capture_output=True)
    if discipline:
        subprocess.run(['tc', 'qdisc', 'add', 'dev', 'lo', 'root', *discipline], check=True,
                       capture_output=True)


class Network(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.kafka = harness.Kafka(harness.NEW)

    @classmethod
    def tearDownClass(cls):
        network()
        cls.kafka.stop()

    def through(self, mode):
        topic = self.kafka.new_topic(3)
        sender = Sender(f'''kafka:
  client:
    servers: [{yaml(self.kafka.bootstrap)}]
    request_timeout: 3s
    properties: ["reconnect.backoff.max.ms=500"]
  producer:
    buffer: {{ mode: {mode}, dir: {yaml(harness.new_path("spool"))}, when_full: refuse }}
  hook:
    - {{ hook: message.publish, topic: {topic}, key: "${{clientid}}", value: "${{payload}}" }}
''', '--tokens', '--threads', '2')
        sender.do('generate', 1000, 0, 20, 200)
        self.assertEqual(sender.do('flush', 60000)['status'], 0)
        sender.tell('generate', 36000, 3000, 20, 200)
        try:
            network('tbf', 'rate', '4mbit', 'burst', '16kb', 'latency', '20ms')
            time.sleep(3)
            network('blackhole')  # until requests time out
            time.sleep(5)
            network('tbf', 'rate', '8mbit', 'burst', '16kb', 'latency', '400ms')
            time.sleep(2)
        finally:
            network()
        did = sender.answer()
        self.assertEqual(did['accepted'], 36000)
        closed = sender.close(90000)
        self.assertEqual((closed['status'], closed['undelivered']), (0, 0), sender.log())
        self.assertEqual(closed['tokens'], {'safe': 37000, 'lost': 0, 'wrong': 0})
        wait_until('all is there', lambda: len(self.kafka.records(topic)) >= 37000)
        found, last = collections.Counter(), {}
        for r in self.kafka.records(topic):
            value = json.loads(r.value)
            found[value['seq']] += 1
            self.assertGreater(value['n'], last.get(value['key'], -1), f'order of {value}')
            last[value['key']] = value['n']
        twice = sum(found.values()) - len(found)
        print(f'{mode}: sent 37000, accepted {did["accepted"] + 1000}, found {len(found)}, lost '
              f'{37000 - len(found)}, duplicated {twice}', flush=True)
        self.assertEqual((len(found), twice), (37000, 0))

    def test_memory(self):
        self.through('memory')

    def test_disk(self):
        self.through('disk')

    def test_hybrid(self):
        self.through('hybrid')


def main():
    harness.send_path()
    harness.program('kcat', package='kcat')
    for tool in 'unshare', 'tc', 'ip':
        harness.program(tool, package='iproute2')
    if os.environ.get('MQK_NETWORK_OF_ITS_OWN'):
        try:
            subprocess.run(['ip', 'link', 'set', 'lo', 'up', 'mtu', '1500'], check=True,
                           capture_output=True)
            network('blackhole')
            network('tbf', 'rate', '4mbit', 'burst', '16kb', 'latency', '20ms')
            network()
        except subprocess.CalledProcessError as e:
            harness.skip(f'the kernel has no such queues here: {e.stderr.decode().strip()}')
        harness.main()
        return
    if subprocess.run(['unshare', '--net', 'true'], capture_output=True).returncode:
        harness.skip('a network namespace is not permitted here')
    os.environ['MQK_NETWORK_OF_ITS_OWN'] = '1'
    os.execv(shutil.which('unshare'), ['unshare', '--net', sys.executable, '-B', *sys.argv])


if __name__ == '__main__':
    main()
