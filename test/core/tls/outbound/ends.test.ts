/** Longer than 250 lines because every way in which a handshake can end stands here, side by side. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import type { VerifyServerEvent } from '../../../../core/api/hooks.js'
import { reject } from '../../../../core/api/verdict.js'
import { ask } from '../../../../core/hooks/ask.js'
import { collectGarbage, collectNewGarbage } from '../../../kit/garbage.js'
import {
  type Ask,
  fetchText,
  Handshaker,
  type HandshakerOptions,
  liveHandshakes,
} from '../../../kit/handshakes.js'
import { type NodeOrigin, nodeOrigin } from '../../../kit/node-origin.js'
import { makeAuthority } from '../../../kit/pki.js'
import { type RawConnection, type RawScript, rawOrigin, scripts } from '../../../kit/raw-origin.js'
import { splittingRelay, tapRelay } from '../../../kit/relay.js'
import { within } from '../../../kit/watch.js'

// Own process: it collects all garbage many times, which takes long where other files have left much.

const HOST = 'foo.test'
const root = await makeAuthority({ name: 'Root' })
const leaf = await root.issue({ cn: HOST })
const yes: Ask = ({ reenable }) => void reenable()
const silent: Ask = () => {}

/** A continuation as a plugin writes it, called as the hooks call it. */
const plugin =
  (continuation: (event: VerifyServerEvent) => void | Promise<void>): Ask =>
  (event, refuse) =>
    ask<'TS_SSL_CERT_VERIFY_HOOK'>(continuation, event, refuse)

function origin(t: Test): Promise<NodeOrigin> {
  const started = nodeOrigin({ tls: { chainPem: leaf.chainPem, keyPem: leaf.keyPem } })
  t.teardown(async () => (await started).stop())
  return started
}

function handshaker(t: Test, asks: readonly Ask[], options?: HandshakerOptions): Handshaker {
  const made = new Handshaker(root.certPem, asks, options)
  t.teardown(() => made.stop())
  return made
}

/** Every close hook has run exactly once, and no native object of a handshake is left beside the context. */
async function cleanedUp(t: Test, made: Handshaker): Promise<void> {
  await sleep(20)
  t.same([...made.closed.values()], Array(made.closed.size).fill(1), 'each close hook ran exactly once')
  t.equal(liveHandshakes(), 1, 'only the context is left')
}

/** A plugin that hands over its event when it is asked, and says nothing. */
function holding(): { readonly ask: Ask; readonly asked: Promise<VerifyServerEvent> } {
  let tell: (event: VerifyServerEvent) => void
  const asked = new Promise<VerifyServerEvent>(resolve => {
    tell = resolve
  })
  return { ask: event => void tell(event), asked: within(asked, 'the hook') }
}

test('a parked handshake ends when the client leaves', async t => {
  const { port, failures, until } = await origin(t)
  const { ask: hold, asked } = holding()
  const made = handshaker(t, [hold])
  const client = new AbortController()
  const result = made.start(port, HOST, client.signal).catch(error => error)
  const event = await asked
  t.notOk(event.signal.aborted)
  event.schedule(() => void t.fail('a scheduled continuation ran for nobody'), 10)
  client.abort()
  t.match(await result, { code: 'PTC_CLIENT_GONE' })
  t.ok(event.signal.aborted, 'the plugin hears of it')
  t.equal(event.reenable(), 'ignored', 'and its answer reaches nothing')
  t.same(made.log, ['parked plugin0', 'ignored plugin0 late'], 'which is logged')
  await until(() => failures[0], 'the origin to notice')
  await cleanedUp(t, made)
})

test('a parked handshake ends when the origin leaves', async t => {
  const relay = await tapRelay((await origin(t)).port)
  const { ask: hold, asked } = holding()
  const made = handshaker(t, [hold])
  const result = made.start(relay.port, HOST).catch(error => error)
  const event = await asked
  event.signal.addEventListener('abort', () => t.pass('the plugin hears of it'))
  await relay.stop()
  t.match(await result, { code: 'PTC_HANDSHAKE_CLOSED' })
  t.equal(event.reenable(reject('policy')), 'ignored')
  await cleanedUp(t, made)
})

test('a second answer to a parked handshake reaches nothing', async t => {
  const { port } = await origin(t)
  const answers: string[] = []
  const made = handshaker(t, [
    ({ reenable }) => void answers.push(reenable(), reenable(reject('policy')), reenable()),
  ])
  const opened = await made.start(port, HOST)
  t.same(answers, ['counted', 'ignored', 'ignored'], 'the first answer counts')
  t.same(made.log, ['parked plugin0', 'ignored plugin0 second', 'ignored plugin0 second'])
  opened.link.destroy()
  await cleanedUp(t, made)
})

const FAILURES: Record<string, Ask> = {
  throws: plugin(() => {
    throw new TypeError('no such list')
  }),
  'rejects its promise': plugin(async () => {
    await sleep(5)
    throw new TypeError('no such list')
  }),
  'throws in a scheduled continuation': plugin(({ schedule }) =>
    schedule(() => {
      throw new TypeError('no such list')
    }, 5),
  ),
}

for (const [name, failing] of Object.entries(FAILURES)) {
  test(`a plugin that ${name} has answered no`, async t => {
    const { port, failures, until } = await origin(t)
    const made = handshaker(t, [failing, () => t.fail('the next plugin is asked')])
    await t.rejects(made.start(port, HOST), {
      code: 'PTC_VERIFY_PLUGIN_FAILED',
      rejection: { by: 'plugin-failed', plugin: 'plugin0', detail: 'no such list' },
    })
    t.match(await until(() => failures[0], 'the alert'), /BAD_CERTIFICATE/, 'the origin has its alert')
    await cleanedUp(t, made)
  })
}

test('a handshake that cannot begin closes its connection', async t => {
  const { port } = await origin(t)
  const made = handshaker(t, [yes])
  // Longer than OpenSSL takes. No rule can say it: names are checked when they are read.
  await t.rejects(made.start(port, 'x'.repeat(300)), { code: 'PTC_HANDSHAKE_FAILED' })
  await cleanedUp(t, made)
})

test('a parked handshake without an answer ends at its deadline', async t => {
  const { port, failures, until } = await origin(t)
  const made = handshaker(t, [yes, silent], { deadline: 60 })
  await t.rejects(made.start(port, HOST), { code: 'PTC_VERIFY_TIMEOUT', rejection: { plugin: 'plugin1' } })
  t.match(await until(() => failures[0], 'the alert'), /HANDSHAKE_FAILURE/)
  await cleanedUp(t, made)
  const own = handshaker(t, [silent, yes], { ownDeadlines: [40, undefined] })
  await t.rejects(
    own.start(port, HOST),
    { code: 'PTC_VERIFY_TIMEOUT', rejection: { plugin: 'plugin0' } },
    'or not within its own deadline',
  )
})

test('the second of two plugins can reject a parked handshake', async t => {
  const { port, handshakes } = await origin(t)
  const made = handshaker(t, [yes, ({ reenable }) => void reenable(reject('expired', 'by the book'))])
  const why = await made.start(port, HOST).catch(error => error)
  t.match(why.rejection, { plugin: 'plugin1', code: 10, detail: 'by the book' })
  t.equal(handshakes.length, 0, 'and the origin has finished no handshake')
  await cleanedUp(t, made)
})

const BROKEN: Record<string, { readonly script: RawScript; readonly code: string }> = {
  'speaks no TLS': { script: scripts.garbage, code: 'PTC_HANDSHAKE_FAILED' },
  'sends an alert': { script: scripts.alert(40), code: 'PTC_HANDSHAKE_ALERT' },
  'closes at once': { script: scripts.closeAtOnce, code: 'PTC_HANDSHAKE_CLOSED' },
  'resets the connection': { script: resetAfterHello, code: 'PTC_HANDSHAKE_CLOSED' },
  'says nothing': { script: scripts.silence, code: 'PTC_HANDSHAKE_TIMEOUT' },
  'has no certificate': { script: emptyChain, code: 'PTC_HANDSHAKE_FAILED' },
}

for (const [name, { script, code }] of Object.entries(BROKEN)) {
  test(`an origin that ${name}`, async t => {
    const raw = await rawOrigin(script)
    t.teardown(() => raw.stop())
    const made = handshaker(t, [() => t.fail('the hook is called')], { originTimeout: 200 })
    await t.rejects(made.start(raw.port, HOST), { code })
    await cleanedUp(t, made)
  })
}

async function resetAfterHello(connection: RawConnection): Promise<void> {
  await connection.untilBytes(1)
  connection.reset()
}

/** A TLS 1.2 ServerHello, and a Certificate message with an empty list. */
async function emptyChain(connection: RawConnection): Promise<void> {
  await connection.untilBytes(1)
  const hello = `0303${'11'.repeat(32)}00c02b000005ff01000100`
  const messages = Buffer.from(
    `0200${(hello.length / 2).toString(16).padStart(4, '0')}${hello}0b000003000000`,
    'hex',
  )
  connection.send(Buffer.concat([Buffer.from([22, 3, 3, 0, messages.length]), messages]))
}

test('a handshake survives records that are split at every byte', async t => {
  const relay = await splittingRelay((await origin(t)).port, 1)
  t.teardown(() => relay.stop())
  const made = handshaker(t, [yes])
  const opened = await made.start(relay.port, HOST)
  t.match(
    await fetchText(opened, `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`),
    /^HTTP\/1.1 200 OK/,
  )
  opened.link.destroy()
  await cleanedUp(t, made)
})

test('a chain of 100 certificates is shown in full', async t => {
  const others = await Promise.all(Array.from({ length: 99 }, (_, i) => root.issue({ cn: `other${i}.test` })))
  const chainPem = leaf.certPem + others.map(({ certPem }) => certPem).join('')
  const long = await nodeOrigin({ tls: { chainPem, keyPem: leaf.keyPem } })
  t.teardown(() => long.stop())
  let seen = 0
  const made = handshaker(t, [
    ({ chain, reenable }) => {
      seen = new Set(chain.map(({ sha256 }) => sha256)).size
      reenable()
    },
  ])
  const opened = await made.start(long.port, HOST)
  t.equal(seen, 100, 'is shown to the plugin whole')
  opened.link.destroy()
  await cleanedUp(t, made)
})

test('bytes that an origin sends while parked do not end the wait', async t => {
  const { port } = await origin(t)
  const { ask: hold, asked } = holding()
  const made = handshaker(t, [hold])
  const relay = await rawOrigin(async connection => {
    const upstream = await import('node:net').then(net => net.connect(port, '127.0.0.1'))
    upstream.on('data', bytes => connection.send(bytes))
    await connection.untilBytes(1)
    upstream.write(connection.bytes())
    await asked
    connection.send(Buffer.alloc(1_000_000))
    upstream.destroy()
  })
  t.teardown(() => relay.stop())
  await t.rejects(
    made.start(relay.port, HOST),
    { code: 'PTC_HANDSHAKE_FAILED' },
    'is not listened to for ever',
  )
  await cleanedUp(t, made)
})

test('many handshakes survive forced garbage collection', async t => {
  const { port } = await origin(t)
  const made = handshaker(t, [
    plugin(async ({ reenable, chain }) => {
      collectNewGarbage()
      await sleep(1)
      collectGarbage()
      reenable(chain[0]?.subject === `/CN=${HOST}` ? undefined : reject('policy'))
    }),
  ])
  for (let i = 0; i < 20; i++) {
    const opened = await Promise.all(Array.from({ length: 5 }, () => made.start(port, HOST)))
    collectGarbage()
    for (const { link } of opened) link.destroy()
  }
  await cleanedUp(t, made)
})
