#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What was accepted arrives, although the host is killed, Kafka goes away and the settings change.

Each test prints what was sent, accepted, found in Kafka, lost and duplicated."""
import collections
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import time

import harness
from harness import Sender, wait_until, yaml

LONG = os.environ.get('MQK_LONG', '') not in ('', '0')
KILLS = int(os.environ.get('MQK_KILLS', '50' if LONG else '5'))


def rules(servers, topic, buffer, producer='', rule='', cluster=''):
    """`cluster`: a name; without one there is only `client`."""
    listed = ', '.join(yaml(s) for s in servers.split(','))
    where = f'clusters: [ {{ name: {cluster}, servers: [{listed}] }} ]' if cluster else \
        f'client: {{ servers: [{listed}], properties: ["reconnect.backoff.max.ms=500"] }}'
    return f'''kafka:
  {where}
  producer:
    buffer: {{ {buffer} }}
{producer}
  hook:
    - hook: message.publish
      filter: "gen/#"
      topic: {topic}
      key: "${{clientid}}"
      value: "${{payload}}"
{rule}'''


class Durable(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.kafka = harness.Kafka(harness.NEW)

    @classmethod
    def tearDownClass(cls):
        cls.kafka.stop()

    def setUp(self):
        self.dir = self.accepted_path = None

    def tearDown(self):
        """Whatever a failed test did to Kafka is undone for the next one."""
        for undo in self.kafka.resume, self.kafka.start_broker:
            try:
                undo()
            except AssertionError:
                pass

    def disk(self, mode='disk', **more):
        self.dir = self.dir or harness.new_path('spool')
        self.accepted_path = self.accepted_path or harness.new_path('accepted')
        settings = {'memory': '8MB', 'disk': '512MB', **more}
        return f'mode: {mode}, dir: {yaml(self.dir)}, ' + \
            ', '.join(f'{key}: {value}' for key, value in settings.items())

    def sender(self, text, *options):
        return Sender(text, *options, accepted=self.accepted_path)

    def judge(self, topic, sent, duplicates=None):
        """All that was accepted is there, in order per key; returns how many are there twice."""
        with open(self.accepted_path) as f:
            accepted = [int(line) for line in f]
        wait_until('all is there', lambda: len(self.kafka.records(topic)) >= len(set(accepted)))
        records = self.kafka.records(topic)
        found = collections.Counter()
        last = {}
        for r in records:
            value = json.loads(r.value)
            found[value['seq']] += 1
            if found[value['seq']] == 1:
                self.assertEqual(r.key, value['key'].encode())
                self.assertGreater(value['n'], last.get(value['key'], -1), f'order of {r}')
                last[value['key']] = value['n']
        lost = [seq for seq in accepted if not found[seq]]
        twice = sum(count - 1 for count in found.values())
        print(f'{self.id().split(".")[-1]}: sent {sent}, accepted {len(accepted)}, found '
              f'{len(found)}, lost {len(lost)}, duplicated {twice}', flush=True)
        self.assertEqual(lost, [])
        if duplicates is not None:
            self.assertEqual(twice, duplicates)
        return twice

    def test_killed_at_random_moments(self):
        """SIGKILL under load, again and again, Kafka there, slow, or away."""
        topic = self.kafka.new_topic(3)
        text = rules(self.kafka.bootstrap, topic, self.disk())
        first = 0
        for kill in range(KILLS):
            if kill % 5 == 3:
                self.kafka.pause()
            sender = self.sender(text, '--threads', '2', '--first', str(first))
            sender.tell('generate', 200000, 20000, 20, 200)
            time.sleep(random.uniform(0.05, 1.5))
            sender.kill()
            if kill % 5 == 3:
                self.kafka.resume()
            first += 200000
        sender = self.sender(text, '--first', str(first))
        sender.do('generate', 100, 0, 20, 200)
        closed = sender.close(90000)
        self.assertEqual((closed['status'], closed['undelivered']), (0, 0), sender.log())
        self.judge(topic, f'for a while, {KILLS} kills')

    def killed_while_kafka_is_away(self, mode):
        topic = self.kafka.new_topic(3)
        text = rules(self.kafka.bootstrap, topic, self.disk(mode))
        sender = self.sender(text)
        sender.do('generate', 2000, 0, 20, 200)
        self.assertEqual(sender.do('flush', 60000)['status'], 0)
        self.kafka.kill()
        did = sender.do('generate', 60000, 20000, 20, 1000)
        self.assertEqual(did['accepted'], 60000)
        return topic, text, sender

    def test_kafka_and_host_killed(self):
        topic, text, sender = self.killed_while_kafka_is_away('disk')
        sender.kill()
        self.kafka.start_broker()
        sender = self.sender(text, '--first', '62000')
        sender.do('generate', 2000, 0, 20, 200)
        self.assertEqual(sender.close(90000)['undelivered'], 0)
        self.judge(topic, 64000)

    def test_hybrid_closes_into_the_spool(self):
        """Closed while Kafka is away: nothing is lost, and the next host sends it, in order."""
        topic, text, sender = self.killed_while_kafka_is_away('hybrid')
        closed = sender.close(200)
        self.assertEqual((closed['status'], closed['undelivered']), (0, 0))
        sender = self.sender(text, '--first', '62000')
        sender.do('generate', 1000, 0, 20, 200)
        self.assertEqual(sender.close(200)['undelivered'], 0)
        self.kafka.start_broker()
        sender = self.sender(text, '--first', '63000')
        sender.do('generate', 1000, 0, 20, 200)
        self.assertEqual(sender.close(90000)['undelivered'], 0)
        self.judge(topic, 64000)

    def test_kafka_away_for_a_while(self):
        """20 s without Kafka under load: nothing lost, nothing twice, and it drains while new
        events keep coming."""
        for mode in ('disk', 'hybrid'):
            with self.subTest(mode):
                self.dir = self.accepted_path = None
                topic = self.kafka.new_topic(3)
                text = rules(self.kafka.bootstrap, topic, self.disk(mode))
                sender = self.sender(text, '--threads', '2')
                sender.tell('generate', 75000, 3000, 20, 400)
                time.sleep(1)
                self.kafka.pause()
                time.sleep(20)
                self.kafka.resume()
                did = sender.answer()
                self.assertEqual(did['accepted'], 75000)
                closed = sender.close(90000)
                self.assertEqual((closed['status'], closed['undelivered']), (0, 0), sender.log())
                self.judge(topic, 75000, duplicates=0)

    def test_settings_change_over_a_restart(self):
        """What waits is sent whatever the rules say now, in order, and first."""
        other = self.kafka.new_topic(1)
        topic, text, sender = self.killed_while_kafka_is_away('disk')
        sender.kill()
        self.kafka.start_broker()
        changed = rules(self.kafka.bootstrap, topic, self.disk(memory='4MB'),
                        producer='    linger: 1ms\n    compression: gzip')
        sender = self.sender(changed, '--first', '62000')
        sender.do('generate', 2000, 0, 20, 200)
        self.assertEqual(sender.close(90000)['undelivered'], 0)
        self.judge(topic, 64000)
        gone = rules(self.kafka.bootstrap, other, self.disk())
        self.sender(gone, '--first', '64000').close()

    def test_rule_with_settings_of_its_own_is_gone(self):
        topic = self.kafka.new_topic(3)
        self.kafka.kill()
        own = '      producer: { linger: 1ms, compression: lz4 }\n'
        sender = self.sender(rules(self.kafka.bootstrap, topic, self.disk(), rule=own))
        sender.do('generate', 3000, 0, 5, 200)
        sender.kill()
        folders = sorted(os.listdir(os.path.join(self.dir, 'default')))
        self.assertEqual(len(folders), 1)
        self.assertNotEqual(folders, ['main'])
        self.kafka.start_broker()
        sender = self.sender(rules(self.kafka.bootstrap, topic, self.disk()), '--first', '3000')
        sender.do('generate', 3000, 0, 5, 200)
        self.assertEqual(sender.close(90000)['undelivered'], 0)
        self.assertIn('spool of earlier settings', sender.log())
        self.judge(topic, 6000)
        self.assertEqual(os.listdir(os.path.join(self.dir, 'default')), ['main'])

    def test_cluster_is_gone(self):
        """Records of a cluster that is not configured any more stay, and the log says so."""
        topic = self.kafka.new_topic(1)
        text = rules('127.0.0.1:1', topic, self.disk(), cluster='east')
        sender = self.sender(text)
        sender.do('generate', 100, 0, 5, 200)
        self.assertEqual(sender.close(100)['undelivered'], 0)
        west = self.sender(rules(self.kafka.bootstrap, topic, self.disk(), cluster='west'))
        west.wait_log('spool of a cluster that the configuration does not have')
        west.close()
        back = self.sender(rules(self.kafka.bootstrap, topic, self.disk(), cluster='east'))
        self.assertEqual(back.close(90000)['undelivered'], 0)
        self.judge(topic, 100, duplicates=0)

    def test_second_process(self):
        topic = self.kafka.new_topic(1)
        text = rules(self.kafka.bootstrap, topic, self.disk())
        sender = self.sender(text)
        second = self.sender(text)
        self.assertEqual(second.opened['error'], -20, second.opened)
        self.assertIn(f'process {sender.process.pid}', second.opened['message'])
        sender.close()

    def test_tokens_are_safe_at_once(self):
        """With Kafka away a token is told when its record is in the spool."""
        topic = self.kafka.new_topic(1)
        for sync in ('10ms', 'always'):
            self.dir = self.accepted_path = None
            text = rules('127.0.0.1:1', topic, self.disk(sync=sync))
            sender = self.sender(text, '--tokens')
            sender.do('generate', 2000, 0, 5, 200)
            wait_until('all tokens are told', lambda: sender.do('stats')['tokens']['safe'] == 2000)
            stats = sender.do('stats')
            self.assertEqual((stats['delivered'], stats['queued']), (0, 2000))
            sender.kill()
            sender = self.sender(rules(self.kafka.bootstrap, topic, self.disk(sync=sync)))
            self.assertEqual(sender.close(90000)['undelivered'], 0)

    def test_reload_corrects_the_servers(self):
        """Wrong servers, corrected while events flow: what waited goes to the right ones, first."""
        for mode in ('disk', 'hybrid'):
            self.dir = self.accepted_path = None
            topic = self.kafka.new_topic(3)
            sender = self.sender(rules('127.0.0.1:1', topic, self.disk(mode)), '--threads', '2')
            sender.tell('generate', 30000, 10000, 20, 300)
            time.sleep(1)
            right = harness.write_file('right.yaml',
                                       rules(self.kafka.bootstrap, topic, self.disk(mode)))
            sender.tell('reload', right)
            self.assertEqual(sender.answer()['accepted'], 30000)
            self.assertEqual(sender.answer()['status'], 0)
            sender.do('generate', 1000, 0, 20, 300)
            self.assertEqual(sender.close(90000)['undelivered'], 0)
            self.judge(topic, 31000, duplicates=0)

    def test_reload_corrects_the_password(self):
        """A wrong password, corrected while events flow: what waited is delivered, in order."""
        topic = self.kafka.new_topic(3)
        def text(password):
            login = (f'sasl: {{ mechanism: plain, username: {yaml(self.kafka.user)}, '
                     f'password: {yaml(password)} }}, '
                     f'ssl: {{ enable: true, cacertfile: {yaml(self.kafka.ca)} }}, ')
            return rules(self.kafka.sasl, topic, self.disk()).replace(
                'client: { ', 'client: { ' + login)
        sender = self.sender(text('wrong'), '--threads', '2')
        sender.tell('generate', 20000, 10000, 20, 300)
        sender.wait_log('authentication failed')
        right = harness.write_file('right.yaml', text(self.kafka.password))
        sender.tell('reload', right)
        self.assertEqual(sender.answer()['accepted'], 20000)
        self.assertEqual(sender.answer()['status'], 0)
        sender.do('generate', 1000, 0, 20, 300)
        self.assertEqual(sender.close(90000)['undelivered'], 0)
        self.judge(topic, 21000, duplicates=0)

    def test_disk_full_and_back(self):
        """A small file system fills up: refused, told, not a crash; and goes on when there is room."""
        folder = harness.new_path('small')
        os.mkdir(folder)
        if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder],
                          capture_output=True).returncode:
            self.skipTest('mount is not permitted here')
        harness.on_exit(lambda: subprocess.run(['umount', '-l', folder], capture_output=True))
        topic = self.kafka.new_topic(3)
        self.dir = os.path.join(folder, 'spool')
        self.accepted_path = harness.new_path('accepted')
        text = rules(self.kafka.bootstrap, topic, self.disk(when_full='refuse', disk='16MB'))
        sender = self.sender(text)
        ballast = os.path.join(folder, 'ballast')
        subprocess.run(['fallocate', '-l', '24m', ballast], capture_output=True)
        subprocess.run(f'cat /dev/zero > {ballast}', shell=True, capture_output=True)
        self.kafka.kill()
        did = sender.do('generate', 60000, 0, 20, 1000)
        self.assertGreater(did['full'], 10000)
        self.assertEqual(did['errors'], 0)
        wait_until('health tells of the disk',
                   lambda: 'spool' in sender.do('health')['message'] or
                   'down' in sender.do('health')['state'])
        os.unlink(ballast)
        self.kafka.start_broker()
        self.assertEqual(sender.do('flush', 90000)['status'], 0)
        did = sender.do('generate', 1000, 0, 20, 1000)
        self.assertEqual(did['accepted'], 1000)
        wait_until('health is good', lambda: sender.do('health')['state'] == 'ok')
        self.assertEqual(sender.close(90000)['undelivered'], 0)
        self.judge(topic, 61000)

    def test_folder_removed(self):
        topic = self.kafka.new_topic(1)
        disk, link = harness.new_path('disk'), harness.new_path('mounted')

        def mount(place):
            """At once, as the library makes anew what it misses."""
            os.symlink(place, f'{link}.new')
            os.replace(f'{link}.new', link)

        os.mkdir(disk)
        mount(disk)
        self.dir = os.path.join(link, 'spool')
        text = rules(self.kafka.bootstrap, topic, self.disk(when_full='refuse'))
        sender = self.sender(text)
        sender.do('generate', 500, 0, 5, 200)
        mount('/nowhere')
        shutil.rmtree(disk)
        wait_until('health tells', lambda: 'spool' in sender.do('health')['message'])
        os.mkdir(disk)
        mount(disk)
        sender.wait_log('have been made anew')
        self.assertEqual(sender.do('generate', 500, 0, 5, 200)['accepted'], 500)
        closed = sender.close(90000)
        self.assertEqual(closed['undelivered'], 0)
        self.judge(topic, 1000)

    def test_memory_during_a_long_outage(self):
        """Ten million events while Kafka is away: memory stays within the bound."""
        count = 10_000_000 if LONG else 1_500_000
        for mode in ('memory', 'disk', 'hybrid'):
            self.dir = self.accepted_path = None
            buffer = self.disk(mode, memory='16MB', disk='1GB', when_full='drop_oldest')
            sender = Sender(rules('127.0.0.1:1', 'nowhere', buffer), accepted='/dev/null')
            sender.do('generate', 1000, 0, 10, 100)
            before = sender.do('stats')['resident_kib']
            did = sender.do('generate', count, 0, 100, 100, timeout=600)
            stats = sender.do('stats')
            grown = (stats['resident_kib'] - before) / 1024
            print(f'{mode}: {count} events, accepted {did["accepted"]}, memory grew by '
                  f'{grown:.1f} MiB, median {did["p50_ns"]} ns, p99.9 {did["p999_ns"]} ns',
                  flush=True)
            self.assertLess(grown, 16 + 32)
            self.assertEqual(did['errors'], 0)
            sender.kill()


if __name__ == '__main__':
    harness.main()
