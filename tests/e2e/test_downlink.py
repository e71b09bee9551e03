#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kafka → Mosquitto: what kcat writes is published, and clients are disconnected as it says."""
import json
import os
import signal
import statistics
import subprocess
import time

import downlink
import harness
import mqtt
from downlink import produce, publish_rule, rules
from harness import Mosquitto, wait_until, yaml

# An idle broker hands a record on within this time; a loaded machine may take longer now and then.
MEDIAN_S, ALMOST_ALL_S = 0.15, 2.0
ROUNDS = 100


class Listener:
    """The real mosquitto_sub; lines as its format says."""

    FORMAT = '%q|%r|%t|%C|%E|%R|%D|%F|%P|%p'

    def __init__(self, broker, topic_filter, *options):
        self.path = harness.new_path('sub')
        at = len(broker.log())
        with open(self.path, 'wb') as out:
            self.process = subprocess.Popen(
                [harness.program('mosquitto_sub', package='mosquitto-clients'), '-h', '127.0.0.1',
                 '-p', str(broker.port), '-t', topic_filter, '-F', self.FORMAT, *options],
                stdout=out, stderr=out, stdin=subprocess.DEVNULL, preexec_fn=harness.die_with_us)
        harness.on_exit(self.stop)
        broker.wait_log('Sending SUBACK', at)

    def lines(self):
        with open(self.path, 'rb') as f:
            return f.read().split(b'\n')[:-1]

    def wait(self, count):
        wait_until(f'{count} messages: {self.lines()}', lambda: len(self.lines()) >= count)
        return self.lines()

    def stop(self):
        harness.stop_process(self.process)


class Base(harness.Case):
    version = harness.NEW

    @classmethod
    def setUpClass(cls):
        cls.kafka = harness.kafka(cls.version)

    @classmethod
    def tearDownClass(cls):
        cls.kafka.stop()

    def setUp(self):
        self.stops = []

    def tearDown(self):
        for stop in reversed(self.stops):
            stop()

    def mosquitto(self, *consumers, settings=(), more='', **named):
        broker = Mosquitto(rules(self.kafka, *consumers, more=more), settings, **named)

        def stop():
            code = broker.stop()
            if self.failed() or code:
                print(f'---- the log of Mosquitto\n{broker.log()[-6000:]}', flush=True)
            self.assertEqual(code, 0)
        self.stops.append(stop)
        return broker

    def client(self, broker, clientid, version=5, **named):
        client = mqtt.Client(broker.port, clientid, version, **named)
        self.stops.append(client.drop)
        return client


class Publish(Base):
    def test_topic_payload_qos_retain_and_properties(self):
        topic = self.kafka.new_topic()
        broker = self.mosquitto(publish_rule(
            topic, mqtt_topic='down/${key}', payload='${value.text}', qos='${value.qos}',
            retain='${value.keep}',
            properties=[{'name': 'Content-Type', 'value': '${headers.type}'},
                        {'name': 'Response-Topic', 'value': 'up/${key}'},
                        {'name': 'Correlation-Data', 'value': '${partition}/${offset}'},
                        {'name': 'Message-Expiry-Interval', 'value': '3600'},
                        {'name': 'Payload-Format-Indicator', 'value': '1'}],
            user_properties=[{'name': 'first', 'value': '${key}'},
                             {'name': 'first', 'value': 'again'}],
            user_properties_from='headers'))
        listener = Listener(broker, 'down/#', '-V', '5', '-q', '2')
        wanted = []
        for qos in (0, 1, 2):
            for keep in ('false', 'true'):
                n = len(wanted)
                value = json.dumps({'text': f'text ä {n}', 'qos': qos, 'keep': keep})
                produce(self.kafka, topic, [(f'k{n}', value)],
                        [('type', 'text/plain'), ('trace', f'"t" {n}')])
                user = f'type:text/plain trace:"t" {n} first:k{n} first:again'
                wanted.append(f'{qos}|0|down/k{n}|text/plain|3600|up/k{n}|0/{n}|1|{user}|text ä {n}')
        self.assertEqual([line.decode() for line in listener.wait(len(wanted))], wanted)
        later = self.client(broker, 'later', 4)
        later.subscribe('down/#', 2)
        kept = {m.topic: m for m in later.receive(3)}
        self.assertEqual(sorted(kept), [b'down/k1', b'down/k3', b'down/k5'])
        self.assertTrue(all(m.retain for m in kept.values()))
        print(f'publish: sent {len(wanted)}, arrived {len(listener.lines())}, lost 0, '
              'duplicated 0')

    def test_every_payload(self):
        topic = self.kafka.new_topic()
        broker = self.mosquitto(publish_rule(topic, qos='1'))
        client = self.client(broker, 'c', 4)
        client.subscribe('p', 1)
        payloads = [b'x', bytes(range(256)), b'\0', b'\xff\xfe', '😀"\\'.encode(), b'${key}',
                    os.urandom(1_000_000)]
        for payload in payloads:
            downlink.produce_bytes(self.kafka, topic, 'p', payload)
        got = client.receive(len(payloads), 30)
        self.assertEqual(len(got), len(payloads))
        for payload, message in zip(payloads, got):
            self.assertTrue(message.payload == payload, payload[:20])
        print(f'payloads: sent {len(payloads)}, arrived {len(got)}, lost 0, duplicated 0')

    def test_what_cannot_be_published_does_not_stall(self):
        topic, dead = self.kafka.new_topic(), self.kafka.new_topic()
        broker = self.mosquitto(publish_rule(topic, dead_letter=dead, qos='1'))
        client = self.client(broker, 'c', 4)
        client.subscribe('#', 1)
        bad = ['a/+', '#', '', '$SYS/x', '$CONTROL/x', 'a\x01b', 't' * 65536]
        for n, key in enumerate(bad):
            produce(self.kafka, topic, [(key, f'bad {n}'), ('good', f'good {n}')])
        got = client.receive(len(bad), 30)
        self.assertEqual([m.payload for m in got], [b'good %d' % n for n in range(len(bad))])
        letters = self.kafka.wait_records(dead, len(bad))
        self.assertEqual(sorted(r.value for r in letters), [b'bad %d' % n for n in range(len(bad))])
        print(f'refused: sent {2 * len(bad)}, arrived {len(got)}, dead letters {len(letters)}, '
              'lost 0')

    def test_latency_on_an_idle_broker(self):
        topic = self.kafka.new_topic(1, 'message.timestamp.type=LogAppendTime')
        broker = self.mosquitto(publish_rule(topic, payload='${ts}'))
        client = self.client(broker, 'c', 4)
        client.subscribe('t', 0)
        took = []
        for n in range(-1, ROUNDS):
            produce(self.kafka, topic, [('t', 'x')])
            message, = client.receive(1, 60)
            if n >= 0:
                took.append(time.time() - int(message.payload) / 1000)
            time.sleep(0.037 + n % 10 * 0.011)  # not in step with anything
        took.sort()
        median, most = statistics.median(took), took[int(ROUNDS * 0.95)]
        print(f'latency of {ROUNDS} records, ms: median {median * 1000:.1f}, '
              f'95 % {most * 1000:.1f}, longest {took[-1] * 1000:.1f}')
        self.assertLess(median, MEDIAN_S)
        self.assertLess(most, ALMOST_ALL_S)

    def test_reload(self):
        first, second = self.kafka.new_topic(), self.kafka.new_topic()
        broker = self.mosquitto(publish_rule(first, qos='1'))
        client = self.client(broker, 'c', 4)
        client.subscribe('#', 1)
        produce(self.kafka, first, [('a', '1')])
        self.assertEqual([m.payload for m in client.receive(1)], [b'1'])
        at = broker.reload(rules(self.kafka, publish_rule(second, qos='1')))
        broker.wait_log('reloaded', at)
        produce(self.kafka, first, [('a', 'no')])
        produce(self.kafka, second, [('a', '2')])
        self.assertEqual([m.payload for m in client.receive(1)], [b'2'])
        at = broker.reload(rules(self.kafka, {'name': 'x', 'topics': [first], 'group_id': 'g',
                                              'action': 'callback'}))
        broker.wait_log('was not reloaded', at)
        produce(self.kafka, second, [('a', '3')])
        self.assertEqual([m.payload for m in client.receive(1)], [b'3'])
        broker.wait_log('reloaded', broker.reload('kafka: { client: { servers: '
                                                  f'[{yaml(self.kafka.bootstrap)}] }} }}'))

    def test_many_at_once_to_qos_0(self):
        topic = self.kafka.new_topic(3)
        broker = self.mosquitto(publish_rule(topic), settings=['plugin_opt_mqk_consume_rate 0'])
        client = self.client(broker, 'c', 4)
        client.subscribe('#', 0)
        account = downlink.Account('20,000 records at once, QoS 0')
        account.sent = [b'%d' % n for n in range(20000)]
        produce(self.kafka, topic, [(f'm/{n % 10}', b'%d' % n) for n in range(20000)])
        account.arrived.update(m.payload for m in client.receive(20000, 60))
        account.check(self)

    def test_queues_of_the_usual_length_do_not_overflow(self):
        """Kafka gives faster than a subscriber takes, and Mosquitto drops what it cannot queue."""
        for _ in range(5):
            topic = self.kafka.new_topic()
            broker = self.mosquitto(publish_rule(topic, qos='1'),
                                    settings=['max_queued_messages 1000', 'log_type none'])
            account = downlink.Account('5,000 records, QoS 1, queues of 1000')
            account.sent = [b'%d' % n for n in range(5000)]
            subscriber = downlink.Subscriber(broker.port, 'm')
            self.assertTrue(subscriber.connected.wait(harness.PATIENCE))
            produce(self.kafka, topic, [('m', payload) for payload in account.sent])
            account.wait(subscriber.payloads)
            subscriber.stop()
            # A queue of 1000 has room for what comes in a second: a subscriber that did not take
            # anything for nearly as long proves nothing.
            if not account.lost() or subscriber.held_up < 0.7:
                break
            print(f'the subscriber was held up for {subscriber.held_up:.1f} s: once more')
        account.check(self)

    def test_rate(self):
        topic = self.kafka.new_topic()
        broker = self.mosquitto(publish_rule(topic), settings=['plugin_opt_mqk_consume_rate 200'])
        client = self.client(broker, 'c', 4)
        client.subscribe('#', 0)
        produce(self.kafka, topic, [('r', b'the group has been joined')])
        self.assertEqual(len(client.receive(1)), 1)
        # From before the first one: they come at their pace, whenever this process looks.
        begin = time.monotonic()
        produce(self.kafka, topic, [('r', b'%d' % n) for n in range(400)])
        got = client.receive(400, 60)
        took = time.monotonic() - begin
        self.assertEqual([m.payload for m in got], [b'%d' % n for n in range(400)])
        self.assertGreater(took, 1.5)
        print(f'at 200 a second: 400 records in {took:.2f} s')


class OldKafka(Base):
    version = harness.OLD

    def test_publish_and_kick(self):
        down, out = self.kafka.new_topic(), self.kafka.new_topic()
        broker = self.mosquitto(
            publish_rule(down, qos='1'),
            {'name': 'kick', 'topics': [out], 'group_id': f'k-{out}', 'action': 'kick',
             'username': ['${value.username}']})
        client = self.client(broker, 'c', username='u')
        client.subscribe('#', 1)
        produce(self.kafka, down, [('a', 'hello')])
        self.assertEqual([m.payload for m in client.receive(1)], [b'hello'])
        produce(self.kafka, out, [('', '{"username":"u"}')])
        self.assertEqual(client.packet()[0], mqtt.DISCONNECT)


class Groups(Base):
    def test_the_new_group_protocol(self):
        """Either it works, or the rules are refused with a sentence that says why."""
        topic = self.kafka.new_topic()
        rule = publish_rule(topic, librdkafka=['group.protocol=consumer'])
        try:
            broker = self.mosquitto(rule)
        except AssertionError as e:
            self.assertRegex(str(e), 'group.protocol')
            self.assertIn('mqkafka', str(e))
            print('group.protocol=consumer: refused by this librdkafka: ' + next(
                line for line in str(e).splitlines() if 'group.protocol' in line))
            return
        client = self.client(broker, 'c', 4)
        client.subscribe('#', 1)
        produce(self.kafka, topic, [('a', 'by the new protocol')])
        self.assertEqual([m.payload for m in client.receive(1)], [b'by the new protocol'])
        print('group.protocol=consumer: works')


class Kick(Base):
    def rules_for(self, topic, **more):
        return {'name': 'kick', 'topics': [topic], 'group_id': f'kick-{topic}', 'action': 'kick',
                'scope': 'every_node',
                'username': ['${value.username}', '${value.deviceName}&${value.productKey}'],
                **more}

    def nodes(self, *consumers, settings=()):
        return [self.mosquitto(*consumers, settings=[f'plugin_opt_mqk_node node{n}', *settings])
                for n in (1, 2)]

    def crowd(self, nodes, users, each=3):
        """{(node, user): clients}"""
        return {(n, user): [self.client(node, f'{n}-{user}-{i}', 4 + i % 2, username=user)
                            for i in range(each)]
                for n, node in enumerate(nodes) for user in users}

    def is_gone(self, client):
        """Whether the broker has closed the connection; a client that is there answers a ping."""
        try:
            client.send(mqtt.PINGREQ, 0, b'')
            while True:
                kind, _, body = client.packet()
                if kind == mqtt.DISCONNECT:
                    self.assertEqual(body[:1], b'\x98')  # administrative action
                    return True
                if kind == mqtt.PINGRESP:
                    return False
        except TimeoutError:
            raise  # neither
        except (mqtt.MqttError, OSError):
            return True

    def gone(self, crowd):
        return {who for who, clients in crowd.items() if all(map(self.is_gone, clients))}

    def some_gone(self, crowd):
        return {who for who, clients in crowd.items() if any(map(self.is_gone, clients))}

    def wait_said(self, nodes, what):
        for node in nodes:
            node.wait_log(what)

    def test_all_of_a_user_name_on_every_node_and_nobody_else(self):
        topic = self.kafka.new_topic()
        nodes = self.nodes(self.rules_for(topic))
        crowd = self.crowd(nodes, ['victim', 'victim2', 'dev&key', 'bystander', 'Victim'])
        produce(self.kafka, topic, [
            ('', '{"username":"victim"}'),
            ('', '{"username":"","deviceName":"dev","productKey":"key"}'),
            ('', '{"username":"nobody"}'), ('', 'no json'), ('', '{"deviceName":"victim"}')])
        self.wait_said(nodes, 'user nobody')
        wanted = {(n, user) for n in (0, 1) for user in ('victim', 'dev&key')}
        self.assertEqual(self.gone(crowd), wanted)
        for who in wanted:
            del crowd[who]
        self.assertEqual(self.some_gone(crowd), set())
        print(f'kick: {len(wanted) * 3} clients disconnected, {len(crowd) * 3} still there')

    def test_by_client_id_with_reason_and_will(self):
        topic = self.kafka.new_topic()
        nodes = self.nodes({'name': 'kick', 'topics': [topic], 'group_id': f'kick-{topic}', 'action': 'kick',
                            'scope': 'every_node', 'clientid': ['${key}'],
                            'reason': '${value}'})
        crowd = self.crowd(nodes, ['a', 'b'])
        # Clients that are away, or not there at all, are none to disconnect.
        away = self.client(nodes[0], 'away', 4, clean=False)
        away.disconnect()
        produce(self.kafka, topic, [('away', 'x'), ('none', 'x'), ('0-a-1', 'sold\x07 out')])
        nodes[0].wait_log('disconnecting client 0-a-1: sold  out')
        nodes[1].wait_log('disconnecting client 0-a-1')
        self.assertTrue(self.is_gone(crowd[0, 'a'].pop(1)))
        self.assertEqual(self.some_gone(crowd), set())
        back = self.client(nodes[0], 'away', 4, clean=False)
        self.assertFalse(self.is_gone(back))

    def acl_clean(self, settings):
        topic = self.kafka.new_topic()
        nodes = self.nodes({'name': 'clean', 'topics': [topic], 'group_id': f'clean-{topic}',
                            'action': 'acl_clean', 'scope': 'every_node',
                            'username': ['${value.username}']},
                           {'name': 'end', 'topics': [topic], 'group_id': f'end-{topic}',
                            'action': 'publish', 'scope': 'every_node', 'mqtt_topic': 'end',
                            'payload': 'x', 'qos': '1'}, settings=settings)
        ends = [self.client(node, 'end', 4) for node in nodes]
        for end in ends:
            end.subscribe('end', 1)
        crowd = self.crowd(nodes, ['x', 'y'])
        produce(self.kafka, topic, [('', '{"username":"x"}')])
        for end in ends:
            self.assertEqual(len(end.receive(1)), 1)
        return crowd, nodes

    def test_acl_clean_leaves_clients_alone(self):
        crowd, _ = self.acl_clean([])
        time.sleep(0.5)
        self.assertEqual(self.some_gone(crowd), set())

    def test_acl_clean_by_kick(self):
        crowd, nodes = self.acl_clean(['plugin_opt_mqk_acl_clean kick'])
        self.wait_said(nodes, 'user x: its permissions changed')
        self.assertEqual(self.gone(crowd), {(0, 'x'), (1, 'x')})
        self.assertEqual(self.some_gone({(n, 'y'): crowd[n, 'y'] for n in (0, 1)}), set())

    def test_the_tlink_configuration_as_it_is_shipped(self):
        with open(os.path.join(harness.REPO, 'examples', 'config', 'tlink.yaml'),
                  encoding='utf-8') as f:
            text = f.read()
        self.assertEqual(text.count('"localhost:9092"'), 1)
        text = text.replace('localhost:9092', self.kafka.bootstrap)
        down, kick, clean = (f'tlink_device_{name}' for name in ('msg_down', 'kick_out', 'acl_clean'))
        for topic in (down, kick, clean):
            self.kafka.topic(topic, 1, None)
        broker = Mosquitto(text, ['plugin_opt_mqk_acl_clean kick'])
        self.stops.append(broker.stop)
        listener = self.client(broker, 'listener', 4)
        listener.subscribe('tlink/#', 0)
        crowd = {(0, user): [self.client(broker, f'{user}-{i}', 4 + i, username=user)
                             for i in range(2)]
                 for user in ('alice', 'dev&prod', 'bob', 'carol')}
        produce(self.kafka, down, [('tlink/prod/dev/cmd', b'\x00\xffraw')])
        message, = listener.receive(1)
        self.assertEqual((message.topic, message.payload), (b'tlink/prod/dev/cmd', b'\x00\xffraw'))
        produce(self.kafka, kick, [('', '{"username":"alice"}'),
                                   ('', '{"deviceName":"dev","productKey":"prod"}')])
        produce(self.kafka, clean, [('', '{"username":"bob"}')])
        broker.wait_log('user bob: its permissions changed')
        gone = {(0, 'alice'), (0, 'dev&prod'), (0, 'bob')}
        wait_until('all three are gone', lambda: self.gone(
            {who: crowd[who] for who in gone}) == gone)
        self.assertEqual(self.some_gone({(0, 'carol'): crowd[0, 'carol']}), set())


class Gateway(Base):
    def gateway(self, broker, *consumers, **env):
        path = harness.write_file('rules.yaml', rules(self.kafka, *consumers))
        log = harness.new_path('gateway.log')
        with open(log, 'wb') as out:
            process = subprocess.Popen(
                [harness.gateway_path(), path, 'up/#'], stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, preexec_fn=harness.die_with_us,
                env={**os.environ, 'MQTT_HOST': '127.0.0.1', 'MQTT_PORT': str(broker.port),
                     'MQK_NODE': 'gw', **env})
        harness.on_exit(lambda: harness.stop_process(process))
        self.stops.append(lambda: harness.stop_process(process))

        def said():
            with open(log, errors='replace') as f:
                return f.read()
        # Its first word comes after it has learnt to end at SIGTERM.
        wait_until('the gateway says something', lambda: said() or process.poll() is not None)
        return process, said

    def test_publishes(self):
        topic = self.kafka.new_topic(3)
        broker = Mosquitto()
        self.stops.append(broker.stop)
        listener = Listener(broker, 'd/#', '-V', '5', '-q', '2')
        process, said = self.gateway(broker, publish_rule(
            topic, qos='${headers.qos}', user_properties_from='headers'))
        for qos in (0, 1, 2):
            produce(self.kafka, topic, [('d/x', f'q{qos}')], [('qos', str(qos))])
        lines = sorted(line.decode() for line in listener.wait(3))
        self.assertEqual(lines, [f'{q}|0|d/x||||||qos:{q}|q{q}' for q in (0, 1, 2)])
        self.assertEqual(harness.stop_process(process), 0, said())
        self.assertIn('3 published, 0 without acknowledgement', said())

    def test_all_arrive_though_gateway_and_broker_die(self):
        topic = self.kafka.new_topic(3)
        account = downlink.Account('gateway, killed twice, and the broker once')
        account.sent = [b'%d' % n for n in range(6000)]
        store = harness.new_path('store')
        settings = ['persistence true', f'persistence_file {os.path.basename(store)}',
                    f'persistence_location {os.path.dirname(store)}/']
        broker = Mosquitto(None, settings)
        port = broker.port
        subscriber = downlink.Subscriber(port, 'd/#')
        self.assertTrue(subscriber.connected.wait(harness.PATIENCE))
        rule = publish_rule(topic, qos='1', commit_interval='100ms', max_in_flight='200',
                            librdkafka=['session.timeout.ms=6000'])
        produce(self.kafka, topic, [(f'd/{n % 7}', v) for n, v in enumerate(account.sent)])
        process = None
        for end in ('kill', 'broker', 'kill', None):
            if not process:
                process, said = self.gateway(broker, rule)
            goal = min(len(subscriber.payloads) + 700, len(account.sent))
            try:
                wait_until(f'{goal} messages', lambda: len(subscriber.payloads) >= goal)
            except AssertionError as e:
                raise AssertionError(f'{e} (there are {len(subscriber.payloads)})\n{said()}\n'
                                     f'{broker.log()[-3000:]}') from None
            if end == 'broker':
                broker.stop()
                time.sleep(0.3)
                broker = Mosquitto(None, settings, port=port)
            elif end == 'kill':
                process.kill()
                process.wait()
                process = None
        account.wait(subscriber.payloads)
        self.assertEqual(harness.stop_process(process), 0, said())
        subscriber.stop()
        broker.stop()
        account.check(self)

    def test_what_the_broker_has_not_acknowledged_is_not_committed(self):
        topic = self.kafka.new_topic()
        account = downlink.Account('gateway and broker killed before the acknowledgement')
        account.sent = [b'%d' % n for n in range(100)]
        rule = publish_rule(topic, qos='1', commit_interval='50ms',
                            librdkafka=['session.timeout.ms=6000'])
        broker = Mosquitto()
        subscriber = downlink.Subscriber(broker.port, 'd')
        self.assertTrue(subscriber.connected.wait(harness.PATIENCE))
        process, said = self.gateway(broker, rule)
        produce(self.kafka, topic, [('d', '0')])
        wait_until('the first one', lambda: len(subscriber.payloads) == 1)
        broker.process.send_signal(signal.SIGSTOP)
        produce(self.kafka, topic, [('d', n) for n in account.sent[1:]])
        time.sleep(1.5)  # many commit intervals
        process.kill()
        process.wait()
        broker.process.kill()
        broker.process.wait()
        connects = subscriber.connects
        broker = Mosquitto(port=broker.port)
        self.stops.append(broker.stop)
        wait_until('the subscriber is back', lambda: subscriber.connects > connects)
        process, said = self.gateway(broker, rule)
        account.wait(subscriber.payloads)
        self.assertEqual(harness.stop_process(process), 0, said())
        subscriber.stop()
        account.check(self)

    def test_kick_and_acl_clean_are_refused_at_the_start(self):
        topic = self.kafka.new_topic()
        broker = Mosquitto()
        self.stops.append(broker.stop)
        for action in ('kick', 'acl_clean'):
            process, said = self.gateway(broker, {
                'name': 'no', 'topics': [topic], 'group_id': 'g', 'action': action,
                'username': ['${value}']})
            self.assertNotEqual(process.wait(harness.PATIENCE), 0)
            self.assertIn(action, said())


def setUpModule():
    harness.plugin_path()
    harness.gateway_path()
    for name in ('mosquitto', 'mosquitto_sub', 'kcat'):
        harness.program(name)


if __name__ == '__main__':
    harness.main()
