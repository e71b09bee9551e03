#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kafka → hosts that are killed, restarted and share their work: nothing is lost. Every test tells
what was sent, accepted, arrived, lost and duplicated. MQK_LONG=1: 50 kills in place of 5."""
import os
import random
import re
import signal
import threading
import time

import downlink
import harness
import mqtt
from downlink import Account, Receiver, Subscriber, accepted, produce, publish_rule, rules
from harness import Mosquitto, wait_until, yaml

KILLS = 50 if downlink.long_run() else 5
EACH = 400  # records between two kills
MANY = 100_000
PARTITIONS = 4

# A member of a group that was killed is missed after two seconds.
SOON = {'librdkafka': ['session.timeout.ms=2000', 'heartbeat.interval.ms=500']}
QUIET = ['log_type none', 'log_type error', 'log_type warning', 'log_type notice',
         'plugin_opt_mqk_consume_rate 0']


def numbered(first, count):
    """(key, value) pairs with the numbers from `first` on as values."""
    return [(f'd/{n % 17}', b'%d' % n) for n in range(first, first + count)]


def read(path):
    """What a file holds; nothing when there is none."""
    try:
        with open(path, 'rb') as f:
            return f.read()
    except FileNotFoundError:
        return b''


class Feeder(threading.Thread):
    """Writes numbered records while other things happen."""

    def __init__(self, kafka, topic, account, each=200, pause=0.15):
        super().__init__(daemon=True)
        self.kafka, self.topic, self.account = kafka, topic, account
        self.each, self.pause, self.over = each, pause, False
        self.start()

    def run(self):
        while not self.over:
            batch = numbered(len(self.account.sent), self.each)
            produce(self.kafka, self.topic, batch)
            self.account.sent += [value for _, value in batch]
            time.sleep(self.pause)

    def stop(self):
        self.over = True
        self.join()


class Base(harness.Case):
    version = harness.NEW

    @classmethod
    def setUpClass(cls):
        cls.kafka = harness.Kafka(cls.version, settings=['group.min.session.timeout.ms=500'],
                                  given=os.environ.get('MQK_KAFKA_ENV'))

    @classmethod
    def tearDownClass(cls):
        cls.kafka.stop()

    def rule(self, topic, **more):
        return publish_rule(topic, qos='1', **SOON, **more)

    def store(self, path, *more):
        """Settings of a Mosquitto that keeps its state in this file."""
        return ['persistence true', f'persistence_file {os.path.basename(path)}',
                f'persistence_location {os.path.dirname(path)}/', *QUIET, *more]

    def check_restarts(self, account, redelivered):
        account.check(self)
        self.assertGreater(redelivered, 0, 'no kill came between acceptance and commit')


class Killed(Base):
    """SIGKILL at any moment: what was accepted and not committed comes again."""

    def test_host_killed_between_acceptance_and_commit(self):
        topic = self.kafka.new_topic(PARTITIONS)
        account = Account(f'host killed {KILLS} times')
        path = harness.new_path('accepted')
        rules_path = harness.write_file('rules.yaml', rules(
            self.kafka, self.rule(topic, commit_interval='200ms', max_in_flight='100')))
        for number in range(KILLS + 1):
            batch = numbered(len(account.sent), EACH)
            produce(self.kafka, topic, batch)
            account.sent += [value for _, value in batch]
            before, enough = len(accepted(path)), random.randrange(1, EACH)
            # Every other one dies by itself between acceptance and commit; this process may look
            # when all is committed.
            die = ['--die', str(enough)] if number < KILLS and number % 2 == 0 else []
            host = Receiver(rules_path, path, 'r', '--pause', '300', '--later', '37', *die)
            if number == KILLS:
                break
            if die:
                self.assertEqual(host.process.wait(harness.PATIENCE), -signal.SIGKILL,
                                 host.errors())
            else:
                wait_until('the host accepts', lambda: len(accepted(path)) >= before + enough)
            host.kill()
        wait_until('everything', lambda: len({a[-1] for a in accepted(path)}) >=
                   len(account.sent), 60)
        counters = host.close()['consumers']['down']
        got = accepted(path)
        account.accepted = len(got)
        account.arrived.update(value.encode() for *_, value in got)
        self.check_restarts(account, len(got) - len(account.sent))
        self.assertGreater(counters['retried'], 0)
        self.check_offsets(got)

    def check_offsets(self, got):
        """Each partition was gone through without a gap: whoever comes begins where another has
        been, or right behind it."""
        seen = {}
        for _, topic, partition, offset, _ in got:
            self.assertLessEqual(offset, seen.get((topic, partition), -1) + 1)
            seen[topic, partition] = max(seen.get((topic, partition), -1), offset)

    def test_acceptance_that_counts_from_the_next_poll_on(self):
        for options in (['--confirm'], []):
            topic = self.kafka.new_topic()
            path = harness.new_path('accepted')
            # A static member: the second one need not wait until the first is missed, so that the
            # first may be held up for as long as Kafka allows unless told otherwise.
            rule = publish_rule(topic, qos='1', commit_interval='50ms',
                                librdkafka=['group.instance.id=host'])
            rules_path = harness.write_file('rules.yaml', rules(self.kafka, rule))
            produce(self.kafka, topic, numbered(0, 50))
            host = Receiver(rules_path, path, 'r', '--halt', '50', *options)
            wait_until('50 are accepted', lambda: len(accepted(path)) == 50)

            def committed(topic=topic, rule=rule):
                return max(self.kafka.committed(rule['group_id'], topic), 0)
            if options:
                time.sleep(1)  # many commit intervals
                self.assertLess(committed(), 50)
            else:
                wait_until('the commit', lambda: committed() == 50)
            known = committed()
            host.kill()
            produce(self.kafka, topic, numbered(50, 1))
            host = Receiver(rules_path, path, 'r')
            wait_until('the last one', lambda: accepted(path)[-1][-1] == '50')
            host.close()
            offsets = [offset for _, _, _, offset, _ in accepted(path)]
            first = offsets[50]
            self.assertEqual(offsets, [*range(50), *range(first, 51)], options)
            # A commit may have been under way when the first one was killed.
            self.assertTrue(known <= first <= (49 if options else 50), (options, known, first))
            print(f'{options}: sent 51, accepted {len(offsets)}, lost 0, duplicated {50 - first}')

    def test_mosquitto_killed(self):
        topic = self.kafka.new_topic(PARTITIONS)
        account = Account(f'Mosquitto killed {KILLS} times')
        store = harness.new_path('store')
        settings = self.store(store, 'autosave_on_changes true', 'autosave_interval 1')
        text = rules(self.kafka, self.rule(topic, commit_interval='100ms'))
        broker = Mosquitto(text, settings)
        port = broker.port
        subscriber = Subscriber(port, 'd/#')
        self.assertTrue(subscriber.connected.wait(harness.PATIENCE))
        wait_until('the session is saved', lambda: subscriber.filter.encode() in read(store))
        for number in range(KILLS):
            batch = numbered(len(account.sent), EACH)
            enough = len(subscriber.payloads) + random.randrange(1, EACH)
            produce(self.kafka, topic, batch)
            account.sent += [value for _, value in batch]
            try:
                wait_until('messages arrive', lambda: len(subscriber.payloads) >= enough, 60)
            except AssertionError:
                account.arrived = subscriber.payloads
                raise AssertionError(f'{account.text()}, {number} kills\n{broker.log()}') from None
            broker.process.kill()
            broker.process.wait()
            broker = Mosquitto(text, settings, port=port)
        account.wait(subscriber.payloads)
        self.assertEqual(broker.stop(), 0)
        subscriber.stop()
        account.check(self)


class KilledWithOldKafka(Killed):
    version = harness.OLD

    def test_mosquitto_killed(self):
        self.skipTest('the version of Kafka makes no difference to Mosquitto')


class Restarted(Base):
    def test_many_records_while_mosquitto_is_restarted_twice(self):
        topic = self.kafka.new_topic(PARTITIONS)
        account = Account(f'{MANY} records, Mosquitto restarted twice')
        settings = self.store(harness.new_path('store'))
        text = rules(self.kafka, self.rule(topic))
        broker = Mosquitto(text, settings)
        port = broker.port
        subscriber = Subscriber(port, 'd/#')
        self.assertTrue(subscriber.connected.wait(harness.PATIENCE))
        begin = time.monotonic()
        batch = numbered(0, MANY)
        account.sent = [value for _, value in batch]
        third = MANY // 3
        produce(self.kafka, topic, batch[:third])
        for part, end in ((1, 2 * third), (2, MANY)):
            goal = part * third - third // 2
            wait_until(f'{goal} messages', lambda: len(subscriber.payloads) >= goal, 300)
            # However fast it is: some records come while the broker ends.
            more = threading.Thread(target=produce,
                                    args=(self.kafka, topic, batch[part * third:end]))
            more.start()
            self.assertEqual(broker.stop(), 0)
            broker = Mosquitto(text, settings, port=port)
            more.join()
        account.wait(subscriber.payloads)
        took = time.monotonic() - begin
        # All may have arrived before the last restart.
        wait_until('the subscriber is back', lambda: subscriber.connects >= 3)
        self.assertEqual(broker.stop(), 0)
        subscriber.stop()
        account.check(self)
        print(f'{MANY} records in {took:.1f} s, restarts included')


class Shared(Base):
    def test_two_nodes_share_the_work_through_rebalances(self):
        topic = self.kafka.new_topic(6)
        account = Account('two nodes that come and go')
        rules_path = harness.write_file('rules.yaml', rules(
            self.kafka, self.rule(topic, commit_interval='1s')))
        paths = [harness.new_path(f'accepted{n}') for n in (0, 1)]

        def start(n):
            return Receiver(rules_path, paths[n], f'node{n}', '--pause', '100', '--later', '50')

        def goes_on(*nodes):
            """Waits until each of these has accepted some more."""
            before = [len(accepted(path)) for path in paths]
            for n in nodes:
                wait_until(f'node {n} works', lambda n=n: len(accepted(paths[n])) >= before[n] + 50)
        hosts = [start(0), None]
        feeder = Feeder(self.kafka, topic, account)
        goes_on(0)
        hosts[1] = start(1)
        goes_on(0, 1)
        hosts[0].close()
        goes_on(1)
        hosts[0] = start(0)
        goes_on(0, 1)
        hosts[1].kill()
        goes_on(0)
        hosts[1] = start(1)
        goes_on(0, 1)
        feeder.stop()
        got = []

        def everything():
            got[:] = accepted(paths[0]) + accepted(paths[1])
            return len({a[-1] for a in got}) >= len(account.sent)
        wait_until('everything', everything, 60)
        for host in hosts:
            host.close()
        got = accepted(paths[0]) + accepted(paths[1])
        account.accepted = len(got)
        account.arrived.update(value.encode() for *_, value in got)
        account.check(self)
        places = {(partition, offset) for _, _, partition, offset, _ in got}
        self.assertEqual(len(places), len(account.sent))
        print('node 0 accepted {}, node 1 {}'.format(*(len(accepted(p)) for p in paths)))

    def test_orderly_changes_repeat_nothing(self):
        topic = self.kafka.new_topic(6)
        account = Account('nodes that come and go in an orderly way')
        # Nobody is killed, and one that is held up for a while must not be missed.
        rules_path = harness.write_file('rules.yaml', rules(self.kafka, publish_rule(
            topic, qos='1', librdkafka=['heartbeat.interval.ms=500'])))
        path = harness.new_path('accepted')
        feeder = Feeder(self.kafka, topic, account)
        hosts, gone = [Receiver(rules_path, path, 'n0')], []
        for n in range(1, 4):
            before = len(accepted(path))
            wait_until('they work', lambda: len(accepted(path)) > before + 500)
            hosts.append(Receiver(rules_path, path, f'n{n}'))
            before = len(accepted(path))
            wait_until('they work', lambda: len(accepted(path)) > before + 500)
            gone.append(hosts.pop(0))
            gone[-1].close()
        feeder.stop()
        wait_until('everything', lambda: len({a[-1] for a in accepted(path)}) >=
                   len(account.sent), 60)
        hosts[0].close()
        got = accepted(path)
        account.accepted = len(got)
        account.arrived.update(value.encode() for *_, value in got)
        account.check(self)
        # Whoever gives partitions up says so when Kafka does not answer the last commit in time.
        told = any('not committed (Local: Timed out); some records will come again' in host.errors()
                   for host in gone + hosts)
        self.assertTrue(told or len(got) == len(account.sent), 'duplicates')


class Both(Base):
    COUNT = 20000

    def test_both_directions_at_once_on_two_brokers(self):
        """Each has its half, however long it is held up: nobody is missed, as nobody is killed."""
        down, up = self.kafka.new_topic(PARTITIONS), self.kafka.new_topic(PARTITIONS)
        hooks = f'''  hook:
    - hook: message.publish
      filter: "up/#"
      topic: {yaml(up)}
      key: "${{topic}}"
      value: "${{payload}}"
'''
        brokers = [Mosquitto(rules(self.kafka, publish_rule(
            down, qos='1', librdkafka=['heartbeat.interval.ms=500']), more=hooks),
                             [f'plugin_opt_mqk_node n{n}', *QUIET]) for n in (0, 1)]
        subscribers = [Subscriber(broker.port, 'd/#') for broker in brokers]
        for subscriber in subscribers:
            self.assertTrue(subscriber.connected.wait(harness.PATIENCE))
        half = str(PARTITIONS // 2)
        wait_until('each has its half', lambda: all(
            re.findall(r'has (\d+) now', broker.log())[-1:] == [half] for broker in brokers))
        account = Account('down, two brokers, both directions at once')
        upward = Account('up, two brokers, both directions at once')
        failures = []

        def publish(broker, first):
            try:
                client = mqtt.Client(broker.port, f'up{first}')
                client.publish_many(((f'up/{n % 10}', b'%d' % n)
                                     for n in range(first, first + self.COUNT // 2)), window=100)
                client.disconnect()
            except Exception as e:  # told by the test's own thread
                failures.append(e)
        begin = time.monotonic()
        threads = [threading.Thread(target=publish, args=(broker, n * self.COUNT // 2))
                   for n, broker in enumerate(brokers)]
        for thread in threads:
            thread.start()
        batch = numbered(0, self.COUNT)
        account.sent = [value for _, value in batch]
        produce(self.kafka, down, batch)
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        upward.sent = [b'%d' % n for n in range(self.COUNT)]

        class Union:
            def __len__(self):
                return len(set().union(*(subscriber.payloads for subscriber in subscribers)))
        account.wait(Union())
        records = self.kafka.wait_records(up, self.COUNT)
        took = time.monotonic() - begin
        upward.arrived.update(r.value for r in records)
        shares = [len(subscriber.payloads) for subscriber in subscribers]
        for broker, subscriber in zip(brokers, subscribers):
            self.assertEqual(broker.stop(), 0)
            subscriber.stop()
        account.arrived = subscribers[0].payloads + subscribers[1].payloads
        account.check(self)
        upward.check(self)
        self.assertTrue(all(shares), shares)
        self.assertEqual(len(records), self.COUNT)
        print(f'{self.COUNT} down ({shares[0]} + {shares[1]}) and {self.COUNT} up in {took:.1f} s')


def setUpModule():
    harness.plugin_path()
    harness.built('MQK_RECEIVE', downlink.RECEIVE)
    for name in ('mosquitto', 'kcat'):
        harness.program(name)


if __name__ == '__main__':
    harness.main()
