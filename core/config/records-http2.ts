import { type RecordRow, SECONDS, SWITCH } from './record-row.js'

const LARGEST_WINDOW = 2_147_483_647
const LARGEST_FRAME = 16_777_215

/** Records about HTTP/2. Windows and limits with `_in` are those of clients, with `_out` those of origins. */
export const HTTP2_RECORDS = {
  'proxy.config.http2.enabled': {
    ...SWITCH,
    default: 1,
    about:
      '1 offers HTTP/2 by ALPN to clients of `ssl` ports, to origins as proxy.config.ssl.client.alpn_protocols says, and inside a bumped CONNECT to clients whose origin has agreed to it. Open connections keep their protocol.',
  },
  'proxy.config.http2.max_concurrent_streams_in': {
    type: 'INT',
    default: 100,
    minimum: 1,
    maximum: 10_000,
    about: 'How many streams a client may have open at once on one connection.',
  },
  'proxy.config.http2.initial_window_size_in': {
    type: 'INT',
    default: 65_535,
    minimum: 1024,
    maximum: LARGEST_WINDOW,
    unit: 'bytes',
    about:
      'How much of a body a client may send ahead on one stream: as much may wait here for a slow origin.',
  },
  'proxy.config.http2.max_concurrent_streams_out': {
    type: 'INT',
    default: 100,
    minimum: 1,
    maximum: 10_000,
    about:
      'How many requests are sent at once on one connection to an origin, where the origin allows as many; beyond it another connection is opened.',
  },
  'proxy.config.http2.initial_window_size_out': {
    type: 'INT',
    default: 65_535,
    minimum: 1024,
    maximum: LARGEST_WINDOW,
    unit: 'bytes',
    about:
      'How much of a response an origin may send ahead on one stream: as much may wait here for a slow client.',
  },
  'proxy.config.http2.no_activity_timeout_out': {
    type: 'INT',
    default: 120,
    minimum: 1,
    maximum: 2_147_483,
    unit: 's',
    about: 'How long a connection to an origin may stay open without a stream.',
  },
  'proxy.config.http2.connection_coalescing_out': {
    ...SWITCH,
    default: 0,
    about:
      '1 lets a connection to an origin carry requests for other names than the one that it was opened for (RFC 9113 section 9.1.1): same port, an address that the name has now, the same rule, and a certificate that the built-in check accepts for the name as well. Names whose certificates plugins are asked about never share a connection. docs/http.md has every condition. It is what `ip,cert` in `server_session_sharing.match` is in Traffic Server.',
  },
  'proxy.config.http2.max_frame_size': {
    type: 'INT',
    default: 16_384,
    minimum: 16_384,
    maximum: LARGEST_FRAME,
    unit: 'bytes',
    about: 'The largest payload of a frame that the proxy takes.',
  },
  'proxy.config.http2.header_table_size': {
    type: 'INT',
    default: 4096,
    minimum: 0,
    maximum: 65_536,
    unit: 'bytes',
    about: 'The size of the table with which header fields are decompressed.',
  },
  'proxy.config.http2.max_header_list_size': {
    type: 'INT',
    default: 4_294_967_295,
    minimum: 4096,
    maximum: 4_294_967_295,
    unit: 'bytes',
    about:
      'How large the header fields of a request may be after decompression, 32 bytes for each field included; proxy.config.http.request_header_max_size limits it as well.',
  },
  'proxy.config.http2.no_activity_timeout_in': {
    ...SECONDS,
    default: 120,
    about: 'How long a connection of a client may stay open without a stream.',
  },
  'proxy.config.http2.incomplete_header_timeout_in': {
    ...SECONDS,
    default: 10,
    about: 'How long a client may take for the frames of one head.',
  },
  'proxy.config.http2.max_settings_frames_per_minute': {
    type: 'INT',
    default: 14,
    minimum: 0,
    maximum: 1_000_000,
    about:
      'How many SETTINGS frames a client or an origin may send in a minute. Beyond the limit of this record or of the next five, the connection is closed with ENHANCE_YOUR_CALM, and counted in `portcullis_http2_floods_total`; the access log has PTC_HTTP2_FLOOD for a client, and PTC_ORIGIN_FLOOD for requests that an origin loses.',
  },
  'proxy.config.http2.max_ping_frames_per_minute': {
    type: 'INT',
    default: 60,
    minimum: 0,
    maximum: 1_000_000,
    about:
      'How many PING frames a client or an origin may send in a minute. One that follows a head or a part of a body which it was sent is not counted: gRPC measures the line in this way.',
  },
  'proxy.config.http2.max_priority_frames_per_minute': {
    type: 'INT',
    default: 120,
    minimum: 0,
    maximum: 1_000_000,
    about: 'How many PRIORITY frames a client or an origin may send in a minute. They change nothing.',
  },
  'proxy.config.http2.max_rst_stream_frames_per_minute': {
    type: 'INT',
    default: 200,
    minimum: 0,
    maximum: 1_000_000,
    about:
      'How many streams a client may reset in a minute, those included that the proxy resets because of a mistake of the client on them.',
  },
  'proxy.config.http2.max_continuation_frames_per_minute': {
    type: 'INT',
    default: 120,
    minimum: 0,
    maximum: 1_000_000,
    about: 'How many CONTINUATION frames a client or an origin may send in a minute.',
  },
  'proxy.config.http2.max_empty_frames_per_minute': {
    type: 'INT',
    default: 60,
    minimum: 0,
    maximum: 1_000_000,
    about:
      'How many DATA frames without bytes and without an end a client or an origin may send in a minute. In Traffic Server 0.',
  },
} as const satisfies Record<string, RecordRow>
