import { test } from 'tap'
import type { PeerEvidence } from '../../../../core/api/certificate.js'
import { accept } from '../../../../core/api/verdict.js'
import { settle } from '../../../../core/tls/judge/verdict.js'
import { type CheckAgain, HeldVerdict } from '../../../../core/tls/outbound/held-verdict.js'
import { evidenceOf, OK } from '../../../kit/evidence.js'

const BAD = { ok: false, name: 'X509_V_ERR_CERT_HAS_EXPIRED', code: 10, depth: 0, message: '' } as const
const certificate = (sha256: string) => ({ sha256 }) as PeerEvidence['chain'][number]

const EVIDENCE = evidenceOf({
  sni: 'a.test',
  host: 'a.test',
  chain: [certificate('leaf'), certificate('issuer')],
  builtChain: [certificate('leaf'), certificate('issuer'), certificate('root')],
  ocspResponse: Buffer.from('good'),
  sctList: Buffer.from('stamps'),
  group: 'X25519',
})

const never: CheckAgain = () => {
  throw new Error('nothing was completed')
}

const held = (expiresAt?: number): HeldVerdict =>
  new HeldVerdict(settle(EVIDENCE, 'plugins', accept(), { expiresAt }), 443, 1, 0)

test('a held verdict is for the same evidence', async t => {
  t.ok(held().for({ ...EVIDENCE, ocspResponse: Buffer.from('good') }, 1, never))
})

const OTHERS: Readonly<Record<string, Partial<PeerEvidence>>> = {
  'another leaf': { chain: [certificate('other'), certificate('issuer')] },
  'another issuer': { chain: [certificate('leaf'), certificate('other')] },
  'one certificate less': { chain: [certificate('leaf')] },
  'another path': { builtChain: [certificate('leaf'), certificate('root')] },
  'another host': { host: 'b.test' },
  'another SNI': { sni: undefined },
  'a check that fails now': { builtIn: BAD, checks: { signature: BAD, name: OK } },
  'a failed check that did not bind': { checks: { signature: BAD, name: OK } },
  'another stapled response': { ocspResponse: Buffer.from('revoked') },
  'no stapled response': { ocspResponse: undefined },
  'other timestamps': { sctList: Buffer.from('others') },
  'no timestamps': { sctList: undefined },
  'another protocol': { protocol: 'TLSv1.2' },
}

for (const [what, other] of Object.entries(OTHERS))
  test(`a held verdict is not for ${what}`, async t => {
    t.equal(held().for({ ...EVIDENCE, ...other }, 1, never), undefined)
  })

test('a held verdict ends with its time, and with any revocation', async t => {
  t.equal(held(Date.now() - 1).for(EVIDENCE, 1, never), undefined)
  t.ok(held(Date.now() + 60_000).for(EVIDENCE, 1, never))
  t.equal(held().for(EVIDENCE, 2, never), undefined)
})

const MISSING = {
  ok: false,
  name: 'X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT',
  code: 2,
  depth: 1,
  message: '',
} as const
const INCOMPLETE: PeerEvidence = {
  ...EVIDENCE,
  builtChain: EVIDENCE.chain,
  builtIn: MISSING,
  checks: { signature: MISSING, name: OK },
}
const COMPLETED = EVIDENCE

const completed = (): HeldVerdict =>
  new HeldVerdict(settle(COMPLETED, 'plugins', accept(), { shown: INCOMPLETE }), 443, 1, 0)

test('a verdict about a completed chain is for the chain as the origin showed it', async t => {
  const again: CheckAgain = (shown, more) => {
    t.equal(more.length, 1, 'what was added, without what was sent')
    return { ...COMPLETED, chain: shown.chain }
  }
  const shown = { ...INCOMPLETE, chain: [...INCOMPLETE.chain] }
  t.match(completed().for(shown, 1, again), { evidence: { builtIn: OK } })
})

test('a verdict about a completed chain is for nothing else', async t => {
  const check = (result: PeerEvidence) => completed().for(INCOMPLETE, 1, () => result)
  t.equal(check(INCOMPLETE), undefined, 'the added certificates do not complete it any more')
  t.equal(check({ ...COMPLETED, builtChain: INCOMPLETE.builtChain }), undefined, 'another path')
  t.equal(completed().for(COMPLETED, 1, never), undefined, 'an origin that shows a complete chain now')
  for (const [what, other] of Object.entries(OTHERS))
    t.equal(completed().for({ ...INCOMPLETE, ...other }, 1, never), undefined, what)
})
