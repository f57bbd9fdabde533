/** `portcullis try` and `portcullis replay`, as a shell sees them. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { commandHere } from '../../kit/command-here.js'
import { type NodeOrigin, nodeOrigin } from '../../kit/node-origin.js'
import { makeAuthority } from '../../kit/pki.js'
import { type ConfDir, makeConfDir, type ProxyConf, runMain } from '../../kit/proxy.js'
import { rawOrigin, scripts } from '../../kit/raw-origin.js'

const HOST = 'tried.test'
const root = await makeAuthority({ name: 'Root' })
const leaf = await root.issue({ cn: HOST })

async function origin(t: Test): Promise<NodeOrigin> {
  const started = await nodeOrigin({ tls: leaf })
  t.teardown(started.stop)
  return started
}

const plugin = (answer: string, begin = ''): Readonly<Record<string, string>> => ({
  'judge.mjs': `${begin}\nexport default ({ hookAdd, accept, reject }) =>
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ reenable }) => { ${answer} })\n`,
})

function folder(t: Test, conf: ProxyConf): ConfDir {
  const dir = makeConfDir({ ca: root.certPem, hosts: [HOST], plugins: ['judge.mjs'], ...conf })
  t.teardown(dir.remove)
  return dir
}

test('try says that a must-staple certificate came without a response', async t => {
  const stapler = await root.issue({ cn: HOST, mustStaple: true })
  for (const [tls, isTold] of [
    [stapler, true],
    [leaf, false],
  ] as const) {
    const { port, stop } = await nodeOrigin({ tls })
    t.teardown(stop)
    const dir = folder(t, { modules: plugin('reenable()') })
    const { exitCode, stdout } = await commandHere(['try', '-D', dir.path, `${HOST}:${port}`])
    t.equal(exitCode, 0, 'which is not enforced')
    t.equal(stdout().includes('must-staple'), isTold)
  }
})

test('try and verify-config say where nothing is verified', async t => {
  const stranger = await (await makeAuthority({ name: 'Stranger' })).issue({ cn: HOST })
  const { port, stop } = await nodeOrigin({ tls: stranger })
  t.teardown(stop)
  const POLICY = 'proxy.config.ssl.client.verify.server.policy'
  const dir = folder(t, { plugins: [], records: { [POLICY]: 'PERMISSIVE' } })
  const told = await commandHere(['try', '-D', dir.path, `${HOST}:${port}`])
  t.equal(told.exitCode, 0)
  t.match(told.stdout(), /the policy is PERMISSIVE: NOTHING IS VERIFIED/)
  t.match(told.stdout(), /ACCEPTED, NOTHING WAS VERIFIED/)
  t.notMatch(told.stdout(), /decide/)
  const checked = await commandHere(['verify-config', '-D', dir.path])
  t.match(checked.stderr(), /warning: .* the policy is PERMISSIVE: NOTHING IS VERIFIED/)
  t.notMatch(checked.stderr(), /alone decides/)
  dir.write({
    ca: root.certPem,
    hosts: [HOST],
    files: {
      'sni.yaml': `sni: [{fqdn: ${HOST}, verify_server_policy: PERMISSIVE, connect_verify: tunnel}]`,
    },
  })
  const ruled = await commandHere(['try', '-D', dir.path, `${HOST}:${port}`])
  t.match(ruled.stdout(), /NOTHING IS VERIFIED, origins are/)
  t.match(ruled.stdout(), /behind CONNECT: NOTHING IS VERIFIED/)
  t.match(
    (await commandHere(['verify-config', '-D', dir.path])).stderr(),
    /sni\.yaml:\d+: .*NOTHING IS VERIFIED/,
  )
})

test('try tells what happens, and saves it', async t => {
  const { port, requests, handshakes } = await origin(t)
  const dir = folder(t, { modules: plugin('reenable()') })
  const [pem, json] = ['chain.pem', 'chain.json'].map(name => join(dir.path, name)) as [string, string]
  const child = await runMain([...['try', '-D', dir.path, '--pem', pem, '--save', json], `${HOST}:${port}`])
  t.teardown(child.stop)
  child.endInput()
  t.equal(await child.exited(), 0)
  const steps = [
    'no rule of its own',
    'connected to 127.0.0.1',
    'parked, asking plugin judge',
    'plugin judge accepted',
  ]
  for (const what of [
    ...steps,
    'built-in check, chain: ok',
    'built-in check, name: ok',
    'ACCEPTED, decided by plugins',
  ])
    t.match(child.stdout(), what)
  t.equal(handshakes.length, 1)
  t.equal(requests.length, 0, 'no request is sent')
  t.equal(readFileSync(pem, 'utf8').trim(), leaf.certPem.trim())

  t.test('replay finds no difference', async t => {
    const { exitCode, stdout } = await commandHere(['replay', '-D', dir.path, json])
    t.equal(exitCode, 0)
    t.match(stdout(), /^same +\S+chain\.json tried\.test: accepted by plugins$/m)
  })

  t.test('replay shows what another plugin makes of it', async t => {
    const other = folder(t, { modules: plugin("setTimeout(() => reenable(reject('revoked')), 20)") })
    const { exitCode, stdout } = await commandHere(['replay', '-D', other.path, json, json])
    t.equal(exitCode, 1)
    t.match(
      stdout(),
      /^DIFFERS \S+ tried\.test: rejected by plugin judge X509_V_ERR_CERT_REVOKED, was accepted by plugins$/m,
    )
    t.match(stdout(), '2 replayed, 2 differ')
  })

  t.test('replay says how many are done, where it takes long', async t => {
    // The first is answered at once; the second takes longer than the time between two lines.
    for (const [kind, answer] of [
      ['held', 'setTimeout(reenable, ms)'],
      ['busy', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms); reenable()'],
    ] as const) {
      const slow = folder(t, {
        modules: plugin(`const ms = asked++ ? 5500 : 0; ${answer}`, 'let asked = 0'),
      })
      const { exitCode, stdout, stderr } = await commandHere(['replay', '-D', slow.path, json, json])
      t.equal(exitCode, 0, kind)
      t.match(stderr(), kind === 'held' ? /^replay: 1 of 2$/m : /^replay: 2 of 2$/m)
      t.notMatch(stdout(), / of 2/, 'stdout has the verdicts alone')
    }
    const { stderr } = await commandHere(['replay', '-D', dir.path, json, json])
    t.notMatch(stderr(), /replay:/, 'a short one says nothing')
  })

  t.test('replay names a file that is none of ours', async t => {
    const { exitCode, stderr } = await commandHere(['replay', '-D', dir.path, pem])
    t.equal(exitCode, 1)
    t.match(stderr(), /PTC_SAVED_CHAIN: \S+chain\.pem/)
  })
})

test('try ends with 1 when the handshake is rejected', async t => {
  const { port } = await origin(t)
  const dir = folder(t, { modules: plugin("reenable(reject('policy', 'not today'))") })
  const json = join(dir.path, 'chain.json')
  const args = ['try', '-D', dir.path, '--connect', `127.0.0.1:${port}`, '--save', json, 'other.test']
  const built = await commandHere(args)
  t.equal(built.exitCode, 1)
  t.match(built.stdout(), /name: X509_V_ERR_HOSTNAME_MISMATCH 62 at depth 0/)
  t.match(built.stdout(), /REJECTED: certificate of other\.test rejected by the built-in check/)
  t.ok(existsSync(json), 'what was rejected is saved, too')
  const asked = await commandHere(['try', '-D', dir.path, '--connect', `127.0.0.1:${port}`, HOST])
  t.equal(asked.exitCode, 1)
  t.match(asked.stdout(), /REJECTED: .* by plugin judge .*: not today/)
})

test('try ends with 2 when no origin answers', async t => {
  const { port } = await origin(t)
  const dir = folder(t, {
    modules: plugin(''),
    records: { 'proxy.config.ssl.client.verify.deadline': 100 },
  })
  const silent = await commandHere(['try', '-D', dir.path, `${HOST}:${port}`])
  t.equal(silent.exitCode, 2, 'the plugin is silent')
  t.match(silent.stdout(), /REJECTED: .* by the deadline, while plugin judge held it/)
  const gone = await rawOrigin(scripts.closeAtOnce)
  t.teardown(gone.stop)
  const closed = await commandHere(['try', '-D', dir.path, `${HOST}:${gone.port}`])
  t.equal(closed.exitCode, 2, 'the origin leaves')
  t.match(closed.stdout(), /NO ANSWER: PTC_HANDSHAKE_CLOSED/)
})

test('mistakes on the command line', async t => {
  const all = [['try'], ['try', 'a', 'b'], ['try', 'a:99999'], ['replay'], ['start', '--pem', 'x']]
  const ends = await Promise.all(all.map(args => commandHere(args)))
  for (const [i, { exitCode, stderr }] of ends.entries()) {
    t.equal(exitCode, 64, `mistake ${i + 1}`)
    t.match(stderr(), 'PTC_USAGE')
  }
})
