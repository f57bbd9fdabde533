/**
 * The code in the README and in the guides is compiled, loaded as the proxy loads plugins, and asked about origins. A
 * block of code begins with a comment that is its file name; each has a trial here. Blocks of configuration with such
 * a comment become files, too.
 */
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { tell } from '../../core/hooks/ask.js'
import { ProxyVConn } from '../../core/vconn/vconn.js'
import { startChild } from '../kit/child.js'
import { makeAuthority } from '../kit/pki.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { SELF_SIGNED } from '../plugins/kit.js'
import { code, compiled, configurations, loadSnippet, startService, verdictsOf } from './kit/snippets.js'

const MAIN = fileURLToPath(new URL('../../core/main.js', import.meta.url))
const ACCEPT = [{ kind: 'accept' }]
const no = (reason: string, detail: RegExp | string) => [{ kind: 'reject', reason, detail }]

const { cert } = await (await makeAuthority({ name: 'Snippets' })).issue({ cn: 'a.example' })
const ders = [cert.raw]

const TRIALS: Readonly<Record<string, (t: Test) => Promise<void>>> = {
  'ask-first.js': async t => {
    let question = ''
    const url = await startService(t, async (request, response) => {
      for await (const part of request) question += part
      response.end(question.includes('bad.example') ? '{"ok":false,"why":"by hand"}' : '{"ok":true}')
    })
    const { ask } = await loadSnippet(t, 'ask-first.js', url)
    t.strictSame(await verdictsOf(ask({ ders })), ACCEPT)
    t.match(JSON.parse(question), { host: 'a.example', sha256: /^[0-9a-f]{64}$/, issuer: /Snippets/ })
    t.match(await verdictsOf(ask({ host: 'bad.example', ders })), no('revoked', 'by hand'))
  },
  'my-conf/plugins/hello.js': async t => {
    const { ask, log } = await loadSnippet(t, 'my-conf/plugins/hello.js')
    t.strictSame(ask({ subjects: ['/CN=a.example'] }).verdicts, ACCEPT)
    t.strictSame(log, ['NOTE [hello] a.example shows /CN=a.example'])
  },
  'pins.js': async t => {
    const { ask } = await loadSnippet(t, 'pins.js')
    t.strictSame(ask({ ders }).verdicts, ACCEPT, 'a host without pins')
    const pinned = ask({ host: 'pinned.example', ders }).verdicts
    t.match(pinned, no('untrusted-issuer', 'pinned.example shows none of its pinned keys'))
    const key = cert.publicKey.export({ type: 'spki', format: 'der' })
    const pin = createHash('sha256').update(key).digest('base64')
    const own = code.find(({ name }) => name === 'pins.js')?.code.replace('replace-me-with-a-hash', pin)
    compiled.dir.file('out/pins-of-ours.js', own ?? '')
    const ours = await loadSnippet(t, 'pins-of-ours.js')
    t.strictSame(ours.ask({ host: 'pinned.example', ders }).verdicts, ACCEPT, 'its pin is there')
  },
  'ask-service.js': async t => {
    let status = 200
    let aborted = 0
    const url = await startService(t, (request, response) => {
      request.on('close', () => {
        if (!response.writableEnded) aborted += 1
      })
      if (status !== 0) response.writeHead(status).end()
    })
    const { ask } = await loadSnippet(t, 'ask-service.js', url)
    t.strictSame(await verdictsOf(ask({ ders })), ACCEPT)
    status = 410
    t.match(await verdictsOf(ask({ ders })), no('revoked', 'the revocation service says 410'))
    status = 0
    const left = ask({ ders, refuse: () => undefined })
    await sleep(50)
    left.leave()
    for (let i = 0; aborted === 0 && i < 200; i += 1) await sleep(5)
    t.equal(aborted, 1, 'the question ends with the handshake')
    const failures: unknown[] = []
    const down = await loadSnippet(t, 'ask-service.js', 'http://127.0.0.1:1/')
    const parked = down.ask({ ders, refuse: cause => failures.push(cause) })
    for (let i = 0; failures.length === 0 && i < 200; i += 1) await sleep(5)
    t.match(failures, [/fetch failed/], 'a service that is down is a failure')
    t.strictSame(parked.verdicts, [])
  },
  'slow-down.js': async t => {
    const { ask } = await loadSnippet(t, 'slow-down.js', '30')
    const before = performance.now()
    const parked = ask()
    t.strictSame(parked.verdicts, [])
    t.strictSame(await verdictsOf(parked), ACCEPT)
    t.ok(performance.now() - before >= 29)
    await t.rejects(loadSnippet(t, 'slow-down.js'), { message: /takes milliseconds, not 'undefined'/ })
  },
  'patience.js': async t => {
    const { ask } = await loadSnippet(t, 'patience.js')
    const before = performance.now()
    t.match(await verdictsOf(ask({ patience: 1030 })), no('unknown', 'nobody was at the desk'))
    t.ok(performance.now() - before < 900, 'before the deadline')
  },
  'careful.js': async t => {
    const { ask } = await loadSnippet(t, 'careful.js')
    t.strictSame(ask().verdicts, ACCEPT)
    t.match(ask({ builtIn: SELF_SIGNED }).verdicts, no(SELF_SIGNED.name, SELF_SIGNED.message))
    t.strictSame(ask({ host: 'x.internal.example', builtIn: SELF_SIGNED }).verdicts, ACCEPT)
    const late = { ...SELF_SIGNED, name: 'X509_V_ERR_CERT_HAS_EXPIRED', code: 10 } as const
    t.match(ask({ host: 'x.internal.example', builtIn: late }).verdicts, no(late.name, late.message))
  },
  'stopwatch.js': async t => {
    const { set, log } = await loadSnippet(t, 'stopwatch.js')
    const unexpected = (_: unknown, cause: unknown): never => {
      throw cause
    }
    const ends = { remoteAddress: '192.0.2.1:443', localAddress: '192.0.2.2:50000' }
    const vconn = new ProxyVConn('outbound', ends, closed =>
      tell(set.registry.on('TS_VCONN_OUTBOUND_CLOSE_HOOK'), closed, unexpected),
    )
    tell(set.registry.on('TS_VCONN_OUTBOUND_START_HOOK'), vconn.shown, unexpected)
    vconn.close()
    t.match(log, [/^DEBUG stopwatch 192\.0\.2\.1:443 was open for \d+ ms$/])
  },
  'blocklist.js': async t => {
    const list = compiled.dir.file('list.txt', 'bad.example\nworse.example\n')
    const { ask } = await loadSnippet(t, 'blocklist.js', list)
    t.strictSame(ask().verdicts, ACCEPT)
    t.match(ask({ host: 'worse.example' }).verdicts, no('policy', 'worse.example is on the list'))
    await t.rejects(loadSnippet(t, 'blocklist.js', `${list}.gone`), { code: 'PTC_PLUGIN_INIT_FAILED' })
  },
  'office-hours.ts': async t => {
    const always = await loadSnippet(t, 'office-hours.ts', '0', '24')
    t.strictSame(always.ask().verdicts, ACCEPT)
    const never = await loadSnippet(t, 'office-hours.ts', '24')
    t.match(never.ask().verdicts, no('policy', 'come back at 24'))
  },
  'typed.js': async t => {
    const { ask } = await loadSnippet(t, 'typed.js')
    t.strictSame(ask().verdicts, ACCEPT)
    t.match(ask({ protocol: 'TLSv1.2' }).verdicts, no('policy', 'TLSv1.2 is too old for us'))
  },
}

test('the code of the pages', async t => {
  t.equal(compiled.complaints, '', 'compiles')
  const unnamed = code.filter(({ name }) => name === undefined).map(({ place }) => place)
  t.strictSame(unnamed, [], 'begins with a comment that is its file name')
  const names = code.map(({ name }) => name)
  t.strictSame(names.sort(), Object.keys(TRIALS).sort(), 'has a trial for each file')
})

for (const [name, trial] of Object.entries(TRIALS)) test(`${name} does what is said about it`, trial)

test('the first plugin of the guide passes verify-config with its files', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  mkdirSync(join(dir.path, 'my-conf/plugins'), { recursive: true })
  const files = [...configurations, ...code].filter(({ name }) => name?.startsWith('my-conf/'))
  for (const { name = '', code: text } of files) dir.file(name, text)
  t.equal(files.length, 3)
  dir.file('my-conf/package.json', '{ "type": "module" }')
  const child = await startChild(process.execPath, [MAIN, 'verify-config', '-D', join(dir.path, 'my-conf')])
  t.teardown(child.stop)
  t.equal(await child.exited(), 0, child.stderr())
  t.match(child.stdout(), /my-conf: in order; plugins: hello;/)
})

test('the files of the trials are gone', async () => compiled.dir.remove())
