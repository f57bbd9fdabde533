/** The command line, as a shell sees it: what is printed where, and the exit status. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { commandHere, type Ended, runToEnd as run } from '../kit/command-here.js'
import { makeAuthority } from '../kit/pki.js'
import { makeConfDir, type ProxyConf, startProxy, startProxyHere } from '../kit/proxy.js'
import { listen } from '../kit/tcp-server.js'

/** Runs the program on a configuration. */
function runOn(t: Test, command: string, conf: ProxyConf): Promise<Ended> {
  const dir = makeConfDir(conf)
  t.teardown(dir.remove)
  return run(t, [command, '-D', dir.path])
}

/** Runs a command on a configuration, in this process. */
function hereOn(t: Test, command: string, conf: ProxyConf, env?: NodeJS.ProcessEnv): Promise<Ended> {
  const dir = makeConfDir(conf)
  t.teardown(dir.remove)
  return commandHere([command, '-D', dir.path], { env })
}

test('--help and --version', async t => {
  const { exitCode, stdout } = await run(t, ['--help'])
  t.equal(exitCode, 0)
  t.match(stdout(), /portcullis start.*verify-config.*--conf-dir.*--debug-tags/s)
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
  for (const word of ['--version', 'version', '-v', '-V'])
    t.equal((await commandHere([word])).stdout(), `portcullis ${version}\n`, word)
  t.equal((await commandHere(['help'])).stdout(), stdout())
})

test('mistakes on the command line end with 64', async t => {
  const cases = [
    [[], /give a command: init, start, verify-config/],
    [['stat'], /unknown command "stat"; did you mean start\?/],
    [['frobnicate'], /unknown command "frobnicate"; known: init, start, verify-config/],
    [['start', 'now'], /start takes no arguments: node dist\/core\/main\.js start\n/],
    [['completion', 'tcsh'], /completion is for bash, fish or zsh, not "tcsh"/],
    [['pluign', 'new', 'mine'], /unknown command "pluign new mine"; did you mean plugin new\?/],
    [['start', '--nonsense'], /unknown option --nonsense\n/],
    [['start', '--conf-dri', 'x'], /unknown option --conf-dri; did you mean --conf-dir\?\n/],
    [['start', '-X'], /unknown option -X\n/],
    [['start', '-D'], /-D, --conf-dir/],
  ] as const
  const fails = ([args, complaint]: (typeof cases)[number], { exitCode, stdout, stderr }: Ended) => {
    t.equal(exitCode, 64, args.join(' '))
    t.match(stderr(), complaint)
    t.match(stderr(), /`node dist\/core\/main\.js help` lists all/, 'and says where help is')
    t.equal(stdout(), '')
  }
  for (const each of cases) fails(each, await commandHere(each[0]))
  const [first] = cases
  fails(first, await run(t, first[0]))
})

test('every bad record is named at once, with its line', async t => {
  const recordLines = [
    '# a comment',
    'CONFIG proxy.config.ssl.client.verify.server INT 7',
    'CONFIG proxy.config.ssl.client.verify.serve INT 2',
    'CONFIG proxy.config.diags.debug.enabled STRING yes',
    'nonsense',
  ]
  const refuses = async (command: string) => {
    const { exitCode, stdout, stderr } = await hereOn(t, command, { recordLines })
    t.equal(exitCode, 1, command)
    t.match(stderr(), 'PTC_RECORDS_INVALID')
    for (const line of [2, 3, 4, 5]) t.match(stderr(), `records.config:${line}`)
    t.notMatch(stderr(), 'records.config:1:')
    t.match(stderr(), /did you mean.*verify\.server/i)
    t.match(stderr(), /Correct the lines that the message names/, 'with the remedy')
    t.notMatch(stderr(), /\bat .*\.js:\d+/, 'and no stack')
    t.notMatch(stdout(), /listens/)
  }
  await Promise.all(['start', 'verify-config'].map(refuses))
})

test('the environment wins over the file, and is checked too', async t => {
  const conf = { records: { 'proxy.config.ssl.client.verify.server': 0 } } as const
  const record = 'PROXY_CONFIG_SSL_CLIENT_VERIFY_SERVER'
  const { exitCode, stderr } = await hereOn(t, 'verify-config', conf, { [record]: '1' })
  t.equal(exitCode, 0)
  t.notMatch(stderr(), /NOT verified/)
  t.match((await hereOn(t, 'verify-config', conf)).stderr(), /warning: .* is 0: origins are NOT verified/)
  const bad = await hereOn(t, 'verify-config', conf, { [record]: '7' })
  t.equal(bad.exitCode, 1)
  t.match(bad.stderr(), record)
})

const INIT_ONLY = 'export default () => {}'
const PLUGINS: Record<string, readonly [line: string, code: string, text: RegExp, module?: string]> = {
  'that is missing': [
    'missing.so --flag',
    'PTC_PLUGIN_NOT_FOUND',
    /'missing\.so' not found; looked at .*missing\.js/,
  ],
  'without an init': ['bad', 'PTC_PLUGIN_SHAPE', /exports nothing as default/, 'export const init = 1'],
  'whose init throws': [
    'bad',
    'PTC_PLUGIN_INIT_FAILED',
    /init failed: no pins/,
    `export default () => { throw new Error('no pins') }`,
  ],
  'whose init rejects': [
    'bad',
    'PTC_PLUGIN_INIT_FAILED',
    /init failed: no pins/,
    `export default async () => { throw new Error('no pins') }`,
  ],
  'whose init does not end': [
    'bad',
    'PTC_PLUGIN_INIT_SLOW',
    /init not finished after 300 ms/,
    'export default () => new Promise(() => {})',
  ],
  'on a hook that there is not': [
    'bad',
    'PTC_HOOK_UNKNOWN',
    /TS_SSL_CERT_VERFY_HOOK/,
    `export default ({ hookAdd }) => hookAdd('TS_SSL_CERT_VERFY_HOOK', () => {})`,
  ],
  'with a syntax error': ['bad', 'PTC_PLUGIN_INIT_FAILED', /node --check .*bad\.mjs/, 'export default ('],
  'with an unknown option': ['good @dedline=5', 'PTC_PLUGIN_CONFIG_INVALID', /@dedline/],
}

const withPlugin = ([line, , , module = INIT_ONLY]: (typeof PLUGINS)[string]): ProxyConf => ({
  plugins: ['# first comes one that is in order', 'good', line],
  modules: { 'good.mjs': INIT_ONLY, 'bad.mjs': module },
  records: { 'proxy.config.plugin.init_timeout': 300 },
})

test('a plugin that cannot be loaded stops the start', async t => {
  for (const [name, row] of Object.entries(PLUGINS)) {
    const error = await startProxyHere(withPlugin(row)).catch(cause => cause)
    const [, code, text] = row
    t.match(error, { code, message: text }, `one ${name}`)
    t.match(error.message, /plugin\.config:3/, 'the line is named')
  }
})

test('a plugin that cannot be loaded ends the start with 1, before a port is open', async t => {
  const missing = PLUGINS['that is missing']
  if (missing === undefined) throw new Error('no such row')
  const { exitCode, stdout, stderr } = await runOn(t, 'start', withPlugin(missing))
  t.equal(exitCode, 1)
  t.match(
    stderr(),
    /^portcullis: PTC_PLUGIN_NOT_FOUND: .*plugin\.config:3: plugin missing: 'missing\.so' not found/m,
  )
  t.match(stderr(), /Correct the path in plugin\.config/)
  t.notMatch(stdout(), /listens/)
})

test('a port in use', async t => {
  const taken = await listen(socket => socket.destroy())
  t.teardown(taken.stop)
  const ports = `${taken.port}:ip-in=127.0.0.1`
  const { exitCode, stdout, stderr } = await hereOn(t, 'start', {
    records: { 'proxy.config.http.server_ports': ports },
  })
  t.equal(exitCode, 1)
  t.match(stderr(), `PTC_PORT_UNAVAILABLE: cannot listen on 127.0.0.1:${taken.port} (EADDRINUSE)`)
  t.match(stderr(), /Another program listens there/)
  t.notMatch(stdout(), /listens on/)
})

test('files that are missing', async t => {
  const dir = makeConfDir()
  dir.remove()
  const gone = await commandHere(['start', '-D', dir.path])
  t.equal(gone.exitCode, 1)
  t.match(gone.stderr(), `${join(dir.path, 'records.config')}`)
  const record = 'proxy.config.ssl.client.CA.cert.filename'
  const noRoots = await hereOn(t, 'start', { records: { [record]: 'missing.pem' } })
  t.equal(noRoots.exitCode, 1)
  t.match(noRoots.stderr(), /PTC_TLS_CONTEXT: .*missing\.pem/)
  t.match(noRoots.stderr(), record)
})

test('verify-config opens no port and runs the inits', async t => {
  const { certPem } = await makeAuthority({ name: 'Root' })
  const { exitCode, stdout } = await runOn(t, 'verify-config', {
    ca: certPem,
    plugins: ['async_verify.so', 'told.mjs one two'],
    modules: { 'told.mjs': `export default ({ argv }) => console.log('init', argv.join())` },
  })
  t.equal(exitCode, 0)
  t.match(stdout(), /^init told\.mjs,one,two$/m)
  t.match(stdout(), /in order; plugins: async_verify, told; trusting 1 trust anchors from .*roots\.pem/)
  t.notMatch(stdout(), /listens/)
})

test('verify-config ends although a plugin keeps a timer', async t => {
  const { exitCode } = await runOn(t, 'verify-config', {
    plugins: ['busy'],
    modules: { 'busy.mjs': 'export default () => void setInterval(() => {}, 1000)' },
  })
  t.equal(exitCode, 0)
})

test('start says where it listens', async t => {
  const proxy = await startProxy({
    records: { 'proxy.config.http.server_ports': '0:ip-in=127.0.0.1 0:ip-in=[::1]' },
  })
  t.teardown(proxy.stop)
  await proxy.until(/^portcullis listens on 127\.0\.0\.1:\d+\nportcullis listens on \[::1\]:\d+$/m)
  t.match(
    proxy.output(),
    /WARNING: no plugin is on TS_SSL_CERT_VERIFY_HOOK: the built-in check alone decides/,
  )
})

test('-T switches debug tags on, whatever the records say', async t => {
  const conf = {
    records: { 'proxy.config.diags.debug.enabled': 0 },
    plugins: ['talking'],
    modules: { 'talking.mjs': `export default ({ debug }) => { debug('hello'); debug('not me', 'other') }` },
  } as const
  const proxy = await startProxy(conf, ['-T', 'talk.*'])
  t.teardown(proxy.stop)
  t.match(proxy.output(), /DIAG: \(talking\) hello/)
  t.notMatch(proxy.output(), /not me/)
  const silent = await startProxy(conf)
  t.teardown(silent.stop)
  t.notMatch(silent.output(), /hello/)
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends a start with 0`, async t => {
    const proxy = await startProxy({})
    t.teardown(proxy.stop)
    proxy.child.kill(signal)
    t.equal(await proxy.child.exited(), 0)
    t.match(proxy.child.stdout(), `portcullis got ${signal}`)
  })
}

test('SIGHUP with a bad configuration changes nothing', async t => {
  const proxy = await startProxy({})
  t.teardown(proxy.stop)
  writeFileSync(join(proxy.conf.path, 'records.config'), 'nonsense\n')
  proxy.child.kill('SIGHUP')
  await proxy.until(
    /ERROR: reload failed, the old .* goes on\n.*ERROR: PTC_RECORDS_INVALID: .*records\.config:1/,
  )
  t.equal(proxy.child.exitCode, null)
})
