/** Metrics one by one, under their own names and under those of Traffic Server. */

export interface MetricRow {
  /** With its labels: `portcullis_handshakes_total{result="accepted",by="plugins"}`. */
  readonly name: string
  readonly value: number
}

interface Sample extends MetricRow {
  readonly base: string
}

/** Names of Traffic Server: the sum of which samples each is. */
const TRAFFIC_SERVER: readonly (readonly [name: string, base: string, label?: string])[] = [
  ['proxy.process.http.completed_requests', 'portcullis_http_requests_total'],
  ...['1xx', '2xx', '3xx', '4xx', '5xx'].map(
    name =>
      [`proxy.process.http.${name}_responses`, 'portcullis_http_requests_total', `class="${name}"`] as const,
  ),
  ['proxy.process.http.current_client_connections', 'portcullis_client_connections'],
  ['proxy.process.http.pooled_server_connections', 'portcullis_idle_connections'],
  ['proxy.process.http.user_agent_request_document_total_size', 'portcullis_client_bytes_total', 'received'],
  ['proxy.process.http.user_agent_response_document_total_size', 'portcullis_client_bytes_total', 'sent'],
  ['proxy.process.http.origin_server_request_document_total_size', 'portcullis_origin_bytes_total', 'sent'],
  [
    'proxy.process.http.origin_server_response_document_total_size',
    'portcullis_origin_bytes_total',
    'received',
  ],
  ['proxy.process.hostdb.total_lookups', 'portcullis_cache_lookups_total', 'cache="names"'],
  ['proxy.process.hostdb.total_hits', 'portcullis_cache_lookups_total', 'cache="names",result="hit"'],
  [
    'proxy.process.ssl.ssl_origin_session_cache_hit',
    'portcullis_cache_lookups_total',
    'cache="sessions",result="hit"',
  ],
  [
    'proxy.process.ssl.ssl_origin_session_cache_miss',
    'portcullis_cache_lookups_total',
    'cache="sessions",result="miss"',
  ],
  ...['settings', 'ping', 'priority', 'rst_stream', 'continuation', 'empty'].map(
    frames =>
      [
        `proxy.process.http2.max_${frames}_frames_per_minute_exceeded`,
        'portcullis_http2_floods_total',
        `frames="${frames}"`,
      ] as const,
  ),
  ['proxy.process.ssl.total_success_handshake_count_out', 'portcullis_handshakes_total', 'result="accepted"'],
  ['proxy.process.ssl.origin_server_cert_verify_failed', 'portcullis_handshakes_total', 'result="rejected"'],
]

/** @param text in the text format of Prometheus */
export function metricRows(text: string): readonly MetricRow[] {
  const samples = text.split('\n').flatMap(line => sampleOf(line) ?? [])
  const theirs = TRAFFIC_SERVER.map(([name, base, label = '']) => {
    const part = samples.filter(sample => sample.base === base && sample.name.includes(label))
    return { name, value: part.reduce((sum, { value }) => sum + value, 0) }
  })
  return [...theirs, ...samples.map(({ name, value }) => ({ name, value }))]
}

function sampleOf(line: string): Sample | undefined {
  const [, base = '', labels = '', value = ''] = /^([a-zA-Z_:]\w*)(\{.*\})? (\S+)$/.exec(line) ?? []
  // Some gauges are NaN until their first measurement. JSON has no NaN, so such a row is left out.
  return base === '' || !Number.isFinite(Number(value))
    ? undefined
    : { base, name: base + labels, value: Number(value) }
}
