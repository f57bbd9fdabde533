import { test } from 'tap'
import { HookCircuits } from '../../../../core/plugin-host/isolate/hook-circuits.js'

test('answers on one hook say nothing about another', async t => {
  const circuits = new HookCircuits({ maxFailures: 2, retryAfter: 1000 })
  circuits.cover(['TS_SSL_CERT_HOOK', 'TS_VCONN_START_HOOK', 'TS_SSL_CERT_HOOK'])
  t.strictSame(circuits.hooks, ['TS_SSL_CERT_HOOK', 'TS_VCONN_START_HOOK'])
  t.strictSame(circuits.failed(['TS_SSL_CERT_HOOK']), [])
  circuits.of('TS_VCONN_START_HOOK').answered()
  const opened = circuits.failed(['TS_SSL_CERT_HOOK', 'TS_VCONN_START_HOOK'])
  t.strictSame(
    opened.map(([hook]) => hook),
    ['TS_SSL_CERT_HOOK'],
  )
  t.equal(circuits.of('TS_SSL_CERT_HOOK').admits(), false)
  t.equal(circuits.of('TS_VCONN_START_HOOK').admits(), true, 'stays in service')
})
