/** Every kind of certificate that an origin can show, and what the built-in check finds wrong with it. */
import type { X509ErrorName } from '../../core/api/x509-errors.js'
import { type CertificateOptions, type Issued, makeAuthority, makeSelfSigned } from '../kit/pki.js'
import { revocationList } from '../kit/pki-openssl.js'

const HOUR = 3_600_000
const hours = (n: number): Date => new Date(Date.now() + n * HOUR)
export const HOST = 'www.matrix.test'
export const IDN = 'xn--bcher-kva.matrix.test'
export const REVOKED = 'revoked.matrix.test'

export const root = await makeAuthority({ name: 'Root' })
const other = await makeAuthority({ name: 'Somebody else' })
const middle = await makeAuthority({ name: 'Middle', parent: root })
const rsaMiddle = await makeAuthority({ name: 'RSA', parent: root, keyType: 'rsa-2048' })
const short = await makeAuthority({ name: 'Short', parent: root, pathLen: 0 })
const tooLong = await makeAuthority({ name: 'Too long', parent: short })
const bounded = await makeAuthority({
  name: 'Bounded',
  parent: root,
  nameConstraints: { permitted: ['.elsewhere.test'] },
})
const noAuthority = await makeAuthority({ name: 'No authority', parent: root, ca: false })

/** The name and keys of Middle, certified by another authority. */
const across = await makeAuthority({ name: 'Middle', parent: other, twinOf: middle })
const expiredAcross = await makeAuthority({
  ...{ name: 'Middle', parent: other, twinOf: middle },
  notBefore: hours(-2),
  notAfter: hours(-1),
})
const expiredMiddle = await makeAuthority({
  ...{ name: 'Middle', parent: root, twinOf: middle },
  notBefore: hours(-2),
  notAfter: hours(-1),
})
/** The trusted root, certified by an older root: as AddTrust certified USERTrust. */
const addTrust = await makeAuthority({
  ...{ name: 'Root', parent: other, twinOf: root },
  notBefore: hours(-2),
  notAfter: hours(-1),
})

const own = (options: CertificateOptions): Promise<Issued> => root.issue({ cn: HOST, ...options })
const below = (issuer: typeof root, options: CertificateOptions = {}): Promise<Issued> =>
  issuer.issue({ cn: HOST, ...options })
const revoked = await root.issue({ cn: REVOKED })
/** For the rule of its host. */
export const CRL = revocationList(root, [revoked])
/** What Middle has issued, with these certificates behind it. */
const with_ = async (...issuers: readonly Issued[]): Promise<Pick<Issued, 'chainPem' | 'keyPem'>> => {
  const { certPem, keyPem } = await below(middle)
  return { chainPem: [certPem, ...issuers.map(issuer => issuer.certPem)].join(''), keyPem }
}
const alone = async (issued: Promise<Issued>): Promise<Issued> => ({
  ...(await issued),
  chainPem: (await issued).certPem,
})

export interface Row {
  readonly shows: Pick<Issued, 'chainPem' | 'keyPem'>
  /** The code that the chain has, if it has one, and the depth. */
  readonly chain?: readonly [X509ErrorName, depth: number]
  readonly name?: X509ErrorName
  readonly host?: string
}

const NAME = 'X509_V_ERR_HOSTNAME_MISMATCH'
export const ROWS: Readonly<Record<string, Row>> = {
  good: { shows: await own({}) },
  'below an intermediate': { shows: await below(middle) },
  expired: {
    shows: await own({ notBefore: hours(-2), notAfter: hours(-1) }),
    chain: ['X509_V_ERR_CERT_HAS_EXPIRED', 0],
  },
  'not yet valid': {
    shows: await own({ notBefore: hours(1), notAfter: hours(2) }),
    chain: ['X509_V_ERR_CERT_NOT_YET_VALID', 0],
  },
  'for another name': { shows: await own({ cn: 'other.test' }), name: NAME },
  'a common name without an alternative name': { shows: await own({ sans: [] }), name: NAME },
  'a wildcard of the right depth': { shows: await own({ cn: '*.matrix.test' }) },
  'a wildcard that would be for two labels': { shows: await own({ cn: '*.test' }), name: NAME },
  'a wildcard below the name': { shows: await own({ cn: '*.www.matrix.test' }), name: NAME },
  'a wildcard within a label': { shows: await own({ cn: 'w*.matrix.test' }), name: NAME },
  'an address': { shows: await own({ cn: '127.0.0.1' }), host: '127.0.0.1' },
  'another address': {
    shows: await own({ cn: '127.0.0.2' }),
    host: '127.0.0.1',
    name: 'X509_V_ERR_IP_ADDRESS_MISMATCH',
  },
  'an address as a name': {
    shows: await own({ cn: HOST }),
    host: '127.0.0.1',
    name: 'X509_V_ERR_IP_ADDRESS_MISMATCH',
  },
  'an internationalised name': { shows: await own({ cn: 'bücher.matrix.test' }), host: IDN },
  'self-signed': {
    shows: await makeSelfSigned({ cn: HOST }),
    chain: ['X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT', 0],
  },
  'below an unknown root': {
    shows: await other.issue({ cn: HOST }),
    chain: ['X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 0],
  },
  'its intermediate missing': {
    shows: await alone(below(middle)),
    chain: ['X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 0],
  },
  'outside of its name constraints': {
    shows: await below(bounded),
    chain: ['X509_V_ERR_PERMITTED_VIOLATION', 0],
  },
  'a path that is too long': { shows: await below(tooLong), chain: ['X509_V_ERR_PATH_LENGTH_EXCEEDED', 2] },
  'issued by no authority': { shows: await below(noAuthority), chain: ['X509_V_ERR_INVALID_CA', 1] },
  'a weak key': { shows: await own({ keyType: 'rsa-1024' }), chain: ['X509_V_ERR_EE_KEY_TOO_SMALL', 0] },
  'a key that is a little too weak': {
    shows: await own({ keyType: 'rsa-1984' }),
    chain: ['X509_V_ERR_EE_KEY_TOO_SMALL', 0],
  },
  'a SHA-1 signature': {
    shows: await own({ hash: 'sha1' }),
    chain: ['X509_V_ERR_CA_MD_TOO_WEAK', 0],
  },
  "a SHA-1 signature of an RSA issuer's": {
    shows: await below(rsaMiddle, { hash: 'sha1' }),
    chain: ['X509_V_ERR_CA_MD_TOO_WEAK', 0],
  },
  'on a revocation list': { shows: revoked, host: REVOKED, chain: ['X509_V_ERR_CERT_REVOKED', 0] },
  'cross-signed, the trusted path first': { shows: await with_(middle, across) },
  // OpenSSL takes the first issuer that fits, and does not turn back when its path ends nowhere. We do.
  'cross-signed, the untrusted path first': { shows: await with_(across, middle) },
  'cross-signed, the untrusted path alone': {
    shows: await with_(across),
    chain: ['X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 1],
  },
  'cross-signed, the untrusted path up to its root': {
    shows: await with_(across, other),
    chain: ['X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN', 2],
  },
  'an expired cross certificate before the valid one': { shows: await with_(expiredAcross, middle) },
  'an expired cross certificate alone': {
    shows: await with_(expiredMiddle),
    chain: ['X509_V_ERR_CERT_HAS_EXPIRED', 1],
  },
  'an expired cross certificate of its root': { shows: await with_(middle, addTrust, other) },
  'meant for clients': {
    shows: await own({ eku: ['clientAuth'] }),
    chain: ['X509_V_ERR_INVALID_PURPOSE', 0],
  },
}
