import type { ServerResponse } from 'node:http'
import { type Test, test } from 'tap'
import { makeChain } from '../../core/testing/kit.js'
import { startService } from '../kit/tcp-server.js'
import { poll } from '../kit/watch.js'
import { ACCEPTED, openSamples, rejected } from './kit.js'

interface Service {
  readonly url: string
  readonly questions: { readonly host: string; readonly port: number; readonly chain: readonly string[] }[]
  answer: (response: ServerResponse) => void
  /** Resolves when a question was given up. */
  readonly aborted: Promise<void>
}

const says = (answer: unknown) => (response: ServerResponse) => void response.end(JSON.stringify(answer))

async function service(t: Test): Promise<Service> {
  let abort = (): void => undefined
  const aborted = new Promise<void>(resolve => {
    abort = resolve
  })
  const made: Service = { url: '', questions: [], answer: says({ ok: true }), aborted }
  const url = await startService(t, async (request, response) => {
    response.on('close', () => (response.writableEnded ? undefined : abort()))
    let text = ''
    for await (const part of request) text += part
    made.questions.push(JSON.parse(text))
    made.answer(response)
  })
  return Object.assign(made, { url })
}

const host = 'a.example'

test('ask_service does what the service says', async t => {
  const asked = await service(t)
  const kit = await openSamples(t, `ask_service.so url=${asked.url}`)
  const ask = async () => await (await kit.park({ host, port: 8443 })).ended()

  t.strictSame(await ask(), ACCEPTED)
  t.match(asked.questions, [{ host, port: 8443, chain: [/^-----BEGIN CERTIFICATE-----/] }])
  asked.answer = says({ ok: false, why: 'on the list' })
  t.match(await ask(), rejected('ask_service', 'policy', 'on the list'))
  asked.answer = response => response.writeHead(503).end()
  t.match(await ask(), rejected('ask_service', 'internal', 'the service answers with status 503'))
  for (const nonsense of [null, 'yes', { ok: 'true' }, {}]) {
    asked.answer = says(nonsense)
    t.match(await ask(), rejected('ask_service', 'policy', 'the service says no'), JSON.stringify(nonsense))
  }
  asked.answer = response => response.end('<html>')
  t.match(await ask(), { kind: 'rejected', by: 'plugin-failed' }, 'what is no JSON')
  asked.answer = response => response.destroy()
  t.match(await ask(), { kind: 'rejected', by: 'plugin-failed', detail: 'fetch failed' })
  asked.answer = response => response.writeHead(302, { location: '/ok' }).end()
  t.match(await ask(), { kind: 'rejected', by: 'plugin-failed' }, 'a redirection is no answer')
})

test('ask_service asks no more than it has to', async t => {
  const asked = await service(t)
  const kit = await openSamples(t, `ask_service.so url=${asked.url} cache_ms=60000`)
  const builtIn = 'X509_V_ERR_CERT_REVOKED'
  t.match((await kit.park({ host, builtIn })).outcome, rejected('ask_service', builtIn))
  t.equal(asked.questions.length, 0, 'nothing about what is refused anyway')

  const chain = await makeChain({ names: [host] })
  const together = await Promise.all([1, 2, 3].map(() => kit.park({ host, chain })))
  for (const handshake of together) t.strictSame(await handshake.ended(), ACCEPTED)
  t.equal(asked.questions.length, 1, 'one question for all who show the same')
  t.strictSame((await kit.park({ host, chain })).outcome, ACCEPTED)
  t.equal(asked.questions.length, 1, 'and for those who come while the answer holds')
})

test('a question of ask_service ends when its client leaves', async t => {
  const asked = await service(t)
  asked.answer = () => undefined
  const kit = await openSamples(t, `ask_service.so url=${asked.url}`)
  const handshake = await kit.park({ host })
  await poll(() => asked.questions.length > 0, 'the question')
  handshake.leave()
  await asked.aborted
  t.strictSame(handshake.outcome, { kind: 'left' })
})

test('a question of ask_service ends with its deadline', async t => {
  const asked = await service(t)
  asked.answer = () => undefined
  const kit = await openSamples(t, `ask_service.so @deadline=2000 url=${asked.url}`)
  const handshake = await kit.park({ host })
  await kit.advance(2000)
  await asked.aborted
  t.match(handshake.outcome, { kind: 'rejected', by: 'deadline', plugin: 'ask_service' })
})
