import { test } from 'tap'
import { toEvidence } from '../../../../core/tls/judge/evidence.js'
import { checkSentChain } from '../../../../core/tls/openssl/sent-chain.js'
import { TrustStore } from '../../../../core/tls/openssl/trust-store.js'
import { makeAuthority } from '../../../kit/pki.js'

const root = await makeAuthority({ name: 'Root' })

test('a wildcard matches a name with an underscore in whichever label, and no other name', async t => {
  const cases: readonly (readonly [host: string, san: string, isOk: boolean, alternative?: string])[] = [
    ['a_b.names.test', '*.names.test', true],
    ['_dmarc.names.test', '*.Names.test', true],
    ['www.a_b.names.test', '*.a_b.names.test', true],
    ['w-w.names.a_b', '*.names.a_b', true],
    ['a_b.c_d.names.test', '*.c_d.names.test', true],
    ['other.test', '*.a_b.names.test', true, 'www.a_b.names.test'],
    ['a_b.names.test', 'a_b.names.test', true],
    ['a_b.names.test', '*.other.test', false],
    ['a_b.c.names.test', '*.names.test', false],
    ['www.a_b.names.test', '*.names.test', false],
    ['www.a_b.names.test', 'w*.a_b.names.test', false],
    ['www.a_b.names.test', '*.*.names.test', false],
    ['a_b.names.test', 'names.test', false],
    ['names_a.test', '*.test', false],
    ['www.axb.names.test', '*.a_b.names.test', false],
    ['a_b', '*', false],
    ['other.test', '*.names.test', false, 'a_b.c.names.test'],
  ]
  const none = {
    protocol: '',
    cipher: '',
    group: undefined,
    alpn: undefined,
    ocspResponse: undefined,
    sctList: undefined,
  }
  for (const [host, san, isOk, alternative] of cases) {
    const leaf = (await root.issue({ cn: 'underscores', sans: [san] })).cert.raw
    const of = {
      host,
      isAddress: false,
      sni: undefined,
      ...(alternative === undefined ? {} : { alternative }),
    }
    const store = new TrustStore({ anchors: [root.certPem] })
    const peer = { ...checkSentChain(store, [leaf], of), ...none }
    store.free()
    t.equal(
      toEvidence(peer, of, { properties: 'ALL', pins: undefined }).checks.name.ok,
      isOk,
      `${host} (${alternative}) with ${san}`,
    )
  }
})
