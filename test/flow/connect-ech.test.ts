/** Encrypted ClientHellos (ECH) of NSS, real ones and GREASE, in probed and bumped tunnels. */
import { type Test, test } from 'tap'
import { startBumping } from '../kit/bumping.js'
import {
  type Connecting,
  type ConnectingOptions,
  httpsOrigin,
  startConnecting,
  testRoot,
} from '../kit/connecting.js'
import { askByNss, echConfigs, type NssResult } from '../kit/nss-client.js'
import { type OpensslOrigin, opensslOrigin } from '../kit/openssl-origin.js'

const HOST = 'www.google.com'
/** The public name of the server that decrypts. */
const PUBLIC = 'www.yahoo.com'
const GREASE = ['-a', HOST, '-i', '100', '-n', 'none']
const real = (publicName: string): string[] => ['-a', HOST, '-N', echConfigs(publicName)]
/** What a client says that may now try again in plaintext (RFC 9849 section 6.1.6): its handshake was good but for that. */
const REJECTED = ['SSL_ERROR_ECH_RETRY_WITHOUT_ECH']

async function originFor(t: Test, groups?: string): Promise<OpensslOrigin> {
  const leaf = await (await testRoot()).issue({ cn: HOST, sans: [HOST, PUBLIC, '127.0.0.1'] })
  const origin = await opensslOrigin({ ...leaf, tls: '1.3', ...(groups && { groups }) })
  t.teardown(origin.stop)
  return origin
}

const probing = (t: Test, records: ConnectingOptions['records'] = {}): Promise<Connecting> =>
  startConnecting(t, { hosts: [HOST, PUBLIC], records })

const ALLOW = { 'proxy.config.http.connect.verify.ech': 'allow' } as const

const asks = async (
  t: Test,
  { proxy, root }: Connecting,
  target: string,
  args: readonly string[],
): Promise<NssResult> => askByNss(t, { proxyPort: proxy.port, target, trusted: root.certPem }, args)

const hellosAt = (origin: OpensslOrigin): number =>
  origin.receivedNames().filter(name => name === 'ClientHello').length

test('GREASE passes a probed tunnel, by a HelloRetryRequest, too', async t => {
  const stage = await probing(t)
  for (const groups of [undefined, 'P-384']) {
    const origin = await originFor(t, groups)
    const { response, errors } = await asks(t, stage, `${HOST}:${origin.port}`, GREASE)
    t.match(response, /200 ok/i, errors.join(' '))
    t.equal(hellosAt(origin), groups === undefined ? 2 : 4, 'of the probe, and of the client')
  }
})

test('a real one is refused before the origin has it, and passes with allow', async t => {
  const origin = await originFor(t)
  const target = `${HOST}:${origin.port}`
  const strict = await probing(t)
  const refused = await asks(t, strict, target, real(PUBLIC))
  t.strictSame(refused, { response: '', errors: ['SSL_ERROR_ACCESS_DENIED_ALERT'] })
  t.equal(hellosAt(origin), 1, 'that of the probe')
  await strict.proxy.until(/PTC_TUNNEL_ECH: .*its name in plaintext is www\.yahoo\.com/)
  const byAddress = await asks(t, strict, `127.0.0.1:${origin.port}`, real(PUBLIC))
  t.strictSame(byAddress.errors, ['SSL_ERROR_ACCESS_DENIED_ALERT'], 'there is no name that it could be')

  const open = await probing(t, ALLOW)
  const passed = await asks(t, open, target, real(PUBLIC))
  t.strictSame(passed, { response: '', errors: REJECTED }, 'by an origin that has no key for it')
  t.strictSame(
    open.gate.asked.map(({ host, sni }) => [host, sni]),
    [
      [HOST, HOST],
      [PUBLIC, PUBLIC],
    ],
    'the name of the tunnel and the one in plaintext are verified',
  )
})

test('one whose outer name is that of the tunnel looks like GREASE, until it is sealed anew', async t => {
  const [plain, retrying] = [await originFor(t), await originFor(t, 'P-384')]
  const stage = await probing(t)
  const passed = await asks(t, stage, `${HOST}:${plain.port}`, real(HOST))
  t.strictSame(passed.errors, REJECTED)
  const cut = await asks(t, stage, `${HOST}:${retrying.port}`, real(HOST))
  t.equal(cut.response, '')
  t.notMatch(cut.errors, REJECTED)
  t.equal(hellosAt(retrying), 3, 'the second ClientHello of the client never arrives')
  await stage.proxy.until(/PTC_TUNNEL_ECH: the second ClientHello has another encrypted part/)
  const open = await probing(t, ALLOW)
  t.strictSame((await asks(t, open, `${HOST}:${retrying.port}`, real(HOST))).errors, REJECTED)
})

test('a bump ends it: the client is told so under the outer name, and comes back without', async t => {
  const origin = await httpsOrigin(t, HOST, PUBLIC)
  const { proxy, trusted, gate } = await startBumping(t, { hosts: [HOST, PUBLIC] })
  const where = { proxyPort: proxy.port, target: `${HOST}:${origin.port}`, trusted }
  t.strictSame(await askByNss(t, where, [...real(PUBLIC), '-o']), { response: '', errors: REJECTED })
  t.strictSame(
    gate.asked.map(({ host }) => host),
    [PUBLIC],
    'what is shown to a client is verified',
  )
  for (const args of [GREASE, ['-a', HOST]]) {
    const { response, errors } = await askByNss(t, where, args)
    t.match(response, /^HTTP\/1\.[01] 200 /, errors.join(' '))
  }
})
