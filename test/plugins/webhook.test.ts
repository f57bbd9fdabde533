import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { type Test, test } from 'tap'
import { makeChain } from '../../core/testing/kit.js'
import { Circuit } from '../../plugins/webhook/circuit.js'
import { RetryBudget } from '../../plugins/webhook/retry-budget.js'
import { atEnd } from '../kit/at-end.js'
import { withUnreadableDates } from '../kit/carrying.js'
import { startService } from '../kit/tcp-server.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { poll } from '../kit/watch.js'
import { ACCEPTED, openPlugins, rejected } from './kit.js'

const dir = makeTempDir()
const host = 'a.example'
const FAILED = rejected('webhook', 'internal', 'the service that decides has failed about a.example')
const RESTS = rejected(
  'webhook',
  'internal',
  'the service that decides has failed too often, and is not asked for a while',
)

type Say = (response: ServerResponse) => void
const json =
  (answer: unknown): Say =>
  response =>
    void response.setHeader('content-type', 'application/json; charset=utf-8').end(JSON.stringify(answer))
const status =
  (code: number): Say =>
  response =>
    void response.writeHead(code).end()
const YES = json({ verdict: 'accept' })

interface Service {
  readonly url: string
  readonly asked: { readonly headers: IncomingHttpHeaders; readonly body: string }[]
  /** What it says, one for each request; the last one goes on. */
  says: Say[]
}

async function service(t: Test, ...says: Say[]): Promise<Service> {
  const made: Service = { url: '', asked: [], says }
  const url = await startService(t, async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    made.asked.push({ headers: request.headers, body })
    const say = made.says.length > 1 ? made.says.shift() : made.says[0]
    say?.(response)
  })
  return Object.assign(made, { url })
}

async function ask(t: Test, line: string, more = {}) {
  const kit = await openPlugins(t, line)
  return await (await kit.park({ host, ...more })).ended(20_000)
}

for (const isolate of ['', '@isolate=worker '])
  test(`webhook does what the service says, and accepts nothing else ${isolate}`, async t => {
    const at = await service(t, YES)
    const kit = await openPlugins(t, `webhook ${isolate}url=${at.url} retries=0 breaker=0`)
    const of = async (say: Say) => {
      at.says = [say]
      return await (await kit.park({ host })).ended(20_000)
    }
    t.strictSame(await of(YES), ACCEPTED)
    t.match(
      await of(json({ verdict: 'reject', reason: 'revoked', detail: 'on the list' })),
      rejected('webhook', 'revoked', 'on the list'),
    )
    for (const answer of [null, 'accept', {}, { verdict: 'accept', since: 1 }, { ok: true }])
      t.match(await of(json(answer)), FAILED, JSON.stringify(answer))
    t.match(await of(response => response.end('{"verdict":"accept"} junk')), FAILED, 'what is no JSON')
    t.match(
      await of(response => response.setHeader('content-type', 'text/html').end('{"verdict":"accept"}')),
      FAILED,
      'another type',
    )
    t.match(await of(response => response.writeHead(302, { location: at.url }).end()), FAILED, 'a redirect')
    t.match(await of(response => response.writeHead(404).end('{"verdict":"accept"}')), FAILED)
    const large = JSON.stringify({ verdict: 'accept', detail: 'x'.repeat(70_000) })
    t.match(
      await of(response => response.setHeader('content-type', 'application/json').end(large)),
      FAILED,
      'too large',
    )
    t.match(await of(response => response.destroy()), FAILED, 'nothing')
    await kit.logged(/ERROR \[webhook\] the service, asked about a\.example: it answers 404 \(1 tries\)/)
  })

test('what is sent is signed, with every secret of the file, and tells what the origin has shown', async t => {
  const at = await service(t, YES)
  const secrets = [Buffer.alloc(24, 7), Buffer.from('another secret, as text')]
  const file = dir.file(
    'secret',
    `# new and old\nwhsec_${secrets[0]?.toString('base64')}\nanother secret, as text\n`,
  )
  t.strictSame(
    await ask(t, `webhook url=${at.url} secret_file=${file}`, { port: 8443, client: { user: 'alice' } }),
    ACCEPTED,
  )
  const [{ headers, body } = { headers: {}, body: '' }] = at.asked
  t.match(JSON.parse(body), { version: 1, host, port: 8443, chain: [{ pem: /^-----BEGIN/ }] })
  t.notOk('client' in JSON.parse(body))
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const expected = secrets.map(secret => `v1,${createHmac('sha256', secret).update(signed).digest('base64')}`)
  t.equal(headers['webhook-signature'], expected.join(' '))
  t.ok(Math.abs(Number(headers['webhook-timestamp']) - Date.now() / 1000) < 60)
  t.equal(headers['content-type'], 'application/json')
  t.strictSame(
    await ask(t, `webhook url=${at.url} client=true`, { client: { user: 'alice', address: '192.0.2.7' } }),
    ACCEPTED,
  )
  t.match(JSON.parse(at.asked[1]?.body ?? ''), {
    client: { user: 'alice', address: '192.0.2.7' },
    transaction: { method: 'GET' },
  })
  t.equal(at.asked[1]?.headers['webhook-signature'], undefined)
  const undated = withUnreadableDates(await makeChain({ names: [host] }))
  t.strictSame(await ask(t, `webhook url=${at.url}`, { chain: undated }), ACCEPTED)
  t.match(JSON.parse(at.asked[2]?.body ?? ''), { chain: [{ notBefore: null, notAfter: null }] })
})

test('a secret that cannot be used rejects', async t => {
  const at = await service(t, YES)
  const file = dir.file('changing', 'a secret of enough bytes')
  const kit = await openPlugins(t, `webhook url=${at.url} secret_file=${file}`)
  t.strictSame(await (await kit.park({ host })).ended(), ACCEPTED)
  writeFileSync(file, 'short')
  t.match(
    await (await kit.park({ host })).ended(),
    rejected('webhook', 'internal', 'the secret of the service that decides cannot be used'),
  )
  t.notMatch(kit.log.join(), /a secret of enough|: short/)
  for (const [text, message] of [
    ['', /has no secret/],
    ['short', /less than 16 bytes/],
  ] as const)
    await t.rejects(openPlugins(t, `webhook url=${at.url} secret_file=${dir.file('bad', text)}`), { message })
})

test('a failure that may pass is tried again, with one id, within one time', async t => {
  const at = await service(t, status(503), response => response.destroy(), YES)
  t.strictSame(await ask(t, `webhook url=${at.url} retries=2`), ACCEPTED)
  t.equal(new Set(at.asked.map(({ headers }) => headers['webhook-id'])).size, 1)
  t.equal(at.asked.length, 3)
  const failing = await service(t, status(503))
  t.match(await ask(t, `webhook url=${failing.url} retries=2`), FAILED)
  t.equal(failing.asked.length, 3)
  const refusing = await service(t, status(403), YES)
  t.match(await ask(t, `webhook url=${refusing.url} retries=2`), FAILED)
  t.equal(refusing.asked.length, 1, 'not what will not pass')
  const silent = await service(t, () => undefined)
  const began = Date.now()
  t.match(await ask(t, `webhook url=${silent.url} timeout=300 retries=10`), FAILED)
  const drip: Say = response => {
    response.setHeader('content-type', 'application/json')
    const timer = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(timer))
  }
  t.match(await ask(t, `webhook url=${(await service(t, drip)).url} timeout=300`), FAILED, 'a slow drip')
  t.ok(Date.now() - began < 15_000)
})

test('retries over all questions are bounded', async t => {
  const budget = new RetryBudget()
  const spend = (): number => {
    let count = 0
    while (budget.spend()) count++
    return count
  }
  t.equal(spend(), 10)
  for (let i = 0; i < 10; i++) budget.earn()
  t.equal(spend(), 2)
  t.equal(new Circuit(0).failed(), false)
})

test('a service that fails again and again is not asked for a while', async t => {
  let now = 0
  const circuit = new Circuit(2, () => now)
  t.equal(circuit.enter() && circuit.failed(), false)
  t.equal(circuit.enter() && circuit.failed(), true, 'it opens')
  t.notOk(circuit.enter())
  now += 10_000
  t.ok(circuit.enter())
  t.notOk(circuit.enter(), 'one question probes')
  circuit.failed()
  t.notOk(circuit.enter(), 'and a failure opens it again')
  now += 10_000
  t.ok(circuit.enter())
  circuit.abandoned()
  t.ok(circuit.enter(), 'a client that leaves decides nothing')
  circuit.succeeded()
  t.ok(circuit.enter() && circuit.enter(), 'closed')

  const at = await service(t, status(500))
  const kit = await openPlugins(t, `webhook url=${at.url} retries=0 breaker=2`)
  const of = async () => await (await kit.park({ host })).ended()
  t.match(await of(), FAILED)
  t.match(await of(), FAILED)
  at.says = [YES]
  t.match(await of(), RESTS)
  t.equal(at.asked.length, 2)
  await kit.logged(/2 failures in a row/)
})

test('a service that is down, and clients that leave', async t => {
  t.match(await ask(t, 'webhook url=http://127.0.0.1:1/ timeout=2000'), FAILED)
  const at = await service(t, () => undefined)
  const kit = await openPlugins(t, `webhook url=${at.url} breaker=1`)
  const handshake = await kit.park({ host })
  await poll(() => at.asked.length > 0, 'the question')
  handshake.leave()
  t.strictSame(handshake.outcome, { kind: 'left' })
  at.says = [YES]
  t.strictSame(await (await kit.park({ host })).ended(), ACCEPTED, 'which is no failure of the service')
})

test('one question for all that ask the same, unless clients are named', async t => {
  const at = await service(t, response => void setTimeout(() => YES(response), 300))
  const chain = await makeChain({ names: [host] })
  for (const [options, count] of [
    ['', 1],
    ['client=true', 3],
  ] as const) {
    at.asked.length = 0
    const kit = await openPlugins(t, `webhook url=${at.url} ${options}`)
    const all = await Promise.all([1, 2, 3].map(() => kit.park({ host, chain })))
    for (const one of all) t.strictSame(await one.ended(), ACCEPTED)
    t.equal(at.asked.length, count)
  }
})

test('a failed built-in check is overruled only where the line says so', async t => {
  const at = await service(t, YES)
  const builtIn = 'X509_V_ERR_CERT_HAS_EXPIRED'
  t.match(await ask(t, `webhook url=${at.url}`, { builtIn }), rejected('webhook', builtIn))
  t.equal(at.asked.length, 0)
  t.strictSame(await ask(t, `webhook overrule=true url=${at.url}`, { builtIn }), ACCEPTED)
})

atEnd(() => dir.remove())
