/**
 * The code in the README and in the guides is compiled, loaded as the proxy loads plugins, and asked about origins. A
 * block of code begins with a comment that is its file name; each has a trial here. Blocks of configuration with such
 * a comment become files, too. Longer than 250 lines because each block has its trial here.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { makeChain, type Outcome } from '../../core/testing/kit.js'
import { atEnd } from '../kit/at-end.js'
import { startChild } from '../kit/child.js'
import { PLAIN_ENV } from '../kit/proxy.js'
import { startService } from '../kit/tcp-server.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { poll } from '../kit/watch.js'
import { ask, code, compiled, configurations, OUT, openSnippet } from './kit/snippets.js'
import { oneHandshake, SpanLog } from './kit/spans.js'
import { twoProcesses } from './kit/two-processes.js'

const MAIN = fileURLToPath(new URL('../../core/main.js', import.meta.url))
const ACCEPTED: Outcome = { kind: 'accepted', by: 'plugins' }
const no = (reason: string, detail: RegExp | string) => ({ kind: 'rejected', by: 'plugin', reason, detail })
const SELF_SIGNED = 'X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT'

/** Runs a compiled test as its author would. */
async function runTest(t: Test, file: string, passed: number): Promise<void> {
  const path = fileURLToPath(new URL(file, OUT))
  const child = await startChild(process.execPath, ['--test', '--test-reporter=tap', path], {
    env: PLAIN_ENV,
  })
  t.teardown(child.stop)
  t.equal(await child.exited(), 0, child.stdout())
  t.match(child.stdout(), new RegExp(`^# pass ${passed}$`, 'm'))
}

const TRIALS: Readonly<Record<string, (t: Test) => Promise<void>>> = {
  'once-for-many.js': async t => {
    let asked = 0
    const url = await startService(t, (_, response) => {
      asked++
      setTimeout(() => response.end(), 50)
    })
    const kit = await openSnippet(t, `once-for-many.js ${url}`)
    const chain = await makeChain({ names: ['a.example', 'b.example'] })
    const parked = [
      await kit.park({ host: 'a.example', chain }),
      await kit.park({ host: 'a.example', chain }),
    ]
    for (const one of parked) t.strictSame(await one.ended(), ACCEPTED)
    t.equal(asked, 1, 'at the same time')
    t.strictSame(await ask(kit, { chain }), ACCEPTED)
    t.equal(asked, 1, 'and afterwards')
    t.strictSame(await ask(kit, { host: 'b.example', chain }), ACCEPTED)
    t.equal(asked, 2, 'another host')
  },
  'must-staple.js': async t => {
    const kit = await openSnippet(t, 'must-staple.js')
    const chain = await makeChain({ names: ['a.example'] })
    t.strictSame(await ask(kit, { chain }), ACCEPTED)
    t.match(kit.log.join('\n'), /issuers , OCSP , lists , pin [A-Za-z0-9+/]{43}=/)
  },
  'once-a-day.js': async t => {
    const kit = await openSnippet(t, 'once-a-day.js')
    for (let i = 0; i < 2; i++) t.strictSame(await ask(kit), ACCEPTED)
    t.same(kit.log, ['NOTE [once-a-day] a.example is new today'])
  },
  'shared-blocks.js': async t => {
    const kit = await openSnippet(t, 'shared-blocks.js')
    const block = { tag: 'block', data: 'a.example' }
    t.strictSame(await ask(kit), ACCEPTED)
    await kit.tell('TS_LIFECYCLE_MSG_HOOK', block)
    t.match(await ask(kit), no('policy', 'blocked by an operator'))

    const { default: init } = await import(new URL('shared-blocks.js', OUT).href)
    await twoProcesses(init, async ([one, two]) => {
      await one.message(block)
      await two.message({ tag: 'other', data: 'b.example' })
      for (const { verdictOn } of [one, two])
        t.same([verdictOn('a.example'), verdictOn('b.example')], ['policy', undefined])
      t.same([one.revoked, two.revoked], [[{ host: 'a.example' }], []])
    })
  },
  'ask-source.js': async t => {
    const url = await startService(t, (request, response) => {
      response.end(request.url?.includes('host=a.example') ? 'good' : 'bad')
    })
    const kit = await openSnippet(t, `ask-source.js ${url}`)
    t.strictSame(await ask(kit), ACCEPTED)
    t.match(await ask(kit, { host: 'b.example' }), no('policy', 'the source says 200'))
  },
  'complete.js': async t => {
    const kit = await openSnippet(
      t,
      `complete.js "${fileURLToPath(new URL('../../../README.md', import.meta.url))}"`,
    )
    t.strictSame(await ask(kit), { kind: 'accepted', by: 'built-in' }, 'nothing is missing')
  },
  'handshake-spans.js': async t => {
    const { traceHandshakes } = await import(new URL('handshake-spans.js', OUT).href)
    const log = new SpanLog()
    const stop = traceHandshakes(log.tracer)
    t.teardown(stop)
    await oneHandshake(t, ({ reenable }) => void reenable())
    const [turn, handshake] = log.ended()
    t.equal(
      turn?.parentSpanContext?.spanId,
      handshake?.spanContext().spanId,
      'the turn is inside the handshake',
    )
    t.match(
      [turn, handshake],
      [
        {
          name: 'plugin.verify',
          attributes: { 'portcullis.plugin': 'plugin0', 'portcullis.verdict': 'accept' },
        },
        {
          name: 'tls.handshake',
          attributes: {
            'server.address': 'a.example',
            'tls.server.subject': '/CN=a.example',
            'tls.protocol.version': 'TLSv1.3',
            'portcullis.built_in': 'X509_V_OK',
          },
          status: { code: 0 },
        },
      ],
    )
    await oneHandshake(t, (_, refuse) => refuse(new Error('oops')))
    t.match(log.ended()[1], {
      attributes: { 'error.type': 'PTC_VERIFY_PLUGIN_FAILED' },
      status: { code: 2, message: 'plugin-failed: X509_V_ERR_CERT_REJECTED oops' },
    })
    stop()
    await oneHandshake(t, ({ reenable }) => void reenable())
    t.same(log.ended(), [], 'nothing after the end')
  },
  'team-key.js': async t => {
    const kit = await openSnippet(t, 'team-key.js')
    const key = async (url: string, builtIn?: 'X509_V_ERR_CERT_HAS_EXPIRED') => {
      const origin = builtIn === undefined ? {} : { builtIn }
      const { sealed, headers } = await kit.transaction({ url, origin }).sendRequest()
      t.equal(headers.get('x-team'), undefined)
      return sealed?.headers.get('x-team')
    }
    t.equal(await key('https://api.example/'), 'blue')
    t.equal(await key('https://api.example/', 'X509_V_ERR_CERT_HAS_EXPIRED'), undefined)
    t.equal(await key('https://other.example/'), undefined)
  },
  'tracing.js': async t => {
    const kit = await openSnippet(t, 'tracing.js')
    t.strictSame(await ask(kit), { kind: 'accepted', by: 'built-in' })
  },
  'ask-first.js': async t => {
    let question = ''
    const url = await startService(t, async (request, response) => {
      for await (const part of request) question += part
      response.end(question.includes('bad.example') ? '{"ok":false,"why":"by hand"}' : '{"ok":true}')
    })
    const kit = await openSnippet(t, `ask-first.js ${url}`)
    t.strictSame(await ask(kit), ACCEPTED)
    t.match(JSON.parse(question), { host: 'a.example', sha256: /^[0-9a-f]{64}$/, issuer: /Test Root/ })
    t.match(await ask(kit, { host: 'bad.example' }), no('revoked', 'by hand'))
  },
  'my-conf/plugins/hello.js': async t => {
    const kit = await openSnippet(t, 'my-conf/plugins/hello.js')
    t.strictSame(await ask(kit), ACCEPTED)
    t.strictSame(kit.log, ['NOTE [hello] a.example shows /CN=a.example'])
  },
  'pins.js': async t => {
    const chain = await makeChain({ names: ['pinned.example'] })
    const pinned = { host: 'pinned.example', chain }
    const kit = await openSnippet(t, 'pins.js')
    t.strictSame(await ask(kit), ACCEPTED, 'a host without pins')
    t.match(await ask(kit, pinned), no('untrusted-issuer', 'pinned.example shows none of its pinned keys'))
    const key = new X509Certificate(chain).publicKey.export({ type: 'spki', format: 'der' })
    const pin = createHash('sha256').update(key).digest('base64')
    const own = code.find(({ name }) => name === 'pins.js')?.code.replace('replace-me-with-a-hash', pin)
    compiled.dir.file('out/pins-of-ours.js', own ?? '')
    t.strictSame(await ask(await openSnippet(t, 'pins-of-ours.js'), pinned), ACCEPTED, 'its pin is there')
  },
  'ask-pki.js': async t => {
    let status = 204
    const asked: (string | undefined)[] = []
    const url = await startService(t, (request, response) => {
      asked.push(request.url)
      response.writeHead(status).end()
    })
    const kit = await openSnippet(t, `ask-pki.js ${url}`)
    const chain = await makeChain({ names: ['a.example'] })
    t.strictSame(await ask(kit, { chain }), ACCEPTED)
    t.match(asked, [/^\/check\/[0-9a-f]{64}$/])
    status = 404
    t.match(await ask(kit, { chain }), no('revoked', 'the service answers 404 about a.example'))
  },
  'ask-service.js': async t => {
    let status = 200
    let isAborted = (): void => undefined
    const aborted = new Promise<void>(resolve => {
      isAborted = resolve
    })
    const url = await startService(t, (request, response) => {
      request.on('close', () => (response.writableEnded ? undefined : isAborted()))
      if (status !== 0) response.writeHead(status).end()
    })
    const kit = await openSnippet(t, `ask-service.js ${url}`)
    t.strictSame(await ask(kit), ACCEPTED)
    status = 410
    t.match(await ask(kit), no('revoked', 'the revocation service says 410'))
    status = 0
    const left = await kit.park({ host: 'a.example' })
    await sleep(50)
    left.leave()
    await aborted
    t.strictSame(left.outcome, { kind: 'left' }, 'the question ends with the handshake')
    const down = await openSnippet(t, 'ask-service.js http://127.0.0.1:1/')
    t.match(await ask(down), { by: 'plugin-failed', detail: 'fetch failed' }, 'a service that is down')
  },
  'slow-down.js': async t => {
    const kit = await openSnippet(t, 'slow-down.js 30')
    const parked = await kit.park({ host: 'a.example' })
    await kit.advance(29)
    t.equal(parked.outcome, undefined)
    await kit.advance(1)
    t.strictSame(parked.outcome, ACCEPTED)
    await t.rejects(openSnippet(t, 'slow-down.js'), { message: /takes milliseconds, not 'undefined'/ })
  },
  'patience.js': async t => {
    const kit = await openSnippet(t, 'patience.js')
    const parked = await kit.park({ host: 'a.example' })
    await kit.advance(28_900)
    t.equal(parked.outcome, undefined)
    await kit.advance(100)
    t.match(parked.outcome, no('unknown', 'no operator has answered'), 'before the deadline')
  },
  'careful.js': async t => {
    const kit = await openSnippet(t, 'careful.js')
    t.strictSame(await ask(kit), ACCEPTED)
    t.match(await ask(kit, { builtIn: SELF_SIGNED }), no(SELF_SIGNED, 'self-signed certificate'))
    t.strictSame(await ask(kit, { host: 'x.internal.example', builtIn: SELF_SIGNED }), ACCEPTED)
    const expired = 'X509_V_ERR_CERT_HAS_EXPIRED'
    t.match(await ask(kit, { host: 'x.internal.example', builtIn: expired }), no(expired, /has expired/))
  },
  'stopwatch.js': async t => {
    const kit = await openSnippet(t, 'stopwatch.js')
    kit.open('outbound').close()
    t.match(kit.log, [/^DEBUG stopwatch 192\.0\.2\.\d:\d+ was open for \d+ ms$/])
  },
  'no-trace.js': async t => {
    const kit = await openSnippet(t, 'no-trace.js')
    const url = 'https://a.example/'
    const trace = await kit.transaction({ method: 'TRACE', url }).readRequest()
    t.match(trace.outcome, { kind: 'rejected', by: 'plugin', plugin: 'no-trace', reason: 'policy' })
    const other = await kit.transaction({ url }).readRequest({ Referer: 'https://b.example/', Accept: 'x' })
    t.match(other.outcome, { kind: 'accepted', by: 'plugins' })
    t.strictSame(other.headers.entries(), [['Accept', 'x']])
  },
  'crier.js': async t => {
    let list = ''
    const url = await startService(t, (_, response) => void response.end(list))
    const kit = await openSnippet(t, `crier.js ${url}`)
    const chain = await makeChain({ names: ['a.example', 'b.example'] })
    for (const host of ['a.example', 'b.example']) t.strictSame(await ask(kit, { host, chain }), ACCEPTED)
    list = 'a.example\n'
    await kit.advance(60_000)
    const revoked = 'NOTE crier revoked host a.example: 1 remembered verdict'
    await poll(() => kit.log.includes(revoked), revoked)
    t.strictSame(kit.log, [revoked])
    t.match(await ask(kit, { chain }), no('revoked', 'on the list'))
    t.strictSame(await ask(kit, { host: 'b.example', chain }), ACCEPTED)
  },
  'ask-operator.js': async t => {
    const kit = await openSnippet(t, 'ask-operator.js')
    const tell = (tag: string, data: string) => kit.tell('TS_LIFECYCLE_MSG_HOOK', { tag, data })
    const parked = await kit.park({ host: 'a.example' })
    await tell('ask-operator:yes', 'b.example')
    await tell('other:yes', 'a.example')
    t.strictSame(parked.calls[0]?.verdict, undefined)
    await tell('ask-operator:yes', 'a.example')
    t.strictSame(await parked.ended(), ACCEPTED)
    const other = await kit.park({ host: 'b.example' })
    await tell('ask-operator:no', 'b.example')
    t.match(await other.ended(), no('policy', 'the operator says no'))
    t.match(
      kit.log[0],
      /^NOTE \[ask-operator\] a\.example shows .*ctl plugin msg ask-operator:yes a\.example/,
    )
  },
  'blocklist.js': async t => {
    const list = compiled.dir.file('list.txt', 'bad.example\nworse.example\n')
    const kit = await openSnippet(t, `blocklist.js ${list}`)
    t.strictSame(await ask(kit), ACCEPTED)
    t.match(await ask(kit, { host: 'worse.example' }), no('policy', 'worse.example is on the list'))
    await t.rejects(openSnippet(t, `blocklist.js ${list}.gone`), { code: 'PTC_PLUGIN_INIT_FAILED' })
  },
  'fresh-certs/src/fresh-certs.ts': async t => {
    const kit = await openSnippet(t, 'fresh-certs/src/fresh-certs.js except=b.example')
    t.match(await ask(kit), no('policy', 'a.example shows a certificate that is 1 hours old'))
    t.strictSame(await ask(kit, { host: 'b.example' }), ACCEPTED)
    t.match(await ask(kit, { host: 'b.example', builtIn: SELF_SIGNED }), no(SELF_SIGNED, /self-signed/))
  },
  'fresh-certs/src/fresh-certs.test.ts': t => runTest(t, 'fresh-certs/src/fresh-certs.test.js', 1),
  'retries.js': async t => {
    let status = 0
    let questions = 0
    const url = await startService(t, (_, response) => {
      questions += 1
      if (status === 0) response.destroy()
      else response.writeHead(status).end()
    })
    const kit = await openSnippet(t, `retries.js url=${url} tries=2 skip=b.example,c.example`)
    t.match(await ask(kit), no('internal', 'nobody answers'))
    t.equal(questions, 2)
    t.strictSame(await ask(kit, { host: 'c.example' }), ACCEPTED)
    const soft = await openSnippet(t, `retries.js url=${url} mode=soft`)
    t.strictSame(await ask(soft), ACCEPTED)
    t.equal(questions, 5)
    status = 200
    t.strictSame(await ask(kit), ACCEPTED)
    status = 403
    t.match(await ask(kit), { kind: 'rejected', by: 'plugin', reason: 'policy' })
    const wrong = [
      ['trie=2', 'unknown option "trie"; did you mean tries?'],
      ['tries=many', 'option tries=many must be integer'],
    ] as const
    for (const [option, said] of wrong) {
      const message = `plugin.config:2: plugin retries: ${said}`
      await t.rejects(openSnippet(t, ['', `retries.js url=${url} ${option}`]), { message })
    }
  },
  'slow-down.test.js': t => runTest(t, 'slow-down.test.js', 3),
  'office-hours.ts': async t => {
    t.strictSame(await ask(await openSnippet(t, 'office-hours.js 0 24')), ACCEPTED)
    t.match(await ask(await openSnippet(t, 'office-hours.js 24')), no('policy', 'come back at 24'))
  },
  'typed.js': async t => {
    const kit = await openSnippet(t, 'typed.js')
    t.strictSame(await ask(kit), ACCEPTED)
    t.match(await ask(kit, { protocol: 'TLSv1.2' }), no('policy', 'TLSv1.2 is too old for us'))
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

atEnd(() => compiled.dir.remove())
