import type { X509Certificate } from 'node:crypto'
import { test } from 'tap'
import { CertificateAuth } from '../../../../core/http/listener/certificate-auth.js'
import type { ClientCertSettings } from '../../../../core/settings/http.js'
import { certificateOf } from '../../../../core/tls/judge/chain-certificate.js'
import { makeAuthority } from '../../../kit/pki.js'
import { clientCertificate } from '../../../kit/pki-openssl.js'

const AHEAD = Date.now() + 3_600_000
const root = await makeAuthority({ name: 'Clients' })

const shown = (cert: X509Certificate, validUntil = Date.parse(cert.validTo)) => ({
  shown: { certificate: certificateOf(cert.raw), trust: 'now', validUntil },
})

/** `user groups`, or why not. */
function ask(
  subject: readonly string[],
  sans: readonly string[],
  name: ClientCertSettings['name'],
  hasOuGroups = false,
): string {
  const auth = new CertificateAuth({ name, hasOuGroups }, 'now', user => (user === 'ann' ? ['filed'] : []))
  const certificate = certificateOf(clientCertificate(root, subject, sans).cert.raw)
  const checked = auth.of({ shown: { certificate, trust: 'now', validUntil: AHEAD } })
  if (checked === undefined || typeof checked === 'string') return checked ?? ''
  return checked instanceof Error ? checked.code : `${checked.user} ${checked.groups.join(',')}`
}

const SUBJECT = ['O=Test', '0.OU=staff', '1.OU=admins', 'CN=ann']
const SANS = ['email:ann@a.test', 'URI:spiffe://a.test/ann', 'DNS:Ann.A.test', 'IP:192.0.2.1']

test('one part of a certificate is the name of its user', async t => {
  t.equal(ask(SUBJECT, SANS, 'cn'), 'ann filed')
  t.equal(ask(SUBJECT, SANS, 'cn', true), 'ann admins,filed,staff', 'with its units as groups')
  t.equal(ask(SUBJECT, SANS, 'email'), 'ann@a.test ')
  t.equal(ask(SUBJECT, SANS, 'uri'), 'spiffe://a.test/ann ')
  t.equal(ask(SUBJECT, SANS, 'dns'), 'ann.a.test ', 'in lower case')
  t.equal(ask(['CN=ann', 'OU=x/CN=root'], [], 'cn', true), 'ann filed,x/CN=root', 'names are not taken apart')
})

test('a certificate with no name, or with several, is no login', async t => {
  for (const [subject, sans, name, why] of [
    [['O=Test'], [], 'cn', /no common name/],
    [['0.CN=ann', '1.CN=root'], [], 'cn', /several of common name/],
    [['CN=ann\\nroot'], [], 'cn', /no common name/],
    [['CN=ann'], ['DNS:a.test'], 'email', /no email address/],
    [['CN=ann', 'emailAddress=ann@a.test'], [], 'email', /no email address/],
    [['CN=ann'], ['email:a@a.test', 'email:b@a.test'], 'email', /several of email/],
    [['CN=ann'], ['URI:a:b', 'URI:c:d'], 'uri', /several of URI/],
  ] as const)
    t.match(ask(subject, sans, name), why, `${subject} ${sans}`)
  t.equal(ask(['CN=x'], ['email:a@a.test', 'email:a@a.test'], 'email'), 'a@a.test ', 'twice the same is one')
  t.match(ask(['CN=ann', `OU=${'x'.repeat(64)}`], [], 'cn', true), /^ann filed,x+$/)
})

test('a name may be of any language', async t => {
  const auth = new CertificateAuth({ name: 'cn', hasOuGroups: false }, 'now', () => [])
  const { cert } = await root.issue({ cn: 'Änn 李', sans: [] })
  t.match(auth.of(shown(cert)), { user: 'Änn 李' })
})

test('a certificate counts under the authorities and at the time of now', async t => {
  const settings = { name: 'cn', hasOuGroups: false } as const
  const auth = new CertificateAuth(settings, 'now', () => [])
  const { cert } = await root.issue({ cn: 'ann', eku: ['clientAuth'] })
  const certificate = certificateOf(cert.raw)
  t.match(auth.of({ shown: { certificate, trust: 'now', validUntil: AHEAD } }), {
    user: 'ann',
    proof: { scheme: 'certificate' },
  })
  t.equal(auth.of({ shown: undefined }), undefined)
  for (const trust of ['before', undefined])
    t.match(
      auth.of({ shown: { certificate, trust, validUntil: AHEAD } }),
      { code: 'PTC_LOGIN_ENDED' },
      `verified under ${trust}`,
    )
  const none = new CertificateAuth(settings, undefined, () => [])
  t.match(
    none.of({ shown: { certificate, trust: undefined, validUntil: AHEAD } }),
    { code: 'PTC_LOGIN_ENDED' },
    'none are asked for',
  )
  const old = await root.issue({ cn: 'ann', notAfter: new Date(Date.now() - 1000) })
  t.match(auth.of(shown(old.cert)), { code: 'PTC_LOGIN_ENDED' })
  const early = await root.issue({ cn: 'ann', notBefore: new Date(Date.now() + 10_000) })
  t.match(auth.of(shown(early.cert)), { code: 'PTC_LOGIN_ENDED' })
  const above = auth.of(shown(cert, Date.now() - 1000))
  t.match(above, { code: 'PTC_LOGIN_ENDED', message: /an authority above it has expired/ })
  t.match(auth.of(shown(cert, Number.NaN)), { code: 'PTC_LOGIN_ENDED' })
})
