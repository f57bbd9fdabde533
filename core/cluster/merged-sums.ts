/** Answers of several processes, as one. */
import type {
  Counters,
  PluginStatus,
  ShadowTotals,
  Status,
  Withdrawn,
  WorkersStatus,
} from '../admin/admin-api.js'
import type { Adding } from './counted.js'

/** All processes have the same approvals. */
export const sumOfWithdrawn = (sum: Withdrawn, counts: Withdrawn): Withdrawn => ({
  ...mapOf(sum, (value, name) => value + counts[name]),
  approvals: Math.max(sum.approvals, counts.approvals),
})

function mapOf<T extends object>(counts: T, change: (value: number, name: keyof T) => number): T {
  const entries = Object.entries(counts) as [keyof T, number][]
  return Object.fromEntries(entries.map(([name, value]) => [name, change(value, name)])) as T
}

/** What there has been since the start. */
export type Totals = Pick<Counters, Extract<keyof Counters, `${string}Total`>>

/** @param totals of all processes, those that have ended included */
export function sumOf(all: readonly Counters[], totals: readonly Totals[]): Counters {
  const sum = (count: (one: Counters) => number): number => all.reduce((total, one) => total + count(one), 0)
  return {
    handshakes: sum(one => one.handshakes),
    parked: sum(one => one.parked),
    rememberedVerdicts: sum(one => one.rememberedVerdicts),
    idleConnections: sum(one => one.idleConnections),
    clientConnections: sum(one => one.clientConnections),
    ...totals.reduce(addTotals, NO_TOTALS),
  }
}

const NO_TOTALS: Totals = { verdictsTotal: 0, ignoredReenablesTotal: 0, toleratedTotal: {}, shadowsTotal: {} }

const addTotals = (a: Totals, b: Totals): Totals => ({
  verdictsTotal: a.verdictsTotal + b.verdictsTotal,
  ignoredReenablesTotal: a.ignoredReenablesTotal + b.ignoredReenablesTotal,
  toleratedTotal: sumMaps(a.toleratedTotal, b.toleratedTotal, (one, other) => one + other),
  shadowsTotal: sumMaps(a.shadowsTotal, b.shadowsTotal, sumShadows),
})

export const ADDING_TOTALS: Adding<Totals> = { add: addTotals, fitting: past => past }

const sumShadows = (a: ShadowTotals, b: ShadowTotals): ShadowTotals =>
  mapOf(a, (value, name) => value + b[name])

function sumMaps<T>(
  a: Readonly<Record<string, T>>,
  b: Readonly<Record<string, T>>,
  sum: (one: T, other: T) => T,
): Readonly<Record<string, T>> {
  const all = new Map(Object.entries(a))
  for (const [name, value] of Object.entries(b)) {
    const other = all.get(name)
    all.set(name, other === undefined ? value : sum(other, value))
  }
  return Object.fromEntries(all)
}

/** A plugin with its workers in all processes. One that read plugin.config at another time may not have it. */
export function withAllWorkers(plugin: PluginStatus, all: readonly Status[]): PluginStatus {
  const { line, name, workers } = plugin
  if (workers === undefined) return plugin
  const others = all.map(
    ({ plugins }) => plugins.find(one => one.line === line && one.name === name)?.workers,
  )
  const found = others.filter(one => one !== undefined)
  const sum = (count: (one: WorkersStatus) => number) => found.reduce((total, one) => total + count(one), 0)
  return {
    ...plugin,
    workers: {
      serving: sum(one => one.serving),
      processesWithout: sum(one => one.processesWithout),
      outOfService: [...new Set(found.flatMap(one => one.outOfService))],
    },
  }
}
