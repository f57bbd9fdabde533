/** The metrics of several processes, which are functions here. */
import { test } from 'tap'
import { ProxyError } from '../../../core/base/errors.js'
import { MergedMetrics } from '../../../core/cluster/merged-metrics.js'

const silent = new ProxyError('PTC_PROCESS_SILENT', 'process 7 has not answered')
const gone = new ProxyError('PTC_PROCESS_GONE', 'ended')

/** A process: what it answers to `metrics` and `counted`, and to `sample`. */
function process(started: number, metrics: unknown, sample: unknown = {}) {
  const state = { isServing: true, started, metrics, sample, asked: [] as string[] }
  const ask = async (name: string): Promise<unknown> => {
    state.asked.push(name)
    const outcome = name === 'sample' ? state.sample : state.metrics
    if (outcome instanceof Error) throw outcome
    return outcome
  }
  return Object.assign(state, { ask })
}

function over(...places: readonly ReturnType<typeof process>[]): MergedMetrics {
  const merged = new MergedMetrics(places)
  for (const place of places) merged.began(place)
  return merged
}

const metric = (type: string, name: string, ...values: readonly object[]) => ({
  ...{ help: 'h', name, type, aggregator: 'sum' },
  values,
})
const counter = (value: number, labels = {}) => metric('counter', 'n_total', { value, labels })
const gauge = (value: number) => metric('gauge', 'now', { value, labels: {} })

/** The rows of a histogram without labels: how many were at most each bound, and their sum. */
const histogram = (buckets: Readonly<Record<string, number>>, count: number, sum: number) =>
  metric(
    'histogram',
    'held',
    ...Object.entries(buckets).map(([le, value]) => ({
      ...{ value, labels: { le: Number(le) } },
      metricName: 'held_bucket',
    })),
    { value: count, labels: { le: '+Inf' }, metricName: 'held_bucket' },
    { value: sum, labels: {}, metricName: 'held_sum' },
    { value: count, labels: {}, metricName: 'held_count' },
  )

test('metrics are those of all processes that have not ended, or none', async t => {
  t.match(
    await over(process(1, [counter(2)]), process(2, [counter(2)]), process(3, gone)).text(),
    /^n_total 4$/m,
  )
  await t.rejects(over(process(1, [counter(2)]), process(2, silent)).text(), silent)
})

test('what a process had counted when it was asked last stays when it is killed, and its gauges do not', async t => {
  const [one, two] = [process(1, [counter(5), gauge(3)]), process(2, [counter(2), gauge(4)])]
  const merged = over(one, two)
  t.match(await merged.text(), /^n_total 7\n[\s\S]*^now 7$/m)
  merged.ended(1)
  one.isServing = false
  t.match(await merged.text(), /^n_total 7\n[\s\S]*^now 4$/m)
  two.metrics = [counter(3), gauge(0)]
  t.match(await merged.text(), /^n_total 8\n[\s\S]*^now 0$/m)
})

test('a process that ends by itself hands over what it has counted, once', async t => {
  const [one, two] = [process(1, [counter(5)]), process(2, [counter(2)])]
  const merged = over(one, two)
  await merged.text()
  const totals = { verdictsTotal: 9, ignoredReenablesTotal: 0, toleratedTotal: {}, shadowsTotal: {} }
  merged.takeLast(1, { metrics: [counter(6), gauge(9)], totals: totals as never })
  one.metrics = [counter(6)]
  t.match(await merged.text(), /^n_total 8$/m, 'before its end')
  merged.ended(1)
  one.isServing = false
  merged.takeLast(1, { metrics: [counter(6)], totals: totals as never })
  t.match(await merged.text(), /^n_total 8$/m, 'a message that comes behind its end changes nothing')
  t.notMatch(await merged.text(), /^now/m)
  t.match(merged.totals.all, [{ verdictsTotal: 9 }])
})

test('a process that ends while the others are asked counts once', async t => {
  const [one, two] = [process(1, [counter(5)]), process(2, [counter(2)])]
  const merged = over(one, two)
  const ask = two.ask
  two.ask = async name => {
    await new Promise(setImmediate) // the other has answered
    merged.ended(1)
    return ask(name)
  }
  t.match(await merged.text(), /^n_total 7$/m)
})

test('histograms of processes that have ended are added bucket by bucket', async t => {
  const merged = over(
    process(1, [histogram({ 1: 2, 5: 3 }, 4, 20)]),
    process(2, [histogram({ 1: 1, 5: 1 }, 1, 1)]),
  )
  await merged.text()
  merged.ended(1)
  merged.ended(2)
  const text = await merged.text()
  t.match(text, /held_bucket\{le="1"\} 3\n/)
  t.match(text, /held_bucket\{le="5"\} 4\n/)
  t.match(text, /held_bucket\{le="\+Inf"\} 5\n/)
  t.match(text, /held_sum 21\nheld_count 5\n/)
})

test('a metric that a plugin declares otherwise begins anew', async t => {
  const [one, two] = [process(1, [histogram({ 1: 2 }, 2, 1)]), process(2, [histogram({ 1: 1 }, 1, 1)])]
  const merged = over(one, two)
  await merged.text()
  merged.ended(1)
  one.isServing = false
  t.match(await merged.text(), /held_count 3\n/)
  two.metrics = [histogram({ 2: 1 }, 1, 2)]
  t.match(
    await merged.text(),
    /held_bucket\{le="2"\} 1\nheld_bucket\{le="\+Inf"\} 1\nheld_sum 2\nheld_count 1\n/,
  )
  t.notMatch(await merged.text(), 'le="1"')
})

test('processes that end again and again, each with other labels, cost a bounded number of rows', async t => {
  const places: ReturnType<typeof process>[] = []
  const merged = new MergedMetrics(places)
  const rows = (from: number) =>
    Array.from({ length: 200 }, (_, i) => ({ value: 1, labels: { host: `h${from + i}` } }))
  for (let started = 1; started <= 10; started++) {
    const place = process(started, [metric('counter', 'n_total', ...rows(started * 200))])
    places.splice(0, 1, place)
    merged.began(place)
    await merged.text()
    merged.ended(started)
  }
  places.splice(0)
  const lines = (await merged.text()).split('\n').filter(line => line.startsWith('n_total'))
  t.equal(lines.length, 1001)
  t.ok(lines.includes('n_total{host="other"} 1000'), 'nothing is lost')
})

test('a process that begins once metrics were asked for counts from its start on', async t => {
  const [one, two] = [process(1, [counter(1)]), process(2, [counter(1)])]
  const places = [one]
  const merged = new MergedMetrics(places)
  merged.began(one)
  t.strictSame(one.asked, [], 'nothing is asked before')
  await merged.text()
  places.push(two)
  merged.began(two)
  t.strictSame(two.asked, ['metrics'])
})

test('what is measured comes from each process that serves, and fails with one that hangs', async t => {
  const serving = [process(1, [counter(5)], { n: 2 }), process(2, gone, gone), process(3, [], { n: 1 })]
  const starting = Object.assign(process(4, silent, silent), { isServing: false })
  const merged = over(...serving, starting)
  t.strictSame(await merged.measure(), [
    { process: '1', values: { n: 2 } },
    { process: '3', values: { n: 1 } },
  ])
  const [first] = serving
  merged.ended(1)
  if (first !== undefined) first.isServing = false
  t.match(await merged.text(), /^n_total 5$/m, 'it has told what it had counted as well')
  await t.rejects(over(...serving, process(5, silent, silent)).measure(), silent)
})
