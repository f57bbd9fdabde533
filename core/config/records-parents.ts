import { FILE, OPTIONAL_FILE, type RecordRow, SWITCH } from './record-row.js'

/** Records about other proxies, through which connections to origins go. */
export const PARENT_RECORDS = {
  'proxy.config.http.parent_proxy.file': {
    default: 'parent.config',
    ...FILE,
    about:
      'The file in the configuration folder that says which requests go through which parent proxies, in the syntax of Traffic Server; the first line that matches decides. Without it, and without the other records here, the proxy connects to origins itself.',
  },
  'proxy.config.http.parent_proxies': {
    isSecret: true,
    type: 'STRING',
    default: null,
    nullable: true,
    about:
      'Parent proxies for requests that no line of parent.config matches, separated by semicolons and tried in this order: host:port, or a URL that begins with http://, https:// or socks5://. The proxy connects to origins itself while none of them can be reached, as in Traffic Server; a line `dest_domain=. parent="…" go_direct=false` of parent.config does not.',
  },
  'proxy.config.http.parent_proxies.credentials': {
    default: null,
    ...OPTIONAL_FILE,
    about:
      'A file in the configuration folder with the credentials that are sent to the parents of parent_proxies: one line, `basic USER:PASSWORD` or `bearer TOKEN`. Not in Traffic Server.',
  },
  'proxy.config.http.parent_from_env': {
    ...SWITCH,
    default: 0,
    about:
      '1 takes parents from the environment, where no line of parent.config matches: HTTP_PROXY, HTTPS_PROXY (CONNECT too), ALL_PROXY for both, and NO_PROXY for hosts, with what is below them, addresses and networks that are connected to directly. The rules are those of curl: small letters count first, a port that is not named is 1080 (443 for https), nothing goes past a proxy that is named. URLs are http, https or socks5://[user:password@]host:port. HTTP_PROXY counts in capitals as well. Not in Traffic Server.',
  },
  'proxy.config.http.parent_proxy.fail_threshold': {
    type: 'INT',
    default: 10,
    minimum: 1,
    maximum: 1_000_000,
    about:
      'How many connections to a parent must fail, one after another, before it is taken for down. What a parent answers does not count, because it may be about the origin.',
  },
  'proxy.config.http.parent_proxy.retry_time': {
    type: 'INT',
    default: 300,
    minimum: 0,
    maximum: 86_400,
    unit: 's',
    about:
      'How long a parent that is down is tried after all others. Where nothing else is left it is tried at once.',
  },
  'proxy.config.http.parent_proxy.total_connect_attempts': {
    type: 'INT',
    default: 4,
    minimum: 1,
    maximum: 64,
    about:
      'How many parents are tried for one connection. Another one is tried only if the one before could not be reached, or closed the connection before it answered; never after a verdict about a certificate.',
  },
  'proxy.config.http.parent_proxy.connect_attempts_timeout': {
    type: 'INT',
    default: 30,
    minimum: 1,
    maximum: 86_400,
    unit: 's',
    about: 'How long a parent may take to accept a connection, and as long again to answer CONNECT.',
  },
  'proxy.config.http.parent_proxy.CA.cert.filename': {
    default: null,
    ...OPTIONAL_FILE,
    about:
      'A file in the configuration folder with the roots that the certificates of https parents must lead to; NULL takes those of origins. Plugins are asked about these certificates as about those of origins, and a rule of sni.yaml for the name of a parent counts before this record. Not in Traffic Server.',
  },
  'proxy.config.http.proxy_protocol_out': {
    type: 'INT',
    default: -1,
    enum: [-1, 0, 1, 2],
    about:
      'Announces the client by the PROXY protocol at the begin of each connection to an origin or a parent: 1 and 2 are the versions, 0 is what was received from a relay (`pp` in server_ports), with its values; -1 announces nothing. A connection that announces a client serves that client alone.',
  },
  'proxy.config.http.no_dns_just_forward_to_parent': {
    ...SWITCH,
    default: 1,
    about:
      '1 leaves the names of origins to the parent (default of Traffic Server: 0). 0 resolves them here and asks the parent for an address, in CONNECT and SOCKS; a request without TLS still carries its name. proxy.config.http.deny_private_origins needs 0, and refuses requests without TLS that go through a parent by name.',
  },
} as const satisfies Record<string, RecordRow>
