import { FILE, OPTIONAL_FILE, type RecordRow, SWITCH } from './record-row.js'

const WORDS = {
  type: 'STRING',
  default: null,
  nullable: true,
  pattern: '\\S',
  shape: 'a list of names',
} as const
const CLAIM = { type: 'STRING', pattern: '^\\S+$', shape: 'the name of a claim, without blanks' } as const

/** Records about the clients that may use the proxy, and about what they may use it for. */
export const ACCESS_RECORDS = {
  'proxy.config.cache.ip_allow.filename': {
    ...FILE,
    default: 'ip_allow.yaml',
    about:
      'The file in the configuration folder that allows clients and methods; without it only this machine may use the proxy. A client without permission gets 403.',
  },
  'proxy.config.http.proxy_auth.htpasswd': {
    ...OPTIONAL_FILE,
    default: null,
    about:
      'A file in the configuration folder with names and bcrypt hashes (`htpasswd -B`): clients must show one of them by Basic Proxy-Authorization, or get 407. NULL asks for no password. The file is read at the start and at a reload: a change alone does nothing. Not in Traffic Server.',
  },
  'proxy.config.http.proxy_auth.groups': {
    ...OPTIONAL_FILE,
    default: null,
    about:
      'A file in the configuration folder with the groups of users, in the syntax of the AuthGroupFile of Apache: `group: user user`, names with blanks in double quotes. It is for the users of every way to log in. ip_allow.yaml, plugins and the access log have the groups. The file is read at the start and at a reload: a change alone does nothing. Not in Traffic Server.',
  },
  'proxy.config.http.proxy_auth.client_cert': {
    type: 'STRING',
    default: null,
    nullable: true,
    enum: ['cn', 'email', 'uri', 'dns'],
    about:
      'Certificates that clients show to ssl ports are logins: what of a certificate is the name of the user, its common name or one kind of its alternative names, of which it must have exactly one. It needs proxy.config.ssl.client.certification_level 1 or 2. NULL: certificates are no logins. Not in Traffic Server.',
  },
  'proxy.config.http.proxy_auth.client_cert_groups': {
    type: 'STRING',
    default: null,
    nullable: true,
    enum: ['ou'],
    about:
      'ou: the organizational units in the subject of the certificate are groups of its user. Not in Traffic Server.',
  },
  'proxy.config.http.proxy_auth.jwt.keys': {
    ...OPTIONAL_FILE,
    default: null,
    about:
      'A file in the configuration folder with public keys, as a JWKS, a JWK or PEM: clients may show a JWT that one of them signs, by `Proxy-Authorization: Bearer`. A token must have `exp`, and be within its times. NULL takes no tokens. The file is read at the start and at a reload, and keys are fetched from nowhere: where an issuer rotates its keys, write the file and reload, the new key before the issuer uses it, the old one out when its last token has expired. Not in Traffic Server.',
  },
  'proxy.config.http.proxy_auth.jwt.algorithms': {
    type: 'STRING',
    default: 'RS256 PS256 ES256 EdDSA',
    shape: 'names of algorithms, with blanks between them',
    about:
      'The algorithms that tokens may be signed by: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519. Unsigned tokens and shared secrets (HS256) cannot be named. Not in Traffic Server.',
  },
  'proxy.config.http.proxy_auth.jwt.issuer': {
    ...WORDS,
    about:
      'The issuers (`iss`) whose tokens are taken, with blanks between them; NULL accepts a token of any issuer, if one of the keys has signed it. Not in Traffic Server.',
  },
  'proxy.config.http.proxy_auth.jwt.audience': {
    ...WORDS,
    about:
      'The names of this proxy, with blanks between them: a token must have one of them in `aud`. NULL refuses tokens that have an `aud`, because they are for others. Not in Traffic Server.',
  },
  'proxy.config.http.proxy_auth.jwt.clock_skew': {
    type: 'INT',
    default: 60,
    minimum: 0,
    maximum: 300,
    unit: 's',
    about:
      'By how much the clock of an issuer may differ: so much earlier than `nbf`, and later than `exp`, a token is taken. Not in Traffic Server.',
  },
  'proxy.config.http.proxy_auth.jwt.user_claim': {
    ...CLAIM,
    default: 'sub',
    about: 'The claim of a token that is the name of its user. Not in Traffic Server.',
  },
  'proxy.config.http.proxy_auth.jwt.groups_claim': {
    ...CLAIM,
    nullable: true,
    default: 'groups',
    about:
      'The claim of a token with the groups of its user: a list of names, or one name. A token without it has none; NULL reads none. Not in Traffic Server.',
  },
  'proxy.config.http.proxy_protocol_allowlist': {
    type: 'STRING',
    default: null,
    nullable: true,
    shape: 'a list of addresses and networks',
    about:
      'The relays that may announce their clients by the PROXY protocol, on ports with `pp` in server_ports: addresses, networks and ranges. Connections of others are closed there; NULL closes all (Traffic Server: takes all).',
  },
  'proxy.config.http.deny_private_origins': {
    ...SWITCH,
    default: 0,
    about:
      '1 refuses origins whose address is private: loopback, link-local (cloud metadata among them), RFC 1918, unique local, shared, reserved. The address that is dialled is looked at, so a name cannot hide one. Not in Traffic Server.',
  },
} as const satisfies Record<string, RecordRow>
