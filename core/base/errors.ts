/**
 * Every error of this program is a {@link ProxyError} with a code from this closed table. The table knows the side
 * at fault, the reply to the client, and what the operator can do about it. `docs/reference/errors.md` is
 * written from it. The file is long because the table is closed, and so in one place.
 */

import { clip, describe } from './thrown.js'

/** Whose side an error comes from. */
export type Side = 'client' | 'origin' | 'internal'

interface ErrorKind {
  readonly side: Side
  /** What the client is answered with; 0 where no client waits (start-up, plugins). */
  readonly status: number
  /** The value of `error=` in `Proxy-Status` (RFC 9209 section 2.3); empty where no client waits. */
  readonly proxyStatus: string
  readonly remedy: string
}

const kind = (side: Side, status: number, proxyStatus: string, remedy: string): ErrorKind => ({
  side,
  status,
  proxyStatus,
  remedy,
})

const startup = (remedy: string): ErrorKind => kind('internal', 0, '', remedy)

const badRequest = (status: number, remedy: string): ErrorKind =>
  kind('client', status, 'http_request_error', remedy)

/** The closed table. Add a code here and nowhere else. */
export const ERRORS = {
  PTC_USAGE: startup('See `portcullis --help`.'),
  PTC_CONFIG_INVALID: startup(
    'Correct every place that the message names; behind the errors of each kind it says what to do.',
  ),
  PTC_CONFIG_MISSING: startup(
    '`portcullis init DIR` writes a commented configuration that starts; -D DIR names the folder of another one.',
  ),
  PTC_CONFIG_EXISTS: startup('Choose another folder, or move the existing files: nothing is overwritten.'),
  PTC_CONFIG_UNREADABLE: startup('Check that the file exists and that the proxy may read it.'),
  PTC_RECORDS_INVALID: startup(
    'Correct the lines that the message names; every bad record is listed at once.',
  ),
  PTC_UNDECIDED: startup(
    'Decide about each line of undecided.config that the message shows, and delete it: each kept something out before `portcullis migrate`.',
  ),
  PTC_MIGRATE: startup(
    'Give `migrate` a folder of Traffic Server or Squid, and `--to` a folder that is empty or not there.',
  ),
  PTC_SAVED_CHAIN: startup(
    'Give `replay` a file that `try --save` has written, and `--save` one that can be.',
  ),
  PTC_RULES_INVALID: startup(
    'Correct the lines of sni.yaml that the message names; every mistake is listed.',
  ),
  PTC_IP_ALLOW_INVALID: startup('Correct the lines of ip_allow.yaml that the message names.'),
  PTC_SSL_MULTICERT_INVALID: startup(
    'Lines of ssl_multicert.config are dest_ip=* ssl_cert_name=FILE ssl_key_name=FILE.',
  ),
  PTC_TEMPLATE_INVALID: startup('Correct the templates in body_factory/default that the message names.'),
  PTC_HTPASSWD_INVALID: startup('Names and bcrypt hashes, as `htpasswd -B FILE NAME` writes them.'),
  PTC_PLUGIN_CONFIG_INVALID: startup('Correct the lines of plugin.config that the message names.'),
  PTC_PLUGIN_NOT_FOUND: startup('Correct the path in plugin.config, or set proxy.config.plugin.plugin_dir.'),
  PTC_PLUGIN_SHAPE: startup('A plugin exports its init function as default and puts functions on hooks.'),
  PTC_PLUGIN_TYPESCRIPT: startup(
    'Compile the plugin to JavaScript, or run a Node that strips types: 22.18, 23.6 or newer.',
  ),
  PTC_PLUGIN_CALL: startup('A plugin passed something that the call does not take; the message says what.'),
  PTC_FETCH_DENIED: startup(
    'A plugin may not fetch from there; allow_private on its line is for sources in private networks.',
  ),
  PTC_FETCH_FAILED: startup('A source of a plugin gave no answer that could be used; the message says why.'),
  PTC_PLUGIN_INIT_FAILED: startup('The plugin threw while it was initialised; the cause is in the message.'),
  PTC_PLUGIN_INIT_SLOW: startup(
    'The plugin did not finish its init in time: proxy.config.plugin.init_timeout.',
  ),
  PTC_PLUGIN_WORKER: startup(
    'A worker of a plugin with @isolate=worker crashed, hung, or used up its memory; the log says which and when.',
  ),
  PTC_HOOK_UNKNOWN: startup('Use a hook id of the reference; ids are spelled as in Traffic Server.'),
  PTC_HOOKS_SEALED: startup('Call hookAdd during init, not later.'),
  PTC_PLUGIN_EXISTS: startup('Choose another name, or move the existing files: nothing is overwritten.'),
  PTC_TEST_KIT: startup('A test asked the kit for something it cannot do; the message says what.'),
  PTC_OPENSSL_MISSING: startup(
    'Run on a Node whose binary carries OpenSSL 3.0.2 or newer: Node 18 and later from nodejs.org.',
  ),
  PTC_TLS_CONTEXT: startup(
    'Correct what the message names: a file with a certificate, key or authority, or a list of ciphers or groups.',
  ),
  PTC_CRL_UNUSABLE: startup(
    'Name complete revocation lists in force, in PEM; the message says which list cannot be used, and why.',
  ),
  PTC_CA_EXISTS: startup(
    'Move the files that the message names: clients may trust the old authority, so it is never overwritten.',
  ),
  PTC_LOG_UNWRITABLE: startup(
    'Check that the folder of the log exists or can be made, and that the proxy may write there.',
  ),
  PTC_PORT_UNAVAILABLE: startup(
    'Another program listens there, or the port needs privileges: proxy.config.http.server_ports.',
  ),
  PTC_ADMIN_SOCKET: startup(
    'Set proxy.config.admin.socket to a path that the proxy may write to, or to NULL for no management.',
  ),
  PTC_ADMIN_DENIED: startup(
    'Send the token of proxy.config.admin.token_file as `Authorization: Bearer`, or open the link of `portcullis ctl dashboard`.',
  ),
  PTC_ADMIN_PORT: startup(
    'Set proxy.config.admin.listen to a free loopback address and port, and proxy.config.admin.token_file to a file that the proxy may read or make.',
  ),
  PTC_ADMIN_REQUEST: startup('List what exists with `portcullis ctl status`, `ctl parked`, `ctl verdicts`.'),
  PTC_ADMIN_UNREACHABLE: startup(
    'Start the proxy with the same -D, and run ctl as the same user; proxy.config.admin.socket says where.',
  ),
  PTC_REVOCATION: startup(
    'Revoke a host, a public key, a certificate, a remembered verdict by its key, or all.',
  ),
  PTC_INTERNAL: kind(
    'internal',
    500,
    'proxy_internal_error',
    'This is a defect of the proxy: please report it.',
  ),

  PTC_REQUEST_MALFORMED: badRequest(400, 'The request is not valid HTTP/1.1.'),
  PTC_REQUEST_VERSION: badRequest(505, 'Send the request in HTTP/1.1.'),
  PTC_REQUEST_TARGET: badRequest(400, 'Send the absolute form: GET https://host/path HTTP/1.1.'),
  PTC_CONNECT_TARGET: badRequest(400, 'Send the authority form with a port: CONNECT host:443 HTTP/1.1.'),
  PTC_REQUEST_SCHEME: badRequest(400, 'Only http:// and https:// targets are served.'),
  PTC_REQUEST_HEADERS_TOO_LARGE: badRequest(431, 'Send fewer or shorter header fields.'),
  PTC_REQUEST_TIMEOUT: badRequest(408, 'The client took too long to send its request.'),
  PTC_REQUEST_DENIED: kind(
    'client',
    403,
    'http_request_denied',
    'The configuration does not allow this request.',
  ),
  PTC_MISDIRECTED: badRequest(
    421,
    'The request names another host than its connection was verified for: open a connection for that host.',
  ),
  PTC_CLIENT_DENIED: kind(
    'client',
    403,
    'http_request_denied',
    'Ask the operator for a rule in ip_allow.yaml that allows your address.',
  ),
  PTC_PROXY_AUTH_REQUIRED: kind(
    'client',
    407,
    'http_request_denied',
    'Send Proxy-Authorization with a name and password that the operator gave you.',
  ),
  PTC_ORIGIN_DENIED: kind(
    'client',
    403,
    'destination_ip_prohibited',
    'This proxy does not connect to private addresses: proxy.config.http.deny_private_origins.',
  ),
  PTC_LOOP_DETECTED: kind(
    'client',
    508,
    'proxy_loop_detected',
    "The request is for this proxy itself, or came back to it: check the client's proxy settings.",
  ),
  PTC_NOT_IMPLEMENTED: badRequest(501, 'This proxy does not serve such requests; the message says which.'),
  PTC_CLIENT_GONE: kind('client', 499, 'connection_terminated', 'The client left before it was answered.'),

  PTC_OUT_OF_SOCKETS: kind(
    'internal',
    503,
    'connection_limit_reached',
    'The proxy has no socket left: raise the limit of open files (ulimit -n).',
  ),
  PTC_OVERLOADED: kind(
    'internal',
    503,
    'proxy_internal_response',
    'More work waits than the processor can do in 30 s: find its clients in the access log, or give the proxy a faster processor.',
  ),
  PTC_TUNNEL_IDLE: kind(
    'client',
    0,
    '',
    'Nothing moved through the connection for too long; it was closed. If it is meant to be silent, raise proxy.config.http.tunnel_no_activity_timeout, or proxy.config.websocket.no_activity_timeout after a switch of protocol.',
  ),
  PTC_CLIENT_HANDSHAKE: kind(
    'client',
    0,
    '',
    "The client broke off its TLS handshake with the proxy: does it trust the proxy's certificate?",
  ),
  PTC_CLIENT_REFUSED: kind(
    'internal',
    0,
    '',
    'A plugin refused a client or its TLS handshake, failed, or did not answer in time; the message names it.',
  ),
  PTC_TUNNEL_NOT_TLS: kind(
    'client',
    403,
    'http_request_denied',
    'Only TLS passes a verified tunnel. For other protocols set proxy.config.http.connect.verify.non_tls to tunnel, or connect_verify: tunnel for the host in sni.yaml.',
  ),
  PTC_TUNNEL_HELLO: kind(
    'client',
    0,
    '',
    'The ClientHello in a tunnel cannot be read, or its name cannot be a host; the message says what is wrong.',
  ),
  PTC_TUNNEL_HIDDEN: kind(
    'client',
    403,
    'http_request_denied',
    'What the client sent in its tunnel hides which host it is for, and rules or plugins decide by hosts; the message says what it was.',
  ),
  PTC_TUNNEL_CUT: kind(
    'origin',
    0,
    '',
    'The origin sent the client another certificate than the verified one; the tunnel was cut. Examine the servers behind the address.',
  ),
  PTC_DNS_FAILED: kind('origin', 502, 'dns_error', "The origin's name does not resolve."),
  PTC_DNS_TIMEOUT: kind(
    'origin',
    504,
    'dns_timeout',
    "The name servers did not tell the origin's addresses within proxy.config.hostdb.lookup_timeout.",
  ),
  PTC_CONNECT_REFUSED: kind('origin', 502, 'connection_refused', 'The origin refused the connection.'),
  PTC_CONNECT_UNREACHABLE: kind(
    'origin',
    502,
    'destination_ip_unroutable',
    'There is no route to the origin.',
  ),
  PTC_CONNECT_TIMEOUT: kind(
    'origin',
    504,
    'connection_timeout',
    'The origin did not accept the connection in time.',
  ),
  PTC_HANDSHAKE_FAILED: kind(
    'origin',
    502,
    'tls_protocol_error',
    'The origin does not speak TLS that this proxy accepts.',
  ),
  PTC_HANDSHAKE_ALERT: kind(
    'origin',
    502,
    'tls_alert_received',
    'The origin ended the handshake with a TLS alert.',
  ),
  PTC_HANDSHAKE_CLOSED: kind(
    'origin',
    502,
    'connection_terminated',
    'The origin closed the connection during the handshake.',
  ),
  PTC_HANDSHAKE_TIMEOUT: kind(
    'origin',
    504,
    'connection_timeout',
    'The origin did not finish its part of the handshake in time.',
  ),
  PTC_VERIFY_REJECTED: kind(
    'origin',
    502,
    'tls_certificate_error',
    "The origin's certificate was rejected; the message names the check or plugin, and the reason.",
  ),
  PTC_VERIFY_POSTPONED: kind(
    'internal',
    503,
    'destination_unavailable',
    'A decision about this origin is still open: ask again after the seconds in Retry-After. `portcullis ctl approvals` lists what waits for an answer.',
  ),
  PTC_CERTIFICATE_UNREADABLE: kind(
    'origin',
    502,
    'tls_certificate_error',
    'The bytes are not exactly one DER certificate, so none of its fields are shown. The message says why.',
  ),
  PTC_VERIFY_TIMEOUT: kind(
    'internal',
    504,
    'tls_certificate_error',
    'No verdict came in time: the message names the plugin, and the setting that limits its time.',
  ),
  PTC_VERIFY_PLUGIN_FAILED: kind(
    'internal',
    502,
    'tls_certificate_error',
    'A plugin threw, which counts as a rejection; its error is in the log.',
  ),
  PTC_PLUGIN_REFUSED_REQUEST: kind(
    'client',
    403,
    'http_request_denied',
    'A plugin does not allow this request; the message says which, and why.',
  ),
  PTC_PLUGIN_REFUSED_RESPONSE: kind(
    'internal',
    502,
    'proxy_internal_response',
    "A plugin rejected the origin's response, or its way to the client; the message says which, and why.",
  ),
  PTC_PLUGIN_REFUSED_ORIGIN: kind(
    'internal',
    502,
    'destination_unavailable',
    'A plugin does not allow this connection to the origin; the message says which, and why.',
  ),
  PTC_PLUGIN_FAILED: kind(
    'internal',
    500,
    'proxy_internal_error',
    'A plugin threw, which counts as a rejection; its error is in the log.',
  ),
  PTC_PLUGIN_TIMEOUT: kind(
    'internal',
    504,
    'proxy_internal_error',
    'A plugin did not answer in time: the message names it, and the setting that limits its time.',
  ),
  PTC_ORIGIN_CLOSED: kind(
    'origin',
    502,
    'connection_terminated',
    'The origin closed the connection before its response was complete.',
  ),
  PTC_ORIGIN_TIMEOUT: kind('origin', 504, 'http_response_timeout', 'The origin did not answer in time.'),
  PTC_ACTIVE_TIMEOUT: kind(
    'internal',
    504,
    'http_response_timeout',
    'It took longer than proxy.config.http.transaction_active_timeout_in (or _out) allows.',
  ),
  PTC_RESPONSE_MALFORMED: kind(
    'origin',
    502,
    'http_protocol_error',
    "The origin's response is not valid HTTP/1.1.",
  ),
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof ERRORS

/** Characters of a message of ours: the longest lists every mistake of a file. */
const MAX_TEXT = 65_536

/** An error with a code from the table. Decisions are taken on `code`, never on `message`. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError'
  readonly code: ErrorCode
  /** Marks an error as ours, and keeps its code, whatever a plugin does that has caught it. */
  readonly #code: ErrorCode
  readonly #text: string

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(clip(message, MAX_TEXT), options)
    this.code = code
    this.#code = code
    this.#text = this.message
  }

  /** Never throws, which a proxy among prototypes would have `instanceof` do. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (ProxyError.codeOf(value) === undefined) return false
    try {
      // biome-ignore lint/complexity/noThisInStatic: the class that was asked about, which may be a descendant
      return this === ProxyError || Function.prototype[Symbol.hasInstance].call(this, value)
    } catch {
      return false
    }
  }

  /** The code that an error of ours was made with; undefined for anything else. */
  static codeOf(value: unknown): ErrorCode | undefined {
    return typeof value === 'object' && value !== null && #code in value ? value.#code : undefined
  }

  /** The whole message of an error of ours, whatever became of it; of anything else as `describe` says. */
  static textOf(value: unknown): string {
    return typeof value === 'object' && value !== null && #text in value ? value.#text : describe(value)
  }

  get side(): Side {
    return ERRORS[this.code].side
  }

  get status(): number {
    return ERRORS[this.code].status
  }
}
