// Longer than 100 lines because every record of the TLS side is one row, and rows read best in one place.
import {
  FILE,
  MILLISECONDS,
  OPENSSL_LIST,
  OPTIONAL_FILE,
  OPTIONAL_FOLDER,
  type RecordRow,
  SECONDS,
  SWITCH,
} from './record-row.js'

/** Records about TLS towards origins. */
export const SSL_RECORDS = {
  'proxy.config.ssl.client.verify.server': {
    type: 'INT',
    default: 2,
    enum: [0, 1, 2],
    about:
      "What judges an origin's certificate: 0 nothing, 1 only the built-in check, 2 the built-in check and the plugins on TS_SSL_CERT_VERIFY_HOOK.",
  },
  'proxy.config.ssl.client.verify.server.policy': {
    type: 'STRING',
    default: 'ENFORCED',
    enum: ['ENFORCED', 'PERMISSIVE', 'DISABLED'],
    about:
      'How far a failed built-in check binds: ENFORCED rejects, PERMISSIVE logs and goes on, DISABLED skips the check.',
  },
  'proxy.config.ssl.client.verify.server.properties': {
    type: 'STRING',
    default: 'ALL',
    enum: ['ALL', 'SIGNATURE', 'NAME', 'NONE'],
    about: 'What the built-in check covers: the SIGNATURE chain, the NAME, ALL of it, or NONE.',
  },
  'proxy.config.ssl.client.verify.server.override': {
    ...SWITCH,
    default: 0,
    about: '1 asks the plugins even when the built-in check has failed, and lets them overrule it.',
  },
  'proxy.config.ssl.client.verify.server.strict': {
    ...SWITCH,
    default: 0,
    about:
      '1 makes the built-in check reject certificates that break rules of RFC 5280 which OpenSSL does not enforce otherwise (X509_V_FLAG_X509_STRICT), such as missing key identifiers. Not in Traffic Server.',
  },
  'proxy.config.ssl.origin_session_cache': {
    ...SWITCH,
    default: 0,
    about:
      '1 keeps TLS sessions of origins and resumes them. A session is offered only under the policy under which it was made; Traffic Server has 1.',
  },
  'proxy.config.ssl.origin_session_cache.size': {
    type: 'INT',
    default: 10_240,
    minimum: 1,
    maximum: 1_048_576,
    about: 'How many sessions of origins are kept. Beyond it the client network with the most loses one.',
  },
  'proxy.config.ssl.origin_session_cache.reverify_on_resume': {
    ...SWITCH,
    default: 1,
    about:
      'With 1 the stored chain is judged again, also by the plugins, before its session is offered; a rejection drops the session and refuses the connection. 0 relies on the verdict of the first handshake.',
  },
  'proxy.config.ssl.keylog_file': {
    type: 'STRING',
    default: null,
    nullable: true,
    shape: 'a file',
    about:
      'A file for the secrets of all sessions with origins, in the form of SSLKEYLOGFILE, readable only by its owner. With this file captured traffic can be decrypted: use it to examine captures, never in production.',
  },
  'proxy.config.ssl.servername.filename': {
    ...FILE,
    default: 'sni.yaml',
    about:
      'The file with the rules for single origins, in the configuration folder. The default may be missing, which means no rules.',
  },
  'proxy.config.ssl.client.verify.async': {
    ...SWITCH,
    default: 1,
    about: '0 rejects a handshake when a plugin returns without an answer: no handshake is ever held.',
  },
  'proxy.config.ssl.client.verify.deadline': {
    ...MILLISECONDS,
    default: 30_000,
    about: 'How long all plugins together may hold a handshake; then it is rejected and the client gets 504.',
  },
  'proxy.config.ssl.client.verify.redials': {
    type: 'INT',
    default: 3,
    minimum: 0,
    maximum: 100,
    about:
      'How many new connections are made for an origin that ends its connection while plugins hold the handshake. The wait goes on; when all have accepted, a new connection to the same address must show the same certificates, or the plugins are asked again. With 0 the client gets 502 at once.',
  },
  'proxy.config.ssl.client.verify.release_after': {
    type: 'INT',
    default: 0,
    minimum: 0,
    maximum: 86_400,
    unit: 's',
    about:
      'After so many seconds the connection of a held handshake is closed, without an alert, and the wait goes on as if the origin had ended it: long holds cost little memory, and no connection of the origin. 0 never; without `verify.redials` it has no effect.',
  },
  'proxy.config.ssl.client.verify.cache_size': {
    type: 'INT',
    default: 10_000,
    minimum: 1,
    maximum: 10_000_000,
    about:
      'How many remembered verdicts are kept: acceptances that a plugin allowed to be remembered (accept({ cacheFor })). Beyond it the client network with the most loses its least recently used one.',
  },
  'proxy.config.ssl.client.handshake_timeout': {
    ...SECONDS,
    default: 30,
    about:
      'How long the origin may take for its part of a handshake; the time that plugins hold it does not count.',
  },
  'proxy.config.ssl.client.CA.cert.filename': {
    ...OPTIONAL_FILE,
    default: null,
    about: 'A PEM file with the roots that the built-in check trusts; NULL takes those of the system.',
  },
  'proxy.config.ssl.client.CA.cert.path': {
    ...OPTIONAL_FOLDER,
    default: null,
    about:
      'The folder of CA.cert.filename; NULL is the configuration folder. Without a file name every .pem and .crt file in it is trusted.',
  },
  'proxy.config.ssl.client.cert.filename': {
    ...OPTIONAL_FILE,
    default: null,
    about: 'A PEM file with the certificate (and chain) to show to origins that ask for one.',
  },
  'proxy.config.ssl.client.cert.path': {
    ...OPTIONAL_FOLDER,
    default: null,
    about: 'The folder of cert.filename; NULL is the configuration folder.',
  },
  'proxy.config.ssl.client.private_key.filename': {
    ...OPTIONAL_FILE,
    default: null,
    about: 'A PEM file with the key of cert.filename; NULL looks in cert.filename itself.',
  },
  'proxy.config.ssl.client.private_key.path': {
    ...OPTIONAL_FOLDER,
    default: null,
    about: 'The folder of private_key.filename; NULL is the configuration folder.',
  },
  'proxy.config.ssl.client.TLSv1': {
    type: 'INT',
    default: 0,
    enum: [0],
    reload: false,
    about: 'TLS 1.0 is never spoken; accepted so that a Traffic Server file loads.',
    refused: 'TLS 1.0 is forbidden by RFC 8996',
  },
  'proxy.config.ssl.client.TLSv1_1': {
    type: 'INT',
    default: 0,
    enum: [0],
    reload: false,
    about: 'TLS 1.1 is never spoken; accepted so that a Traffic Server file loads.',
    refused: 'TLS 1.1 is forbidden by RFC 8996',
  },
  'proxy.config.ssl.client.TLSv1_2': {
    ...SWITCH,
    default: 1,
    about: '1 offers TLS 1.2 to origins.',
  },
  'proxy.config.ssl.client.TLSv1_3': {
    ...SWITCH,
    default: 1,
    about: '1 offers TLS 1.3 to origins.',
  },
  'proxy.config.ssl.client.cipher_suite': {
    ...OPENSSL_LIST,
    default: null,
    about: 'The cipher suites offered in TLS 1.2; NULL takes those of OpenSSL at security level 2.',
  },
  'proxy.config.ssl.client.TLSv1_3.cipher_suites': {
    ...OPENSSL_LIST,
    default: 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256',
    about: 'The cipher suites offered in TLS 1.3; NULL takes those of OpenSSL.',
  },
  'proxy.config.ssl.client.groups_list': {
    ...OPENSSL_LIST,
    default: null,
    about: 'The key exchange groups offered, such as X25519:P-256; NULL takes those of OpenSSL.',
  },
  'proxy.config.ssl.client.alpn_protocols': {
    type: 'STRING',
    default: null,
    nullable: true,
    enum: ['http/1.1', 'h2,http/1.1'],
    about:
      'The protocols offered to origins by ALPN. With NULL, `h2,http/1.1` is offered to origins whose clients are bumped, and no ALPN is sent to others, which means HTTP/1.1. A request that only HTTP/1.1 can carry has `http/1.1` offered; so has one for a WebSocket where no connection is open whose origin takes it in HTTP/2.',
    refused: 'HTTP/1.1 is always among what Portcullis offers, behind HTTP/2',
  },
  'proxy.config.ssl.client.scheme_proto_mismatch_policy': {
    type: 'INT',
    default: 0,
    enum: [0],
    reload: false,
    about: 'https:// targets are served on plain ports; accepted so that a Traffic Server file loads.',
    refused: 'a plain port serves https:// targets, without a warning',
  },
} as const satisfies Record<string, RecordRow>

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
