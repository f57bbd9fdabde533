import { test } from 'tap'
import type { VerifyServerEvent } from '../../../../core/api/hooks.js'
import type { BuiltInCheck } from '../../../../core/tls/openssl/built-in-check.js'
import * as ssl from '../../../../core/tls/openssl/library.js'
import { liveNatives } from '../../../../core/tls/openssl/owned.js'
import { findPath } from '../../../../core/tls/openssl/path-search.js'
import { checkSentChain, withSentChain } from '../../../../core/tls/openssl/sent-chain.js'
import { type Trust, TrustStore } from '../../../../core/tls/openssl/trust-store.js'
import { type JudgedPath, verifyPath } from '../../../../core/tls/openssl/verify-path.js'
import { collectGarbage } from '../../../kit/garbage.js'
import { Handshaker } from '../../../kit/handshakes.js'
import { opensslOrigin } from '../../../kit/openssl-origin.js'
import { type Issued, makeAuthority } from '../../../kit/pki.js'
import { revocationList } from '../../../kit/pki-openssl.js'

const HOUR = 3_600_000
const root = await makeAuthority({ name: 'Root' })
const stranger = await makeAuthority({ name: 'Stranger' })
const middle = await makeAuthority({ name: 'Middle', parent: root })
/** The same authority, certified otherwise. */
const twins = {
  'of a stranger': await makeAuthority({ name: 'Middle', parent: stranger, twinOf: middle }),
  expired: await makeAuthority({
    name: 'Middle',
    parent: root,
    twinOf: middle,
    notAfter: new Date(Date.now() - HOUR / 2),
  }),
  constrained: await makeAuthority({
    name: 'Middle',
    parent: root,
    twinOf: middle,
    nameConstraints: { permitted: ['elsewhere.test'] },
  }),
  'no authority': await makeAuthority({ name: 'Middle', parent: root, twinOf: middle, ca: false }),
}
const leaf = await middle.issue({ cn: 'origin.test' })

const names = { host: 'origin.test', isAddress: false }
const ders = (...sent: readonly Issued[]): Buffer[] => sent.map(({ cert }) => cert.raw)
const subjects = ({ built }: { readonly built: readonly Buffer[] }, known: readonly Issued[]): number[] =>
  built.map(der => known.findIndex(({ cert }) => cert.raw.equals(der)))

function check(trust: Trust, sent: readonly Issued[], of = names): BuiltInCheck {
  const store = new TrustStore(trust)
  try {
    return checkSentChain(store, ders(...sent), of)
  } finally {
    store.free()
  }
}

/** How often OpenSSL has verified, and what came of it. */
function count(trust: Trust, sent: readonly Issued[]): { runs: number; judged: JudgedPath } {
  const store = new TrustStore(trust)
  let runs = 0
  try {
    const judged = withSentChain(store, ders(...sent), presented =>
      findPath(presented, (...of) => {
        runs += 1
        return verifyPath(...of)
      }),
    )
    return { runs, judged }
  } finally {
    store.free()
  }
}

test('a leaf with two cross certificates is good in both orders, by the good path', async t => {
  for (const [what, bad] of Object.entries(twins)) {
    for (const sent of [
      [leaf, bad, middle],
      [leaf, middle, bad],
      [leaf, bad, stranger, middle],
    ]) {
      const found = check({ anchors: [root.certPem] }, sent)
      t.equal(found.signature.code, 0, `${what}, ${sent.indexOf(bad)}`)
      t.same(subjects(found, [leaf, middle, root]), [0, 1, 2], 'what is shown is the path that was judged')
      t.equal(found.sent.length, sent.length, 'and all that was sent')
      t.equal(ssl.ERR_get_error(), 0, 'what was tried first leaves nothing behind')
    }
  }
})

for (const tls of ['1.2', '1.3'] as const) {
  test(`TLS ${tls}: a plugin is shown the path that was found good`, async t => {
    const issuersPem = [twins.expired, twins['of a stranger'], middle].map(({ certPem }) => certPem).join('')
    const origin = await opensslOrigin({ ...leaf, issuersPem, tls })
    t.teardown(() => origin.stop())
    const seen: VerifyServerEvent[] = []
    const handshaker = new Handshaker(root.certPem, [
      event => {
        seen.push(event)
        event.reenable()
      },
    ])
    t.teardown(() => handshaker.stop())
    for (const _ of ['searched', 'remembered']) {
      const opened = await handshaker.start(origin.port, 'origin.test')
      opened.link.destroy()
      const [event] = seen.splice(0)
      t.match(event?.builtIn, { ok: true, code: 0, depth: -1 })
      t.same(
        event?.builtChain.map(({ der }) => der),
        ders(leaf, middle, root),
      )
      t.equal(event?.chain.length, 4, 'beside what was sent')
    }
  })
}

test('no path is good because another one nearly was', async t => {
  for (const [what, bad] of Object.entries(twins)) {
    const found = check({ anchors: [root.certPem] }, [leaf, bad])
    t.not(found.signature.code, 0, what)
    t.equal(ssl.ERR_get_error(), 0)
  }
  const other = await makeAuthority({ name: 'Middle', parent: root, serial: '0b' })
  t.not(check({ anchors: [root.certPem] }, [leaf, twins.expired, other]).signature.code, 0, 'another key')
  t.equal(
    check({ anchors: [root.certPem] }, [leaf, twins.expired]).signature.code,
    10,
    'the first path is told',
  )
  const elsewhere = { host: 'elsewhere.test', isAddress: false }
  const named = check({ anchors: [root.certPem] }, [leaf, twins['of a stranger'], middle], elsewhere)
  t.match(named, { signature: { code: 0 }, name: { code: 62 } }, 'the name is checked on every path')
})

test('a chain that is good at once is verified once, and a leaf that is bad for all', async t => {
  t.match(count({ anchors: [root.certPem] }, [leaf, middle]), { runs: 1, judged: { outcome: { code: 0 } } })
  const expired = await middle.issue({ cn: 'origin.test', notAfter: new Date(Date.now() - HOUR / 2) })
  const sent = [expired, middle, twins['of a stranger']]
  t.match(count({ anchors: [root.certPem] }, sent), { runs: 1, judged: { outcome: { code: 10, depth: 0 } } })
  const self = [stranger, ...Object.values(twins)]
  t.equal(count({ anchors: [root.certPem] }, self).runs, 1, 'and what has no path')
})

test('OpenSSL verifies sixteen times at most, whatever an origin sends', async t => {
  const crowd = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      makeAuthority({
        name: 'Middle',
        parent: root,
        twinOf: middle,
        nameConstraints: { permitted: [`${i}.test`] },
      }),
    ),
  )
  const { runs, judged } = count({ anchors: [root.certPem] }, [leaf, ...crowd])
  t.equal(runs, 16)
  t.match(judged.outcome, { code: 47, depth: 0 })
  t.match(count({ anchors: [root.certPem] }, [leaf, ...crowd.slice(0, 14), middle]), {
    judged: { outcome: { code: 0 } },
  })
  // Every one has issued every other: more paths than there is time for.
  const knot: Issued[] = []
  const knots = await Promise.all(Array.from({ length: 7 }, (_, i) => makeAuthority({ name: `Knot ${i}` })))
  for (const to of knots)
    for (const from of knots)
      if (to !== from) knot.push(await makeAuthority({ name: 'x', parent: from, twinOf: to }))
  const own = await knots[0]?.issue({ cn: 'origin.test' })
  if (own === undefined) return
  const tangled = count({ anchors: [root.certPem] }, [own, ...knot])
  t.equal(tangled.runs, 1, 'what leads to no anchor is not followed')
  const [, , , , , , last] = knots
  if (last === undefined) return
  const nowhere = { ...root, certPem: (await makeAuthority({ name: 'Y', twinOf: last, pathLen: 0 })).certPem }
  t.ok(count({ anchors: [nowhere.certPem] }, [own, ...knot]).runs <= 16)
})

test('revocation lists are asked about the path that is taken, and what they revoke is final', async t => {
  const lists = (...pems: string[]): Trust => ({
    anchors: [root.certPem, stranger.certPem],
    crls: { pem: pems.join(''), from: 'crl.pem', isLeafOnly: false },
  })
  const strange = twins['of a stranger']
  const quiet = [revocationList(root, []), revocationList(stranger, [])]
  t.equal(check(lists(...quiet, revocationList(middle, [])), [leaf, strange, middle]).signature.code, 0)
  const revoked = check(lists(...quiet, revocationList(middle, [leaf])), [leaf, strange, middle])
  t.same(revoked.signature, { code: 23, depth: 0 })
  const cross = [revocationList(root, []), revocationList(stranger, [strange]), revocationList(middle, [])]
  t.same(
    check(lists(...cross), [leaf, strange, middle]).signature,
    { code: 23, depth: 1 },
    'no way round a revoked authority is looked for',
  )
  const second = [revocationList(root, [middle]), revocationList(middle, [])]
  t.same(
    check({ ...lists(...second), anchors: [root.certPem] }, [leaf, twins.expired, middle]).signature,
    { code: 23, depth: 1 },
    'nor is one that is found revoked passed over',
  )
  const silent = check(lists(revocationList(stranger, []), revocationList(middle, [])), [leaf, middle])
  t.equal(silent.signature.code, 3, 'an authority without a list')
})

test('an authority in the trust file is an anchor without its own issuer', async t => {
  const found = check({ anchors: [middle.certPem] }, [leaf])
  t.equal(found.signature.code, 0)
  t.same(subjects(found, [leaf, middle]), [0, 1], 'and the path ends there')
  t.equal(check({ anchors: [middle.certPem] }, [leaf, middle]).signature.code, 0, 'sent as well')
  t.equal(check({ anchors: [middle.certPem, root.certPem] }, [leaf]).built.length, 3, 'a root goes further')
  t.not(check({ anchors: [leaf.certPem] }, [leaf]).signature.code, 0, 'a leaf is none')
  for (const what of ['expired', 'constrained', 'no authority'] as const)
    t.not(check({ anchors: [twins[what].certPem] }, [leaf]).signature.code, 0, what)
  const elsewhere = await makeAuthority({ name: 'Middle', parent: root, serial: '0c' })
  t.not(check({ anchors: [elsewhere.certPem] }, [leaf]).signature.code, 0, 'nor is one of the same name')
})

test('revocation lists work with an anchor that is no root', async t => {
  const own = revocationList(middle, [])
  const trust = (isLeafOnly: boolean, ...pems: string[]): Trust => ({
    anchors: [middle.certPem],
    crls: { pem: pems.join(''), from: 'crl.pem', isLeafOnly },
  })
  t.equal(check(trust(true, own), [leaf]).signature.code, 0, 'the leaf is asked about')
  t.equal(check(trust(true, revocationList(middle, [leaf])), [leaf]).signature.code, 23)
  t.not(check(trust(false, own), [leaf]).signature.code, 0, 'no root has signed a list about the anchor')
  const both = { ...trust(false, own, revocationList(root, [])), anchors: [middle.certPem, root.certPem] }
  t.match(check(both, [leaf]), { signature: { code: 0 }, built: { length: 3 } }, 'but for the root above it')
  const revoked = { ...both, crls: trust(false, own, revocationList(root, [middle])).crls } as Trust
  t.same(check(revoked, [leaf]).signature, { code: 23, depth: 1 }, 'which may revoke it')
})

test('the path search frees every native object and uses none after its end', async t => {
  for (let i = 0; i < 20; i++) {
    check({ anchors: [root.certPem] }, [leaf, ...Object.values(twins), middle])
    check({ anchors: [root.certPem, middle.certPem] }, [leaf, ...Object.values(twins)])
    collectGarbage()
  }
  for (const [kind, live] of Object.entries(liveNatives())) if (kind !== 'scratch BIO') t.equal(live, 0, kind)
})
