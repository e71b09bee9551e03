#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kafka goes away and comes back: what was accepted arrives, in order, once, or is told of."""
import json
import os

import harness
from harness import Sender, wait_until, yaml

# mqk_on_event() never waits: Kafka is away for seconds, and a machine that does other things too
# makes a thread wait for its turn, but not often and not for as long as that.
LONGEST_CALL_NS, ALMOST_ALL_CALLS_NS = 2_000_000_000, 50_000_000


def rules(servers, topic, buffer='{ memory: 64MB, when_full: drop_newest }', producer='', rule=''):
    return f'''kafka:
  client:
    servers: [{", ".join(yaml(s) for s in servers.split(","))}]
    properties: ["reconnect.backoff.max.ms=500"]
  producer:
    acks: all
    buffer: {buffer}
{producer}
  hook:
    - hook: message.publish
      filter: "gen/#"
      topic: {topic}
      key: "${{clientid}}"
      value: "${{payload}}"
{rule}'''


def sequence(records):
    return [json.loads(r.value)['seq'] for r in records]


class Outage(harness.Case):
    def check_order(self, records):
        """Per key, the records stand in the order in which they were accepted."""
        last = {}
        for r in records:
            value = json.loads(r.value)
            self.assertEqual(r.key, value['key'].encode())
            self.assertGreater(value['n'], last.get(value['key'], -1), f'order of key {value["key"]}')
            last[value['key']] = value['n']

    def check_never_waits(self, did):
        self.assertLess(did['max_ns'], LONGEST_CALL_NS, did)
        self.assertLess(did['p999_ns'], ALMOST_ALL_CALLS_NS, did)

    def check_all(self, sender, topic, cluster):
        """All accepted events are there, once each, in order."""
        records = cluster.records(topic)
        accepted = sender.accepted()
        self.assertEqual(sorted(sequence(records)), sorted(accepted))
        self.check_order(records)


class OneBroker(Outage):
    @classmethod
    def setUpClass(cls):
        cls.kafka = harness.Kafka(harness.NEW)
        cls.topic_ready = cls.kafka.new_topic()

    @classmethod
    def tearDownClass(cls):
        cls.kafka.stop()

    def test_down_at_start_then_up(self):
        topic = self.kafka.new_topic(3)
        self.kafka.kill()
        sender = Sender(rules(self.kafka.bootstrap, topic), '--tokens')
        did = sender.do('generate', 5000, 0, 10, 200)
        self.assertEqual((did['accepted'], did['full'], did['errors']), (5000, 0, 0))
        self.check_never_waits(did)
        wait_until('health is down', lambda: sender.do('health')['state'] == 'down')
        self.assertEqual(sender.do('flush', 100)['undelivered'], 5000)
        self.kafka.start_broker()
        self.assertEqual(sender.do('flush', 90000)['status'], 0)
        wait_until('health is ok again', lambda: sender.do('health')['state'] == 'ok')
        stats = sender.do('stats')
        self.assertEqual((stats['accepted'], stats['delivered'], stats['queued']), (5000, 5000, 0))
        closed = sender.close()
        self.assertEqual(closed['tokens'], {'safe': 5000, 'lost': 0, 'wrong': 0})
        self.check_all(sender, topic, self.kafka)

    def under_load(self, away, back):
        topic = self.kafka.new_topic(3)
        sender = Sender(rules(self.kafka.bootstrap, topic), '--tokens', '--threads', '2')
        first = sender.do('generate', 2000, 0, 20, 150)
        sender.tell('generate', 12000, 2000, 20, 150)
        wait_until('the load flows', lambda: len(self.kafka.records(topic)) > 2500)
        away()
        second = sender.answer()
        back()
        self.assertEqual((first['accepted'], second['accepted']), (2000, 12000))
        self.check_never_waits(second)
        closed = sender.close(90000)
        self.assertEqual((closed['status'], closed['undelivered']), (0, 0), sender.log())
        self.assertEqual(closed['tokens'], {'safe': 14000, 'lost': 0, 'wrong': 0})
        self.check_all(sender, topic, self.kafka)

    def test_paused_under_load(self):
        self.under_load(self.kafka.pause, self.kafka.resume)

    def test_killed_under_load(self):
        self.under_load(self.kafka.kill, self.kafka.start_broker)

    def bounded(self, when_full):
        """Kafka is away and the buffer small: (answer of generate, stats, records, sender)."""
        topic = self.kafka.new_topic(1)
        buffer = f'{{ memory: 1MB, when_full: {when_full} }}'
        sender = Sender(rules(self.kafka.bootstrap, topic, buffer), '--tokens')
        sender.do('generate', 10, 0, 1, 1000)
        self.assertEqual(sender.do('flush', 60000)['status'], 0)
        self.kafka.pause()
        try:
            did = sender.do('generate', 5000, 0, 1, 1000)
            during = sender.do('stats')
        finally:
            self.kafka.resume()
        self.check_never_waits(did)
        self.assertLessEqual(during['queued_bytes'], 1_100_000)
        self.assertEqual(sender.do('flush', 90000)['status'], 0)
        stats = sender.do('stats')
        closed = sender.close()
        self.assertEqual(closed['tokens']['wrong'], 0)
        records = self.kafka.records(topic)
        found = sequence(records)
        self.assertEqual(len(found), len(set(found)), 'nothing twice')
        self.check_order(records)
        self.assertEqual(stats['delivered'], len(found))
        self.assertEqual(stats['matched'], 5010)
        self.assertGreater(len(found), 500)
        self.assertLess(len(found), 2000)
        return did, stats, closed, found, sender.accepted()

    def test_full_drop_newest(self):
        did, stats, closed, found, accepted = self.bounded('drop_newest')
        self.assertEqual(sorted(found), sorted(accepted), 'what was accepted, nothing else')
        self.assertEqual(found, list(range(len(found))), 'the oldest were kept')
        self.assertEqual(did['none'], 5000 - did['accepted'])
        self.assertEqual(stats['dropped_full'], did['none'])
        self.assertEqual(stats['accepted'], len(found))

    def test_full_refuse(self):
        did, stats, closed, found, accepted = self.bounded('refuse')
        self.assertEqual(sorted(found), sorted(accepted))
        self.assertEqual(did['full'], 5000 - did['accepted'])
        self.assertEqual(stats['refused_full'], did['full'])
        self.assertEqual((stats['dropped_full'], stats['accepted']), (0, len(found)))

    def test_full_drop_oldest(self):
        did, stats, closed, found, accepted = self.bounded('drop_oldest')
        self.assertEqual(did['accepted'], 5000)
        self.assertEqual(len(found) + stats['dropped_full'], 5010, 'accepted = found + dropped')
        self.assertIn(5009, found, 'the newest was kept')
        self.assertEqual(closed['tokens']['lost'], stats['dropped_full'])
        self.assertEqual(closed['tokens']['safe'], len(found))

    def test_too_old(self):
        topic = self.kafka.new_topic(1)
        # Long enough for those that are to arrive, on a machine that does other things too.
        sender = Sender(rules(self.kafka.bootstrap, topic, producer='    message_ttl: 20s'),
                        '--tokens')
        sender.do('generate', 10, 0, 1, 100)
        self.assertEqual(sender.do('flush', 60000)['status'], 0)
        self.kafka.kill()
        sender.do('generate', 100, 0, 1, 100)
        wait_until('they are too old', lambda: sender.do('stats')['expired'] == 100)
        self.kafka.start_broker()
        sender.do('generate', 5, 0, 1, 100)
        self.assertEqual(sender.do('flush', 60000)['status'], 0)
        closed = sender.close()
        self.assertEqual(closed['tokens'], {'safe': 15, 'lost': 100, 'wrong': 0})
        self.assertEqual(sequence(self.kafka.records(topic)), [*range(10), *range(110, 115)])

    def test_close_while_away(self):
        topic = self.kafka.new_topic(1)
        self.kafka.kill()
        try:
            sender = Sender(rules(self.kafka.bootstrap, topic), '--tokens')
            sender.do('generate', 300, 0, 1, 100)
            closed = sender.close(500)
            self.assertNotEqual(closed['status'], 0)
            self.assertEqual(closed['undelivered'], 300)
            self.assertEqual(closed['tokens'], {'safe': 0, 'lost': 300, 'wrong': 0})
            self.assertLess(closed['ms'], 20000)
        finally:
            self.kafka.start_broker()

    def test_sync_waits_no_longer_than_told(self):
        topic = self.kafka.new_topic(1)
        impatient = f'''    - hook: message.publish
      filter: "short/#"
      topic: {topic}
      value: "${{payload}}"
      producer: {{ produce_sync_timeout: 1s }}
'''
        sender = Sender(rules(self.kafka.bootstrap, topic, rule=impatient,
                              producer='    produce: sync\n    produce_sync_timeout: 60s'))
        self.assertEqual(sender.do('publish', 'k0', 'gen/k0', '{"seq":0}')['result'], 1)
        self.assertEqual(len(self.kafka.records(topic)), 1, 'it is there when the call is back')
        self.kafka.pause()
        try:
            answer = sender.do('publish', 'k0', 'short/k0', '{"seq":1}')
        finally:
            self.kafka.resume()
        self.assertEqual(answer['result'], -12)
        self.assertGreater(answer['ns'], 900_000_000)
        self.assertLess(answer['ns'], 30_000_000_000)
        sender.close()


class ThreeBrokers(Outage):
    @classmethod
    def setUpClass(cls):
        cls.kafka = harness.Kafka(harness.NEW, brokers=3)

    @classmethod
    def tearDownClass(cls):
        cls.kafka.stop()

    def test_each_killed_in_turn(self):
        self.each_killed_in_turn('{ memory: 64MB, when_full: drop_newest }')

    def test_each_killed_in_turn_with_a_spool(self):
        self.each_killed_in_turn(f'{{ mode: disk, dir: {yaml(harness.new_path("spool"))} }}')

    def each_killed_in_turn(self, buffer):
        topic = self.kafka.new_topic(6)
        sender = Sender(rules(self.kafka.bootstrap, topic, buffer), '--tokens', '--threads', '2')
        total = 0
        for broker in (1, 2, 3):
            sender.tell('generate', 10000, 2000, 30, 150)
            total += 10000
            before = len(self.kafka.records(topic))
            wait_until('the load flows', lambda: len(self.kafka.records(topic)) > before + 1000)
            self.kafka.kill(broker)
            did = sender.answer()
            self.assertEqual(did['accepted'], 10000)
            self.check_never_waits(did)
            self.kafka.start_broker(broker)
            wait_until('all replicas are in sync', lambda: self.kafka.in_sync(topic))
        closed = sender.close(90000)
        self.assertEqual((closed['status'], closed['undelivered']), (0, 0), sender.log())
        self.assertEqual(closed['tokens'], {'safe': total, 'lost': 0, 'wrong': 0})
        self.assertEqual(len(sender.accepted()), total)
        self.check_all(sender, topic, self.kafka)


def setUpModule():
    harness.send_path()
    harness.program('kcat', package='kcat')
    if os.environ.get('MQK_KAFKA_ENV'):
        harness.skip('needs Kafka clusters of its own')


if __name__ == '__main__':
    harness.main()
