/** Every error of this program is a {@link ProxyError} with a code from the table in `error-table.ts`. */

<<<<<<< HEAD
import { ERRORS, type Side } from './error-table.js'
import { clip, describe } from './thrown.js'

=======
import { badRequest, type ErrorKind, kind, type Side } from './error-kind.js'
import { STARTUP_ERRORS } from './startup-errors.js'
import { clip, describe } from './thrown.js'

export type { Side } from './error-kind.js'

/** The closed table. Add a code here, or to its part about the start, and nowhere else. */
export const ERRORS = {
  ...STARTUP_ERRORS,
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
  PTC_PARENT_UNREACHABLE: kind(
    'origin',
    502,
    'destination_unavailable',
    'No connection to the parent proxy could be made: see parent.config, and whether that proxy runs.',
  ),
  PTC_PARENT_CLOSED: kind(
    'origin',
    502,
    'connection_terminated',
    'The parent proxy closed the connection before it answered: see its own log.',
  ),
  PTC_PARENT_TIMEOUT: kind(
    'origin',
    504,
    'connection_timeout',
    'The parent proxy did not answer within proxy.config.http.parent_proxy.connect_attempts_timeout.',
  ),
  PTC_PARENT_MALFORMED: kind(
    'origin',
    502,
    'http_protocol_error',
    'What the parent proxy answered is not of the protocol that parent.config names for it.',
  ),
  PTC_PARENT_AUTH: kind(
    'origin',
    502,
    'destination_unavailable',
    'The parent proxy does not accept the credentials of this proxy: see credentials in parent.config.',
  ),
  PTC_PARENT_REFUSED: kind(
    'origin',
    502,
    'destination_unavailable',
    'The parent proxy refused to connect to the origin; the message has its answer.',
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

>>>>>>> b53206f (parents: a way through another proxy, by parent.config)
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
