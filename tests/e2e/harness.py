# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: real Kafka, real Mosquitto, the send program, kcat, waiting.

Environment (set by meson.build, and usable by hand):
  MQK_BUILD_DIR  build directory; the programs below are looked for in it
  MQK_PLUGIN     the Mosquitto plugin        MQK_SEND      tests/e2e/send
  MQK_GATEWAY    examples/mqkafka-gateway    MQK_PRELOAD   libraries that the plugin needs before
                                             Mosquitto starts (a sanitizer's)
  MQK_KAFKA_ENV  env file of a Kafka that runs already (kafka.sh start); else one is started
  MQK_KAFKA_OLD, MQK_KAFKA_NEW   versions of Kafka to use (3.9.1 and 4.2.0)
  MQK_KEEP       keep the temporary folder and say where it is
"""
import atexit
import ctypes
import json
import os
import queue
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from typing import NamedTuple, Optional

import kafka_topic
import ports

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
KAFKA_SH = os.path.join(HERE, 'kafka.sh')
OLD = os.environ.get('MQK_KAFKA_OLD', '3.9.1')
NEW = os.environ.get('MQK_KAFKA_NEW', '4.2.0')
# Every wait is this long at most; a healthy run needs a small part of it.
PATIENCE = 120

_cleanups = []
_ports = []


def _clean_up():
    while _cleanups:
        try:
            _cleanups.pop()()
        except Exception as e:  # the other ones still have to run
            print(f'clean-up: {e}', file=sys.stderr)


atexit.register(_clean_up)


def on_exit(action):
    """Something to do when this process ends, whatever happens; the last one first."""
    _cleanups.append(action)


def _on_signal(number, _frame):
    # Not an exception: unittest would take it for a failed test and go on.
    _clean_up()
    os._exit(128 + number)


_libc = ctypes.CDLL(None)


def die_with_us():
    """For preexec_fn: the child is killed when this process is gone, however that came."""
    _libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


def skip(why):
    print(f'skipped: {why}', flush=True)
    sys.exit(77)


def program(name, variable=None, package=None):
    """Path of a program; the test is skipped when it is missing."""
    path = os.environ.get(variable or '', '') or shutil.which(name) or \
        shutil.which(name, path='/usr/sbin:/sbin:/usr/local/sbin')
    if not path or not os.path.exists(path):
        skip(f'{name} is missing' + (f' (package {package})' if package else ''))
    return path


def built(variable, *places):
    """Path of something that the build made; the test is skipped when it was not built."""
    candidates = [os.environ.get(variable, '')]
    candidates += [os.path.join(os.environ.get('MQK_BUILD_DIR', os.path.join(REPO, 'build')), p)
                   for p in places]
    for path in candidates:
        if path and os.path.exists(path):
            return os.path.abspath(path)
    skip(f'{os.path.basename(places[0])} was not built')


def plugin_path():
    return built('MQK_PLUGIN', 'examples/mosquitto/mqkafka_mosquitto.so')


def send_path():
    return built('MQK_SEND', 'tests/e2e/send')


def gateway_path():
    return built('MQK_GATEWAY', 'examples/mqkafka-gateway')


_folder = None


def folder():
    """A temporary folder for this process, removed at its end."""
    global _folder
    if _folder is None:
        _folder = tempfile.mkdtemp(prefix='mqk-e2e.')
        if os.environ.get('MQK_KEEP'):
            print(f'files are kept in {_folder}', flush=True)
        else:
            _cleanups.insert(0, lambda: shutil.rmtree(_folder, ignore_errors=True))
    return _folder


def new_path(name):
    return os.path.join(folder(), f'{secrets.token_hex(4)}-{name}')


def write_file(name, content):
    path = new_path(name)
    with open(path, 'wb') as f:
        f.write(content.encode() if isinstance(content, str) else content)
    return path


def wait_until(what, condition, timeout=PATIENCE):
    """Waits for condition() to be true and returns what it said; fails aloud when it never is."""
    deadline = time.monotonic() + timeout
    pause = 0.01
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f'waited {timeout} s in vain: {what}')
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def free_port():
    """A free port, kept for this process and whom it starts."""
    _ports.append(ports.hold_one())
    return _ports[-1].getsockname()[1]


def stop_process(process, gently=signal.SIGTERM, timeout=60):
    """Ends a child and returns its exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.send_signal(gently)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


# ---- Kafka ----

class Record(NamedTuple):
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: Optional[bytes]
    value: Optional[bytes]
    headers: bytes  # as kcat writes them: name=value,name=value


class Kafka:
    """A cluster, started by kafka.sh or running already."""

    def __init__(self, version=NEW, brokers=1, settings=(), given=None):
        self.directory = None
        if given:
            env_file = given
        else:
            self.directory = new_path('kafka')
            _cleanups.append(self.stop)
            args = [KAFKA_SH, 'start', self.directory, version, '--brokers', str(brokers),
                    '--owner', str(os.getpid())]
            for setting in settings:
                args += ['--set', setting]
            done = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
            if done.returncode == 77:
                skip(done.stdout.strip().splitlines()[-1])
            if done.returncode:
                raise AssertionError(f'Kafka does not start:\n{done.stdout}')
            env_file = os.path.join(self.directory, 'env')
        listing = subprocess.run(
            ['/bin/sh', '-c', '. "$1"; for v in KAFKA_VERSION BROKERS BOOTSTRAP BOOTSTRAP_SASL '
             'BOOTSTRAP_MTLS BOOTSTRAP_OTHER SASL_USER SASL_PASSWORD CA OTHER_CA CLIENT_CERT '
             'CLIENT_KEY; do eval "printf \'%s\\\\0\' \\"\\$$v\\""; done', 'sh', env_file],
            stdout=subprocess.PIPE, text=True, check=True).stdout.split('\0')
        (self.version, brokers, self.bootstrap, self.sasl, self.mtls, self.other, self.user,
         self.password, self.ca, self.other_ca, self.client_cert, self.client_key) = listing[:12]
        self.brokers = int(brokers)

    def do(self, *args):
        done = subprocess.run([KAFKA_SH, args[0], self.directory, *map(str, args[1:])],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise AssertionError(f'kafka.sh {args}: {done.stdout}')

    def committed(self, group, topic, partition=0):
        """The offset that a group goes on with, -1 when there is none (one broker)."""
        return kafka_topic.committed(self.bootstrap, group, topic, partition)

    def stop(self):
        if self.directory and os.path.isdir(self.directory):
            self.do('stop')
            if not os.environ.get('MQK_KEEP'):
                shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self, broker=1):
        self.do('kill-broker', broker)

    def start_broker(self, broker=1):
        self.do('start-broker', broker)

    def pause(self, broker=1):
        self.do('pause-broker', broker)

    def resume(self, broker=1):
        self.do('resume-broker', broker)

    def topic(self, name, partitions=1, replication=None, *config):
        kafka_topic.create(self.bootstrap, name, partitions,
                           replication or min(self.brokers, 3), config)
        return name

    def new_topic(self, partitions=1, *config):
        return self.topic(f't{secrets.token_hex(6)}', partitions, None, *config)

    def in_sync(self, *topics):
        """Whether all replicas of the topics are in sync."""
        for address in self.bootstrap.split(','):
            try:
                _, _, found = kafka_topic.metadata(address, topics)
                return all(error == 0 and leaders and min(leaders) >= 0
                           for error, leaders in found.values())
            except OSError:
                continue
        return False

    def records(self, topic):
        """All records of a topic, byte for byte."""
        mark = b'\n' + secrets.token_hex(12).encode() + b'\n'
        out = new_path('records')
        with open(out, 'wb') as f:
            done = subprocess.run(
                [program('kcat', package='kcat'), '-b', self.bootstrap, '-C', '-t', topic, '-e',
                 '-q', '-o', 'beginning', '-X', 'check.crcs=true', '-X',
                 'fetch.message.max.bytes=10000000', '-X', 'topic.metadata.refresh.interval.ms=500',
                 '-m', str(PATIENCE),  # kcat ends when Kafka says nothing for 5 s
                 '-f', '%p %o %T %K %S\\n%k%s%h' + mark.decode().replace('\n', '\\n')],
                stdin=subprocess.DEVNULL, stdout=f, stderr=subprocess.PIPE, timeout=PATIENCE)
        if done.returncode:
            why = done.stderr.decode(errors='replace')
            if 'Unknown topic' in why or 'UNKNOWN_TOPIC' in why:
                return []
            raise AssertionError(f'kcat: {why}')
        with open(out, 'rb') as f:
            data = f.read()
        os.unlink(out)
        records, at = [], 0
        while at < len(data):
            line = data.index(b'\n', at)
            partition, offset, when, key_size, size = map(int, data[at:line].split())
            at = line + 1
            key = data[at:at + key_size] if key_size >= 0 else None
            at += max(key_size, 0)
            value = data[at:at + size] if size >= 0 else None
            at += max(size, 0)
            end = data.index(mark, at)
            records.append(Record(topic, partition, offset, when, key, value, data[at:end]))
            at = end + len(mark)
        return records

    def wait_records(self, topic, count, timeout=PATIENCE):
        """The records of a topic, as soon as there are `count` of them."""
        seen = []

        def enough():
            seen[:] = self.records(topic)
            return len(seen) >= count
        try:
            wait_until(f'{count} records in {topic}', enough, timeout)
        except AssertionError as e:
            raise AssertionError(f'{e}; there are {len(seen)}: {seen[:5]!r}') from None
        return seen


def kafka(version=NEW):
    """The Kafka of this test: the one that runs already, if there is one."""
    given = os.environ.get('MQK_KAFKA_ENV')
    return Kafka(given=given) if given else Kafka(version)


# ---- Mosquitto ----

class Mosquitto:
    """A Mosquitto of one's own. `rules` (YAML text): with the plugin. `settings`: further lines."""

    def __init__(self, rules=None, settings=(), anonymous=True, port=None):
        self.rules_path = write_file('rules.yaml', rules) if rules is not None else None
        for _ in range(3):
            self.port = port or free_port()
            lines = [f'listener {self.port} 127.0.0.1', 'log_dest stderr', 'log_type all',
                     'log_timestamp false', 'persistence false', 'max_queued_messages 0']
            if os.getuid() == 0:
                lines.append('user root')
            lines.append(f'allow_anonymous {"true" if anonymous else "false"}')
            if self.rules_path:
                lines += [f'plugin {plugin_path()}', f'plugin_opt_mqk_config {self.rules_path}']
            conf = write_file('mosquitto.conf', '\n'.join([*lines, *settings, '']))
            self.log_path = new_path('mosquitto.log')
            env = dict(os.environ)
            if self.rules_path and env.get('MQK_PRELOAD'):
                env['LD_PRELOAD'] = env['MQK_PRELOAD']
                # Mosquitto's own leaks are not ours.
                env['ASAN_OPTIONS'] = 'detect_leaks=0:' + env.get('ASAN_OPTIONS', '')
            with open(self.log_path, 'wb') as log:
                self.process = subprocess.Popen(
                    [program('mosquitto', package='mosquitto'), '-c', conf],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env,
                    preexec_fn=die_with_us)
            _cleanups.append(self.stop)
            if self._ready():
                return
            if 'in use' not in self.log():
                break
        raise AssertionError(f'Mosquitto does not start:\n{self.log()}')

    def _ready(self):
        """Waits until its main loop runs: it listens before it has learnt to end at SIGTERM."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                with socket.create_connection(('127.0.0.1', self.port), 5) as connection:
                    connection.shutdown(socket.SHUT_WR)
                    connection.settimeout(PATIENCE)
                    connection.recv(1)  # the end, or with TLS an alert before it
                    return True
            except OSError:
                time.sleep(0.02)
        return False

    def log(self):
        with open(self.log_path, 'rb') as f:
            return f.read().decode(errors='replace')

    def wait_log(self, needle, after=0, timeout=PATIENCE):
        """Waits for a text in the log; returns the log from `after` on."""
        try:
            return wait_until(f'{needle!r} in the log of Mosquitto',
                              lambda: needle in self.log()[after:] and self.log()[after:], timeout)
        except AssertionError as e:
            raise AssertionError(f'{e}\n{self.log()[-3000:]}') from None

    def reload(self, rules=None):
        """New rules (text), and SIGHUP. Returns where the log stood before."""
        if rules is not None:
            with open(self.rules_path, 'w') as f:
                f.write(rules)
        at = len(self.log())
        self.process.send_signal(signal.SIGHUP)
        return at

    def stop(self):
        """Ends it and returns its exit code; a sanitizer's finding in the log is a failure."""
        code = stop_process(self.process)
        log = self.log() if os.path.exists(self.log_path) else ''
        for word in ('ERROR: AddressSanitizer', 'runtime error:', 'WARNING: ThreadSanitizer'):
            if word in log:
                raise AssertionError(log[log.index(word) - 200:][:6000])
        return code


def mosquitto_version():
    """(2, 0) and so on."""
    said = subprocess.run([program('mosquitto'), '-h'], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True).stdout
    return tuple(int(n) for n in re.search(r'version (\d+)\.(\d+)', said).groups())


def mosquitto_pub(port, *args, data=None):
    """The real mosquitto_pub."""
    subprocess.run([program('mosquitto_pub', package='mosquitto-clients'), '-h', '127.0.0.1', '-p',
                    str(port), *args], input=data, check=True, timeout=PATIENCE,
                   stdin=subprocess.DEVNULL if data is None else None)


# ---- the send program ----

class Sender:
    """tests/e2e/send: a bridge that is told by lines what to do (see the head of send.c)."""

    def __init__(self, rules, *options, accepted=None):
        self.rules_path = write_file('send.yaml', rules)
        self.accepted_path = accepted or new_path('accepted')
        self.errors_path = new_path('send.err')
        self.logs, self.answers = [], queue.Queue()
        with open(self.errors_path, 'wb') as errors:
            self.process = subprocess.Popen(
                [send_path(), self.rules_path, '--accepted', self.accepted_path, *options],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                preexec_fn=die_with_us)
        _cleanups.append(self.kill)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.opened = self.answer()

    def _read(self):
        for line in self.process.stdout:
            said = json.loads(line)
            (self.logs.append if 'log' in said else self.answers.put)(said)
        self.answers.put({'ended': True})

    def answer(self, timeout=PATIENCE):
        try:
            said = self.answers.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f'send does not answer; log: {self.log()[-2000:]}') from None
        if 'ended' in said:
            with open(self.errors_path, errors='replace') as f:
                raise AssertionError(f'send ended with {self.process.wait()}: {f.read()[:6000]}')
        return said

    def tell(self, *words):
        """Gives a command without waiting for its answer."""
        self.process.stdin.write((' '.join(map(str, words)) + '\n').encode())
        self.process.stdin.flush()

    def do(self, *words, timeout=PATIENCE):
        self.tell(*words)
        return self.answer(timeout)

    def log(self):
        return '\n'.join(f'{line["log"]}: {line["message"]}' for line in list(self.logs))

    def wait_log(self, needle, timeout=PATIENCE):
        wait_until(f'{needle!r} in the log: {self.log()}', lambda: needle in self.log(), timeout)

    def accepted(self):
        with open(self.accepted_path) as f:
            return [int(line) for line in f]

    def close(self, timeout_ms=60000):
        """Closes the bridge; returns the answer. The program must end without complaint."""
        answer = self.do('close', timeout_ms, timeout=PATIENCE + timeout_ms / 1000)
        self.process.stdin.close()
        code = self.process.wait(PATIENCE)
        with open(self.errors_path, errors='replace') as f:
            errors = f.read()
        if code or errors:
            raise AssertionError(f'send ended with {code}: {errors[:6000]}')
        return answer

    def kill(self):
        stop_process(self.process, signal.SIGKILL)
        if not self.process.stdin.closed:
            try:
                self.process.stdin.close()
            except OSError:
                pass


def yaml(value):
    """A text as a YAML scalar."""
    return json.dumps(value, ensure_ascii=False)


class Case(unittest.TestCase):
    maxDiff = 4000

    def failed(self):
        """In tearDown: whether the test has failed (as far as this Python tells)."""
        result = getattr(getattr(self, '_outcome', None), 'result', None)
        return any(test is self for test, _ in getattr(result, 'failures', []) +
                   getattr(result, 'errors', []))


def main():
    signal.signal(signal.SIGTERM, _on_signal)
    signal.signal(signal.SIGINT, _on_signal)
    unittest.main(verbosity=2)
