import { type Test, test } from 'tap'
import { findPath } from '../../../../core/tls/openssl/path-search.js'
import { withSentChain } from '../../../../core/tls/openssl/sent-chain.js'
import { TrustStore } from '../../../../core/tls/openssl/trust-store.js'
import { makeAuthority } from '../../../kit/pki.js'

const HOUR = 3_600_000
const root = await makeAuthority({ name: 'Root' })
const middle = await makeAuthority({ name: 'Middle', parent: root })
const leaf = await middle.issue({ cn: 'origin.test' })

/** @param work what each verification does @returns how many were begun, with more than 16 paths to look at */
async function runsWith(t: Test, work: () => void): Promise<number> {
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
        work()
        const key = path === undefined ? '' : [...path.sent, ...path.anchors].join()
        return { outcome: { code: 20, depth: 1 }, built: [], key }
      }),
  )
  return runs
}

test('no other path is begun when the time for them is over', async t => {
  const runs = await runsWith(t, () => {
    const before = process.cpuUsage()
    const used = (): number => {
      const { user, system } = process.cpuUsage(before)
      return user + system
    }
    while (used() < 100_000);
  })
  t.ok(runs <= 4, `each took 100 ms of 250, ${runs} were begun, and 16 would be without the limit`)
})

test('a machine that is busy with other work ends no search', async t => {
  const nothing = new Int32Array(new SharedArrayBuffer(4))
  t.equal(await runsWith(t, () => void Atomics.wait(nothing, 0, 0, 40)), 16)
})
