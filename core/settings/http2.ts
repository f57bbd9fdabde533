import type { Records } from '../config/records-table.js'

const SECOND = 1000

/** HTTP/2 with clients. Times are in milliseconds, sizes in bytes. */
export const http2Settings = (records: Records) =>
  Object.freeze({
    maxStreams: records['proxy.config.http2.max_concurrent_streams_in'],
    window: records['proxy.config.http2.initial_window_size_in'],
    maxFrame: records['proxy.config.http2.max_frame_size'],
    headerTable: records['proxy.config.http2.header_table_size'],
    maxHeaderBytes: Math.min(
      records['proxy.config.http2.max_header_list_size'],
      records['proxy.config.http.request_header_max_size'],
    ),
    idleTimeout: records['proxy.config.http2.no_activity_timeout_in'] * SECOND,
    headTimeout: records['proxy.config.http2.incomplete_header_timeout_in'] * SECOND,
    rates: Object.freeze({
      settings: records['proxy.config.http2.max_settings_frames_per_minute'],
      ping: records['proxy.config.http2.max_ping_frames_per_minute'],
      priority: records['proxy.config.http2.max_priority_frames_per_minute'],
      rstStream: records['proxy.config.http2.max_rst_stream_frames_per_minute'],
      continuation: records['proxy.config.http2.max_continuation_frames_per_minute'],
      empty: records['proxy.config.http2.max_empty_frames_per_minute'],
    }),
  })
