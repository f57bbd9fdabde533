// The metrics of the proxy, measured while the page is open.
import { askPages } from './api.js'

const EVERY = 5000
/** Measurements that are kept: one hour. */
const KEPT = 720
const NAMES = '^portcullis_(handshakes_total|parked|hold_seconds_|verdicts_total|deadlines_missed_total)'

/** `name{a="b",c="d"}` in parts. Label values have quotes and backslashes escaped. */
export function readName(text) {
  const at = text.indexOf('{')
  if (at < 0) return { name: text, labels: {} }
  const labels = {}
  for (const [, label, value] of text.slice(at).matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
    labels[label] = value.replace(/\\(.)/g, (_, char) => (char === 'n' ? '\n' : char))
  return { name: text.slice(0, at), labels }
}

/** Each `{ at, values }`, the oldest first; `at` in seconds since the epoch. */
const samples = []
const listeners = new Set()

/** @returns the samples, which are added to */
export function onSample(listener) {
  listeners.add(listener)
  return samples
}

async function measure() {
  const pages = await askPages(`/v1/metrics?match=${encodeURIComponent(NAMES)}`)
  const metrics = pages.flatMap(page => page.metrics)
  samples.push({
    at: Date.now() / 1000,
    values: metrics.map(({ name, value }) => ({ ...readName(name), value })),
  })
  if (samples.length > KEPT) samples.shift()
  for (const listener of listeners) listener()
}

let isMeasuring = false
/** Begins to measure, once. What goes wrong is said by the events, which ask the same proxy. */
export async function startMeasuring() {
  if (isMeasuring) return
  isMeasuring = true
  for (;;) {
    await measure().catch(() => {})
    await new Promise(resolve => setTimeout(resolve, EVERY))
  }
}

/** The sum of the values of a metric, as far as it has such labels. */
export function sumOf(sample, name, labels = {}) {
  let sum = 0
  for (const one of sample.values)
    if (one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value))
      sum += one.value
  return sum
}

/** The values of a label of a metric, sorted. */
export const labelsOf = (sample, name, label) =>
  [...new Set(sample.values.filter(one => one.name === name).map(one => one.labels[label]))].sort()

/** By how much a counter has grown between two samples; a proxy that was restarted begins at 0 again. */
export function growth(before, after, name, labels) {
  const [was, is] = [sumOf(before, name, labels), sumOf(after, name, labels)]
  return is >= was ? is - was : is
}
