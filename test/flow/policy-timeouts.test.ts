/** The time limits of sni.yaml: how long a rule lets its origins take, each counted where it begins. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { get } from '../kit/client.js'
import { type Connecting, type ConnectingOptions, httpsOrigin, startConnecting } from '../kit/connecting.js'
import { deafPort } from '../kit/deaf-port.js'
import { liveHandshakes } from '../kit/handshakes.js'
import type { HttpResponse } from '../kit/http-response.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { rawOrigin, scripts } from '../kit/raw-origin.js'
import { slowRelay } from '../kit/relay.js'

const HASTY = 'hasty.test'
const PATIENT = 'patient.test'

function stage(t: Test, keys: string, options: Partial<ConnectingOptions> = {}): Promise<Connecting> {
  const files = { 'sni.yaml': `sni: [{fqdn: ${HASTY}, ${keys}}]` }
  return startConnecting(t, { hosts: [HASTY, PATIENT], files, ...options })
}

/** The answer, and how long it took. */
async function timed(ask: () => Promise<HttpResponse>): Promise<HttpResponse & { readonly ms: number }> {
  const start = performance.now()
  return { ...(await ask()), ms: performance.now() - start }
}

/** By the request itself, and by the handshake before a tunnel. */
function asking({ proxy, ask }: Connecting, host: string, port: number) {
  return {
    'a request': () => get(proxy.port, `https://${host}:${port}/`),
    'a CONNECT': async () => (await ask(`${host}:${port}`)).response('CONNECT'),
  }
}

async function endsIn(t: Test, it: Connecting, port: number, why: RegExp): Promise<void> {
  const patient = Object.entries(asking(it, PATIENT, port)).map(async ([what, ask]) => {
    const waits = await Promise.race([ask().catch(() => 'ends'), sleep(700, 'waits')])
    t.equal(waits, 'waits', `${what} to another origin has the time of the records`)
  })
  const hasty = Object.entries(asking(it, HASTY, port)).map(async ([what, ask]) => {
    const { status, body, ms } = await timed(ask)
    t.equal(status, 504, `${what} gets 504`)
    t.match(body.toString(), why)
    t.ok(ms > 250 && ms < 1500, `in the time of its rule (${Math.round(ms)} ms)`)
  })
  await Promise.all([...patient, ...hasty])
}

test('connect_timeout_ms: an origin that does not accept', async t => {
  const it = await stage(t, 'connect_timeout_ms: 300')
  const deaf = await deafPort()
  t.teardown(deaf.stop)
  await endsIn(t, it, deaf.port, /did not accept within 300 ms[\s\S]*PTC_CONNECT_TIMEOUT/)
})

test('connect_timeout_ms: it limits an unverified tunnel too', async t => {
  const it = await stage(t, 'connect_timeout_ms: 300, connect_verify: tunnel')
  const deaf = await deafPort()
  t.teardown(deaf.stop)
  const { status, ms } = await timed(async () => (await it.ask(`${HASTY}:${deaf.port}`)).response('CONNECT'))
  t.equal(status, 504)
  t.ok(ms < 1500, `${ms} ms`)
})

test('total_timeout_ms: an origin that does not accept', async t => {
  const it = await stage(t, 'total_timeout_ms: 300')
  const deaf = await deafPort()
  t.teardown(deaf.stop)
  await endsIn(t, it, deaf.port, /did not accept within 300 ms[\s\S]*PTC_CONNECT_TIMEOUT/)
})

for (const key of ['total_timeout_ms', 'handshake_timeout_ms']) {
  test(`${key}: an origin that says nothing`, async t => {
    const it = await stage(t, `${key}: 300`)
    const silent = await rawOrigin(scripts.silence)
    t.teardown(silent.stop)
    await endsIn(t, it, silent.port, /PTC_HANDSHAKE_TIMEOUT/)
  })
}

test('total_timeout_ms: an origin that is slow in all it does', async t => {
  const it = await stage(t, 'total_timeout_ms: 400')
  const origin = await httpsOrigin(t, HASTY, PATIENT)
  const slow = await slowRelay(origin.port, 300)
  t.teardown(slow.stop)
  for (const [what, ask] of Object.entries(asking(it, HASTY, slow.port)))
    t.equal((await timed(ask)).status, 504, `${what}: several short waits are one long one`)
  t.equal((await get(it.proxy.port, `https://${PATIENT}:${slow.port}/`)).status, 200)
})

test('total_timeout_ms: the time of the plugins does not count, nor that of the response', async t => {
  const it = await stage(t, 'total_timeout_ms: 300', {
    answer: ({ reenable }) => void setTimeout(reenable, 500),
  })
  const leaf = await it.root.issue({ cn: HASTY })
  const origin = await nodeOrigin({
    tls: leaf,
    handler: (_, response) => void setTimeout(() => response.end('slowly'), 500),
  })
  t.teardown(origin.stop)
  const { status, body, ms } = await timed(() => get(it.proxy.port, `https://${HASTY}:${origin.port}/`))
  t.match({ status, body: body.toString() }, { status: 200, body: 'slowly' })
  t.ok(ms >= 1000)
})

test('no handshake is left when all proxies have stopped', async t => {
  t.equal(liveHandshakes(), 0, 'nothing native is left')
})
