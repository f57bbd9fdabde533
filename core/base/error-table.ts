/**
 * The closed table of errors: the side at fault, the reply to the client, and what the operator can do about it.
 * `docs/reference/errors.md` is written from it. It is long because it is closed: one place has every code.
 */

/** Whose side an error comes from. */
export type Side = 'client' | 'origin' | 'internal'

interface ErrorKind<Status extends number = number> {
  readonly side: Side
  /** What the client is answered with; 0 where no client waits (start-up, plugins). */
  readonly status: Status
  /** The value of `error=` in `Proxy-Status` (RFC 9209 section 2.3); empty where no client waits. */
  readonly proxyStatus: string
  readonly remedy: string
}

/** Errors of one side that are answered alike: their codes, and the remedy of each. */
function kinds<Code extends string, Status extends number>(
  side: Side,
  status: Status,
  proxyStatus: string,
  remedies: Readonly<Record<Code, string>>,
): Readonly<Record<Code, ErrorKind<Status>>> {
  const rows = Object.entries<string>(remedies)
  return Object.fromEntries(
    rows.map(([code, remedy]) => [code, { side, status, proxyStatus, remedy }]),
  ) as Record<Code, ErrorKind<Status>>
}

/** Add a code here and nowhere else. */
export const ERRORS = {
  ...kinds('internal', 0, '', {
    PTC_USAGE: '`portcullis help` lists all commands and options.',
    PTC_CONFIG_INVALID:
      'Correct every place that the message names; behind the errors of each kind it says what to do.',
    PTC_CONFIG_MISSING:
      '`portcullis init DIR` writes a commented configuration that starts; -D DIR names the folder of another one.',
    PTC_CONFIG_EXISTS: 'Choose another folder, or move the existing files: nothing is overwritten.',
    PTC_CONFIG_UNWRITABLE:
      'Edit the file yourself and reload, or let the proxy write to its configuration folder.',
    PTC_CONFIG_UNREADABLE: 'Check that the file exists and that the proxy may read it.',
    PTC_RECORDS_INVALID: 'Correct the lines that the message names; every bad record is listed at once.',
    PTC_UNDECIDED:
      'Decide about each line of undecided.config that the message shows, and delete it: each kept something out before `portcullis migrate`.',
    PTC_MIGRATE:
      'Give `migrate` a folder of Traffic Server or Squid, and `--to` a folder that is empty or not there.',
    PTC_SAVED_CHAIN: 'Give `replay` a file that `try --save` has written, and `--save` one that can be.',
    PTC_RULES_INVALID: 'Correct the lines of sni.yaml that the message names; every mistake is listed.',
    PTC_IP_ALLOW_INVALID: 'Correct the lines of ip_allow.yaml that the message names.',
    PTC_SSL_MULTICERT_INVALID:
      'Lines of ssl_multicert.config are dest_ip=* ssl_cert_name=FILE ssl_key_name=FILE.',
    PTC_TEMPLATE_INVALID: 'Correct the templates in body_factory/default that the message names.',
    PTC_HTPASSWD_INVALID: 'Names and bcrypt hashes, as `htpasswd -B FILE NAME` writes them.',
    PTC_GROUP_FILE_INVALID: 'Lines of `group: user user …`, as in an AuthGroupFile of Apache.',
    PTC_TOKEN_KEYS_INVALID: 'Name a file with public keys: a JWKS, a JWK, or PEM.',
    PTC_PARENT_CONFIG_INVALID:
      'Correct the lines of parent.config, or the record or the file, that the message names.',
    PTC_PLUGIN_CONFIG_INVALID: 'Correct the lines of plugin.config that the message names.',
    PTC_PLUGIN_NOT_FOUND: 'Correct the path in plugin.config, or set proxy.config.plugin.plugin_dir.',
    PTC_PLUGIN_SHAPE: 'A plugin exports its init function as default and puts functions on hooks.',
    PTC_PLUGIN_TYPESCRIPT:
      'Compile the plugin to JavaScript, or run a Node that strips types: 22.18, 23.6 or newer.',
    PTC_PLUGIN_CALL: 'A plugin passed something that the call does not take; the message says what.',
    PTC_FETCH_DENIED:
      'A plugin may not fetch from there; allow_private on its line is for sources in private networks.',
    PTC_FETCH_FAILED: 'A source of a plugin gave no answer that could be used; the message says why.',
    PTC_PLUGIN_INIT_FAILED: 'The plugin does not load, or its init threw; the cause is in the message.',
    PTC_PLUGIN_INIT_SLOW: 'The plugin did not finish its init in time: proxy.config.plugin.init_timeout.',
    PTC_PLUGIN_WORKER:
      'A worker of a plugin with @isolate=worker crashed, hung, or used up its memory; the log says which and when.',
    PTC_HOOK_UNKNOWN: 'Use a hook id of the reference; ids are spelled as in Traffic Server.',
    PTC_HOOKS_SEALED: 'Call hookAdd during init, not later.',
    PTC_PLUGIN_EXISTS: 'Choose another name, or move the existing files: nothing is overwritten.',
    PTC_TEST_KIT: 'A test asked the kit for something it cannot do; the message says what.',
    PTC_OPENSSL_MISSING:
      'Run on a Node whose binary carries OpenSSL 3.0.2 or newer: Node 18 and later from nodejs.org.',
    PTC_TLS_CONTEXT:
      'Correct what the message names: a file with a certificate, key or authority, or a list of ciphers or groups.',
    PTC_CRL_UNUSABLE:
      'Name complete revocation lists in force, in PEM; the message says which list cannot be used, and why.',
    PTC_CA_EXISTS:
      'Move the files that the message names: clients may trust the old authority, so it is never overwritten.',
    PTC_LOG_UNWRITABLE:
      'Check that the folder of the log exists or can be made, and that the proxy may write there.',
    PTC_PORT_UNAVAILABLE:
      'Another program listens there, the address is not of this machine, or the port needs privileges: proxy.config.http.server_ports.',
    PTC_ADMIN_SOCKET:
      'Set proxy.config.admin.socket to a path that the proxy may write to, or to NULL for no management.',
    PTC_ADMIN_DENIED:
      'Send the token of proxy.config.admin.token_file as `Authorization: Bearer`, or open the link of `portcullis ctl dashboard`.',
    PTC_ADMIN_PORT:
      'Set proxy.config.admin.listen to a free loopback address and port, and proxy.config.admin.token_file to a file that the proxy may read or make.',
    PTC_STORE_KEYS: 'Make the key file with `openssl rand -hex 32`; each line is one key.',
    PTC_CLUSTER_KEYS:
      'Make proxy.config.cluster.key_file with `openssl rand -hex 32 > cluster.keys`, for the user of the proxy alone, and give every proxy the same.',
    PTC_CLUSTER_CA:
      'Name in proxy.config.cluster.redis_ca_file a PEM file with the authorities of the Redis, and write rediss:// in proxy.config.cluster.redis_url.',
    PTC_CLUSTER_REDIS:
      'Set the clocks of all machines (NTP), and see that the Redis of the fleet answers, and belongs to the proxies alone; the message says what is wrong with it.',
    PTC_PROCESS_GONE: 'Ask again: a process of the proxy that ends is replaced. The log says why it ended.',
    PTC_PROCESS_SILENT:
      'A process of the proxy hangs, or is stopped. Look at what it does, or end it by `kill -9`: another takes its place.',
    PTC_ADMIN_REQUEST:
      'List what exists with `portcullis ctl status`, `ctl parked`, `ctl verdicts`, `ctl config match .`.',
    PTC_ADMIN_OVERRULE:
      'Reject it, or give the plugin more time; proxy.config.admin.may_accept 1 lets operators accept in place of any plugin.',
    PTC_ADMIN_AUDIT:
      'Check that the proxy may write to proxy.config.admin.audit_file and its folder: without that record no handshake is accepted.',
    PTC_ADMIN_UNREACHABLE:
      'Start the proxy with the same -D, and run ctl as the same user; proxy.config.admin.socket says where.',
    PTC_REVOCATION: 'Revoke a host, a public key, a certificate, a remembered verdict by its key, or all.',
    PTC_CLIENT_REFUSED:
      'A plugin refused a client or its TLS handshake, failed, or did not answer in time; the message names it.',
  }),
  ...kinds('internal', 500, 'proxy_internal_error', {
    PTC_INTERNAL: 'This is a defect of the proxy: please report it.',
    PTC_PLUGIN_FAILED: 'A plugin threw, which counts as a rejection; its error is in the log.',
  }),
  ...kinds('client', 400, 'http_request_error', {
    PTC_REQUEST_MALFORMED: 'What the client sent is not valid HTTP; the message says what is wrong.',
    PTC_REQUEST_TARGET: 'Send the absolute form: GET https://host/path HTTP/1.1.',
    PTC_CONNECT_TARGET: 'Send the authority form with a port: CONNECT host:443 HTTP/1.1.',
    PTC_REQUEST_SCHEME: 'Only http:// and https:// targets are served.',
  }),
  ...kinds('client', 429, 'http_request_error', {
    PTC_HTTP2_FLOOD:
      'The client sent more frames of a kind than the record in the message allows, or a head without an end: its connection was closed.',
  }),
  ...kinds('client', 505, 'http_request_error', {
    PTC_REQUEST_VERSION: 'Send the request in HTTP/1.1.',
  }),
  ...kinds('client', 431, 'http_request_error', {
    PTC_REQUEST_HEADERS_TOO_LARGE: 'Send fewer or shorter header fields.',
  }),
  ...kinds('client', 408, 'http_request_error', {
    PTC_REQUEST_TIMEOUT: 'The client took too long to send its request.',
  }),
  ...kinds('client', 403, 'http_request_denied', {
    PTC_REQUEST_DENIED: 'The configuration does not allow this request.',
    PTC_CLIENT_DENIED: 'Ask the operator for a rule in ip_allow.yaml that allows your address or your login.',
    PTC_CLIENT_CERTIFICATE: 'Connect to an ssl port of the proxy, and show a certificate that names a user.',
    PTC_LOGIN_ENDED:
      'The login of the connection or tunnel, or the certificate that its client has shown, has expired, or a reload has taken it away: connect again, and log in again.',
    PTC_TUNNEL_NOT_TLS:
      'Only TLS passes a verified tunnel. For other protocols set proxy.config.http.connect.verify.non_tls to tunnel, or connect_verify: tunnel for the host in sni.yaml.',
    PTC_TUNNEL_HIDDEN:
      'What the client sent in its tunnel hides which host it is for, and rules or plugins decide by hosts; the message says what it was.',
    PTC_PLUGIN_REFUSED_REQUEST: 'A plugin does not allow this request; the message says which, and why.',
  }),
  ...kinds('client', 421, 'http_request_error', {
    PTC_MISDIRECTED:
      'The request names another host than its connection was verified for: open a connection for that host.',
  }),
  ...kinds('client', 407, 'http_request_denied', {
    PTC_PROXY_AUTH_REQUIRED:
      'Send Proxy-Authorization with what the operator gave you: a name and password, or a token. Proxy-Authenticate names what is taken.',
  }),
  ...kinds('client', 403, 'destination_ip_prohibited', {
    PTC_ORIGIN_DENIED:
      'This proxy does not connect to private addresses: proxy.config.http.deny_private_origins.',
  }),
  ...kinds('client', 508, 'proxy_loop_detected', {
    PTC_LOOP_DETECTED:
      "The request is for this proxy itself, or came back to it: check the client's proxy settings.",
  }),
  ...kinds('client', 501, 'http_request_error', {
    PTC_NOT_IMPLEMENTED: 'This proxy does not serve such requests; the message says which.',
  }),
  ...kinds('client', 499, 'connection_terminated', {
    PTC_CLIENT_GONE: 'The client left before it was answered.',
  }),
  ...kinds('internal', 503, 'connection_limit_reached', {
    PTC_OUT_OF_SOCKETS: 'The proxy has no socket left: raise the limit of open files (ulimit -n).',
  }),
  ...kinds('internal', 503, 'proxy_internal_response', {
    PTC_OVERLOADED:
      'More work waits than the processor can do in 30 s: find its clients in the access log, or give the proxy a faster processor.',
  }),
  ...kinds('client', 0, '', {
    PTC_TUNNEL_IDLE:
      'Nothing moved through the connection for too long; it was closed. If it is meant to be silent, raise proxy.config.http.tunnel_no_activity_timeout, or proxy.config.websocket.no_activity_timeout after a switch of protocol.',
    PTC_CLIENT_HANDSHAKE:
      "The client broke off its TLS handshake with the proxy: does it trust the proxy's certificate?",
    PTC_TUNNEL_HELLO:
      'The ClientHello in a tunnel cannot be read, or its name cannot be a host; the message says what is wrong.',
    PTC_TUNNEL_ECH:
      'The ClientHello in a probed tunnel hides its name by encryption (ECH): turn that off in the client, bump the host, or set proxy.config.http.connect.verify.ech to allow.',
  }),
  ...kinds('origin', 0, '', {
    PTC_TUNNEL_CUT:
      'The origin sent the client another certificate than the verified one; the tunnel was cut. Examine the servers behind the address.',
  }),
  ...kinds('origin', 502, 'dns_error', {
    PTC_DNS_FAILED: "The origin's name does not resolve.",
  }),
  ...kinds('origin', 504, 'dns_timeout', {
    PTC_DNS_TIMEOUT:
      "The name servers did not tell the origin's addresses within proxy.config.hostdb.lookup_timeout.",
  }),
  ...kinds('origin', 502, 'connection_refused', {
    PTC_CONNECT_REFUSED: 'The origin refused the connection.',
  }),
  ...kinds('origin', 502, 'destination_ip_unroutable', {
    PTC_CONNECT_UNREACHABLE: 'There is no route to the origin.',
  }),
  ...kinds('origin', 504, 'connection_timeout', {
    PTC_CONNECT_TIMEOUT: 'The origin did not accept the connection in time.',
    PTC_HANDSHAKE_TIMEOUT: 'The origin did not finish its part of the handshake in time.',
  }),
  ...kinds('origin', 502, 'tls_protocol_error', {
    PTC_HANDSHAKE_FAILED: 'The origin does not speak TLS that this proxy accepts.',
  }),
  ...kinds('origin', 502, 'destination_unavailable', {
    PTC_PARENT_UNREACHABLE:
      'No connection to the parent proxy could be made: see parent.config, and whether that proxy runs.',
    PTC_PARENT_AUTH:
      'The parent proxy does not accept the credentials of this proxy: see credentials in parent.config.',
    PTC_PARENT_REFUSED: 'The parent proxy refused to connect to the origin; the message has its answer.',
  }),
  ...kinds('origin', 502, 'connection_terminated', {
    PTC_PARENT_CLOSED: 'The parent proxy closed the connection before it answered: see its own log.',
  }),
  ...kinds('origin', 504, 'connection_timeout', {
    PTC_PARENT_TIMEOUT:
      'The parent proxy did not answer within proxy.config.http.parent_proxy.connect_attempts_timeout.',
  }),
  ...kinds('origin', 502, 'http_protocol_error', {
    PTC_ORIGIN_FLOOD:
      'The origin sent more frames of HTTP/2 of a kind than the record in the message allows: its connection was closed.',
    PTC_PARENT_MALFORMED:
      'What the parent proxy answered is not of the protocol that parent.config names for it.',
  }),
  ...kinds('origin', 502, 'tls_alert_received', {
    PTC_HANDSHAKE_ALERT: 'The origin ended the handshake with a TLS alert.',
  }),
  ...kinds('origin', 502, 'connection_terminated', {
    PTC_HANDSHAKE_CLOSED: 'The origin closed the connection during the handshake.',
    PTC_ORIGIN_CLOSED: 'The origin closed the connection before its response was complete.',
  }),
  ...kinds('origin', 502, 'tls_certificate_error', {
    PTC_VERIFY_REJECTED:
      "The origin's certificate was rejected; the message names the check or plugin, and the reason.",
    PTC_CERTIFICATE_UNREADABLE:
      'The bytes are not exactly one DER certificate, so none of its fields are shown. The message says why.',
  }),
  ...kinds('internal', 503, 'destination_unavailable', {
    PTC_VERIFY_POSTPONED:
      'A decision about this origin is still open: ask again after the seconds in Retry-After. `portcullis ctl approvals` lists what waits for an answer.',
  }),
  ...kinds('internal', 504, 'tls_certificate_error', {
    PTC_VERIFY_TIMEOUT:
      'No verdict came in time: the message names the plugin, and the setting that limits its time.',
  }),
  ...kinds('internal', 502, 'tls_certificate_error', {
    PTC_VERIFY_PLUGIN_FAILED: 'A plugin threw, which counts as a rejection; its error is in the log.',
  }),
  ...kinds('internal', 502, 'proxy_internal_response', {
    PTC_PLUGIN_REFUSED_RESPONSE:
      "A plugin rejected the origin's response, or its way to the client; the message says which, and why.",
  }),
  ...kinds('internal', 502, 'destination_unavailable', {
    PTC_PLUGIN_REFUSED_ORIGIN:
      'A plugin does not allow this connection to the origin; the message says which, and why.',
  }),
  ...kinds('internal', 504, 'proxy_internal_error', {
    PTC_PLUGIN_TIMEOUT:
      'A plugin did not answer in time: the message names it, and the setting that limits its time.',
  }),
  ...kinds('origin', 504, 'http_response_timeout', {
    PTC_ORIGIN_TIMEOUT: 'The origin did not answer in time.',
  }),
  ...kinds('internal', 504, 'http_response_timeout', {
    PTC_ACTIVE_TIMEOUT:
      'It took longer than proxy.config.http.transaction_active_timeout_in (or _out) allows.',
  }),
  ...kinds('origin', 502, 'http_protocol_error', {
    PTC_RESPONSE_MALFORMED: "The origin's response is not valid HTTP/1.1.",
  }),
}

/** Codes that a client is answered with. */
export type AnsweredCode = {
  [C in keyof typeof ERRORS]: (typeof ERRORS)[C]['status'] extends 0 ? never : C
}[keyof typeof ERRORS]

export const isAnswered = (code: keyof typeof ERRORS): code is AnsweredCode => ERRORS[code].status !== 0
