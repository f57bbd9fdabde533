/** What client and operator can do about each error that a client is answered with. */
import type { AnsweredCode } from '../../base/error-table.js'

export interface Advice {
  readonly client: string
  readonly operator: string
}

/** The command that repeats a handshake. */
export const tryOf = (host: string): string => `portcullis try ${host}`

/** Without the port. */
const nameOf = (host: string): string => host.replace(/:\d+$/, '')

const ASK = 'Ask the operator of this proxy.'
const LATER = 'Try again later.'
const LATER_OR_ASK = 'Try again; if it happens again, ask the operator of this proxy.'
/** The access log has one line for each request. */
const LINE = 'the line of the access log'

const requestOf = (client: string, operator: string) => (): Advice => ({ client, operator })

const malformed = requestOf(
  'Look at the client, or at a program between it and this proxy: the message says what is wrong in its request.',
  `The client at fault is in ${LINE}; requests are never mended.`,
)

/** The compiler asks for a row of each. */
export const BY_CODE: { readonly [C in AnsweredCode]: (host: string) => Advice } = {
  PTC_INTERNAL: requestOf(
    LATER_OR_ASK,
    'This is a defect of the proxy: report it, with the error of its log.',
  ),
  PTC_PLUGIN_FAILED: requestOf(
    ASK,
    'The message names the plugin, and the log has its error; portcullis ctl status counts its failures.',
  ),
  PTC_REQUEST_MALFORMED: malformed,
  PTC_REQUEST_TARGET: requestOf(
    'Use this server as a proxy: GET http://host/path HTTP/1.1, not as a web server.',
    'A client takes the proxy for a web server: look at its proxy settings.',
  ),
  PTC_CONNECT_TARGET: requestOf(
    'Send a host and a port: CONNECT host:443 HTTP/1.1.',
    `The client at fault is in ${LINE}.`,
  ),
  PTC_REQUEST_SCHEME: requestOf(
    'Use http:// or https://; for other protocols, CONNECT.',
    'proxy.config.http.connect_ports says which ports CONNECT may use.',
  ),
  PTC_HTTP2_FLOOD: requestOf(
    'Open a new connection, and send fewer control frames.',
    `The message names the record that limits such frames; the client is in ${LINE}.`,
  ),
  PTC_REQUEST_VERSION: requestOf('Send the request in HTTP/1.1.', `The client at fault is in ${LINE}.`),
  PTC_REQUEST_HEADERS_TOO_LARGE: requestOf(
    'Send fewer or shorter header fields; large cookies are the most frequent reason.',
    'proxy.config.http.request_header_max_size is the limit.',
  ),
  PTC_REQUEST_TIMEOUT: requestOf(
    'Send the request in one go, and its body without long pauses.',
    'proxy.config.http.transaction_no_activity_timeout_in is the limit.',
  ),
  PTC_REQUEST_DENIED: requestOf(
    'Ask the operator of this proxy to allow it; the message says what is not allowed.',
    'Ports for CONNECT are in proxy.config.http.connect_ports, methods in ip_allow.yaml.',
  ),
  PTC_CLIENT_DENIED: requestOf(
    'Ask the operator of this proxy to allow your address or your login.',
    'Add a rule for the address, and for the user or group, to ip_allow.yaml, then portcullis ctl reload.',
  ),
  PTC_CLIENT_CERTIFICATE: requestOf(
    'Connect to the proxy by TLS, with the certificate that its operator gave you.',
    'proxy.config.http.proxy_auth.client_cert says which name in a certificate is the user; no other way to log in is set.',
  ),
  PTC_LOGIN_ENDED: requestOf(
    'Connect again, and log in again.',
    'A reload took away the login of this connection or tunnel, or what its certificate rests on, or its token, its certificate or an authority above that has expired.',
  ),
  PTC_TUNNEL_NOT_TLS: requestOf(
    'Use TLS in the tunnel, or an http:// request without CONNECT.',
    'Set proxy.config.http.connect.verify.non_tls to tunnel, or connect_verify: tunnel for the host in sni.yaml.',
  ),
  PTC_TUNNEL_HIDDEN: requestOf(
    'Send plain requests without CONNECT; the message says what cannot be read in the tunnel.',
    'Rules or plugins decide by hosts here. connect_verify: tunnel for the host in sni.yaml lets everything pass to it.',
  ),
  PTC_PLUGIN_REFUSED_REQUEST: requestOf(
    'Ask the operator of this proxy to allow it; the message says why it is not allowed.',
    'The message names the plugin: see its line in plugin.config, and its own rules.',
  ),
  PTC_MISDIRECTED: requestOf(
    'Open a connection of its own for that host.',
    'A client shares connections between hosts; it repeats the request by itself if it knows status 421.',
  ),
  PTC_PROXY_AUTH_REQUIRED: requestOf(
    'Send Proxy-Authorization with what the operator gave you: a name and a password, or a token.',
    'proxy.config.http.proxy_auth.htpasswd, .jwt.keys and .client_cert say how clients log in; htpasswd -B FILE NAME adds a name.',
  ),
  PTC_ORIGIN_DENIED: host => ({
    client: ASK,
    operator: `${nameOf(host)} has a private address. proxy.config.http.deny_private_origins denies these.`,
  }),
  PTC_LOOP_DETECTED: requestOf(
    "Check the client's proxy settings: the request is for this proxy itself, or came back to it.",
    'If another proxy sends requests here, it must not be the parent of this one: see parent.config.',
  ),
  PTC_NOT_IMPLEMENTED: requestOf(
    'Send the request in another way; the message says what is not served.',
    `The client is in ${LINE}.`,
  ),
  PTC_CLIENT_GONE: requestOf(
    'Wait longer for the answer.',
    `The client gave up: its time is in ${LINE}; portcullis ctl parked shows what waits for plugins.`,
  ),
  PTC_OUT_OF_SOCKETS: requestOf(
    LATER,
    'Raise the limit of open files (ulimit -n), or lower proxy.config.net.connections_throttle.',
  ),
  PTC_OVERLOADED: requestOf(
    LATER,
    'Find the clients with the most requests in the access log, or give the proxy a faster processor.',
  ),
  PTC_DNS_FAILED: host => ({
    client: 'Check the spelling of the host.',
    operator: `Ask a name server: dig ${nameOf(host)}. The proxy asks those of proxy.config.dns.nameservers, or of resolv.conf.`,
  }),
  PTC_DNS_TIMEOUT: host => ({
    client: LATER,
    operator: `Ask the name servers of proxy.config.dns.nameservers, or of resolv.conf: dig ${nameOf(host)}.`,
  }),
  PTC_CONNECT_REFUSED: host => ({
    client: 'Check the port in the URL; the site may be out of service.',
    operator: `Nothing listens there, or a firewall refuses: ${tryOf(host)} from this machine.`,
  }),
  PTC_CONNECT_UNREACHABLE: host => ({
    client: LATER,
    operator: `Check the routes of this machine, those of IPv6 too: ${tryOf(host)}.`,
  }),
  PTC_CONNECT_TIMEOUT: host => ({
    client: 'Try again later; the site may be out of service.',
    operator: `A firewall may drop the packets: ${tryOf(host)} from this machine. The limit is proxy.config.http.connect_attempts_timeout.`,
  }),
  PTC_HANDSHAKE_TIMEOUT: host => ({
    client: 'Try again later; the site may be overloaded.',
    operator: `${tryOf(host)} shows how long each step takes. The limit is proxy.config.ssl.client.handshake_timeout.`,
  }),
  PTC_HANDSHAKE_FAILED: host => ({
    client: 'Check the scheme and the port of the URL: the server there may speak no TLS.',
    operator: `${tryOf(host)} shows the handshake; client_tls_version_min and client_cipher_suite in a rule of sni.yaml change what is offered.`,
  }),
  PTC_HANDSHAKE_ALERT: host => ({
    client: 'The site refuses the TLS of this proxy: ask the operator of this proxy.',
    operator: `The message has the alert. ${tryOf(host)} repeats it; client_cert, client_tls_version_min and client_cipher_suite in a rule of sni.yaml change what is offered.`,
  }),
  PTC_HANDSHAKE_CLOSED: host => ({
    client: 'Check the scheme and the port of the URL: the server there may speak no TLS.',
    operator: `${tryOf(host)} repeats the handshake; the server may refuse this proxy's address.`,
  }),
  PTC_PARENT_UNREACHABLE: requestOf(LATER, 'See parent.config, and whether the parent proxy runs.'),
  PTC_PARENT_AUTH: requestOf(ASK, 'See credentials in parent.config: the parent proxy does not accept them.'),
  PTC_PARENT_REFUSED: requestOf(
    'Check the host and the port in the URL.',
    'The message has the answer of the parent proxy: see its log.',
  ),
  PTC_PARENT_CLOSED: requestOf(LATER_OR_ASK, 'See the log of the parent proxy.'),
  PTC_PARENT_TIMEOUT: requestOf(
    LATER,
    'proxy.config.http.parent_proxy.connect_attempts_timeout is the limit: see the log of the parent proxy.',
  ),
  PTC_ORIGIN_FLOOD: host => ({
    client: 'Tell the operator of the site; the message says what its server sends too often.',
    operator: `The message names the record that limits such frames. See what ${nameOf(host)} sends, and raise it if that is meant.`,
  }),
  PTC_PARENT_MALFORMED: requestOf(
    ASK,
    'See the protocol of the parent proxy in parent.config: it answers in another one.',
  ),
  PTC_ORIGIN_CLOSED: host => ({
    client: LATER_OR_ASK,
    operator: `The origin closed the connection. If it does so each time, see the log of ${nameOf(host)}; if after a pause, lower proxy.config.http.keep_alive_no_activity_timeout_out.`,
  }),
  PTC_VERIFY_REJECTED: host => ({ client: ASK, operator: `${tryOf(host)} shows who rejects, and why.` }),
  PTC_CERTIFICATE_UNREADABLE: host => ({
    client: 'Tell the operator of the site that its certificate cannot be read.',
    operator: `${tryOf(host)} --pem FILE saves what the origin sends; openssl x509 reads it.`,
  }),
  PTC_VERIFY_POSTPONED: requestOf(
    'Ask again after the seconds in Retry-After.',
    'portcullis ctl approvals lists what waits for an answer.',
  ),
  PTC_VERIFY_TIMEOUT: requestOf(
    LATER,
    'The message names the plugin: see its log, @deadline= in plugin.config, and proxy.config.ssl.client.verify.deadline.',
  ),
  PTC_VERIFY_PLUGIN_FAILED: host => ({
    client: ASK,
    operator: `The message names the plugin, and the log has its error. ${tryOf(host)} asks it again.`,
  }),
  PTC_PLUGIN_REFUSED_RESPONSE: requestOf(
    ASK,
    'The message names the plugin: see its line in plugin.config, and its own rules.',
  ),
  PTC_PLUGIN_REFUSED_ORIGIN: requestOf(
    'Ask the operator of this proxy to allow the site.',
    'The message names the plugin: see its line in plugin.config, and its own rules.',
  ),
  PTC_PLUGIN_TIMEOUT: requestOf(
    LATER,
    'The message names the plugin: see its log, @deadline= in plugin.config, and proxy.config.plugin.deadline.',
  ),
  PTC_ORIGIN_TIMEOUT: host => ({
    client: LATER,
    operator: `See whether ${nameOf(host)} is slow. The limit is proxy.config.http.transaction_no_activity_timeout_out.`,
  }),
  PTC_ACTIVE_TIMEOUT: requestOf(
    'Ask for less at a time, or try again later.',
    'proxy.config.http.transaction_active_timeout_in and …_out are the limits.',
  ),
  PTC_RESPONSE_MALFORMED: host => ({
    client: 'Tell the operator of the site; the message says what is wrong in its response.',
    operator: `curl -v shows what ${nameOf(host)} sends. proxy.config.http.origin_leniency mends frequent mistakes.`,
  }),
}
