/** Answers of several processes, as one. */
import type {
  Counters,
  PluginStatus,
  ShadowTotals,
  Status,
  Withdrawn,
  WorkersStatus,
} from '../admin/admin-api.js'

/** All processes have the same approvals. */
export const sumOfWithdrawn = (sum: Withdrawn, counts: Withdrawn): Withdrawn => ({
  ...mapOf(sum, (value, name) => value + counts[name]),
  approvals: Math.max(sum.approvals, counts.approvals),
})

function mapOf<T extends object>(counts: T, change: (value: number, name: keyof T) => number): T {
  const entries = Object.entries(counts) as [keyof T, number][]
  return Object.fromEntries(entries.map(([name, value]) => [name, change(value, name)])) as T
}

export function sumOf(a: Counters, b: Counters): Counters {
  return {
    handshakes: a.handshakes + b.handshakes,
    parked: a.parked + b.parked,
    rememberedVerdicts: a.rememberedVerdicts + b.rememberedVerdicts,
    idleConnections: a.idleConnections + b.idleConnections,
    clientConnections: a.clientConnections + b.clientConnections,
    verdictsTotal: a.verdictsTotal + b.verdictsTotal,
    ignoredReenablesTotal: a.ignoredReenablesTotal + b.ignoredReenablesTotal,
    toleratedTotal: sumMaps(a.toleratedTotal, b.toleratedTotal, (one, other) => one + other),
    shadowsTotal: sumMaps(a.shadowsTotal, b.shadowsTotal, sumShadows),
  }
}

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
