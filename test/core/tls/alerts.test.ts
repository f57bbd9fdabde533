import { test } from 'tap'
import { X509_ERRORS } from '../../../core/api/x509-errors.js'
import { alertOf } from '../../../core/tls/alerts.js'

test('the alert that belongs to a code', async t => {
  // Seen by a server when OpenSSL rejected with the code.
  const seen = {
    X509_V_ERR_CERT_HAS_EXPIRED: 'certificate_expired',
    X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: 'unknown_ca',
    X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'unknown_ca',
    X509_V_ERR_CERT_REVOKED: 'certificate_revoked',
    X509_V_ERR_NO_ISSUER_PUBLIC_KEY: 'certificate_unknown',
    X509_V_ERR_INVALID_PURPOSE: 'unsupported_certificate',
    X509_V_ERR_CERT_REJECTED: 'bad_certificate',
    X509_V_ERR_HOSTNAME_MISMATCH: 'bad_certificate',
    X509_V_ERR_APPLICATION_VERIFICATION: 'handshake_failure',
    X509_V_ERR_UNSPECIFIED: 'internal_error',
    X509_V_ERR_CERT_SIGNATURE_FAILURE: 'decrypt_error',
  } as const
  for (const [name, alert] of Object.entries(seen))
    t.equal(alertOf(X509_ERRORS[name as keyof typeof seen]).name, alert, name)
  t.strictSame(alertOf(4711), { number: 46, name: 'certificate_unknown' }, 'an unknown code has one too')
})

test('an alert has one number and one name', async t => {
  const alerts = Object.values(X509_ERRORS).map(alertOf)
  t.equal(new Set(alerts.map(a => a.number)).size, new Set(alerts.map(a => a.name)).size)
  t.equal(new Set(alerts).size, 9, 'nine alerts are in use')
})
