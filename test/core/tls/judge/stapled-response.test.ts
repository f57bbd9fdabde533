import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import { type Test, test } from 'tap'
import { StapledResponse } from '../../../../core/tls/judge/stapled-response.js'
import { OutboundContext } from '../../../../core/tls/openssl/outbound-context.js'
import { OutboundEngine } from '../../../../core/tls/openssl/outbound-engine.js'
import { opensslOrigin } from '../../../kit/openssl-origin.js'
import { makeAuthority } from '../../../kit/pki.js'
import { makeTempDir } from '../../../kit/temp-dir.js'

const HOST = 'foo.test'
const root = await makeAuthority({ name: 'Root' })
const leaf = await root.issue({ cn: HOST })
/** RFC 6960 section 4.2.1: a response that says `unauthorized`. */
const OCSP = Buffer.from([0x30, 3, 0x0a, 1, 6])

interface Flight {
  readonly engine: OutboundEngine
  /** All that the origin has sent, up to its ServerHelloDone; the engine has had none of it. */
  readonly bytes: Buffer
}

/** The flight of an origin of TLS 1.2. */
async function flightOf(t: Test, isStapling: boolean): Promise<Flight> {
  const dir = makeTempDir()
  t.teardown(() => dir.remove())
  const args = isStapling ? ['-status_file', dir.file('ocsp', OCSP)] : []
  const origin = await opensslOrigin({ ...leaf, tls: '1.2', args })
  t.teardown(() => origin.stop())
  const context = new OutboundContext({
    ...{ anchors: [root.certPem], minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', alpn: [] },
  })
  const engine = new OutboundEngine(context, { host: HOST, isAddress: false, sni: HOST })
  t.teardown(() => {
    engine.free()
    context.free()
  })
  engine.advance()
  const socket = connect(origin.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(engine.take() ?? '')
  let bytes = Buffer.alloc(0)
  const done = Buffer.from([14, 0, 0, 0]) // ServerHelloDone
  while (!bytes.subarray(-4).equals(done))
    bytes = Buffer.concat([bytes, (await once(socket, 'data'))[0] as Buffer])
  return { engine, bytes }
}

test('TLS 1.2: the engine parks when the stapled response has come', async t => {
  const { engine, bytes } = await flightOf(t, true)
  const end = bytes.indexOf(OCSP) + OCSP.length
  t.ok(end > OCSP.length)
  for (let at = 0; at < end - 1; at++) {
    engine.receive(bytes.subarray(at, at + 1))
    if (engine.advance() !== 'wants-input') t.fail(`after ${at + 1} of ${end} bytes`)
  }
  engine.receive(bytes.subarray(end - 1, end))
  t.equal(engine.advance(), 'parked')
  t.same(engine.peer()?.ocspResponse, OCSP)
  t.match(engine.peer()?.cipher, /^ECDHE-ECDSA-/, 'and the cipher of the ServerHello is known')
  engine.receive(bytes.subarray(end))
  engine.decide(0)
  t.equal(engine.advance(), 'wants-input', 'accepted, OpenSSL reads on')
  t.ok((engine.take()?.length ?? 0) > 50, 'and answers')
})

test('TLS 1.2: without a stapled response the engine parks at the certificate', async t => {
  const { engine, bytes } = await flightOf(t, false)
  const end = bytes.lastIndexOf(leaf.cert.raw) + leaf.cert.raw.length
  engine.receive(bytes.subarray(0, end))
  t.equal(engine.advance(), 'parked')
  t.equal(engine.peer()?.ocspResponse, undefined)
})

test('a stapled response is found however the flight is cut', async t => {
  const { bytes } = await flightOf(t, true)
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), cuts => {
      const reader = new StapledResponse()
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length]
      for (const [i, from] of places.entries()) reader.look(bytes.subarray(from, places[i + 1]))
      return reader.isAnnounced && reader.isDone && (reader.found?.equals(OCSP) ?? false)
    }),
  )
})

test('a mutated flight ends the search without a false response', async t => {
  const { bytes } = await flightOf(t, true)
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, to) => {
      const changed = Buffer.from(bytes)
      changed.writeUInt8(to, at)
      const reader = new StapledResponse()
      reader.look(changed)
      if (reader.found !== undefined && !changed.includes(reader.found)) return false
      return true
    }),
    { numRuns: 3000 },
  )
  const reader = new StapledResponse()
  reader.look(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))
  t.same([reader.isDone, reader.isAnnounced, reader.found], [true, false, undefined])
  const endless = new StapledResponse()
  const record = Buffer.concat([Buffer.from([22, 3, 3, 0x40, 0]), Buffer.alloc(0x4000, 0xff)])
  for (let i = 0; i < 100 && !endless.isDone; i++) endless.look(record)
  t.ok(endless.isDone, 'an endless message is not kept')
})
