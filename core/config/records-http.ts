import { type RecordRow, SECONDS, SWITCH } from './record-row.js'

/** Records about ports, requests and connections. */
export const HTTP_RECORDS = {
  'proxy.config.http.server_ports': {
    type: 'STRING',
    default: '8080:ip-in=127.0.0.1',
    shape: 'a list of ports',
    reload: false,
    about:
      'The ports for clients: a list of `number[:ssl|:socks][:pp][:ipv6][:ip-in=address]`; an IPv6 address is put in brackets. Clients of `socks` ports speak SOCKS 5 (not in Traffic Server).',
  },
  'proxy.config.http.connect_ports': {
    type: 'STRING',
    default: '443',
    shape: 'a list of ports and ranges',
    about:
      'The origin ports that CONNECT may ask for: numbers, ranges such as 1024-2047, or *; others get 403.',
  },
  'proxy.config.http.connect.verify': {
    type: 'STRING',
    default: 'probe',
    enum: ['probe', 'bump', 'tunnel'],
    about:
      'How the origin behind a CONNECT is verified: with `probe` the proxy makes its own handshake before it opens the tunnel, with `bump` the TLS of the client ends at the proxy, `tunnel` does not verify.',
  },
  'proxy.config.http.connect.verify.non_tls': {
    type: 'STRING',
    default: 'refuse',
    enum: ['refuse', 'tunnel'],
    about:
      'What happens to a protocol other than TLS behind a CONNECT that is probed or bumped: `refuse` ends the tunnel, and answers an HTTP request in it with 403; `tunnel` lets it pass unverified. With `tunnel` the 200 comes before the verdict, and the client learns of a rejection by an alert. Not in Traffic Server.',
  },
  'proxy.config.http.connect.verify.ech': {
    type: 'STRING',
    default: 'refuse',
    enum: ['allow', 'refuse'],
    about:
      "What happens in a probed tunnel to a ClientHello whose name may be encrypted (ECH, RFC 9849): `refuse` ends the tunnel with the alert access_denied, unless the extension may be GREASE; `allow` lets it pass, verified as the CONNECT's host and as the name in plaintext. How far the two can be told apart is in the operator guide. Not in Traffic Server.",
  },
  'proxy.config.http.connect.probe_cache_ttl': {
    type: 'INT',
    default: 60,
    minimum: 0,
    maximum: 86_400,
    unit: 's',
    about:
      'How long an accepted probe is valid for the same name, address and policy. With a minute, all tunnels that one page opens share a verdict, and a revocation takes effect soon; 0 probes for every tunnel. Not in Traffic Server.',
  },
  'proxy.config.http.insert_request_via_str': {
    ...SWITCH,
    default: 1,
    about:
      '1 adds Via to requests (RFC 9110 section 7.6.3); without it the proxy cannot detect a loop of proxies.',
    refused: 'the detailed forms of Via (2 to 4) are not supported',
  },
  'proxy.config.http.insert_response_via_str': {
    ...SWITCH,
    default: 1,
    about: '1 adds Via to responses, which RFC 9110 section 7.6.3 requires (default of Traffic Server: 0).',
    refused: 'the detailed forms of Via (2 to 4) are not supported',
  },
  'proxy.config.http.request_header_max_size': {
    type: 'INT',
    default: 131_072,
    minimum: 1024,
    maximum: 16_777_216,
    unit: 'bytes',
    about: 'The largest header of a request; a larger one is answered 431.',
  },
  'proxy.config.http.response_header_max_size': {
    type: 'INT',
    default: 131_072,
    minimum: 1024,
    maximum: 16_777_216,
    unit: 'bytes',
    about: 'The largest header of a response; a larger one is answered 502.',
  },
  'proxy.config.http.origin_leniency': {
    type: 'INT',
    default: 1,
    enum: [0, 1],
    reload: true,
    about:
      '1 takes untidy responses of origins, as other proxies do: bare LF line ends, folded fields, blanks before a colon, the same Content-Length twice, chunk sizes padded with blanks. The client gets them in order, and their connection is not used again. 0 answers 502. Requests are always read strictly. Not in Traffic Server.',
  },
  'proxy.config.http.connect_attempts_timeout': {
    ...SECONDS,
    default: 30,
    about: 'How long an origin may take to accept a TCP connection.',
  },
  'proxy.config.http.connect_attempts_delay': {
    type: 'INT',
    default: 250,
    minimum: 10,
    maximum: 10_000,
    unit: 'ms',
    about:
      'The time after which the next address of an origin is tried as well, if it has several (Happy Eyeballs, RFC 8305). The attempts before it go on; only connect_attempts_timeout ends them. Not in Traffic Server.',
  },
  'proxy.config.http.keep_alive_no_activity_timeout_in': {
    ...SECONDS,
    default: 120,
    about: 'How long a connection from a client stays open between two requests.',
  },
  'proxy.config.http.keep_alive_no_activity_timeout_out': {
    ...SECONDS,
    default: 120,
    about: 'How long an idle connection to an origin is kept for the next request.',
  },
  'proxy.config.http.transaction_no_activity_timeout_in': {
    ...SECONDS,
    default: 30,
    about:
      'How long a client may be silent while the proxy waits for it: within a head or a body, or while it takes nothing of a response. Programs do not pause there. Tunnels have a time of their own.',
  },
  'proxy.config.http.transaction_no_activity_timeout_out': {
    ...SECONDS,
    default: 600,
    about:
      'How long an origin may be silent while the proxy waits for it; then the client gets 504. The default is above what servers of git, of databases and of language models take before their first byte. In Traffic Server it is 30, which cuts such answers.',
  },
  'proxy.config.http.tunnel_no_activity_timeout': {
    ...SECONDS,
    default: 3600,
    about:
      'How long a CONNECT tunnel may be silent in both directions; then it is closed, and a warning and the access log say so. Connections of databases, of ssh and of messengers are silent for long. Not in Traffic Server, which cuts a tunnel with transaction_no_activity_timeout_in.',
  },
  'proxy.config.websocket.no_activity_timeout': {
    ...SECONDS,
    default: 600,
    about: 'How long a connection may be silent after a switch to WebSocket or another protocol.',
  },
  'proxy.config.http.errors.details': {
    type: 'STRING',
    default: 'full',
    enum: ['full', 'code', 'none'],
    about:
      'What clients are told of errors, in pages, JSON and Proxy-Status. `full`: the plugin, the reason, the X509 code, and what an operator can do. `code`: the code alone, with general advice. `none`: the status and the kind of error (RFC 9209). With `code` and `none` no plugin, rule, record or reason is named; the access log has them. The ID of a hold is always told. Not in Traffic Server.',
  },
  'proxy.config.body_factory.enable_customizations': {
    ...SWITCH,
    default: 1,
    about: "1 shows the operator's error pages where they exist, 0 always shows the built-in pages.",
    refused: 'pages by language or host (2, 3) are not supported',
  },
  'proxy.config.body_factory.template_sets_dir': {
    type: 'STRING',
    default: 'body_factory',
    shape: 'a folder',
    about:
      "The folder with the operator's error pages, in its folder `default`; relative to the configuration folder, where the default may be missing.",
  },
  'proxy.config.http.origin_max_idle': {
    type: 'INT',
    default: 256,
    minimum: 0,
    maximum: 65_535,
    about:
      'How many idle connections are kept per origin; 0 closes each after its response. Requests to one origin at once beyond this cost a handshake each, again and again. All origins together have 16 times as many, but not more than 1024, or than this. Not in Traffic Server.',
  },
  'proxy.config.http.auth_server_session_private': {
    ...SWITCH,
    default: 1,
    about:
      '1 keeps a connection to an origin for the client connection that has logged in on it, and closes it with that one. It concerns schemes that authenticate the connection, such as NTLM and Negotiate, and all that are not known to have each request carry its own credentials (Traffic Server: every scheme). 0 has such a connection serve other clients, too, as the user that has logged in.',
    refused: '2 is not supported: Basic, Bearer, Digest and the like never make a connection private here',
  },
} as const satisfies Record<string, RecordRow>
