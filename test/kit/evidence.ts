import type { BuiltInResult, PeerEvidence } from '../../core/api/certificate.js'

/** A built-in check that has passed. */
export const OK: BuiltInResult = Object.freeze({
  ok: true,
  name: 'X509_V_OK',
  code: 0,
  depth: -1,
  message: 'ok',
})

/** Evidence of an origin that has passed the built-in check. @param change what the test is about */
export const evidenceOf = (change: Partial<PeerEvidence> = {}): PeerEvidence => ({
  sni: 'foo.test',
  host: 'foo.test',
  chain: [],
  builtChain: [],
  builtIn: OK,
  checks: { signature: OK, name: OK },
  ocspResponse: undefined,
  sctList: undefined,
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_128_GCM_SHA256',
  alpn: undefined,
  ...change,
})
