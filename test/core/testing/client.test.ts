import { type Test, test } from 'tap'
import { certificatesOf, makeChain } from '../../../core/testing/kit.js'
import { open, plugin } from './plugins.js'

const HELLO = {
  sni: 'a.example',
  alpn: ['http/1.1'],
  versions: ['TLSv1.3'],
  ciphers: [0x1301],
  extensions: [0],
  extension: () => undefined,
  raw: Buffer.alloc(0),
}

const on = (hook: string, name: string, continuation: string): void => plugin(name, continuation, '', hook)

const namesOf = (calls: readonly { readonly plugin: string }[]): string[] => calls.map(call => call.plugin)

test('a ClientHello is held until the plugins have answered', async t => {
  on('TS_SSL_CLIENT_HELLO_HOOK', 'waits', '({ schedule, reenable }) => schedule(() => { reenable() }, 1000)')
  on(
    'TS_SSL_CLIENT_HELLO_HOOK',
    'picky',
    `({ sni, alpn, vconn, reenable }) => {
    note([sni, alpn.join(), vconn.direction].join()); reenable(sni === 'a.example' ? accept() : reject('policy', 'no')) }`,
  )
  const kit = await open(t, ['waits.mjs', 'picky.mjs'])

  const good = await kit.parkClient('TS_SSL_CLIENT_HELLO_HOOK', HELLO)
  t.equal(good.outcome, undefined)
  t.strictSame(namesOf(good.calls), ['waits'])
  await kit.advance(1000)
  t.strictSame(good.outcome, { kind: 'accepted', by: 'plugins' })
  t.strictSame(namesOf(good.calls), ['waits', 'picky'])
  t.strictSame(kit.log, ['NOTE [picky] a.example,http/1.1,inbound'])

  const bad = await kit.parkClient('TS_SSL_CLIENT_HELLO_HOOK', { ...HELLO, sni: 'b.example' })
  await kit.advance(1000)
  t.strictSame(bad.outcome, {
    kind: 'rejected',
    by: 'plugin',
    plugin: 'picky',
    reason: 'policy',
    detail: 'no',
  })

  const left = await kit.parkClient('TS_SSL_CLIENT_HELLO_HOOK', HELLO)
  left.leave()
  await kit.advance(10_000)
  t.strictSame(left.outcome, { kind: 'left' })
  t.strictSame(namesOf(left.calls), ['waits'])
})

test('a client is refused when a plugin fails or stays silent', async t => {
  on('TS_SSL_CLIENT_HELLO_HOOK', 'fails', '() => { throw new Error("boom") }')
  on('TS_SSL_CLIENT_HELLO_HOOK', 'silent', '({ signal }) => { signal.onabort = () => note("aborted") }')
  const refused = async (t: Test, line: string, ms: number) => {
    const kit = await open(t, line)
    const handshake = await kit.parkClient('TS_SSL_CLIENT_HELLO_HOOK', HELLO)
    await kit.advance(ms - 1)
    const before = handshake.outcome
    await kit.advance(1)
    return { before, outcome: handshake.outcome, calls: handshake.calls, log: kit.log }
  }
  const failed = await refused(t, 'fails.mjs', 1)
  t.match(failed.outcome, { kind: 'rejected', by: 'plugin-failed', plugin: 'fails', detail: 'boom' })
  t.match(failed.calls, [{ failures: [{ message: 'boom' }] }])
  for (const [line, ms] of [
    ['silent.mjs @deadline=500', 500],
    ['silent.mjs', 30_000],
  ] as const) {
    const late = await refused(t, line, ms)
    t.equal(late.before, undefined, line)
    t.match(late.outcome, { kind: 'rejected', by: 'deadline', plugin: 'silent' }, line)
    t.strictSame(late.log, ['NOTE [silent] aborted'], line)
  }
})

test('a session that is handed over ends the questions', async t => {
  on(
    'TS_SSL_SESSION_HOOK',
    'store',
    `event => {
    if (event.op !== 'get') return note(event.op + ' ' + event.id)
    note(event.provide(Buffer.from('session of ' + event.id))); event.reenable() }`,
  )
  const kit = await open(t, ['store.mjs', 'store.mjs'])
  const ask = async (isGood: boolean) => {
    const provided: string[] = []
    const provide = (session: Uint8Array): boolean => {
      provided.push(Buffer.from(session).toString())
      return isGood
    }
    const { outcome, calls } = await kit.parkClient('TS_SSL_SESSION_HOOK', {
      op: 'get',
      id: Buffer.from('7'),
      provide,
    })
    return { kind: outcome?.kind, provided, calls: calls.length }
  }
  t.strictSame(await ask(true), { kind: 'accepted', provided: ['session of 7'], calls: 1 })
  t.strictSame(await ask(false), { kind: 'accepted', provided: ['session of 7', 'session of 7'], calls: 2 })
  await kit.tell('TS_SSL_SESSION_HOOK', { op: 'remove', id: Buffer.from('8') })
  t.strictSame(kit.log.slice(-2), ['NOTE [store] remove 8', 'NOTE [store] remove 8'])
})

test("plugins see the certificate shown and the client's own", async t => {
  on('TS_SSL_CERT_HOOK', 'chooses', '({ use, sni, reenable }) => { use("for " + sni); reenable() }')
  on(
    'TS_SSL_VERIFY_CLIENT_HOOK',
    'sees',
    "({ chain, reenable }) => { reenable(reject('revoked', chain[0].subject)) }",
  )
  const kit = await open(t, ['chooses.mjs', 'sees.mjs'])
  const used: unknown[] = []
  const use = (certificate: unknown): void => void used.push(certificate)
  const shown = await kit.parkClient('TS_SSL_CERT_HOOK', { sni: 'a.example', use })
  t.equal(shown.outcome?.kind, 'accepted')
  t.strictSame(used, ['for a.example'])
  const chain = certificatesOf(await makeChain({ subject: '/CN=client 7' }))
  const facts = { chain, isResumed: false, protocol: 'TLSv1.3', cipher: 'x', alpn: undefined }
  const client = await kit.parkClient('TS_SSL_VERIFY_CLIENT_HOOK', facts)
  t.match(client.outcome, { kind: 'rejected', by: 'plugin', reason: 'revoked', detail: '/CN=client 7' })
})

test('a hook without plugins asks none', async t => {
  const kit = await open(t, 'yes.mjs')
  const { outcome, calls } = await kit.parkClient('TS_SSL_CLIENT_HELLO_HOOK', HELLO)
  t.strictSame(outcome, { kind: 'accepted', by: 'nobody' })
  t.strictSame(calls, [])
})
