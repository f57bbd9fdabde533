/** Every kind of certificate against every policy: the code, the alert that the origin receives, and the page. */
import { test } from 'tap'
import { X509_ERRORS, type X509ErrorName } from '../../core/api/x509-errors.js'
import { alertOf } from '../../core/tls/alerts.js'
import { type CertificateOptions, type Issued, makeAuthority, makeSelfSigned } from '../kit/pki.js'
import { policed } from '../kit/policed.js'

const HOUR = 3_600_000
const hours = (n: number): Date => new Date(Date.now() + n * HOUR)
const HOST = 'www.matrix.test'
const IDN = 'xn--bcher-kva.matrix.test'

const root = await makeAuthority({ name: 'Root' })
const other = await makeAuthority({ name: 'Somebody else' })
const middle = await makeAuthority({ name: 'Middle', parent: root })
const short = await makeAuthority({ name: 'Short', parent: root, pathLen: 0 })
const tooLong = await makeAuthority({ name: 'Too long', parent: short })
const bounded = await makeAuthority({
  name: 'Bounded',
  parent: root,
  nameConstraints: { permitted: ['.elsewhere.test'] },
})
const noAuthority = await makeAuthority({ name: 'No authority', parent: root, ca: false })

const own = (options: CertificateOptions): Promise<Issued> => root.issue({ cn: HOST, ...options })
const below = (issuer: typeof root): Promise<Issued> => issuer.issue({ cn: HOST })
const alone = async (issued: Promise<Issued>): Promise<Issued> => ({
  ...(await issued),
  chainPem: (await issued).certPem,
})

interface Row {
  readonly shows: Issued
  /** The code that the chain has, if it has one, and the depth. */
  readonly chain?: readonly [X509ErrorName, depth: number]
  readonly name?: X509ErrorName
  readonly host?: string
}

const NAME = 'X509_V_ERR_HOSTNAME_MISMATCH'
const ROWS: Readonly<Record<string, Row>> = {
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
  'a SHA-1 signature': {
    shows: await own({ hash: 'sha1' }),
    chain: ['X509_V_ERR_CA_MD_TOO_WEAK', 0],
  },
  'meant for clients': {
    shows: await own({ eku: ['clientAuth'] }),
    chain: ['X509_V_ERR_INVALID_PURPOSE', 0],
  },
}

/** Which half of the check binds under which properties. */
const LOOKS_AT = { ALL: ['chain', 'name'], SIGNATURE: ['chain'], NAME: ['name'] } as const

for (const policy of ['ENFORCED', 'PERMISSIVE'] as const) {
  for (const properties of ['ALL', 'SIGNATURE', 'NAME'] as const) {
    test(`${policy} ${properties}`, async t => {
      const records = {
        'proxy.config.ssl.client.verify.server.policy': policy,
        'proxy.config.ssl.client.verify.server.properties': properties,
      } as const
      const origins = Object.fromEntries(Object.entries(ROWS).map(([word, { shows }]) => [word, shows]))
      const it = await policed(t, { origins, hosts: [HOST, IDN], ca: root.certPem, records })
      for (const [word, { host = HOST, ...row }] of Object.entries(ROWS)) {
        const looks = LOOKS_AT[properties]
        const [code, depth] =
          (looks.some(part => part === 'chain') ? row.chain : undefined) ??
          (looks.some(part => part === 'name') && row.name ? [row.name, 0] : [])
        const { status, body, header } = await it.ask(word, host)
        if (code === undefined) {
          t.equal(status, 200, `${word} is served`)
          t.equal(header('proxy-status'), undefined)
        } else if (policy === 'PERMISSIVE') {
          t.equal(status, 200, `${word} is served`)
          t.match(header('proxy-status'), `x509=${code}/${X509_ERRORS[code]} depth=${depth}`, 'and told of')
        } else {
          t.equal(status, 502, `${word} is refused`)
          t.match(body.toString(), `${code} ${X509_ERRORS[code]}`, `with ${code} on its page`)
          const failure = await it.origin(word).until(() => it.origin(word).failures[0], 'the alert')
          t.match(failure, alertOf(X509_ERRORS[code]).name.toUpperCase(), 'and its alert')
          t.equal(it.origin(word).requests.length, 0)
        }
      }
    })
  }
}
