import { writeFileSync } from 'node:fs'
import { type Test, test } from 'tap'
import { makeChain, type Origin, type Outcome } from '../../core/testing/kit.js'
import { atEnd } from '../kit/at-end.js'
import { withUnreadableDates } from '../kit/carrying.js'
import { get } from '../kit/client.js'
import { CtLog, listOf, stampedChain, stapledResponse, x509Entry } from '../kit/ct-log.js'
import { opensslOrigin, serverInfo } from '../kit/openssl-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { startProxyHere } from '../kit/proxy.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { ACCEPTED, openPlugins, rejected } from './kit.js'

const dir = makeTempDir()
const host = 'a.example'
const [oak, elm, ash, stranger] = [
  new CtLog('Oak'),
  new CtLog('Elm', true),
  new CtLog('Ash'),
  new CtLog('Stranger'),
]

let files = 0
const listFile = (operators: object[]): string =>
  dir.file(`logs-${++files}.json`, JSON.stringify({ version: '1', operators }))
const LOGS = listFile([
  {
    name: 'One',
    logs: [oak.entry({ state: { usable: { timestamp: '2024-01-01T00:00:00Z' } } }), elm.entry()],
  },
  { name: 'Two', email: ['x@y'], tiled_logs: [ash.entry({ submission_url: 'https://ash.example/' })] },
])

async function ask(
  t: Test,
  chain: string,
  more: Partial<Origin> = {},
  line = `sct logs=${LOGS}`,
): Promise<Outcome> {
  return (await opened(t, line))(chain, more)
}

/** The same for several origins. */
async function opened(t: Test, line: string) {
  const kit = await openPlugins(t, line)
  return async (chain: string, more: Partial<Origin> = {}): Promise<Outcome> =>
    await (await kit.park({ host, chain, ...more })).ended()
}
const TOO_FEW = rejected('sct', 'X509_V_ERR_NO_VALID_SCTS')

for (const isolate of ['', '@isolate=worker '])
  test(`timestamps in the certificate count, one a log ${isolate}`, async t => {
    const line = `sct ${isolate}logs=${LOGS}`
    const one = await opened(t, line)
    const both = await stampedChain(host, entry => [oak.stamp(entry), elm.stamp(entry)])
    t.strictSame(await one(both), ACCEPTED)
    const tiled = await stampedChain(host, entry => [
      oak.stamp(entry),
      ash.stamp(entry, undefined, Buffer.from('0000050000000007', 'hex')),
    ])
    t.strictSame(await one(tiled), ACCEPTED, 'a static-ct log, whose extension is signed, too')
    const twice = await stampedChain(host, entry => [oak.stamp(entry), oak.stamp(entry)])
    t.match(await one(twice), {
      ...TOO_FEW,
      detail: 'a.example has timestamps of 1 of 2 logs, 1 of 1 operators',
    })
    t.match(await one(await stampedChain(host, () => [])), TOO_FEW)
    t.match(await ask(t, both, {}, `${line} min=3`), TOO_FEW)
    const two = await opened(t, `${line} operators=2`)
    t.match(await two(both), TOO_FEW)
    t.strictSame(await two(tiled), ACCEPTED)
  })

test('a timestamp counts only for what it was signed for', async t => {
  const why = async (chain: string, more: Partial<Origin> = {}) => (await ask(t, chain, more)).detail
  const wrong = /1 of 2 logs, .*; not counted: Oak: the signature is wrong$/
  const other = Buffer.from('another entry')
  t.match(
    await why(await stampedChain(host, entry => [oak.stamp(other), elm.stamp(entry)])),
    wrong,
    'another certificate',
  )
  const cut = (sct: Buffer): Buffer =>
    Buffer.concat([sct.subarray(0, -1), Buffer.from([(sct.at(-1) ?? 0) ^ 1])])
  t.match(await why(await stampedChain(host, entry => [cut(oak.stamp(entry)), elm.stamp(entry)])), wrong)
  const moved = (sct: Buffer): Buffer => {
    const changed = Buffer.from(sct)
    changed[40] = (changed[40] ?? 0) ^ 1
    return changed
  }
  t.match(
    await why(await stampedChain(host, entry => [moved(oak.stamp(entry)), elm.stamp(entry)])),
    wrong,
    'another time',
  )
  const strange = await stampedChain(host, entry => [stranger.stamp(entry), elm.stamp(entry)])
  t.match(await why(strange), /not counted: log \S{44} is not on the list$/)
  const late = await stampedChain(host, entry => [oak.stamp(entry, Date.now() + 3_600_000), elm.stamp(entry)])
  t.match(await why(late), /Oak: the timestamp lies in the future/)
  const good = await stampedChain(host, entry => [oak.stamp(entry), elm.stamp(entry)])
  const [leaf = ''] = good.split(/(?<=-----END CERTIFICATE-----\n)/)
  t.match(await why(leaf), /the issuer of the leaf is not in the chain/)
  const [, stolen = ''] = (await makeChain({ names: [host] }, { subject: '/CN=CT Issuer' })).split(
    /(?<=CERTIFICATE-----\n)/,
  )
  t.match(await why(leaf + stolen), /0 of 2 logs/, 'the key of the issuer is signed, too')
})

test('a list of timestamps that cannot be read rejects', async t => {
  const chain = await stampedChain(host, () => [Buffer.from([0, 1, 2])])
  t.match(await ask(t, chain), { kind: 'rejected', by: 'plugin-failed' })
  t.match(await ask(t, await makeChain({ names: [host] }), { ocspResponse: Buffer.from('short') }), {
    kind: 'rejected',
  })
})

test('timestamps in a stapled response count', async t => {
  const chain = await makeChain({ names: [host] })
  const entry = x509Entry(chain)
  const ocspResponse = stapledResponse([oak.stamp(entry), elm.stamp(entry)])
  t.strictSame(await ask(t, chain, { ocspResponse }), ACCEPTED)
  t.match(
    await ask(t, await makeChain({ names: [host] }), { ocspResponse }),
    TOO_FEW,
    'not for another certificate',
  )
  const mixed = await stampedChain(host, entry => [oak.stamp(entry)])
  const other = stapledResponse([ash.stamp(x509Entry(mixed))])
  t.strictSame(await ask(t, mixed, { ocspResponse: other }), ACCEPTED, 'both together')
})

test('timestamps in the TLS extension count', async t => {
  const chain = await makeChain({ names: [host] })
  const entry = x509Entry(chain)
  const sctList = listOf([oak.stamp(entry), elm.stamp(entry)])
  t.strictSame(await ask(t, chain, { sctList }), ACCEPTED)
  t.match(await ask(t, await makeChain({ names: [host] }), { sctList }), TOO_FEW, 'of no other certificate')
  t.match(
    await ask(t, chain, { sctList: sctList.subarray(0, -1) }),
    { kind: 'rejected' },
    'what is cut rejects',
  )
  const ocspResponse = stapledResponse([ash.stamp(entry)])
  t.strictSame(
    await ask(t, chain, { ocspResponse, sctList: listOf([oak.stamp(entry)]) }),
    ACCEPTED,
    'together',
  )
})

for (const isolate of ['', '@isolate=worker '])
  for (const tls of ['1.2', '1.3'] as const)
    test(`an origin sends them in the handshake, TLS ${tls} ${isolate}`, async t => {
      const root = await makeAuthority({ name: 'Plain Root' })
      const leaf = await root.issue({ cn: host })
      const entry = x509Entry(leaf.certPem)
      const start = async (stamps: readonly Buffer[]) => {
        const args = ['-serverinfo', dir.file(`info-${++files}.pem`, serverInfo(18, listOf(stamps)))]
        const origin = await opensslOrigin({ ...leaf, tls, args })
        t.teardown(origin.stop)
        return origin
      }
      const proxy = await startProxyHere({
        ...{ ca: root.certPem, hosts: [host], plugins: [`sct.js ${isolate}logs=${LOGS}`] },
        records: { 'proxy.config.http.origin_max_idle': 0 },
      })
      t.teardown(proxy.stop)
      const get_ = async ({ port }: { readonly port: number }) =>
        (await get(proxy.port, `https://${host}:${port}/`)).status
      t.equal(await get_(await start([oak.stamp(entry), elm.stamp(entry)])), 200)
      t.equal(await get_(await start([oak.stamp(entry)])), 502)
    })

test('the state and the time of a log are heeded', async t => {
  const chain = await stampedChain(host, entry => [oak.stamp(entry)])
  const of = async (more: object, shown = chain, origin = {}): Promise<Outcome> => {
    const logs = [oak.entry(more), elm.entry()]
    return await ask(t, shown, origin, `sct min=1 logs=${listFile([{ name: 'One', logs }])}`)
  }
  const days = (count: number): string => new Date(Date.now() + count * 86_400_000).toISOString()
  t.strictSame(await of({ state: { readonly: { timestamp: days(-10) } } }), ACCEPTED)
  t.strictSame(await of({ state: { retired: { timestamp: days(1) } } }), ACCEPTED, 'stamped before')
  t.match(await of({ state: { retired: { timestamp: days(-1) } } }), TOO_FEW)
  t.match(await of({ state: { rejected: { timestamp: days(-1) } } }), TOO_FEW)
  t.match(await of({ state: { pending: {} } }), TOO_FEW)
  const interval = (from: number, to: number) => ({
    temporal_interval: { start_inclusive: days(from), end_exclusive: days(to) },
  })
  t.strictSame(await of(interval(20, 40)), ACCEPTED)
  const atAnotherTime = { ...TOO_FEW, detail: /for certificates that end at another time/ }
  t.match(await of(interval(40, 60)), atAnotherTime)
  const undated = withUnreadableDates(chain)
  const sctList = listOf([oak.stamp(x509Entry(undated))])
  t.match(await of(interval(20, 40), undated, { sctList }), atAnotherTime, 'a date that cannot be read')
})

test('exceptions, and what is not overruled', async t => {
  const chain = await makeChain({ names: [host] })
  t.strictSame(await ask(t, chain, {}, `sct except=*.internal,A.EXAMPLE logs=${LOGS}`), ACCEPTED)
  const builtIn = 'X509_V_ERR_CERT_HAS_EXPIRED'
  t.match(await ask(t, chain, { builtIn }, `sct except=a.example logs=${LOGS}`), rejected('sct', builtIn))
})

test('the list may be edited, and rejects everything while it is wrong', async t => {
  const chain = await stampedChain(host, entry => [oak.stamp(entry)])
  const file = listFile([{ name: 'One', logs: [elm.entry()] }])
  const kit = await openPlugins(t, `sct min=1 logs=${file}`)
  const of = async () => await (await kit.park({ host, chain })).ended()
  t.match(await of(), TOO_FEW)
  writeFileSync(file, JSON.stringify({ operators: [{ name: 'One', logs: [oak.entry()] }] }))
  t.strictSame(await of(), ACCEPTED)
  writeFileSync(file, '{"operators": [')
  t.match(await of(), rejected('sct', 'internal', `logs-${files}.json cannot be used`))
})

test('mistakes in the list stop the start', async t => {
  for (const [logs, message] of [
    [[], /no log whose timestamps count/],
    [[oak.entry(), oak.entry()], /the log Oak is there twice/],
    [[oak.entry({ key: 'AAAA' })], /is no public key/],
    [[oak.entry({ log_id: 'AAAA' })], /log_id is not the SHA-256 of the key/],
    [[oak.entry({ state: { tired: {} } })], /unknown state "tired"/],
    [[oak.entry({ state: { retired: {} } })], /is no date/],
    [[{ description: 'x' }], /must have required property 'key'/],
  ] as const)
    await t.rejects(openPlugins(t, `sct logs=${listFile([{ name: 'One', logs }])}`), {
      code: 'PTC_PLUGIN_INIT_FAILED',
      message,
    })
  await t.rejects(openPlugins(t, 'sct'), { message: /option logs is missing/ })
})

atEnd(() => dir.remove())
