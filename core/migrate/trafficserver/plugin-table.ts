/** The plugins of Traffic Server: what takes their place here. A plugin that decides is never left out in silence. */

interface OldPlugin {
  /** A plugin that watches, counts or caches may go; one that decides about requests may not. */
  readonly decides: boolean
  readonly here: string
}

const watches = (here: string): OldPlugin => ({ decides: false, here })
const decides = (here: string): OldPlugin => ({ decides: true, here })

const STATUS = '`portcullis ctl status` tells counters'
const NO_CACHE = 'Portcullis does not cache'
const NOT_CHANGED = 'bodies are not changed'
const REQUESTS = 'write a plugin on TS_HTTP_READ_REQUEST_HDR_HOOK'
const HEADERS = 'write a plugin on TS_HTTP_SEND_REQUEST_HDR_HOOK and TS_HTTP_SEND_RESPONSE_HDR_HOOK'
const DEBUG = '`-T http` writes debug lines'

export const OLD_PLUGINS: Readonly<Record<string, OldPlugin | undefined>> = {
  access_control: decides(REQUESTS),
  authproxy: decides(`${REQUESTS}, or use proxy.config.http.proxy_auth.htpasswd`),
  background_fetch: watches(NO_CACHE),
  block_errors: decides('limit connections by proxy.config.net.per_client.max_connections_in'),
  cache_fill: watches(NO_CACHE),
  cache_promote: watches(NO_CACHE),
  cache_range_requests: watches(NO_CACHE),
  cachekey: watches(NO_CACHE),
  cacheurl: watches(NO_CACHE),
  collapsed_connection: watches(NO_CACHE),
  collapsed_forwarding: watches(NO_CACHE),
  combo_handler: watches(NOT_CHANGED),
  compress: watches(NOT_CHANGED),
  cookie_remap: decides('there are no remap rules'),
  cppapi: decides(REQUESTS),
  epic: watches(STATUS),
  escalate: decides('requests go to the origin that they name'),
  esi: watches(NOT_CHANGED),
  fq_pacing: watches('traffic is not paced'),
  geoip_acl: decides(REQUESTS),
  gzip: watches(NOT_CHANGED),
  header_freq: watches(STATUS),
  header_normalize: watches('names of fields stay as they are'),
  header_rewrite: decides(HEADERS),
  healthchecks: watches('ask `portcullis ctl status` whether the proxy is well'),
  hipes: decides(REQUESTS),
  hook_trace: watches(DEBUG),
  icap: decides('no scanner is asked; write a plugin that asks it'),
  icx: watches(NO_CACHE),
  ja3_fingerprint: watches('write a plugin on TS_SSL_CLIENT_HELLO_HOOK'),
  ja4_fingerprint: watches('write a plugin on TS_SSL_CLIENT_HELLO_HOOK'),
  lua: decides(REQUESTS),
  maxmind_acl: decides(REQUESTS),
  memcached_remap: decides('there are no remap rules'),
  memory_profile: watches(STATUS),
  metalink: watches(NO_CACHE),
  money_trace: watches(HEADERS),
  mp4: watches(NOT_CHANGED),
  multiplexer: watches('requests are not copied'),
  mysql_remap: decides('there are no remap rules'),
  otel_tracer: watches('the access log and diagnostics channels tell times'),
  prefetch: watches(NO_CACHE),
  rate_limit: decides('limit connections by proxy.config.net.per_client.max_connections_in'),
  regex_remap: decides('there are no remap rules'),
  regex_revalidate: watches(NO_CACHE),
  remap_purge: watches(NO_CACHE),
  remap_stats: watches(STATUS),
  request_buffer: watches('bodies are passed on as they come'),
  resource: watches(STATUS),
  s3_auth: decides(HEADERS),
  server_push_preload: watches('HTTP/2 is not spoken'),
  slice: watches(NO_CACHE),
  sslheaders: decides(HEADERS),
  stale_response: watches(NO_CACHE),
  statichit: watches('no content is served'),
  stats_over_http: watches(STATUS),
  stek_share: watches('keys of session tickets are not shared'),
  stream_editor: watches(NOT_CHANGED),
  system_stats: watches(STATUS),
  tcpinfo: watches('the access log tells times'),
  traffic_dump: watches('the access log tells requests'),
  ts_lua: decides(REQUESTS),
  tslua: decides(REQUESTS),
  txn_box: decides(REQUESTS),
  uri_signing: decides(REQUESTS),
  url_sig: decides(REQUESTS),
  video_remap: decides('there are no remap rules'),
  webp_transform: watches(NOT_CHANGED),
  wccp: decides('redirected connections are not taken'),
  xdebug: watches(DEBUG),
}
