import { test } from 'tap'
import type { BuiltInResult, PeerEvidence } from '../../../../core/api/certificate.js'
import { accept } from '../../../../core/api/verdict.js'
import { decisionText } from '../../../../core/program/wiring/outbound/verify-warnings.js'
import { decisionOf, makeTerms, type Terms } from '../../../../core/tls/judge/terms.js'
import { type Handshake, INITIAL, step } from '../../../../core/tls/outbound/machine.js'
import { OK } from '../../../kit/evidence.js'

const UNTRUSTED: BuiltInResult = {
  ok: false,
  name: 'X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN',
  code: 19,
  depth: 1,
  message: 'self-signed certificate in certificate chain',
}

const evidence = (builtIn: BuiltInResult): PeerEvidence =>
  ({ host: 'a.test', chain: [], builtChain: [], builtIn, checks: { signature: builtIn, name: OK } }) as never

/** What becomes of an origin; a plugin that is asked accepts. */
function judged(terms: Terms, builtIn: BuiltInResult): Handshake {
  let [state] = step(INITIAL, { type: 'certificate', evidence: evidence(builtIn) }, terms)
  if (state.at === 'parked') [state] = step(state, { type: 'reenabled', verdict: accept() }, terms)
  return state
}

test('the description of the terms agrees with the verdicts under them', async t => {
  for (const verify of [0, 1, 2] as const)
    for (const policy of ['ENFORCED', 'PERMISSIVE', 'DISABLED'] as const)
      for (const properties of ['ALL', 'SIGNATURE', 'NAME', 'NONE'] as const)
        for (const override of [0, 1] as const)
          for (const plugins of [[], ['judge']])
            for (const hasPins of [false, true]) {
              const terms = makeTerms({ verify, policy, properties, override }, plugins, hasPins)
              const decision = decisionOf(terms)
              const name = `${verify} ${policy} ${properties} override ${override}, ${plugins.length} plugins, ${hasPins}`
              const [good, bad] = [judged(terms, OK), judged(terms, UNTRUSTED)]
              if (decision.by === 'nobody' && decision.accepts === 'none')
                t.match([good, bad], [{ at: 'closed' }, { at: 'closed' }], name)
              else t.match(good, { at: 'resuming', peer: { decidedBy: decision.by } }, name)
              if (decision.by === 'built-in') t.match(bad, { at: 'closed' }, name)
              if (decision.by === 'nobody' && decision.accepts === 'every')
                t.match(
                  bad,
                  { at: 'resuming', peer: { decidedBy: 'nobody' } },
                  `${name}: an unknown root passes`,
                )
              t.equal(
                /NOTHING IS VERIFIED|NOT verified/.test(decisionText(terms)),
                (decision.by === 'nobody' && decision.accepts === 'every') ||
                  (decision.by === 'built-in' && decision.unchecked.length > 0),
                `${name}: ${decisionText(terms)}`,
              )
            }
})

test('plugins in shadow mode decide nothing', async t => {
  const terms = makeTerms(
    { verify: 2, policy: 'PERMISSIVE', properties: 'ALL', override: 0 },
    [],
    false,
    true,
  )
  t.equal(decisionOf(terms).by, 'nobody')
  t.match(decisionText(terms), /in shadow mode .* NOTHING IS VERIFIED/)
})
