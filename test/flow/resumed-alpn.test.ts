/** What ALPN negotiates in a resumed handshake (RFC 7301 section 3.1): plugins are shown that, and nothing older. */
import { type Test, test } from 'tap'
import { get, rawClient } from '../kit/client.js'
import { A, confWith, root } from '../kit/coalescing.js'
import { hear } from '../kit/gate.js'
import { http2Origin } from '../kit/http2-origin.js'
import { startProxyHere } from '../kit/proxy.js'
import { echoFrames, WEB_SOCKET_KEY } from '../kit/web-socket.js'

const CACHE = 'proxy.config.ssl.origin_session_cache'
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

const upgradeText = (authority: string): string =>
  `GET https://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${WEB_SOCKET_KEY}\r\n\r\n`

/** Tells what it is shown, at both hooks. */
const TELLING = {
  'telling.mjs': `
import { channel } from 'node:diagnostics_channel'
const tell = (at, { alpn }) => channel('resumed alpn').publish(at + ' ' + alpn)
export default ({ hookAdd }) => {
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => (tell('verify', event), event.reenable()))
  hookAdd('TS_HTTP_SEND_REQUEST_HDR_HOOK', event => (tell('send', event.origin.verified), event.reenable()))
}`,
}

/** An origin whose choice among the offered protocols can be changed, and a proxy that keeps sessions. @param h2 its first choice */
async function stage(t: Test, version: (typeof VERSIONS)[number], reverify: 0 | 1, h2: boolean, redials = 3) {
  const said: string[] = []
  hear(t, 'resumed alpn', (what: string) => void said.push(what))
  const handshakes: string[] = []
  const chooses = { h2 }
  const choose = ({ protocols }: { readonly protocols: string[] }): string =>
    chooses.h2 && protocols.includes('h2') ? 'h2' : 'http/1.1'
  const tls = { minVersion: version, maxVersion: version, ALPNCallback: choose }
  const later = (end: () => Promise<void>): void => t.teardown(end)
  const origin = await http2Origin(later, [A], root, undefined, tls)
  origin.server.on('upgrade', echoFrames)
  origin.server.on('secureConnection', socket =>
    handshakes.push(`${socket.alpnProtocol}${socket.isSessionReused() ? ' resumed' : ''}`),
  )
  const records = {
    [CACHE]: 1 as const,
    [`${CACHE}.reverify_on_resume`]: reverify,
    ...(h2 ? {} : { 'proxy.config.http.origin_max_idle': 0 }), // every request makes a handshake
    'proxy.config.ssl.client.verify.redials': redials,
  }
  const conf = confWith({ records, plugins: ['telling.mjs'], modules: TELLING })
  const proxy = await startProxyHere(conf)
  t.teardown(proxy.stop)
  const ask = async (): Promise<number> => (await get(proxy.port, `https://${A}:${origin.port}/`)).status
  return { ask, chooses, handshakes, origin, proxy, said }
}

for (const version of VERSIONS)
  for (const reverify of [0, 1] as const) {
    const about = `${version}, reverify_on_resume ${reverify}`

    test(`${about}: a WebSocket, which does not offer h2, resumes no session of h2`, async t => {
      const { ask, handshakes, origin, proxy, said } = await stage(t, version, reverify, true)
      t.equal(await ask(), 200)
      said.length = 0
      const client = await rawClient(proxy.port)
      t.teardown(client.stop)
      client.send(upgradeText(`${A}:${origin.port}`))
      t.equal((await client.response('GET')).status, 101)
      t.strictSame(said, ['verify http/1.1', 'send http/1.1'])
      t.strictSame(handshakes, ['h2', 'http/1.1'])
    })

    test(`${about}: an origin that negotiates another protocol in a resumed handshake is judged anew`, async t => {
      const { ask, chooses, handshakes, said } = await stage(t, version, reverify, false)
      t.strictSame([await ask(), await ask()], [200, 200])
      t.equal(handshakes[1], 'http/1.1 resumed')
      chooses.h2 = true
      said.length = 0
      t.equal(await ask(), 200)
      t.strictSame(said.slice(-2), ['verify h2', 'send h2'])
      t.equal(handshakes.at(-1), 'h2', 'over a connection without a session')
    })
  }

test('a session that is void costs none of the redials', async t => {
  const { ask, chooses, said } = await stage(t, 'TLSv1.3', 0, false, 0)
  t.equal(await ask(), 200)
  chooses.h2 = true
  said.length = 0
  t.equal(await ask(), 200)
  t.strictSame(said, ['verify h2', 'send h2'])
})
