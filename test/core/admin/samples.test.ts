/** What the proxy keeps of its metrics for the page. */
import { test } from 'tap'
import { type Measured, Samples } from '../../../core/admin/samples.js'

const COUNT = 'portcullis_handshakes_total{result="accepted"}'
const HELD = 'portcullis_parked'
const of = (process: string, count: number, held = 0): Measured => ({
  process,
  values: { [COUNT]: count, [HELD]: held },
})

/** Takes one after another. */
async function taken(...all: readonly (readonly Measured[] | Error)[]) {
  const waiting = [...all]
  const samples = new Samples(async () => {
    const next = waiting.shift() ?? []
    if (next instanceof Error) throw next
    return next
  })
  for (const _ of all) await samples.take()
  return samples
}
const valuesOf = (samples: Samples, name: string) =>
  samples.after(0).series.find(one => one.name === name)?.values

test('counters of several processes are one sum, which no end of a process makes smaller', async t => {
  const samples = await taken(
    [of('1', 1000, 2), of('2', 500, 1)],
    [of('1', 1010, 1), of('2', 505)],
    [of('1', 1011)], // 2 has ended
    [of('1', 1011), of('3', 7, 3)], // its successor has counted since its start
  )
  t.strictSame(valuesOf(samples, COUNT), [0, 15, 16, 23])
  t.strictSame(valuesOf(samples, HELD), [3, 1, 0, 3])
})

test('a counter that begins again has counted what it says', async t => {
  t.strictSame(valuesOf(await taken([of('1', 100)], [of('1', 5)]), COUNT), [0, 5])
})

test('a measurement that fails, or finds no process, is a gap that the next one covers', async t => {
  const samples = await taken([of('1', 1)], new Error('silent'), [], [of('1', 9)])
  t.equal(samples.after(0).times.length, 2)
  t.strictSame(valuesOf(samples, COUNT), [0, 8])
})

test('a metric that comes later has null before', async t => {
  const later = { process: '1', values: { ...of('1', 1).values, portcullis_deadlines_missed_total: 2 } }
  const samples = await taken([of('1', 1)], [later])
  t.strictSame(valuesOf(samples, 'portcullis_deadlines_missed_total'), [null, 2])
})

test('an hour is kept, and no more series than there is room for', async t => {
  const many = Array.from({ length: 800 }, (_, i) => of('1', i))
  const samples = await taken(...many.map(one => [one]))
  t.equal(samples.after(0).times.length, 720)
  t.equal(valuesOf(samples, COUNT)?.at(-1), 799)
  const wide = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`portcullis_n${i}`, 1]))
  t.equal((await taken([{ process: '1', values: wide }])).after(0).series.length, 500)
})

test('a page that has seen the rest asks for what is new', async t => {
  const samples = await taken([of('1', 1)])
  const { times } = samples.after(0)
  t.strictSame(samples.after(times[0] ?? 0), { every: 5000, times: [], series: [] })
})
