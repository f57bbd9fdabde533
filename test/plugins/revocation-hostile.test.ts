/** Sources that are slow, down or lying: none of them is an answer, and none holds a handshake. */
import type { ServerResponse } from 'node:http'
import { test } from 'tap'
import { makeResponse } from '../kit/ocsp.js'
import { makeAuthority } from '../kit/pki.js'
import { poll } from '../kit/watch.js'
import { openPlugins, rejected } from './kit.js'
import {
  type Answer,
  HOST,
  leafOf,
  listOf,
  openRevocation,
  root,
  sends,
  startSource,
  withList,
  withResponder,
} from './revocation-kit.js'

const FAILED = rejected('revocation', 'internal')
const namesake = await makeAuthority({ name: 'Revocation Root', serial: '0105' })
const other = leafOf('basicConstraints=CA:FALSE')

function drip(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': 50_000 })
  const timer = setInterval(() => response.write('x'), 20)
  response.on('close', () => clearInterval(timer))
}

interface Good {
  readonly bytes: Buffer
  readonly type: string
  readonly limit: number
}

/** What a source may send in place of a good answer. */
const HOSTILE: readonly (readonly [string, (good: Good) => Answer, RegExp])[] = [
  ['nothing', () => () => undefined, /no answer within/],
  ['a drip', () => drip, /no answer within/],
  ['the end of the connection', () => response => response.destroy(), /PTC_ORIGIN_|PTC_FETCH/],
  ['an error', () => response => response.writeHead(500).end(), /status 500/],
  ['a redirect loop', () => (response, _body, url) => redirect(response, url), /more than 3 redirects/],
  ['a redirect to https', () => response => redirect(response, 'https://127.0.0.1/'), /another scheme/],
  ['a redirect to a file', () => response => redirect(response, 'file:///etc/passwd'), /is not fetched/],
  ['another type', ({ bytes }) => sends(bytes, 'text/html'), /is of type "text\/html"/],
  [
    'too much',
    ({ limit }) =>
      response =>
        response.writeHead(200, { 'content-length': limit + 1 }).flushHeaders(),
    /has more than/,
  ],
  ['half of it', ({ bytes, type }) => sends(bytes.subarray(0, bytes.length / 2), type), /not the DER/],
  ['a page', ({ type }) => sends(Buffer.from('<html>maintenance</html>'), type), /not the DER/],
  ['random bytes', ({ type }) => sends(Buffer.alloc(3000, 0x30), type), /not the DER/],
  [
    'deep nesting',
    ({ type }) => sends(Buffer.alloc(60_000, Buffer.from('3080', 'hex')), type),
    /not the DER/,
  ],
]

const redirect = (response: ServerResponse, location: string): void =>
  void response.writeHead(302, { location }).end()

type Leaf = ReturnType<typeof leafOf>

const KINDS = {
  list: {
    at: withList,
    good: (): Good => ({ bytes: listOf(root, []), type: 'application/pkix-crl', limit: 67_108_864 }),
    forged: () => [listOf(namesake, [])],
  },
  responder: {
    at: withResponder,
    good: (subject: Leaf): Good => ({
      bytes: makeResponse({ subject, issuer: root, signer: root }),
      type: 'application/ocsp-response',
      limit: 65_536,
    }),
    forged: (subject: Leaf) => [
      makeResponse({ subject, issuer: root, signer: namesake }),
      makeResponse({ subject, issuer: namesake, signer: namesake }),
      makeResponse({ subject: other, issuer: root, signer: root }),
    ],
  },
} as const

for (const [kind, { at, good, forged }] of Object.entries(KINDS)) {
  test(`a ${kind} that lies gives no answer, and holds no handshake`, async t => {
    for (const [what, make, why] of HOSTILE) {
      const source = await startSource(t)
      const leaf = leafOf(at(`${source.url}/at`))
      source.answers['/at'] = make(good(leaf))
      // Only what is silent has to wait for the end of the time.
      const timeout = why.source.includes('within') ? 1000 : 30_000
      const { ask } = await openRevocation(t, `timeout=${timeout}`)
      const outcome = await ask(leaf.chain)
      t.match(outcome, FAILED, what)
      t.match(outcome.detail, why, what)
    }
  })

  test(`a ${kind} with an answer of another gives none`, async t => {
    const source = await startSource(t)
    const leaf = leafOf(at(`${source.url}/at`))
    for (const bytes of forged(leaf)) {
      source.answers['/at'] = sends(bytes, good(leaf).type)
      t.match(await (await openRevocation(t)).ask(leaf.chain), FAILED)
    }
    const { bytes, type } = good(leaf)
    source.answers['/at'] = sends(bytes, type)
    t.match(await (await openRevocation(t)).ask(leaf.chain), { kind: 'accepted' }, 'the good one')
  })

  test(`a ${kind} at a private address is not asked by default`, async t => {
    const source = await startSource(t)
    const { chain } = leafOf(at(`${source.url}/at`))
    const addresses = [
      'http://10.0.0.1/',
      'http://169.254.169.254/latest',
      'http://[::1]/',
      'http://[::ffff:7f00:1]/',
    ]
    const denied = / PTC_ORIGIN_DENIED: \S+ is not on the public internet/
    const asked = [
      [chain, /: port \d+ is not for http:/] as const,
      ...addresses.map(url => [leafOf(at(url)).chain, denied] as const),
    ]
    const kit = await openPlugins(t, 'revocation timeout=30000')
    for (const [one, why] of asked) {
      const outcome = await (await kit.park({ host: HOST, chain: one })).ended(60_000)
      t.match(outcome, FAILED)
      t.match(outcome.detail, why)
    }
    t.strictSame(source.asked, [])
  })
}

test('a silent list leaves time for the responder, and a failure is remembered', async t => {
  const source = await startSource(t)
  const leaf = leafOf(`${withList(`${source.url}/list`)}\n${withResponder(`${source.url}/ocsp`)}`)
  source.answers['/list'] = () => undefined
  const { bytes, type } = KINDS.responder.good(leaf)
  source.answers['/ocsp'] = sends(bytes, type)
  const { ask } = await openRevocation(t, 'timeout=10000')
  t.match(await ask(leaf.chain), { kind: 'accepted' })
  t.strictSame(source.asked, ['GET /list', 'GET /ocsp'])
  source.answers['/list'] = sends(Buffer.from('garbage'))
  const again = await openRevocation(t, 'sources=crl')
  source.asked.length = 0
  t.match(await again.ask(leaf.chain), FAILED)
  t.match(await again.ask(leaf.chain), FAILED)
  t.strictSame(source.asked, ['GET /list'])
})

test('a list that takes longer than its handshake is there for the next one', async t => {
  const source = await startSource(t)
  const leaf = leafOf(withList(`${source.url}/list`))
  const held: ServerResponse[] = []
  source.answers['/list'] = response => void held.push(response)
  const { ask } = await openRevocation(t, 'timeout=100')
  t.match(await ask(leaf.chain), FAILED)
  await poll(() => held.length > 0, 'the fetch')
  held[0]?.end(listOf(root, [leaf]))
  await poll(async () => (await ask(leaf.chain)).reason === 'revoked', 'what the list says')
  t.equal(held.length, 1, 'fetched once')
})

test('what the built-in check has rejected, or not verified, is not asked about', async t => {
  const source = await startSource(t)
  const leaf = leafOf(withList(`${source.url}/list`))
  source.answers['/list'] = sends(listOf(root, []))
  const { ask } = await openRevocation(t)
  const expired = { builtIn: 'X509_V_ERR_CERT_HAS_EXPIRED' } as const
  t.match(await ask(leaf.chain, expired), rejected('revocation', 'X509_V_ERR_CERT_HAS_EXPIRED'))
  t.strictSame(source.asked, [])
})
