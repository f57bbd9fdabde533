import { test } from 'tap'
import { RevocationLog } from '../../../../core/tls/judge/revocation-log.js'

const LEAF = { certificate: 'aa', spki: 'bb' }
const of = (host: string) => (one: string) => one === host

test('an acceptance is compared with the revocations that come after it', async t => {
  const log = new RevocationLog()
  const isRevoked = (host: string, since: number): boolean => log.hasRevoked(since, host, () => LEAF)
  t.notOk(isRevoked('a.test', 0), 'there are none')
  log.add(of('a.test'))
  t.ok(isRevoked('a.test', 0))
  t.notOk(isRevoked('a.test', 1), 'it came later')
  t.notOk(isRevoked('b.test', 0), 'it is about another host')
  log.add((_host, leaf) => leaf()?.spki === 'bb')
  t.ok(isRevoked('b.test', 1), 'it shows the key')
  t.equal(log.count, 2)
})

test('the digests of a leaf are computed once for all that they are compared with', async t => {
  const log = new RevocationLog()
  for (let i = 0; i < 100; i++) log.add((_host, leaf) => leaf()?.spki === `${i}`)
  let computed = 0
  t.notOk(
    log.hasRevoked(0, 'a.test', () => {
      computed += 1
      return LEAF
    }),
  )
  t.equal(computed, 1)
})

test('what is older than the log counts as revoked', async t => {
  const log = new RevocationLog()
  for (let i = 0; i < 10_000; i++) log.add(of('a.test'))
  t.notOk(log.hasRevoked(0, 'b.test', () => LEAF))
  log.add(of('a.test'))
  t.ok(log.hasRevoked(0, 'b.test', () => LEAF))
  t.notOk(
    log.hasRevoked(1, 'b.test', () => LEAF),
    'the next one is known',
  )
})
