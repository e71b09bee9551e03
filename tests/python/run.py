#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs what tests the Python package, in a virtual environment with what that needs.

  run.py mypy LIBRARY       types, strictly: the package, its tests, the examples
  run.py pytest LIBRARY     bindings/python/tests; more with MQK_LONG=1
  run.py kafka LIBRARY      the broker written in Python against a real Kafka
  run.py bench LIBRARY      on_event against confluent-kafka's produce
  run.py prepare            only the environment

LIBRARY is libmqkafka.so. The environment is made once, in python-environment beside MQK_BUILD_DIR's
files, by pip. Exit code 77: skipped, and the last line says why.
"""
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
PACKAGE = os.path.join(REPO, 'bindings', 'python')
REQUIREMENTS = os.path.join(HERE, 'requirements.txt')
NEEDED = ('pytest', 'mypy')  # without the others some tests are skipped, and say so


def skip(why):
    print(f'skipped: {why}', flush=True)
    sys.exit(77)


def call(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=900)


def install(python, *what):
    done = call(python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', *what)
    if done.returncode:
        print(done.stdout)
    return done.returncode == 0


def fill(folder):
    """Makes the environment; on a platform that lacks a package, without that."""
    done = call(sys.executable, '-m', 'venv', '--clear', folder)
    if done.returncode:
        print(done.stdout)
        skip('no virtual environment can be made (package python3-venv)')
    python = os.path.join(folder, 'bin', 'python')
    for pause in (10, 30, 0):  # a download may fail for a moment
        if install(python, '-r', REQUIREMENTS):
            return
        time.sleep(pause)
    # On a Python for which there are no such versions, with others.
    with open(REQUIREMENTS, encoding='utf-8') as lines:
        names = [re.match(r'[\w-]+', line).group() for line in lines]
    if install(python, *names):
        return
    if not install(python, *NEEDED):
        skip(f'no registry of packages for Python: {" and ".join(NEEDED)} could not be installed')
    for name in names:
        if name not in NEEDED:
            install(python, name)


def environment():
    """Path of the environment's Python."""
    base = os.environ.get('MQK_BUILD_DIR', os.path.join(REPO, '.work'))
    folder = os.path.join(base, 'python-environment')
    os.makedirs(base, exist_ok=True)
    with open(REQUIREMENTS, 'rb') as f:
        mark = f'{sys.version}\n{hashlib.sha256(f.read()).hexdigest()}'
    stamp = os.path.join(folder, 'complete')
    with open(os.path.join(base, 'python-environment.lock'), 'w', encoding='utf-8') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two tests at once: one makes it
        try:
            with open(stamp, encoding='utf-8') as f:
                ready = f.read() == mark
        except FileNotFoundError:
            ready = False
        if not ready:
            fill(folder)
            with open(stamp, 'w', encoding='utf-8') as f:
                f.write(mark)
    return os.path.join(folder, 'bin', 'python')


def run(python, *arguments, folder=PACKAGE, **variables):
    env = {**os.environ, 'PYTHONPATH': os.path.join(PACKAGE, 'src'), 'PYTHONDONTWRITEBYTECODE': '1',
           **variables}
    return subprocess.run([python, *arguments], cwd=folder, env=env).returncode


def mypy(python, _library):
    # What the environment lacks is Any; what is ours is checked strictly.
    strict = ['-m', 'mypy', '--strict', '--cache-dir', os.devnull]
    loose = ['--ignore-missing-imports', '--no-warn-unused-ignores', '--allow-untyped-calls',
             '--allow-subclassing-any', '--follow-imports=silent']
    examples = os.path.join(REPO, 'examples', 'python')
    return run(python, *strict, 'src/mqkafka') or \
        run(python, *strict, *loose, 'tests', MYPYPATH='tests:src') or \
        run(python, *strict, *loose, 'amqtt_broker.py', 'gateway.py', 'test_rules.py',
            folder=examples)


def pytest(python, library, *more, **variables):
    return run(python, '-X', 'faulthandler', '-m', 'pytest', '-rs', '-q', '-p', 'no:cacheprovider', *more,
               MQKAFKA_LIBRARY=library, **variables)


def kafka(python, library):
    sys.path.insert(0, os.path.join(REPO, 'tests', 'e2e'))
    import harness
    done = call(python, '-c', 'import amqtt, confluent_kafka')
    if done.returncode:
        print(done.stdout)
        skip('amqtt or confluent-kafka could not be installed')
    real = harness.Kafka(given=os.environ.get('MQK_KAFKA_ENV'))
    return pytest(python, library, 'tests/test_broker.py', '-k', 'every_message',
                  MQK_KAFKA_SERVERS=real.bootstrap)


def bench(python, library):
    return run(python, 'bench/bench_on_event.py', '--at-most', '1.5', MQKAFKA_LIBRARY=library)


if __name__ == '__main__':
    what, *rest = sys.argv[1:] or ['']
    kinds = {'mypy': mypy, 'pytest': pytest, 'kafka': kafka, 'bench': bench}
    if what == 'prepare':
        print(environment())
    elif what in kinds and len(rest) == 1:
        sys.exit(kinds[what](environment(), os.path.abspath(rest[0])))
    else:
        sys.exit(__doc__)
