# SPDX-License-Identifier: Apache-2.0
"""Every code block of every page is tried: configurations load and convert, programs compile, link and
print what the page says, sessions are typed again, links lead somewhere.

  test_docs.py BUILD-DIRECTORY [--sanitized]     --sanitized: C is only looked at, not linked

A block is tried by its language, together with the files that blocks before it on the page made. What
cannot be tried stands in UNTRIED, with the reason.
"""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD, SANITIZED = '', False
FENCE = re.compile(r'^```([a-z]*)\n(.*?)^```$', re.DOTALL | re.MULTILINE)
BEFORE = ('ini', 'hocon', 'erlang')  # configurations of other systems

UNTRIED = {
    ('README.md', '==> Publishing with'): 'examples/quickstart.sh prints it, with the time of the day',
    ('README.md', 'sudo apt-get install gcc'): 'it would change the machine; its packages are compared',
    ('README.md', 'sudo apt-get install build-essential'): 'tests/debian.sh builds the packages so',
    ('examples/mqk/README.md', '$ mqk spool '): 'times and processes; test_mqk_spool.py types the like',
    ('examples/grafana/README.md', '# prometheus.yml'): 'Prometheus reads it',
    ('examples/grafana/README.md', 'groups:'): 'Prometheus reads it; test_stats_text.py knows its names',
}
# A page and its translation, which has the same blocks.
TRANSLATIONS = {'README.zh-CN.md': 'README.md'}
# Pages whose programs another test runs.
OTHERS = {'bindings/python/README.md': 'bindings/python/tests/test_docs.py'}

# Files that pages speak of without showing them.
FILES = {
    'confluent_kafka.py': 'class Producer:\n'
                          '    def __init__(self, settings):\n'
                          '        print(settings["bootstrap.servers"])\n'
                          '    def produce(self, topic, key, value, partition, timestamp, headers):\n'
                          '        print(topic, key, value, partition, timestamp, headers)\n'
                          '    def poll(self, timeout):\n'
                          '        pass\n'
                          '    flush = lambda self: print("flushed")\n',
    'spool.yaml': 'kafka:\n'
                  '  client: { servers: ["127.0.0.1:1"] }\n'
                  '  producer: { buffer: { mode: disk, dir: spools } }\n'
                  '  hook: [{ hook: message.publish, topic: telemetry, value: "${payload}" }]\n',
    'ca.pem': '', 'client.pem': '', 'client.key': '',
    'emqx_plugin_kafka.hocon': 'kafka { client { servers = ["k:9092"] }\n'
                               '  hook = [ { hook = message.publish, topic = t } ] }\n',
    'broken.yaml': 'kafka:\n'
                   '  client: { servers: ["kafka-1:9092"] }\n'
                   '  hook:\n'
                   '    - name: telemetry\n'
                   '      hook: message.publish\n'
                   '      filter: "factory/+/line#"\n'
                   '      topic: "telemetry.${filter.1}"\n'
                   '      key: "${clintid}"\n'
                   '      value: \'{"device":"${clintid}"}\'\n'
                   '    - name: presence\n'
                   '      hook: client.connected\n'
                   '      topic: presence\n'
                   '      # who\n'
                   '      # came\n'
                   '      key: "${clintid}"\n',
}
INCLUDES = ''.join(f'#include <{name}.h>\n' for name in ('mqkafka/mqkafka', 'poll', 'stdio'))
STRICT = ['-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Wpedantic', '-Werror', '-Wno-unused-function']


def read(path):
    with open(os.path.join(REPO, path), encoding='utf-8') as f:
        return f.read()


def pages():
    found = []
    for folder, folders, files in os.walk(REPO):
        folders[:] = [d for d in folders if not d.startswith(('.', 'build')) and d != 'node_modules']
        found += [os.path.relpath(os.path.join(folder, f), REPO) for f in files if f.endswith('.md')]
    return sorted(found)


class Block:
    def __init__(self, page, match):
        text = read(page)
        self.page, self.language, self.text = page, match[1], match[2]
        self.line = text[:match.start()].count('\n') + 1
        self.paragraph = text[:match.start()].rstrip().rpartition('\n\n')[2]

    def file_name(self, default):
        """The file that the paragraph before the block names last."""
        names = re.findall(r'`([\w-]+\.(?:yaml|conf|config|hocon|c))`', self.paragraph)
        return names[0] if names else default


def shape(text):
    """What a page and its translation have in common, section by section."""
    blocks = FENCE.findall(text)
    sections = []
    for section in re.split(r'(?m)^(?=#+ )', FENCE.sub('<block>\n', text)):
        prose = re.sub(r'(?m)^\|.*\n', '', section)
        words = re.sub(r'`[^`]+`|\]\([^)]*\)', ' ', prose)
        count = section.count('<block>\n')
        sections.append({
            'title': section.partition('\n')[0],
            'level': len(re.match('#*', section)[0]),
            'blocks': [blocks.pop(0) for _ in range(count)],
            'rows': [(row.replace('\\|', '').count('|'), sorted(re.findall(r'`[^`]+`', row)), numbers(row))
                     for row in re.findall(r'(?m)^\|.*', section)],
            'names': {' '.join(name.split()) for name in re.findall(r'`([^`]+)`', prose)},
            'links': sorted(set(re.findall(r'\]\(([^)#]+)', section)) - {*TRANSLATIONS, *TRANSLATIONS.values()}),
            'numbers': set(numbers(words)),
            'paragraphs': len(re.findall(r'(?m)\S\n\n', prose)) + len(re.findall(r'(?m)^- ', prose)),
        })
    return sections


def numbers(text):
    return sorted(re.findall(r'\d[\d.,]*\d|\d', text))


class Installed:
    """What `meson install` gives, in a folder of its own."""
    folder = None

    @classmethod
    def environment(cls):
        if not cls.folder:
            cls.folder = tempfile.mkdtemp(prefix='mqk-docs.')
            subprocess.run(['meson', 'install', '-C', BUILD, '--no-rebuild', '--quiet'], check=True,
                           env={**os.environ, 'DESTDIR': cls.folder}, stdout=subprocess.DEVNULL)
        library, = glob.glob(cls.folder + '/**/libmqkafka.so', recursive=True)
        package, = glob.glob(cls.folder + '/**/mqkafka.pc', recursive=True)
        programs, = glob.glob(cls.folder + '/**/bin/mqk', recursive=True)
        return {**os.environ, 'LD_LIBRARY_PATH': os.path.dirname(library),
                'PKG_CONFIG_PATH': os.path.dirname(package), 'PKG_CONFIG_SYSROOT_DIR': cls.folder,
                'CMAKE_PREFIX_PATH': os.path.dirname(os.path.dirname(programs)),
                'PATH': os.path.dirname(programs) + ':' + os.environ['PATH'],
                'KAFKA_PASSWORD': 'secret'}

    @classmethod
    def remove(cls):
        if cls.folder:
            shutil.rmtree(cls.folder)


class Page:
    """Tries the blocks of a page, in order, in a folder."""

    def __init__(self, test, name, folder):
        self.test, self.name, self.folder = test, name, folder
        self.env = Installed.environment()
        self.c = ''  # C blocks since the last program
        self.program = None  # compiled, its output not yet compared
        self.old = None  # a configuration of another system
        self.exported = ''  # the records of a spool that the page shows last
        for file, content in FILES.items():
            self.write(file, content)

    def write(self, name, content):
        with open(os.path.join(self.folder, name), 'w', encoding='utf-8') as f:
            f.write(content)

    def run(self, *command, code=0, **more):
        done = subprocess.run(command, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
                              **more)
        self.test.assertEqual(done.returncode, code, done.stdout)
        return done.stdout

    def note(self, block):
        self.exported = ''.join(re.findall(r'(?m)^\{"topic":.*\n', block.text)) or self.exported

    def attempt(self, block):
        if block.language in BEFORE:
            self.old = block.file_name('')
            self.write(self.old, block.text)
        else:
            getattr(self, 'try_' + block.language, self.unknown)(block)

    def unknown(self, block):
        self.test.fail(f'no test knows a block of language "{block.language}"')

    def try_yaml(self, block):
        name = block.file_name('rules.yaml')
        self.write(name, block.text)
        said = self.run('mqk', 'check', name)
        self.test.assertRegex(said, r'^ok: (\d+ (consumer )?rules?(, )?)+\n$')
        if self.old:
            done = subprocess.run(['mqk', 'convert', self.old], cwd=self.folder, env=self.env, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            converted = re.sub(r'(?m)^#.*\n', '', done.stdout)
            self.test.assertEqual((done.returncode, converted), (0, block.text), done.stderr)
            self.old = None

    def try_c(self, block):
        self.c += block.text
        if re.search(r'^int main\(', block.text, re.MULTILINE):
            self.write('program.c', self.c)
            self.write('host.c', self.c)
            self.write('embed.c', self.c)
            self.c = ''
            self.compile('program.c')

    def compile(self, source, link=True):
        flags = self.run('pkg-config', '--cflags', '--libs', 'mqkafka').split()
        if SANITIZED or not link:
            self.run('cc', *STRICT, '-fsyntax-only', source, *(f for f in flags if f.startswith('-I')))
        else:
            self.program = os.path.join(self.folder, 'program')
            self.run('cc', *STRICT, source, '-o', self.program, *flags)

    def try_python(self, block):
        if SANITIZED:
            return
        if 'sys.stdin' not in block.text:
            self.run(sys.executable, '-c', block.text)
            return
        # It sends an export again: that of the session before.
        self.test.assertTrue(self.exported)
        done = subprocess.run([sys.executable, '-c', block.text], cwd=self.folder, env=self.env, text=True,
                              input=self.exported, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        wanted = ['kafka-1:9092']
        for record in map(json.loads, self.exported.splitlines()):
            headers = [(h['name'], h['value']) for h in record['headers']]
            wanted.append(f'{record["topic"]} {record["key"]} {record["value"]} {record["partition"]} '
                          f'{record["timestamp"]} {headers}')
        self.test.assertEqual(done.stdout.splitlines(), [*wanted, 'flushed'])

    def try_text(self, block):
        if self.name in OTHERS or SANITIZED:
            return
        self.test.assertIsNotNone(self.program, 'nothing before it prints this')
        done = subprocess.run(self.program, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
        self.test.assertEqual((done.returncode, done.stdout), (0, block.text), done.stderr)
        self.program = None

    def try_sh(self, block):
        self.run('bash', '-n', '-c', block.text)
        if 'pkg-config' in block.text and not SANITIZED:
            self.run('bash', '-e', '-c', block.text)
        host = BUILD + '/tests/integration/spool_host'
        if 'mqk spool' in block.text and os.path.exists(host):
            self.run(host, 'spool.yaml', '7')
            self.run('bash', '-e', '-c', block.text.replace('/var/lib/mqkafka', 'spools'))
            said = self.run('mqk', 'spool', 'info', '--json', 'spools')
            self.test.assertEqual(json.loads(said)['spools'][0]['records'], 7)

    def try_console(self, block):
        commands = re.findall(r'^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)', block.text, re.MULTILINE)
        self.test.assertTrue(commands)
        for command, output in commands:
            created = re.fullmatch(r'cat (\S+)', command)
            if created:
                self.write(created[1], output)
                continue
            done = subprocess.run(['bash', '-c', command], cwd=self.folder, env=self.env, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
            said = done.stdout
            if output or not any(o for _, o in commands):
                self.test.assertEqual(said if output else '', output)
            self.test.assertEqual(done.returncode, 1 if output.startswith('error: ') else 0, said)

    def try_meson(self, block):
        if not SANITIZED:
            self.write('meson.build', block.text)
            self.run('meson', 'setup', 'with-meson')
            self.run('ninja', '-C', 'with-meson')
            self.run('with-meson/host')

    def try_cmake(self, block):
        if not SANITIZED and shutil.which('cmake'):
            self.write('CMakeLists.txt', block.text)
            self.run('cmake', '-B', 'with-cmake')
            self.run('cmake', '--build', 'with-cmake')
            self.run('with-cmake/host')

    def try_conf(self, block):
        """Lines of mosquitto.conf: the broker starts with them, and the plugin with its rules."""
        plugin = glob.glob(BUILD + '/examples/mosquitto/mqkafka_mosquitto.so')
        broker = shutil.which('mosquitto', path=os.environ['PATH'] + ':/usr/sbin')
        if not plugin or not broker or SANITIZED:
            return
        self.write('rules.yaml', read('examples/config/embedded.yaml'))
        text = block.text if 'plugin ' in block.text else (
            f'{block.text}plugin /plugin.so\nplugin_opt_mqk_config /etc/mosquitto/rules.yaml\n')
        lines = re.sub(r'/\S+\.so', plugin[0], text)
        lines = re.sub(r'/etc/mosquitto|/var/lib/prometheus/node-exporter', self.folder, lines)
        self.write('mosquitto.conf', f'user {os.environ.get("USER") or "root"}\n'
                   f'listener 0 {self.folder}/socket\nallow_anonymous true\n' + lines)
        with open(os.path.join(self.folder, 'log'), 'w+', encoding='utf-8') as log:
            process = subprocess.Popen([broker, '-c', 'mosquitto.conf'], cwd=self.folder, env=self.env,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
            said = ''
            for _ in range(1200):
                log.seek(0)
                said = log.read()
                if process.poll() is not None or re.search(r'version \S+ running', said):
                    break
                time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            self.test.assertEqual(process.wait(30), 0, said)
            self.test.assertIn('127.0.0.1', said)

    def finish(self):
        if self.program:
            self.run(self.program)
        if self.c:
            self.write('fragments.c', INCLUDES + self.c)
            self.compile('fragments.c', link=False)


class Docs(unittest.TestCase):
    def test_every_block(self):
        used, count = set(), 0
        for name in sorted(set(pages()) - set(TRANSLATIONS)):
            blocks = [Block(name, match) for match in FENCE.finditer(read(name))]
            self.assertEqual(len(blocks) * 2, len(re.findall(r'^ *```', read(name), re.MULTILINE)), name)
            with tempfile.TemporaryDirectory() as folder:
                page = Page(self, name, folder)
                for block in blocks:
                    count += 1
                    reason = [key for key in UNTRIED
                              if key[0] == name and block.text.startswith(key[1])]
                    used.update(reason)
                    page.note(block)
                    if reason or (name in OTHERS and block.language in ('python', 'text', 'sh')):
                        continue
                    with self.subTest(f'{name}:{block.line}', language=block.language):
                        page.attempt(block)
                with self.subTest(name):
                    page.finish()
        self.assertEqual(set(UNTRIED) - used, set())
        for test in OTHERS.values():
            self.assertTrue(os.path.exists(os.path.join(REPO, test)), test)
        self.assertGreater(count, 40)

    def test_wrong_blocks_are_noticed(self):
        class Wrong(unittest.TestCase):
            def runTest(self):
                pass
        good = {
            'yaml': 'kafka: {client: {servers: [k]}, hook: [{hook: message.publish, topic: t}]}\n',
            'c': 'static mqk_status status = MQK_OK;\n',
            'console': '$ mqk match a/# a/b\nfilter "a/#" matches topic "a/b"\n',
            'sh': 'if true; then echo; fi\n',
        }
        spoilt = {'yaml': ('servers', 'server'), 'c': ('mqk_status', 'mqk_statsu'),
                  'console': ('matches', 'is'), 'sh': ('fi', '')}
        for language, text in good.items():
            for wrong in (False, True):
                with self.subTest(language, wrong=wrong), tempfile.TemporaryDirectory() as folder:
                    content = text.replace(*spoilt[language]) if wrong else text
                    match = FENCE.match(f'```{language}\n{content}```')
                    page = Page(Wrong(), 'README.md', folder)
                    block = Block('README.md', match)

                    def attempt():
                        page.attempt(block)
                        page.finish()
                    if wrong:
                        self.assertRaises(AssertionError, attempt)
                    else:
                        attempt()

    def test_links_lead_somewhere(self):
        for name in pages():
            for target in re.findall(r'\]\(([^)\s]+)\)', read(name)):
                with self.subTest(name, target=target):
                    if '://' in target:
                        continue
                    path, _, heading = target.partition('#')
                    path = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
                    self.assertTrue(os.path.exists(os.path.join(REPO, path)))
                    if heading:
                        lines = re.findall(r'^#+ (.*)$', read(path), re.MULTILINE)
                        self.assertIn(heading, {re.sub(r'[^\w -]', '', line.lower()).replace(' ', '-') for line in lines})

    def test_translations_keep_up(self):
        for translation, original in TRANSLATIONS.items():
            self.assertIn(f']({translation})', read(original))
            ours, theirs = shape(read(original)), shape(read(translation))
            for section, other in zip(ours, theirs):
                with self.subTest(translation, section=section['title'], translated=other['title']):
                    for fact in section.keys() - {'title'}:
                        self.assertEqual(other[fact], section[fact])
            self.assertEqual(len(ours), len(theirs))

    def test_a_translation_that_falls_behind_is_noticed(self):
        text = read('README.md')
        for old, new in (('linger: 50ms', 'linger: 51ms'), ('### Rules\n', ''), ('## Buffers\n', '### Buffers\n'),
                         ('| at most 150 ns |', '| at most 151 ns |'), ('`MQK_ERR_FORKED`', '`MQK_ERR_FORK`'),
                         ('(examples/OPERATIONS.md)', '(examples/README.md)'), ('at most 1000 wait', 'at most 999 wait'),
                         ('| missing | `undefined` | `undefined` | `null` |\n', ''), ('Apache-2.0, see', '')):
            with self.subTest(old):
                self.assertIn(old, text)
                facts = [[{**section, 'title': ''} for section in shape(t)] for t in (text, text.replace(old, new))]
                self.assertNotEqual(*facts)

    def test_the_packages_to_install_are_those_of_the_tests(self):
        command = re.findall(r'sudo apt-get install ((?:.*\\\n)*.*)\n', read('README.md'))[0]
        needed = set(re.findall(r"^need='([^']*)'", read('tests/run.sh'), re.MULTILINE)[0].split())
        self.assertEqual(set(command.replace('\\', ' ').split()) - needed, set())


if __name__ == '__main__':
    BUILD, SANITIZED = os.path.abspath(sys.argv[1]), '--sanitized' in sys.argv
    try:
        unittest.main(argv=sys.argv[:1], verbosity=2)
    finally:
        Installed.remove()
