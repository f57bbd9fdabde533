/** Cipher and group of a resumed handshake in TLS 1.3: plugins are shown those of this connection (RFC 8446 sections 4.2.9, 4.6.1). */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:https'
import { type Test, test } from 'tap'
import { get, rawClient } from '../kit/client.js'
import { A, confWith, root } from '../kit/coalescing.js'
import { hear } from '../kit/gate.js'
import { http2Origin } from '../kit/http2-origin.js'
import { startProxyHere } from '../kit/proxy.js'
import { guardServer } from '../kit/tcp-server.js'

const CACHE = 'proxy.config.ssl.origin_session_cache'

/** Tells what it is shown, at both hooks. */
const TELLING = {
  'telling.mjs': `
import { channel } from 'node:diagnostics_channel'
const tell = (at, { group, cipher }) => channel('resumed facts').publish([at, group, cipher].join(' '))
export default ({ hookAdd }) => {
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => (tell('verify', event), event.reenable()))
  hookAdd('TS_HTTP_SEND_REQUEST_HDR_HOOK', event => (tell('send', event.origin.verified), event.reenable()))
}`,
}

/** What the origin takes; a session that was made under one of them it resumes under another. */
const FIRST = { ecdhCurve: 'X25519', ciphers: 'TLS_AES_128_GCM_SHA256' }
const OTHERS = {
  group: { change: { ecdhCurve: 'P-256' }, shown: 'secp256r1 TLS_AES_128_GCM_SHA256' },
  cipher: {
    change: { ciphers: 'TLS_CHACHA20_POLY1305_SHA256' },
    shown: 'x25519 TLS_CHACHA20_POLY1305_SHA256',
  },
}

/** @param redials connections that may be made in place of one that ends while plugins are asked */
async function stage(t: Test, reverify: 0 | 1, redials = 3) {
  const said: string[] = []
  hear(t, 'resumed facts', (what: string) => said.push(what))
  const leaf = await root.issue({ cn: A, sans: [A] })
  const own = { cert: leaf.chainPem, key: leaf.keyPem, ticketKeys: randomBytes(48) }
  const tls = { ...own, minVersion: 'TLSv1.3', ...FIRST } as const
  const later = (end: () => Promise<void>): void => t.teardown(end)
  const { port, seen, server } = await http2Origin(later, [A], root, undefined, tls)
  const resumed: boolean[] = []
  server.on('secureConnection', socket => resumed.push(socket.isSessionReused()))
  const records = {
    [CACHE]: 1 as const,
    [`${CACHE}.reverify_on_resume`]: reverify,
    'proxy.config.http.origin_max_idle': 0, // every request makes a handshake
    'proxy.config.ssl.client.verify.redials': redials,
  }
  const proxy = await startProxyHere(confWith({ records, plugins: ['telling.mjs'], modules: TELLING }))
  t.teardown(proxy.stop)
  const ask = async (): Promise<number> => (await get(proxy.port, `https://${A}:${port}/`)).status
  t.strictSame([await ask(), await ask()], [200, 200])
  t.strictSame(resumed, [false, true])
  t.equal(said.at(-1), 'send x25519 TLS_AES_128_GCM_SHA256')
  said.length = 0
  const takes = (change: object): void => server.setSecureContext({ ...tls, ...change })
  return { ask, port, proxy, resumed, said, seen, takes }
}

for (const reverify of [0, 1] as const)
  for (const [what, { change, shown }] of Object.entries(OTHERS))
    test(`reverify_on_resume ${reverify}: an origin that resumes with another ${what} is judged anew`, async t => {
      const { ask, resumed, said, takes } = await stage(t, reverify)
      takes(change)
      t.equal(await ask(), 200)
      t.strictSame(said.slice(-2), [`verify ${shown}`, `send ${shown}`])
      t.equal(resumed.at(-1), false, 'over a connection without a session')
    })

test('a session that is void costs none of the redials', async t => {
  const { ask, resumed, said, takes } = await stage(t, 0, 0)
  takes(OTHERS.group.change)
  t.equal(await ask(), 200)
  t.strictSame(said, [`verify ${OTHERS.group.shown}`, `send ${OTHERS.group.shown}`])
  t.equal(resumed.at(-1), false)
})

test('an origin that changes its cipher each time gets each request once', async t => {
  const { port, proxy, resumed, seen, takes } = await stage(t, 0)
  const client = await rawClient(proxy.port)
  t.teardown(client.stop)
  const before = seen.length
  for (const { change } of [OTHERS.cipher, { change: FIRST }, OTHERS.cipher]) {
    takes(change)
    client.send(
      `POST https://${A}:${port}/echo HTTP/1.1\r\nHost: ${A}:${port}\r\nContent-Length: 5\r\n\r\nhello`,
    )
    const answer = await client.response('POST')
    t.strictSame([answer.status, answer.body.toString()], [200, 'hello'])
  }
  t.equal(seen.length - before, 3)
  t.strictSame(resumed.slice(2), [false, false, false])
})

test('an https parent that resumes with another cipher is judged anew', async t => {
  const leaf = await root.issue({ cn: 'localhost' })
  const tls = { ...FIRST, minVersion: 'TLSv1.3', ticketKeys: randomBytes(48) } as const
  const own = { cert: leaf.chainPem, key: leaf.keyPem, ...tls }
  const server = createServer(own, (_req, res) => void res.end('hello'))
  const { port, stop } = await guardServer(server)
  t.teardown(stop)
  const resumed: boolean[] = []
  server.on('secureConnection', socket => resumed.push(socket.isSessionReused()))
  const conf = confWith({
    hosts: [],
    records: { [CACHE]: 1, 'proxy.config.http.origin_max_idle': 0 },
    files: { 'parent.config': `dest_domain=. parent="https://localhost:${port}" go_direct=false\n` },
  })
  const proxy = await startProxyHere(conf)
  t.teardown(proxy.stop)
  const ask = async (): Promise<number> => (await get(proxy.port, 'http://plain.test/')).status
  t.strictSame([await ask(), await ask()], [200, 200])
  server.setSecureContext({ ...own, ...OTHERS.cipher.change })
  t.equal(await ask(), 200)
  t.strictSame(resumed, [false, true, false], 'the void one is not completed')
})
