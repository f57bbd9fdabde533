// The metrics that the proxy has measured in the last hour, and measures while the page is open.
import { ask } from './api.js'

/** Measurements that are kept: one hour. */
const KEPT = 720
/** Milliseconds until it is asked again after a failure. */
const AGAIN = 5000

/** `name{a="b",c="d"}` in parts. Label values have quotes and backslashes escaped. */
export function readName(text) {
  const at = text.indexOf('{')
  if (at < 0) return { name: text, labels: {} }
  const labels = {}
  for (const [, label, value] of text.slice(at).matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
    labels[label] = value.replace(/\\(.)/g, (_, char) => (char === 'n' ? '\n' : char))
  return { name: text.slice(0, at), labels }
}

/** Milliseconds since the epoch, the oldest first; each series has a value for each. */
const times = []
/** By the whole name: `{ name, labels, values }`. */
const series = new Map()
const listeners = new Set()

/** @returns the times of the measurements in milliseconds, which are added to */
export function onSample(listener) {
  listeners.add(listener)
  return times
}

/** @returns milliseconds until there is another measurement */
async function read() {
  const answer = await ask(`/v1/samples?since=${times.at(-1) ?? 0}`)
  for (const { name, values } of answer.series) {
    const known = series.get(name) ?? { ...readName(name), values: times.map(() => 0) }
    series.set(name, known)
    for (const value of values) known.values.push(value ?? 0)
  }
  times.push(...answer.times)
  const over = Math.max(0, times.length - KEPT)
  times.splice(0, over)
  for (const { values } of series.values()) {
    while (values.length < times.length + over) values.push(0)
    values.splice(0, over)
  }
  if (answer.times.length > 0) for (const listener of listeners) listener()
  return answer.every
}

let isMeasuring = false
/** Starts to ask, once. Failures are shown by the connection for events, which is to the same proxy. */
export async function startMeasuring() {
  if (isMeasuring) return
  isMeasuring = true
  for (;;) {
    const wait = await read().catch(() => AGAIN)
    await new Promise(resolve => setTimeout(resolve, wait))
  }
}

const fits = (one, name, labels) =>
  one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value)

/** The sums of a metric at all times, as far as it has such labels. */
export function column(name, labels = {}) {
  const sums = times.map(() => 0)
  for (const one of series.values())
    if (fits(one, name, labels)) for (const [i, value] of one.values.entries()) sums[i] += value
  return sums
}

/** The values of a label of a metric, sorted. */
export const labelsOf = (name, label) =>
  [...new Set([...series.values()].filter(one => one.name === name).map(one => one.labels[label]))].sort()

/** By how much a counter has grown between each two times; a proxy that was restarted begins at 0 again. */
export const growth = (name, labels) => {
  const sums = column(name, labels)
  return sums.slice(1).map((sum, i) => (sum >= sums[i] ? sum - sums[i] : sum))
}
