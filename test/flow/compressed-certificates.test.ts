/** Compressed certificates (RFC 8879), which Node offers and sends since version 24: plugins are shown what was checked. */
import { createHash } from 'node:crypto'
import { createServer } from 'node:https'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { extensionsIn } from '../../core/tls/sniff/client-hello.js'
import { get } from '../kit/client.js'
import { startConnecting, testRoot } from '../kit/connecting.js'
import { type Relay, tapRelay } from '../kit/relay.js'
import { guardServer } from '../kit/tcp-server.js'

const HOST = 'www.origin.test'
const COMPRESS_CERTIFICATE = 27

const compressing = (...names: string[]): SecureContextOptions =>
  ({ certificateCompression: names }) as SecureContextOptions

/** Older ones ignore the option, and do not offer the extension. */
function canCompress(): boolean {
  try {
    createSecureContext(compressing('none of these'))
    return false
  } catch {
    return true
  }
}

/** An origin behind a relay, with a certificate of many names. */
async function origin(t: Test, names: number, options: SecureContextOptions) {
  const sans = [HOST, ...Array.from({ length: names }, (_, i) => `${'a'.repeat(50)}${i}.origin.test`)]
  const { chainPem, keyPem, cert } = await (await testRoot()).issue({ cn: HOST, sans })
  const server = createServer({ ...options, cert: chainPem, key: keyPem }, (_req, res) => res.end('hello'))
  const { port, stop } = await guardServer(server)
  t.teardown(stop)
  const relay = await tapRelay(port)
  t.teardown(relay.stop)
  return { relay, der: cert.raw }
}

const offers = ({ connections }: Relay): boolean => {
  const bytes = connections[0]?.fromClient.bytes() ?? Buffer.alloc(0)
  return extensionsIn(bytes.subarray(5, 5 + bytes.readUInt16BE(3)))?.has(COMPRESS_CERTIFICATE) === true
}

test('a certificate that came compressed is judged and shown whole, and may be refused', async t => {
  const can = canCompress()
  for (const kinds of can ? [['zlib'], ['brotli'], ['zstd'], []] : [[]]) {
    const { relay, der } = await origin(t, 80, kinds.length === 0 ? {} : compressing(...kinds))
    const { proxy, gate } = await startConnecting(t, {
      hosts: [HOST],
      answer: ({ reenable }) => setTimeout(reenable, 20),
    })
    const url = `https://${HOST}:${relay.port}/`
    const what = kinds[0] ?? 'as it is'
    t.equal((await get(proxy.port, url)).status, 200, what)
    t.equal(offers(relay), can, 'offered where it can be read')
    const sent = relay.connections[0]?.fromOrigin.bytes().length ?? 0
    t.equal(sent < der.length, kinds.length > 0, `${what}: ${sent} bytes for a certificate of ${der.length}`)
    t.equal(
      gate.asked[0]?.chain[0]?.sha256,
      createHash('sha256').update(der).digest('hex'),
      'every byte of it',
    )
    const other = await startConnecting(t, {
      hosts: [HOST],
      answer: ({ reenable }) => void reenable(reject('policy')),
    })
    t.equal((await get(other.proxy.port, url)).status, 502)
  }
})

test('one that grows beyond what a certificate may take ends the handshake', async t => {
  const { relay, der } = await origin(t, 2500, canCompress() ? compressing('zlib') : {})
  const { proxy, gate } = await startConnecting(t, { hosts: [HOST] })
  t.ok(der.length > 150_000)
  t.equal((await get(proxy.port, `https://${HOST}:${relay.port}/`)).status, 502)
  t.strictSame(gate.asked, [], 'before a plugin is asked')
  const sent = relay.connections[0]?.fromOrigin.bytes().length ?? 0
  if (canCompress()) t.ok(sent < 50_000, `${sent} bytes for ${der.length}`)
})
