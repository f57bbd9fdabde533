/** `connect_verify` in sni.yaml: how the origin behind a CONNECT is verified is a question of its name. */
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { type Bumping, startBumping } from '../kit/bumping.js'
import { type ConnectingOptions, httpsOrigin } from '../kit/connecting.js'
import type { NodeOrigin } from '../kit/node-origin.js'

const PROBED = 'probed.test'
const BUMPED = 'bumped.test'
const TUNNELLED = 'tunnelled.test'
const OTHER = 'other.test'
const HOSTS = [PROBED, BUMPED, TUNNELLED, OTHER]
const SNI = `sni:
- {fqdn: ${PROBED}, connect_verify: probe}
- {fqdn: ${BUMPED}, connect_verify: bump}
- {fqdn: ${TUNNELLED}, connect_verify: tunnel}
`

type Mode = 'probe' | 'bump' | 'tunnel'

function start(t: Test, mode: Mode, options: Partial<ConnectingOptions> = {}): Promise<Bumping> {
  const records = { 'proxy.config.http.connect.verify': mode, ...options.records }
  return startBumping(t, { hosts: HOSTS, files: { 'sni.yaml': SNI }, ...options, records })
}

/** The issuer of the certificate that curl gets; empty without an answer. */
async function signerSeen({ curl, browse }: Bumping, host: string, { port }: NodeOrigin): Promise<string> {
  for (const program of [curl, browse]) {
    const { code, stderr } = await program('-v', `https://${host}:${port}/`)
    if (code === 0) return /issuer: .*?CN\s?=\s?([^;\n]+)/.exec(stderr)?.[1] ?? 'nobody'
  }
  return ''
}

const ORIGIN = 'Root'
const PROXY = 'Bump CA'

for (const general of ['probe', 'bump', 'tunnel'] as const) {
  test(`rules beside a record that says ${general}`, async t => {
    const it = await start(t, general)
    const origin = await httpsOrigin(t, ...HOSTS)
    const seen = async (host: string): Promise<readonly [signer: string, asked: number]> => {
      const before = it.gate.asked.length
      const signer = await signerSeen(it, host, origin)
      return [signer, it.gate.asked.length - before]
    }
    t.same(await seen(PROBED), [ORIGIN, 1], 'probed: the origin is seen, and was verified')
    t.same(await seen(BUMPED), [PROXY, 1], 'bumped: the proxy is seen, and has verified')
    t.same(await seen(TUNNELLED), [ORIGIN, 0], 'tunnelled: nobody was asked')
    const asRecord = { probe: [ORIGIN, 1], bump: [PROXY, 1], tunnel: [ORIGIN, 0] }[general]
    t.same(await seen(OTHER), asRecord, 'without a rule the record holds')
    t.match(
      it.proxy.output(),
      /WARNING: \S+sni\.yaml:4: connect_verify is tunnel: the origins of tunnelled\.test behind CONNECT are NOT verified/,
    )
    t.same(
      it.gate.sent.map(line => new URL(line.replace('GET ', '')).hostname),
      general === 'bump' ? [BUMPED, OTHER] : [BUMPED],
      'the proxy reads the requests of bumped connections only',
    )
  })
}

test('each CONNECT mode reports a rejection in its way', async t => {
  const it = await start(t, 'probe', {
    answer: ({ reenable }) => void reenable(reject('policy', 'bad host')),
  })
  const origin = await httpsOrigin(t, ...HOSTS)
  const url = (host: string): string => `https://${host}:${origin.port}/`

  const probed = await it.curl(url(PROBED))
  t.equal(probed.code, 56, probed.stderr)
  t.match(probed.stdout, /^HTTP\/1\.1 502 /, 'probed: CONNECT itself is refused')
  t.equal(origin.handshakes.length, 0)

  const bumped = await it.browse(url(BUMPED))
  t.equal(bumped.code, 35, bumped.stdout)
  t.match(bumped.stderr, /alert access denied/, 'bumped: an alert')
  t.equal(origin.handshakes.length, 0)

  const tunnelled = await it.curl(url(TUNNELLED))
  t.equal(tunnelled.code, 0, tunnelled.stderr)
  t.match(tunnelled.stdout, /hello from tunnelled\.test/, 'tunnelled: nobody rejects')
  t.equal(it.gate.asked.length, 2)
})

test('a tunnel is judged by the rule of the name in its ClientHello, too', async t => {
  const it = await start(t, 'probe')
  const origin = await httpsOrigin(t, ...HOSTS)
  const to = ['--connect-to', `${PROBED}:443:${TUNNELLED}:${origin.port}`]
  t.equal((await it.curl(...to, `https://${PROBED}/`)).code, 0)
  t.same(
    it.gate.asked.map(({ host }) => host),
    [PROBED],
    'CONNECT named a host that is not verified, and the ClientHello one that is',
  )
  const back = ['--connect-to', `${TUNNELLED}:443:${PROBED}:${origin.port}`]
  t.equal((await it.curl(...back, `https://${TUNNELLED}/`)).code, 0)
  t.same(
    it.gate.asked.map(({ host }) => host),
    [PROBED, TUNNELLED],
    'a host that is verified is so under every name its tunnel asks for',
  )
})

test('a reload changes the CONNECT mode', async t => {
  const it = await start(t, 'probe')
  const origin = await httpsOrigin(t, ...HOSTS)
  t.equal(await signerSeen(it, BUMPED, origin), PROXY)
  it.proxy.conf.write({
    hosts: HOSTS,
    ca: it.root.certPem,
    files: { 'sni.yaml': SNI.replace('bump}', 'tunnel}') },
    records: { 'proxy.config.http.connect_ports': '*' },
  })
  await it.proxy.server.reload()
  t.equal(await signerSeen(it, BUMPED, origin), ORIGIN)
})
