/** Certificate timestamps in the TLS extension, from `openssl s_server`, with the garbage collector at work. */
import { connect } from 'node:net'
import { type Test, test } from 'tap'
import { OutboundContext } from '../../../../core/tls/openssl/outbound-context.js'
import { OutboundEngine } from '../../../../core/tls/openssl/outbound-engine.js'
import { liveNatives } from '../../../../core/tls/openssl/owned.js'
import { sctSubjects } from '../../../../core/tls/openssl/sct-extension.js'
import { collectGarbage } from '../../../kit/garbage.js'
import { opensslOrigin, serverInfo } from '../../../kit/openssl-origin.js'
import { makeAuthority } from '../../../kit/pki.js'
import { makeTempDir } from '../../../kit/temp-dir.js'

const HOST = 'stamps.test'
const root = await makeAuthority({ name: 'Root' })
const middle = await makeAuthority({ name: 'Middle', parent: root })
const leaf = await middle.issue({ cn: HOST })
const LIST = Buffer.from('0006000401020304', 'hex')

/** An engine that is parked, or has ended: what the origin shows, and how far the handshake came. */
async function meet(t: Test, tls: '1.2' | '1.3', list: Buffer | undefined, groups?: string) {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const args = list === undefined ? [] : ['-serverinfo', dir.file('info.pem', serverInfo(18, list))]
  const certified = { certPem: leaf.certPem, keyPem: leaf.keyPem, issuersPem: leaf.issuersPem }
  const origin = await opensslOrigin({ ...certified, tls, args, ...(groups === undefined ? {} : { groups }) })
  t.teardown(origin.stop)
  const context = new OutboundContext({
    ...{ anchors: [root.certPem], minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', alpn: [] },
  })
  const engine = new OutboundEngine(context, { host: HOST, isAddress: false, sni: HOST })
  const socket = connect(origin.port, '127.0.0.1')
  const end = await new Promise<string>((resolve, reject) => {
    const step = (): void => {
      collectGarbage()
      const progress = engine.advance()
      collectGarbage()
      const bytes = engine.take()
      if (bytes !== undefined) socket.write(bytes)
      if (progress !== 'wants-input') resolve(progress)
    }
    socket.on('error', reject).on('data', bytes => {
      engine.receive(bytes)
      step()
    })
    step()
  })
  return {
    end,
    engine,
    peer: engine.peer(),
    /** Goes on to the end of the handshake. */
    finish: () => {
      engine.decide(0)
      const progress = engine.advance()
      socket.destroy()
      return progress
    },
    free: () => {
      socket.destroy()
      engine.free()
      engine.free()
      context.free()
      collectGarbage()
    },
  }
}

for (const tls of ['1.2', '1.3'] as const) {
  test(`TLS ${tls}: the timestamps of the origin are there while the engine is parked`, async t => {
    const it = await meet(t, tls, LIST)
    t.equal(it.end, 'parked')
    t.same(it.peer?.sctList, LIST)
    t.equal(it.peer?.signature.code, 0)
    collectGarbage()
    t.same(it.engine.peer()?.sctList, LIST, 'still, after a collection')
    t.not(it.finish(), 'failed')
    it.free()
    t.equal(sctSubjects.size, 0)
    t.notOk(liveNatives()['SSL'] || liveNatives()['SSL_CTX'], 'nothing native is left')
  })

  test(`TLS ${tls}: an origin without timestamps sends none`, async t => {
    const it = await meet(t, tls, undefined)
    t.equal(it.end, 'parked')
    t.equal(it.peer?.sctList, undefined)
    it.free()
  })

  test(`TLS ${tls}: what is no list of timestamps is handed out as it is, and ends nothing`, async t => {
    for (const list of [Buffer.from('ff', 'hex'), Buffer.alloc(20_000, 7)]) {
      const it = await meet(t, tls, list)
      t.equal(it.end, 'parked')
      t.same(it.peer?.sctList, list)
      it.free()
    }
  })
}

test('a HelloRetryRequest changes nothing', async t => {
  const it = await meet(t, '1.3', LIST, 'P-521')
  t.equal(it.end, 'parked')
  t.same(it.peer?.sctList, LIST)
  it.free()
})

test('an engine that fails in the callback rejects, and nothing reaches C', async t => {
  const failing = { onSctList: () => fail() }
  const fail = (): never => {
    throw new Error('a defect')
  }
  t.intercept(OutboundEngine.prototype, 'onSctList', { value: failing.onSctList })
  const it = await meet(t, '1.3', LIST)
  t.equal(it.end, 'failed')
  it.free()
  t.equal(sctSubjects.size, 0)
})
