#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The plugin watches Mosquitto and has no say in it: whoever may log in, publish, subscribe and read
without the plugin may do so with it, and nobody else, in every kind of set-up."""
import base64
import hashlib
import json
import os
import re
import signal
import subprocess
import unittest

import harness
import mqtt
from harness import Mosquitto, wait_until, write_file

VERSION = harness.mosquitto_version()

# Rules for everything there is, so that the plugin registers for all it can get.
HOOKS = ['client.connect', 'client.connack', 'client.connected', 'client.disconnected',
         'client.authenticate', 'client.authorize', 'client.subscribe', 'client.unsubscribe',
         'session.created', 'session.subscribed', 'session.unsubscribed', 'session.resumed',
         'session.discarded', 'session.takenover', 'session.terminated', 'message.publish',
         'message.delivered', 'message.acked']
RULES = 'kafka:\n  client: { servers: [embedded] }\n  hook:\n' + ''.join(
    f'    - {{ hook: {hook}, topic: events, key: {hook}, envelope: event }}\n' for hook in HOOKS)

PEOPLE = [(None, None), ('joe', 'right'), ('joe', 'wrong'), ('joe', None), ('eve', 'right')]
PROTOCOLS = [4, 5]

ACL = '''topic read free/#
topic write free/#
user joe
topic readwrite free/#
topic readwrite own/#
topic read secret/#
topic deny own/not
pattern readwrite clients/%c/#
'''


def password_file():
    path = write_file('passwd', '')
    subprocess.run([harness.program('mosquitto_passwd'), '-b', path, 'joe', 'right'], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return path


def dynamic_security():
    """The broker's own security plugin: one more that decides, and that may defer."""
    names = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib']
    files = [os.path.join(n, 'mosquitto_dynamic_security.so') for n in names]
    library = next((f for f in files if os.path.exists(f)), None)
    if not library:
        return None
    salt = b'123456789012'
    digest = hashlib.pbkdf2_hmac('sha512', b'right', salt, 101)
    free = [{'acltype': kind, 'topic': 'free/#', 'allow': True}
            for kind in ('publishClientSend', 'publishClientReceive', 'subscribePattern')]
    config = {
        'defaultACLAccess': {'publishClientSend': False, 'publishClientReceive': False,
                             'subscribe': False, 'unsubscribe': True},
        'clients': [{'username': 'joe', 'password': base64.b64encode(digest).decode(),
                     'salt': base64.b64encode(salt).decode(), 'iterations': 101,
                     'roles': [{'rolename': 'free'}]}],
        'roles': [{'rolename': 'free', 'acls': free}]}
    return library, write_file('dynsec.json', json.dumps(config))


def attempt(action):
    try:
        action()
        return 'allowed'
    except (mqtt.MqttError, OSError) as e:
        return f'refused ({e})'


class Probe:
    """What one client may do."""

    def __init__(self, port, version, username, password):
        self.outcome = {}
        self.name = f'probe-{version}-{username}-{password}'
        self.connect = lambda name: mqtt.Client(port, name, version, username, password)
        self.outcome['login'] = attempt(self.log_in)
        if self.outcome['login'] == 'allowed':
            self.subscribe_all()
            self.publish_all()
            self.client.disconnect()

    def log_in(self):
        self.client = self.connect(self.name)

    def subscribe_all(self):
        for topic_filter in ['free/#', 'own/#', 'secret/#', 'clients/#', '$SYS/broker/version']:
            self.outcome['subscribe ' + topic_filter] = attempt(
                lambda f=topic_filter: self.client.subscribe(f, 1))

    def publish_all(self):
        """Publishes; what may be read comes back, as this client subscribed to it all. Each message
        has a connection of its own, as some brokers close it when they refuse one."""
        for topic in ['free/a', 'own/a', 'own/not', 'secret/a', f'clients/{self.name}/a',
                      f'clients/{self.name}-publisher/a', 'clients/x/a']:
            publisher = self.connect(self.name + '-publisher')
            self.outcome['publish ' + topic] = attempt(
                lambda t=topic: publisher.publish(t, t, 1))
            publisher.drop()
        # Messages come before the answer to a ping.
        self.client.send(mqtt.PINGREQ, 0, b'')
        kind = None
        while kind != mqtt.PINGRESP:
            kind, flags, body = self.client.packet()
            self.client.handle(kind, flags, body)
        self.outcome['read'] = sorted(m.payload for m in self.client.messages
                                      if not m.topic.startswith(b'$SYS'))


def outcomes(port):
    result = {}
    for version in PROTOCOLS:
        for username, password in PEOPLE:
            probe = Probe(port, version, username, password)
            for what, outcome in probe.outcome.items():
                result[f'MQTT {version} {username}/{password} {what}'] = outcome
    return result


def reload(broker, conf=None):
    """SIGHUP, perhaps with another mosquitto.conf."""
    if conf is not None:
        with open(broker.process.args[-1], 'w') as f:
            f.write(conf)
    at = len(broker.log())
    broker.process.send_signal(signal.SIGHUP)
    broker.wait_log('Reloading config', at)
    if broker.rules_path:
        broker.wait_log('mqkafka: Kafka servers', at)


def conf_of(broker):
    with open(broker.process.args[-1]) as f:
        return f.read()


class Observer(unittest.TestCase):
    maxDiff = None

    def start(self, with_plugin, settings, anonymous, options=()):
        lines = [*(f'plugin_opt_mqk_{option}' for option in options if with_plugin), *settings]
        broker = Mosquitto(RULES if with_plugin else None, lines, anonymous)
        self.addCleanup(broker.stop)
        return broker

    def compare(self, settings=(), anonymous=True, options=()):
        """The same outcomes without and with the plugin, before and after a reload. Returns the
        outcomes and the broker with the plugin."""
        without = self.start(False, settings, anonymous)
        expected = outcomes(without.port)
        broker = self.start(True, settings, anonymous, options)
        self.assertEqual(expected, outcomes(broker.port))
        reload(without)
        reload(broker)
        expected_later = outcomes(without.port)
        self.assertEqual(expected_later, outcomes(broker.port))
        return expected, broker

    def logins_are_watched(self, broker):
        self.assertNotIn('rules for client.connected stay idle', broker.log())

    def test_anonymous_allowed(self):
        expected, broker = self.compare(anonymous=True)
        self.assertEqual(expected['MQTT 4 None/None login'], 'allowed')
        self.assertEqual(expected['MQTT 4 eve/right login'], 'allowed')
        self.assertEqual(expected['MQTT 5 None/None publish secret/a'], 'allowed')
        self.logins_are_watched(broker)

    def test_anonymous_refused(self):
        expected, broker = self.compare(anonymous=False)
        self.assertIn('refused', expected['MQTT 4 None/None login'])
        self.assertIn('refused', expected['MQTT 5 joe/right login'])
        self.logins_are_watched(broker)

    def test_password_file(self):
        expected, broker = self.compare([f'password_file {password_file()}'], anonymous=False)
        self.assertIn('refused', expected['MQTT 4 None/None login'])
        self.assertEqual(expected['MQTT 4 joe/right login'], 'allowed')
        self.assertIn('refused', expected['MQTT 5 joe/wrong login'])
        self.assertIn('refused', expected['MQTT 5 eve/right login'])
        self.logins_are_watched(broker)

    def test_password_file_and_anonymous(self):
        expected, _ = self.compare([f'password_file {password_file()}'], anonymous=True)
        self.assertEqual(expected['MQTT 4 None/None login'], 'allowed')
        self.assertIn('refused', expected['MQTT 4 joe/wrong login'])

    def test_acl_file(self):
        expected, broker = self.compare([f'acl_file {write_file("acl", ACL)}'], anonymous=True)
        self.assertEqual(expected['MQTT 5 None/None publish free/a'], 'allowed')
        self.assertIn('refused', expected['MQTT 5 None/None publish own/a'])
        self.assertEqual(expected['MQTT 5 joe/right publish own/a'], 'allowed')
        self.assertIn('refused', expected['MQTT 5 joe/right publish own/not'])
        self.assertNotIn('rules for client.authorize stay idle', broker.log())

    def test_password_and_acl_file(self):
        settings = [f'password_file {password_file()}', f'acl_file {write_file("acl", ACL)}']
        expected, _ = self.compare(settings, anonymous=False)
        self.assertEqual(expected['MQTT 4 joe/right read'],
                         [b'free/a', b'own/a'])

    def test_included_files(self):
        """What decides may stand in another file."""
        directory = harness.new_path('conf.d')
        os.mkdir(directory)
        with open(os.path.join(directory, 'security.conf'), 'w') as f:
            f.write(f'acl_file {write_file("acl", ACL)}\npassword_file {password_file()}\n')
        self.compare([f'include_dir {directory}'], anonymous=True)

    def test_settings_per_listener(self):
        """One plugin, several ways to decide: the plugin keeps out of it."""
        passwords, acl = password_file(), write_file('acl', ACL)
        rules = write_file('rules.yaml', RULES)
        results = []
        for with_plugin in (False, True):
            plugin = [f'plugin {harness.plugin_path()}', f'plugin_opt_mqk_config {rules}']
            ports = [harness.free_port(), harness.free_port()]
            lines = ['per_listener_settings true', *(['user root'] if os.getuid() == 0 else []),
                     f'listener {ports[0]} 127.0.0.1', 'allow_anonymous true',
                     *(plugin if with_plugin else []),
                     f'listener {ports[1]} 127.0.0.1', 'allow_anonymous false',
                     f'password_file {passwords}', f'acl_file {acl}', '']
            results.append(self.outcomes_of(write_file('mosquitto.conf', '\n'.join(lines)), ports))
        self.assertEqual(results[0], results[1])
        self.assertEqual(results[0][0]['MQTT 4 None/None login'], 'allowed')
        self.assertIn('refused', results[0][1]['MQTT 4 None/None login'])

    def outcomes_of(self, conf, ports):
        log_path = harness.new_path('mosquitto.log')
        env = dict(os.environ, LD_PRELOAD=os.environ.get('MQK_PRELOAD', ''))
        env['ASAN_OPTIONS'] = 'detect_leaks=0:' + env.get('ASAN_OPTIONS', '')
        with open(log_path, 'wb') as log:
            process = subprocess.Popen([harness.program('mosquitto'), '-c', conf], stdout=log,
                                       stderr=log, stdin=subprocess.DEVNULL, env=env)
        try:
            def running():
                with open(log_path, 'rb') as f:
                    return re.search(rb'version \S+ running', f.read())
            wait_until('Mosquitto runs', running)
            return [outcomes(port) for port in ports]
        finally:
            harness.stop_process(process)

    def test_another_plugin_decides(self):
        found = dynamic_security()
        if not found:
            self.skipTest('no mosquitto_dynamic_security.so here')
        settings = [f'plugin {found[0]}', f'plugin_opt_config_file {found[1]}']
        expected, broker = self.compare(settings, anonymous=False)
        self.assertEqual(expected['MQTT 5 joe/right publish free/a'], 'allowed')
        self.assertIn('refused', expected['MQTT 5 joe/right publish own/a'])
        self.assertIn('refused', expected['MQTT 5 joe/wrong login'])
        self.assertIn('rules for client.authorize stay idle', broker.log())
        self.compare(settings, anonymous=False, options=['auth_events true'])

    def test_switched_off(self):
        _, broker = self.compare(anonymous=True, options=['auth_events false'])
        self.assertIn('rules for client.authorize stay idle', broker.log())
        self.compare([f'password_file {password_file()}'], anonymous=False,
                     options=['auth_events false'])

    def test_asserted(self):
        """`true` with something behind it that decides."""
        settings = [f'password_file {password_file()}', f'acl_file {write_file("acl", ACL)}']
        self.compare(settings, anonymous=True, options=['auth_events true'])

    def test_the_brokers_settings_change(self):
        """An open broker is closed, and opened again, by SIGHUP."""
        without = self.start(False, (), True)
        broker = self.start(True, (), True)
        open_confs = conf_of(without), conf_of(broker)
        closed = f'password_file {password_file()}\nacl_file {write_file("acl", ACL)}\n'
        for change in (lambda c: c.replace('allow_anonymous true', 'allow_anonymous false') + closed,
                       lambda c: c + closed, lambda c: c):
            reload(without, change(open_confs[0]))
            reload(broker, change(open_confs[1]))
            self.assertEqual(outcomes(without.port), outcomes(broker.port))

    def test_a_reload_is_no_login(self):
        """Brokers check all passwords again on SIGHUP; nobody came or went."""
        broker = self.start(True, [f'password_file {password_file()}'], False)
        client = mqtt.Client(broker.port, 'stays', 5, 'joe', 'right')
        reload(broker)
        client.publish('free/a', b'still here', 1)
        client.disconnect()
        mqtt.Client(broker.port, 'last', 5, 'joe', 'right').disconnect()
        servers = broker.log().split('mqkafka: Kafka servers: ')[1].split()[0]
        records = read_events(servers, 'last')
        logins = [e['clientid'] for e in records if e['event'] == 'client.connected']
        self.assertEqual(sorted(logins), ['last', 'stays'])
        checked = [e['clientid'] for e in records if e['event'] == 'client.authenticate']
        self.assertEqual(sorted(checked), ['last', 'stays'])


class Outcome(unittest.TestCase):
    """What the events say of a login is what the client was told."""

    def test_logins(self):
        broker = Mosquitto(RULES, [f'password_file {password_file()}'], False)
        self.addCleanup(broker.stop)
        for username, password in PEOPLE:
            attempt(lambda u=username, p=password: mqtt.Client(
                broker.port, f'{u}-{p}', 4, u, p).disconnect())
        mqtt.Client(broker.port, 'last', 5, 'joe', 'right').disconnect()
        servers = broker.log().split('mqkafka: Kafka servers: ')[1].split()[0]
        records = read_events(servers, 'last')
        results = {e['clientid']: e['result'] for e in records
                   if e['event'] == 'client.authenticate'}
        self.assertEqual(results, {
            'None-None': 'not_authorized', 'joe-right': 'success', 'joe-wrong': 'not_authorized',
            'joe-None': 'not_authorized', 'eve-right': 'not_authorized', 'last': 'success'})
        connected = {e['clientid'] for e in records if e['event'] == 'client.connected'}
        self.assertEqual(connected, {'joe-right', 'last'})
        gone = {e['clientid']: e['reason'] for e in records if e['event'] == 'client.disconnected'}
        word = 'normal' if VERSION >= (2, 1) else 'unknown'
        self.assertEqual(gone, {'joe-right': word, 'last': word})


def read_events(servers, last):
    """All events in the in-process Kafka up to those of the client that came last. Each hook has its
    partition, in which order is kept."""
    wanted = {(hook, last) for hook in ('client.authenticate', 'client.connected',
                                        'client.disconnected')}

    def read():
        out = subprocess.run([harness.program('kcat', package='kcat'), '-q', '-b', servers, '-C', '-t',
                              'events', '-o', 'beginning', '-e'], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, check=False, timeout=60).stdout
        found = [json.loads(line) for line in out.splitlines()]
        return found if wanted <= {(e['event'], e.get('clientid')) for e in found} else None
    return wait_until('the events are in Kafka', read)


if __name__ == '__main__':
    harness.plugin_path()
    unittest.main(verbosity=2)
