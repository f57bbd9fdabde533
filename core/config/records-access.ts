import { FILE, OPTIONAL_FILE, type RecordRow, SWITCH } from './record-row.js'

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
      'A file in the configuration folder with names and bcrypt hashes (`htpasswd -B`): clients must show one of them by Basic Proxy-Authorization, or get 407. NULL asks for no password. Not in Traffic Server.',
  },
  'proxy.config.http.proxy_auth.groups': {
    ...OPTIONAL_FILE,
    default: null,
    about:
      'A file in the configuration folder with the groups of users, in the syntax of the AuthGroupFile of Apache: `group: user user`, names with blanks in double quotes. It is for the users of every way to log in. ip_allow.yaml, plugins and the access log have the groups. Not in Traffic Server.',
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
