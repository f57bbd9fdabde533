import { test } from 'tap'
import { findPath } from '../../../../core/tls/openssl/path-search.js'
import { withSentChain } from '../../../../core/tls/openssl/sent-chain.js'
import { TrustStore } from '../../../../core/tls/openssl/trust-store.js'
import { makeAuthority } from '../../../kit/pki.js'

const HOUR = 3_600_000
const root = await makeAuthority({ name: 'Root' })
const middle = await makeAuthority({ name: 'Middle', parent: root })
const leaf = await middle.issue({ cn: 'origin.test' })

test('no other path is begun when the time for them is over', async t => {
  const twin = (notAfter: number) =>
    makeAuthority({ name: 'Middle', parent: root, twinOf: middle, notAfter: new Date(Date.now() + notAfter) })
  const sent = await Promise.all(Array.from({ length: 20 }, (_, i) => twin((i + 1) * HOUR)))
  const store = new TrustStore({ anchors: [root.certPem] })
  t.teardown(() => store.free())
  let runs = 0
  withSentChain(
    store,
    [leaf, ...sent].map(({ cert }) => cert.raw),
    presented =>
      findPath(presented, (_presented, path) => {
        runs += 1
        for (const ends = performance.now() + 100; performance.now() < ends; );
        const key = path === undefined ? '' : [...path.sent, ...path.anchors].join()
        return { outcome: { code: 20, depth: 1 }, built: [], key }
      }),
  )
  t.ok(runs <= 4, `each took 100 ms of 250, ${runs} were begun, and 16 would be without the limit`)
})
