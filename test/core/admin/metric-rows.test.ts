import { test } from 'tap'
import { metricRows } from '../../../core/admin/metric-rows.js'

test('samples are rows, with those of Traffic Server in front; what is no number is left out', async t => {
  const text = `# HELP portcullis_handshakes_total Handshakes.
# TYPE portcullis_handshakes_total counter
portcullis_handshakes_total{result="accepted",by="plugins"} 2
portcullis_handshakes_total{result="accepted",by="built-in"} 3
portcullis_handshakes_total{result="rejected",by="plugin"} 1
nodejs_eventloop_lag_mean_seconds Nan
nodejs_eventloop_lag_max_seconds NaN
process_start_time_seconds 1.5e9
`
  const rows = new Map(metricRows(text).map(({ name, value }) => [name, value]))
  t.equal(rows.get('proxy.process.ssl.total_success_handshake_count_out'), 5)
  t.equal(rows.get('proxy.process.ssl.origin_server_cert_verify_failed'), 1)
  t.equal(rows.get('proxy.process.http.completed_requests'), 0)
  t.equal(rows.get('portcullis_handshakes_total{result="accepted",by="plugins"}'), 2)
  t.equal(rows.get('process_start_time_seconds'), 1.5e9)
  t.notOk([...rows.keys()].some(name => name.startsWith('nodejs_')))
})
