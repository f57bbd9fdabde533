import { FILE, type RecordRow } from './record-row.js'

/** Records about the authority that mints leaf certificates where the TLS of clients ends at the proxy. */
export const BUMP_RECORDS = {
  'proxy.config.ssl.bump.CA.cert.filename': {
    ...FILE,
    default: 'bump-ca.pem',
    about:
      'The PEM file with the certificate of the authority that mints leaf certificates in bump mode, in the configuration folder; `portcullis ca init` makes it. If the authority is not one that clients trust, its issuers stand behind it, each behind the one that it has issued; clients are sent them all. Not in Traffic Server.',
  },
  'proxy.config.ssl.bump.CA.private_key.filename': {
    ...FILE,
    default: 'bump-ca.key',
    about: 'The PEM file with the key of that authority, without a passphrase; only the proxy may read it.',
  },
  'proxy.config.ssl.bump.client.certification_level': {
    type: 'INT',
    default: 0,
    minimum: 0,
    maximum: 2,
    about:
      'As proxy.config.ssl.client.certification_level, for clients inside a CONNECT that is bumped; their authorities are those of proxy.config.ssl.CA.cert.filename. Not in Traffic Server.',
  },
} as const satisfies Record<string, RecordRow>
