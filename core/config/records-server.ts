import {
  FILE,
  OPENSSL_LIST,
  OPTIONAL_FILE,
  OPTIONAL_FOLDER,
  type RecordRow,
  SECONDS,
  SWITCH,
} from './record-row.js'

/** Records about the connections of clients: how many there may be, and TLS with them. */
export const SERVER_RECORDS = {
  'proxy.config.net.connections_throttle': {
    type: 'INT',
    default: 30_000,
    minimum: 1,
    maximum: 1_000_000,
    about:
      'The largest number of client connections at a time, on all ports. Further ones are closed at once, or take the place of the newest connection of the client address that has the most (in Traffic Server, connections to origins count as well).',
  },
  'proxy.config.net.max_connections_in': {
    type: 'INT',
    default: 30_000,
    minimum: 0,
    maximum: 1_000_000,
    about:
      'The largest number of client connections at a time, as connections_throttle: the lesser of the two counts; 0 leaves it to that one.',
  },
  'proxy.config.net.per_client.max_connections_in': {
    type: 'INT',
    default: 0,
    minimum: 0,
    maximum: 1_000_000,
    about:
      'The largest number of connections of one address; further ones are closed at once. 0 sets no limit.',
  },
  'proxy.config.http.transaction_active_timeout_in': {
    type: 'INT',
    default: 900,
    minimum: 0,
    maximum: 2_147_483,
    unit: 's',
    about:
      'The longest time for a request and its response together, even while data moves; 0 sets no limit. It does not apply to tunnels.',
  },
  'proxy.config.http.transaction_active_timeout_out': {
    type: 'INT',
    default: 0,
    minimum: 0,
    maximum: 2_147_483,
    unit: 's',
    about: 'The same limit, by its name for origins: the shorter of the two counts; 0 sets no limit.',
  },
  'proxy.config.ssl.handshake_timeout_in': {
    ...SECONDS,
    default: 30,
    about:
      'How long a client may take for its TLS handshake, on an ssl port or in a bumped CONNECT, including the time that plugins hold it.',
  },
  'proxy.config.ssl.server.multicert.filename': {
    ...FILE,
    default: 'ssl_multicert.config',
    about: 'The file in the configuration folder with the certificates of ssl ports.',
  },
  'proxy.config.ssl.server.cert.path': {
    ...OPTIONAL_FOLDER,
    default: null,
    about:
      'The folder of the certificates that ssl_multicert.config names; NULL is the configuration folder.',
  },
  'proxy.config.ssl.server.private_key.path': {
    ...OPTIONAL_FOLDER,
    default: null,
    about: 'The folder of their keys; NULL is the configuration folder.',
  },
  'proxy.config.ssl.server.groups_list': {
    type: 'STRING',
    default: null,
    nullable: true,
    shape: 'names of groups, joined by colons',
    about:
      "The groups for key exchange with clients of ssl ports, the preferred one first; NULL is OpenSSL's list.",
  },
  'proxy.config.ssl.server.cipher_suite': {
    ...OPENSSL_LIST,
    default: null,
    about:
      "The cipher suites for clients of ssl ports, and inside bumped tunnels, in TLS 1.2; NULL is OpenSSL's list. Security level 2 holds in any case.",
  },
  'proxy.config.ssl.server.TLSv1_3.cipher_suites': {
    ...OPENSSL_LIST,
    default: null,
    about: "The same for TLS 1.3; NULL is OpenSSL's list.",
  },
  'proxy.config.ssl.TLSv1_2': {
    ...SWITCH,
    default: 1,
    about: '1 speaks TLS 1.2 with clients of ssl ports, and inside bumped tunnels.',
  },
  'proxy.config.ssl.TLSv1_3': {
    ...SWITCH,
    default: 1,
    about: '1 speaks TLS 1.3 with them.',
  },
  'proxy.config.ssl.server.version.min': {
    type: 'INT',
    default: -1,
    enum: [-1, 2, 3],
    about: 'The oldest version for them: 2 is TLS 1.2, 3 is TLS 1.3; -1 leaves it to TLSv1_2 and TLSv1_3.',
    refused: 'TLS 1.0 and 1.1 (0, 1) are forbidden by RFC 8996',
  },
  'proxy.config.ssl.server.version.max': {
    type: 'INT',
    default: -1,
    enum: [-1, 2, 3],
    about: 'The newest version for them, with the same numbers.',
    refused: 'TLS 1.0 and 1.1 (0, 1) are forbidden by RFC 8996',
  },
  'proxy.config.ssl.client.certification_level': {
    type: 'INT',
    default: 0,
    minimum: 0,
    maximum: 2,
    about:
      'Certificates of clients on ssl ports: 0 asks for none, 1 asks, and a certificate that is shown must be valid, 2 requires a valid certificate. TS_SSL_VERIFY_CLIENT_HOOK then decides about it.',
  },
  'proxy.config.ssl.CA.cert.filename': {
    ...OPTIONAL_FILE,
    default: null,
    about: 'The PEM file with the authorities that may issue certificates of clients.',
  },
  'proxy.config.ssl.CA.cert.path': {
    ...OPTIONAL_FOLDER,
    default: null,
    about:
      'The folder of that file; without a file name, all its .pem and .crt files. NULL is the configuration folder.',
  },
  'proxy.config.ssl.CA.crl.filename': {
    ...OPTIONAL_FILE,
    default: null,
    about:
      'A PEM file with revocation lists for certificates of clients, in the folder of proxy.config.ssl.CA.cert.filename: a certificate on a list is refused, and so is one of whose verified path an authority has no list. Every list must be complete, in force and signed. The file is read at the start and at a reload: before the first list ends, write a new one and reload, because afterwards no certificate is taken. A reload with other lists ends what rests on certificates, logins or not: open connections with their next request, tunnels at once. Their clients connect again. NULL: nothing is looked up. Not in Traffic Server.',
  },
} as const satisfies Record<string, RecordRow>
