import { type Test, test } from 'tap'
import { placed, type VerifyReport } from '../../../core/cli/verify-config.js'
import { commandHere, type Ended } from '../../kit/command-here.js'
import { makeAuthority } from '../../kit/pki.js'
import { makeConfDir, type ProxyConf } from '../../kit/proxy.js'
import { makeKey } from '../../kit/stores.js'

async function verify(
  t: Test,
  conf: ProxyConf,
  ...options: string[]
): Promise<{ child: Ended; dir: string }> {
  const dir = makeConfDir(conf)
  t.teardown(dir.remove)
  const child = await commandHere(['verify-config', '-D', dir.path, ...options])
  return { child, dir: dir.path }
}

const reportIn = ({ stdout }: Ended): VerifyReport => JSON.parse(stdout()) as VerifyReport

const NOISY = `export default ({ note }) => note('init ran')`

test('verify-config --json lists every problem of every file, with place, code and remedy', async t => {
  const { child, dir } = await verify(
    t,
    {
      recordLines: ['CONFIG proxy.config.ssl.client.verify.server INT 7', 'nonsense'],
      plugins: ['good @dedline=5'],
      modules: { 'good.mjs': NOISY },
      files: { 'sni.yaml': 'sni:\n  - fqdnn: x.example\n' },
    },
    '--json',
  )
  t.equal(child.exitCode, 1)
  t.equal(child.stdout().trimEnd().split('\n').length, 1, 'one line')
  const { ok, problems, plugins } = reportIn(child)
  t.equal(ok, false)
  t.strictSame(plugins, [])
  const places = problems.map(({ where, code }) => `${code} ${where?.replace(dir, '')}`)
  t.strictSame(places.sort(), [
    'PTC_PLUGIN_CONFIG_INVALID /plugin.config:1',
    'PTC_RECORDS_INVALID /records.config:1',
    'PTC_RECORDS_INVALID /records.config:2',
    'PTC_RULES_INVALID /sni.yaml:2',
    'PTC_RULES_INVALID /sni.yaml:2',
  ])
  for (const { what, remedy } of problems) {
    t.notMatch(what, dir, 'the place is not repeated')
    t.match(remedy, /\.$/)
  }
})

test('verify-config --json of a valid configuration has warnings and plugins; logs go to stderr', async t => {
  const conf = {
    records: { 'proxy.config.ssl.client.verify.server': 0 },
    plugins: ['good'],
    modules: { 'good.mjs': NOISY },
  } as const
  for (const options of [['--json'], ['--format', 'json']]) {
    const { child } = await verify(t, conf, ...options)
    t.equal(child.exitCode, 0)
    const { ok, problems, warnings, plugins } = reportIn(child)
    t.strictSame({ ok, problems, plugins }, { ok: true, problems: [], plugins: ['good'] })
    t.ok(warnings.some(({ where, what }) => /NOT verified/.test(`${where} ${what}`)))
    t.match(child.stderr(), 'init ran')
  }
  const { child } = await verify(t, conf, '--format', 'xml')
  t.equal(child.exitCode, 64)
  t.match(child.stderr(), '--format takes json or text, not xml')
})

test('one problem is listed like several', async t => {
  const { child } = await verify(t, { plugins: ['missing.so'] }, '--json')
  t.match(reportIn(child), { ok: false, problems: [{ code: 'PTC_PLUGIN_NOT_FOUND', what: /missing\.so/ }] })
  t.equal(child.exitCode, 1)
})

test('a place is a file with its line, a variable or a record', t => {
  const cases: readonly (readonly [string, string | null, string])[] = [
    ['/a b/c.yaml:2: bad', '/a b/c.yaml:2', 'bad'],
    ['/a/c.yaml:2:7: bad: worse', '/a/c.yaml:2:7', 'bad: worse'],
    ['/a/c.pem: bad\nsecond line', '/a/c.pem', 'bad\nsecond line'],
    ['environment variable PROXY_CONFIG_X: bad', 'environment variable PROXY_CONFIG_X', 'bad'],
    ['proxy.config.dns.resolver: bad', 'proxy.config.dns.resolver', 'bad'],
    ['init failed: no pins', null, 'init failed: no pins'],
  ]
  for (const [text, where, what] of cases) t.strictSame(placed(text), { where, what }, text)
  t.end()
})

test('verify-config reads the files of a fleet, as a start does', async t => {
  const records = {
    'proxy.config.cluster.redis_url': 'rediss://127.0.0.1:1',
    'proxy.config.cluster.redis_ca_file': 'ca.pem',
  }
  const keys = { 'cluster.keys': makeKey() }
  const root = await makeAuthority({ name: 'Redis Root' })
  const cases: readonly (readonly [files: Readonly<Record<string, string>>, code: string | undefined])[] = [
    [{ 'ca.pem': root.certPem }, 'PTC_CLUSTER_KEYS'],
    [{ ...keys, 'ca.pem': 'no certificate\n' }, 'PTC_CLUSTER_CA'],
    [{ ...keys, 'ca.pem': root.certPem }, undefined],
  ]
  for (const [files, code] of cases) {
    const { child } = await verify(t, { records, files }, '--json')
    t.strictSame(
      reportIn(child).problems.map(one => one.code),
      code === undefined ? [] : [code],
    )
    t.equal(child.exitCode, code === undefined ? 0 : 1)
  }
})
