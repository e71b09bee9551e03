#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""MQTT client → real Mosquitto with the plugin → real Kafka: what arrives, byte for byte."""
import json
import os
import threading
import time

import harness
import mqtt
from harness import Mosquitto, mosquitto_pub, wait_until, yaml

CLIENTS, EACH = 20, 5000

# Texts that a client may send where MQTT wants UTF-8, and that like to break what is built of them.
HOSTILE = ['he said "hi"', 'back\\slash', "it's", '${clientid}', '${$}{x}', '{"a":1}', '[1,2',
           '%s%n', '</script>', 'a\u00a0b', 'ä€😀', '\u2028line', '\ufeffbom', "'; DROP TABLE--",
           '\\u0000', '\\', '"', '""', '\\"', '{{', '}}', 'null', '0', '-1e999', ' ', 'a' * 3000]

# Payloads: any bytes at all.
PAYLOADS = [b'', b'\0', b'\0\0\0', b'a\0b', bytes(range(256)), b'\xff\xfe\xfd', b'\xc0\x80',
            b'\xed\xa0\x80', b'"', b'\\', b'\n\r\t\b\f\x01\x1f\x7f', '😀"\\'.encode(), b'{"a":1}',
            b'{"a":', b'null', b'${payload}', b'x' * 70000]


def client_section(kafka):
    return f'''kafka:
  client:
    servers: [{", ".join(yaml(s) for s in kafka.bootstrap.split(","))}]
    properties: ["message.max.bytes=4000000"]
'''


def rules(kafka, *hooks):
    return client_section(kafka) + '  hook:\n' + ''.join(hooks)


def hook(on, topic, **settings):
    out = f'    - hook: {yaml(on)}\n      topic: {yaml(topic)}\n'
    headers = settings.pop('headers', ())
    for name, value in settings.items():
        out += f'      {name}: {yaml(value)}\n'
    if headers:
        out += '      headers:\n'
        for name, value in headers:
            out += f'        - {{ name: {yaml(name)}, value: {yaml(value)} }}\n'
    return out


class OnKafka:
    """What has to hold with every version of Kafka."""
    version = None

    @classmethod
    def setUpClass(cls):
        cls.kafka = harness.kafka(cls.version)

    @classmethod
    def tearDownClass(cls):
        cls.kafka.stop()

    def setUp(self):
        self.brokers = []

    def tearDown(self):
        for broker in self.brokers:
            if self.failed():
                print(f'---- the log of Mosquitto\n{broker.log()[-6000:]}', flush=True)
            self.assertEqual(broker.stop(), 0, broker.log()[-2000:])

    def mosquitto(self, *args, **named):
        self.brokers.append(Mosquitto(*args, **named))
        return self.brokers[-1]

    def raw_rule(self, topic, **more):
        return hook('message.publish', topic, filter='raw/#', key='${clientid}', value='${payload}',
                    timestamp='1700000000123',
                    headers=[('topic', '${topic}'), ('qos', '${qos}'), ('retain', '${retain}')],
                    **more)

    def test_every_version_and_qos(self):
        topic = self.kafka.new_topic()
        broker = self.mosquitto(rules(self.kafka, self.raw_rule(topic)))
        expected = []
        for version in (4, 5):
            client = mqtt.Client(broker.port, f'c{version}', version)
            for qos in (0, 1, 2):
                for retain in (False, True):
                    payload = b'v%d q%d r%d' % (version, qos, retain)
                    client.publish('raw/x', payload, qos, retain)
                    expected.append((b'c%d' % version, payload, b'topic=raw/x,qos=%d,retain=%s' %
                                     (qos, b'true' if retain else b'false')))
            client.disconnect()
        got = self.kafka.wait_records(topic, len(expected))
        self.assertEqual([(r.key, r.value, r.headers) for r in got], expected)
        self.assertEqual({r.timestamp for r in got}, {1700000000123})

    def test_every_payload(self):
        topic = self.kafka.new_topic()
        broker = self.mosquitto(rules(self.kafka, self.raw_rule(topic)))
        million = os.urandom(1_000_000)
        client = mqtt.Client(broker.port, 'payloads', 5)
        for payload in [*PAYLOADS, million]:
            client.publish('raw/p', payload, 1)
        client.disconnect()
        got = self.kafka.wait_records(topic, len(PAYLOADS) + 1)
        self.assertEqual([r.value for r in got[:-1]], PAYLOADS)
        self.assertTrue(got[-1].value == million, 'the payload of a million bytes is not the same')

    def test_clients_of_mosquitto(self):
        topic = self.kafka.new_topic()
        broker = self.mosquitto(rules(self.kafka, self.raw_rule(topic), hook(
            'message.publish', topic, filter='user/#', key='${user.k}', value='${payload}',
            headers=[('first', '${user.a}'), ('type', '${pub_props.Content-Type}')])))
        mosquitto_pub(broker.port, '-i', 'p1', '-t', 'raw/1', '-m', 'plain')
        mosquitto_pub(broker.port, '-i', 'p2', '-t', 'raw/2', '-q', '1', '-s', data=b'\0bin\xff\n')
        mosquitto_pub(broker.port, '-i', 'p3', '-t', 'raw/3', '-q', '2', '-r', '-n')
        mosquitto_pub(broker.port, '-i', 'p4', '-V', '5', '-t', 'user/4', '-m', 'five', '-q', '1',
                      '-D', 'PUBLISH', 'user-property', 'k', 'key of user',
                      '-D', 'PUBLISH', 'user-property', 'a', 'ä=1',
                      '-D', 'PUBLISH', 'content-type', 'text/plain')
        got = self.kafka.wait_records(topic, 4)
        self.assertEqual([(r.key, r.value, r.headers) for r in got], [
            (b'p1', b'plain', b'topic=raw/1,qos=0,retain=false'),
            (b'p2', b'\0bin\xff\n', b'topic=raw/2,qos=1,retain=false'),
            (b'p3', b'', b'topic=raw/3,qos=2,retain=true'),
            (b'key of user', b'five', 'first=ä=1,type=text/plain'.encode())])

    def test_topic_template_and_time(self):
        a, b = self.kafka.new_topic(), self.kafka.new_topic()
        broker = self.mosquitto(rules(
            self.kafka,
            hook('message.publish', '${filter.1}', filter='to/+/#', key='${filter.2}',
                 value='${payload.v}', timestamp='${payload.at}'),
            hook('message.publish', a, filter='now', value='${payload}', key='${username}')))
        client = mqtt.Client(broker.port, 'c')
        client.publish(f'to/{a}/x/y', b'{"v":1.50,"at":1600000000001}', 1)
        client.publish(f'to/{b}/', b'{"v":{"deep":[1, 2]},"at":"1600000000002"}', 1)
        client.publish(f'to/{b}/z', b'{"at":1600000000003}', 1)
        before = int(time.time() * 1000)
        client.publish('now', b'n', 1)
        after = int(time.time() * 1000)
        client.disconnect()
        got = self.kafka.wait_records(a, 2)
        self.assertEqual(got[0][3:6], (1600000000001, b'x/y', b'1.50'))
        self.assertEqual(got[1][4:6], (None, b'n'))
        self.assertTrue(before - 1 <= got[1].timestamp <= after + 1, got[1])
        got = self.kafka.wait_records(b, 2)
        self.assertEqual([r[3:6] for r in got], [(1600000000002, b'', b'{"deep":[1,2]}'),
                                                 (1600000000003, b'z', None)])

    def test_hostile_texts_never_break_json(self):
        topic = self.kafka.new_topic()
        template = ('{"id":"${clientid}","user":"${username}","user2":${username},'
                    '"topic":"${topic}","text":"${payload}","value":${payload},"q":${qos},'
                    '"${user.n}":${user.n},"all":${.}}')
        broker = self.mosquitto(rules(self.kafka, hook(
            'message.publish', topic, filter='#', value=template, key='${clientid}')))
        sent = []
        for i, word in enumerate(HOSTILE):
            payload = PAYLOADS[i % (len(PAYLOADS) - 1)]
            client = mqtt.Client(broker.port, word, 5, username=word)
            client.publish(f'h/{word}', payload, 1, props=[('User-Property', ('n', word))])
            client.disconnect()
            sent.append((word, payload))
        for payload in PAYLOADS:
            client = mqtt.Client(broker.port, 'plain', 5, username='plain')
            client.publish('h/plain', payload, 1, props=[('User-Property', ('n', 'plain'))])
            client.disconnect()
            sent.append(('plain', payload))
        got = self.kafka.wait_records(topic, len(sent))
        for (word, payload), record in zip(sent, got):
            self.assertEqual(record.key, word.encode())
            value = json.loads(record.value.decode())
            self.assertEqual([value[m] for m in ('id', 'user', 'user2', 'topic', 'q', word)],
                             [word, word, word, f'h/{word}', 1, word])
            self.assertEqual(value['all']['clientid'], word)
            try:
                self.assertEqual(value['text'], payload.decode())
            except UnicodeDecodeError:
                self.assertIn('\ufffd', value['text'])
            try:
                self.assertEqual(value['value'], json.loads(payload.decode()))
            except ValueError:
                self.assertEqual(value['value'], value['text'])

    def test_longest_topics(self):
        topic = self.kafka.new_topic()
        broker = self.mosquitto(rules(self.kafka, self.raw_rule(topic)))
        longest = 'raw/' + 't' * 65531
        many = 'raw' + '/x' * 150
        client = mqtt.Client(broker.port, 'c', 5)
        client.publish(longest, b'1', 1)
        client.publish(many, b'2', 1)
        client.disconnect()
        got = self.kafka.wait_records(topic, 2)
        self.assertEqual([(r.value, r.headers) for r in got], [
            (b'1', f'topic={longest},qos=1,retain=false'.encode()),
            (b'2', f'topic={many},qos=1,retain=false'.encode())])

    def test_user_properties(self):
        topic = self.kafka.new_topic()
        broker = self.mosquitto(rules(self.kafka, hook(
            'message.publish', topic, filter='#', key='${user.twice}', value='${.}',
            headers=[('a b', '${user["a b"]}'), ('none', '${user.none}'),
                     ('id', '${pub_props.Correlation-Data}')])))
        client = mqtt.Client(broker.port, 'c', 5)
        pairs = [('twice', 'one'), ('a b', 'x,y=z'), ('twice', 'two'), ('', ''), ('q"', '\\')]
        client.publish('t', b'p', 1, props=[('User-Property', p) for p in pairs] + [
            ('Content-Type', 'text/plain'), ('Response-Topic', 'r/t'),
            ('Correlation-Data', b'\1\2'), ('Message-Expiry-Interval', 3600),
            ('Payload-Format-Indicator', 1)])
        client.disconnect()
        record, = self.kafka.wait_records(topic, 1)
        self.assertEqual(record.key, b'two')
        self.assertTrue(record.headers.startswith(b'a b=x,y=z,none='), record.headers)
        self.assertTrue(record.headers.endswith(b',id=\1\2'), record.headers)
        event = json.loads(record.value)
        props = event['pub_props']
        self.assertEqual([(p['key'], p['value']) for p in props['User-Property-Pairs']], pairs)
        self.assertEqual(props['User-Property']['twice'], 'two')
        self.assertEqual((props['Content-Type'], props['Response-Topic']), ('text/plain', 'r/t'))
        self.assertEqual([event[m] for m in ('event', 'clientid', 'topic', 'qos', 'payload')],
                         ['message.publish', 'c', 't', 1, 'p'])
        self.assertIs(event['flags']['retain'], False)

    def test_comings_and_goings(self):
        topic = self.kafka.new_topic()
        broker = self.mosquitto(rules(self.kafka, hook(
            'client.*, session.*', topic, value='${.}', key='${clientid}')))
        client = mqtt.Client(broker.port, 'visitor', 5, username='vera')
        client.subscribe('news/#', 1)
        client.unsubscribe('news/#')
        client.disconnect()
        mqtt.Client(broker.port, 'rude', 5).drop()

        def events(clientid):
            return [json.loads(r.value) for r in self.kafka.records(topic)
                    if json.loads(r.value).get('clientid') == clientid]
        for who in ('visitor', 'rude'):
            wait_until(f'{who} has gone', lambda: any(
                e['event'] == 'client.disconnected' for e in events(who)))
        seen = {e['event'] for e in events('visitor')}
        self.assertTrue(seen & {'client.connect', 'client.connected', 'client.authenticate'}, seen)
        self.assertTrue(seen & {'client.subscribe', 'session.subscribed'}, seen)
        for event in events('visitor'):
            self.assertIn('timestamp', event)
            self.assertIn('node', event)
            if event['event'] in ('client.subscribe', 'session.subscribed'):
                self.assertEqual(event['topic'], 'news/#')
        names = [e['event'] for e in events('visitor')]
        self.assertEqual(names.count('client.disconnected'), 1)
        polite, = [e['reason'] for e in events('visitor') if e['event'] == 'client.disconnected']
        rude, = [e['reason'] for e in events('rude') if e['event'] == 'client.disconnected']
        if harness.mosquitto_version() >= (2, 1):  # before, it tells no reason
            self.assertNotEqual(polite, rude)

    def test_system_topics_stay_inside(self):
        topic = self.kafka.new_topic()
        broker = self.mosquitto(rules(self.kafka, hook(
            'message.publish', topic, filter='#', value='${topic}')), ['sys_interval 1'])
        with_sys = mqtt.Client(broker.port, 'watcher')
        with_sys.subscribe('$SYS/broker/uptime')
        self.assertTrue(with_sys.receive(2), 'Mosquitto publishes no $SYS topics')
        with_sys.publish('end', b'', 1)
        with_sys.disconnect()
        self.assertEqual([r.value for r in self.kafka.wait_records(topic, 1)], [b'end'])


class OnNewKafka(OnKafka, harness.Case):
    version = harness.NEW

    def test_two_hundred_clients_at_once(self):
        topic = self.kafka.new_topic(4)
        broker = self.mosquitto(rules(self.kafka, self.raw_rule(topic)))
        clients = [mqtt.Client(broker.port, f'many{i}', 4 + i % 2, connect=False)
                   for i in range(200)]
        for client in clients:
            client.connack()
        expected = set()
        for n in range(5):
            for i, client in enumerate(clients):
                client.publish(f'raw/{i}', b'%d %d' % (i, n), n % 3)
                expected.add((f'many{i}'.encode(), b'%d %d' % (i, n),
                              f'topic=raw/{i},qos={n % 3},retain=false'.encode()))
        for client in clients:
            client.disconnect()
        got = self.kafka.wait_records(topic, len(expected))
        self.assertEqual(len(got), len(expected))
        self.assertEqual({(r.key, r.value, r.headers) for r in got}, expected)

    def test_hundred_thousand_messages_exactly_once(self):
        topic = self.kafka.new_topic(4)
        broker = self.mosquitto(rules(self.kafka, self.raw_rule(topic)))
        errors = []

        def publish(number):
            try:
                client = mqtt.Client(broker.port, f'load{number}')
                client.publish_many(((f'raw/{number}', b'%d:%d' % (number, n))
                                     for n in range(EACH)), window=100)
                client.disconnect()
            except Exception as e:
                errors.append(e)
        threads = [threading.Thread(target=publish, args=(i,)) for i in range(CLIENTS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(errors, [])
        got = self.kafka.wait_records(topic, CLIENTS * EACH)
        self.assertEqual(len(got), CLIENTS * EACH)
        seen = {}
        for r in got:
            number, n = r.value.split(b':')
            self.assertEqual(r.key, b'load' + number)
            seen.setdefault((number, r.partition), []).append(int(n))
        self.assertEqual(len(seen), CLIENTS, 'a key is in one partition only')
        for (number, _), numbers in seen.items():
            self.assertEqual(numbers, list(range(EACH)), f'order and number of client {number}')

    def test_reload(self):
        one, two, three = (self.kafka.new_topic() for _ in range(3))

        def to(topic):
            return rules(self.kafka, hook('message.publish', topic, filter='#', value='${payload}'))
        broker = self.mosquitto(to(one))
        client = mqtt.Client(broker.port, 'c')
        client.publish('t', b'first', 1)
        self.kafka.wait_records(one, 1)
        at = broker.reload(to(two))
        broker.wait_log('reloaded 1 rule', at)

        def arrived(topic):
            client.publish('t', b'probe', 1)
            return self.kafka.records(topic)
        wait_until('the new rules are in use', lambda: arrived(two))
        at = broker.reload(to(three) + '    - hook: message.publish\n      topc: x\n')
        said = broker.wait_log('the old rules stay', at)
        self.assertIn('rules.yaml', said)
        self.assertIn('topic', said[said.index('topc'):])
        client.publish('t', b'still here', 1)
        wait_until('the old rules are still in use',
                   lambda: b'still here' in [r.value for r in self.kafka.records(two)])
        broker.reload(to(three))
        wait_until('a good file is taken again', lambda: arrived(three))
        client.disconnect()
        self.assertIn(b'first', [r.value for r in self.kafka.records(one)])


if not os.environ.get('MQK_KAFKA_ENV'):
    class OnOldKafka(OnKafka, harness.Case):
        version = harness.OLD


def setUpModule():
    harness.plugin_path()
    for name in ('mosquitto', 'mosquitto_pub', 'kcat'):
        harness.program(name)


if __name__ == '__main__':
    harness.main()
