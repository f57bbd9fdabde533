import { test } from 'tap'
import type { PluginMetrics } from '../../../../core/api/metrics.js'
import { SharedServices } from '../../../../core/plugin-host/services/services.js'
import { NO_FETCH } from '../../../kit/names.js'

const WRONG = { code: 'PTC_PLUGIN_CALL' }

test('a plugin counts, measures and spreads values', async t => {
  const services = new SharedServices()
  t.equal(await services.metrics.text(), '')
  const { metrics } = services.of('my-plugin', NO_FETCH)
  const counter = metrics.counter({ name: 'answers_total', help: 'Answers.', labels: ['kind'] })
  counter.inc({ kind: 'good' })
  counter.inc({ kind: 'good' }, 2)
  counter.inc()
  const gauge = metrics.gauge({ name: 'open', help: 'Open.' })
  gauge.set(5)
  gauge.inc({}, -2)
  metrics.histogram({ name: 'took_seconds', help: 'Took.', buckets: [0.1, 1] }).observe(0.5)
  const text = await services.metrics.text()
  t.match(text, '# HELP portcullis_plugin_my_plugin_answers_total Answers.')
  t.match(text, 'portcullis_plugin_my_plugin_answers_total{kind="good"} 3')
  t.match(text, 'portcullis_plugin_my_plugin_answers_total{kind=""} 1')
  t.match(text, 'portcullis_plugin_my_plugin_open 3')
  t.match(text, 'portcullis_plugin_my_plugin_took_seconds_bucket{le="1"} 1')
  t.match(text, 'portcullis_plugin_my_plugin_took_seconds_bucket{le="0.1"} 0')
})

test('a metric goes on after a reload, and begins anew as another one', async t => {
  const services = new SharedServices()
  const declare = (): ReturnType<PluginMetrics['counter']> =>
    services.of('one', NO_FETCH).metrics.counter({ name: 'a_total', help: 'A.' })
  declare().inc()
  declare().inc()
  t.match(await services.metrics.text(), 'portcullis_plugin_one_a_total 2')
  services.of('one', NO_FETCH).metrics.gauge({ name: 'a_total', help: 'A.' }).set(7)
  t.match(await services.metrics.text(), '# TYPE portcullis_plugin_one_a_total gauge')
  t.match(await services.metrics.text(), 'portcullis_plugin_one_a_total 7')
  services.of('two', NO_FETCH).metrics.counter({ name: 'a_total', help: 'A.' }).inc()
  t.match(await services.metrics.text(), 'portcullis_plugin_two_a_total 1')
})

test('label values are bounded', async t => {
  const services = new SharedServices()
  const counter = services
    .of('one', NO_FETCH)
    .metrics.counter({ name: 'hosts_total', help: 'Hosts.', labels: ['host'] })
  for (let i = 0; i < 1000; i++) counter.inc({ host: `h${i}` })
  counter.inc({ host: 'h0' })
  const lines = (await services.metrics.text()).split('\n').filter(line => line.startsWith('portcullis'))
  t.equal(lines.length, 201)
  t.ok(lines.includes('portcullis_plugin_one_hosts_total{host="other"} 800'))
  t.ok(lines.includes('portcullis_plugin_one_hosts_total{host="h0"} 2'))
  const long = services
    .of('one', NO_FETCH)
    .metrics.counter({ name: 'long_total', help: 'Long.', labels: ['text'] })
  long.inc({ text: 'x'.repeat(10_000) })
  t.notMatch(await services.metrics.text(), 'x'.repeat(101))
})

test('what is no metric is refused', async t => {
  const { metrics } = new SharedServices().of('one', NO_FETCH)
  const declare = (options: object) => (): unknown =>
    metrics.counter(options as { name: string; help: string })
  for (const options of [
    {},
    { name: 'A', help: 'x' },
    { name: 'a b', help: 'x' },
    { name: 'a' },
    { name: 'a', help: 'x', labels: ['le'] },
    { name: 'a', help: 'x', labels: ['b', 'b'] },
    { name: 'a', help: 'x', labels: 'b' },
    { name: 'a', help: 'x', buckets: [1] },
    { name: 'a', help: 'x', lables: [] },
  ])
    t.throws(declare(options), WRONG, JSON.stringify(options))
  t.throws(() => metrics.histogram({ name: 'a', help: 'x', buckets: [2, 1] }), WRONG)
  const counter = metrics.counter({ name: 'a', help: 'x', labels: ['b'] })
  t.throws(() => counter.inc({}, -1), WRONG)
  t.throws(() => counter.inc({ c: '1' }), WRONG)
  t.throws(() => metrics.gauge({ name: 'g', help: 'x' }).set(Number.NaN), WRONG)
  for (let i = 0; i < 98; i++) declare({ name: `m${i}`, help: 'x' })()
  t.throws(declare({ name: 'too_many', help: 'x' }), WRONG)
})
