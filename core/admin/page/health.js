// How the proxy is: its processes, plugins, workers and stores. What is wrong stands above.
import { ask } from './api.js'
import { readName } from './samples.js'
import { tableIn } from './tables.js'
import { duration, momentText, number } from './times.js'
import { make, put, visible } from './words.js'

const $ = id => document.getElementById(id)
/** An event loop that is later than this makes everything wait; seconds. */
const SLOW = 0.2
const METRICS =
  '^(portcullis_native_objects|portcullis_client_connections|nodejs_eventloop_lag_p99|process_resident_memory|portcullis_cache_lookups_total)'

let draws
function tables() {
  const all = $('health-all')
  draws ??= {
    processes: tableIn(all, 'Processes', [
      'Process',
      'Runs for',
      'Configuration read#',
      'Handshakes#',
      'Held#',
    ]),
    plugins: tableIn(all, 'Plugins', ['Line#', 'Plugin', 'Mode', 'Runs in', 'Deadline#', 'Workers', 'Hooks']),
    fleet: tableIn(all, 'Redis of the fleet', [
      'Process',
      'Connection',
      'Since',
      'Entries to send#',
      'Last error',
    ]),
    stores: tableIn(all, 'Stores and resources', ['What', 'Now#']),
    caches: tableIn(all, 'Caches, since the start', ['Cache', 'Looked for#', 'Found#']),
  }
  return draws
}

export async function show() {
  const [status, { metrics }] = await Promise.all([
    ask('/v1/status'),
    ask(`/v1/metrics?match=${encodeURIComponent(METRICS)}`),
  ])
  putSummary(status)
  putWarnings(status, metrics)
  const draw = tables()
  draw.processes(
    status.processes.map(({ pid, uptime, generation, counters }) => [
      String(pid),
      duration(uptime),
      times(generation),
      number(counters.handshakes),
      number(counters.parked),
    ]),
  )
  draw.plugins(
    status.plugins.map(({ name, line, mode, isolate, deadline, workers, hooks }) => [
      String(line),
      name,
      mode === 'shadow' ? 'shadow: asked, not obeyed' : 'enforced',
      isolate === 'worker' ? 'worker threads' : 'the proxy',
      deadline === undefined ? 'the general one' : duration(deadline),
      workers === undefined ? '' : workersText(workers),
      hooks.join(', '),
    ]),
  )
  draw.fleet(fleetOf(status).map(fleetRow))
  draw.caches(cachesOf(metrics))
  draw.stores(storesOf(status.counters, metrics))
}

const times = count => (count === 1 ? 'once' : `${number(count)} times`)

const workersText = ({ serving, outOfService }) =>
  outOfService.length === 0
    ? `${serving} serve`
    : `${serving} serve; out of service: ${outOfService.join(', ')}`

/** The supervising process has a connection of its own, by which it tells other machines what operators have revoked. */
function fleetOf({ pid, fleet, processes }) {
  const all = processes.flatMap(one => (one.fleet === undefined ? [] : [one]))
  return fleet === undefined || all.some(one => one.pid === pid) ? all : [{ pid, fleet }, ...all]
}

const fleetRow = ({ pid, fleet: { isConnected, since, waiting, lastError, lastErrorAt } }) => [
  String(pid),
  isConnected ? '✓ connected' : '⚠ away',
  momentText(since),
  number(waiting),
  lastError === null ? '' : `${lastError} (${momentText(lastErrorAt)})`,
]

function putSummary({ version, uptime, generation, readAt, ports, confDir, isStopping }) {
  const open = ports.map(({ address, port }) => `${address.includes(':') ? `[${address}]` : address}:${port}`)
  put(
    $('health-summary'),
    `Portcullis ${version}, ${isStopping ? 'stopping' : 'serving'} for ${duration(uptime)} on ${open.join(', ')}. ` +
      `Configuration: ${visible(confDir)}, read ${times(generation)}, last ${momentText(readAt)}.`,
  )
}

function putWarnings(status, metrics) {
  const { plugins, processes, isStopping, generation } = status
  const found = []
  for (const { pid, fleet } of fleetOf(status))
    if (!fleet.isConnected)
      found.push(
        `Redis of the fleet does not answer process ${pid}, since ${momentText(fleet.since)}: it goes on alone, and ${fleet.waiting === 1 ? 'one entry waits' : `${number(fleet.waiting)} entries wait`} to be sent.`,
      )
  if (isStopping) found.push('The proxy is stopping: it takes no new clients.')
  for (const { name, workers } of plugins) {
    if (workers === undefined) continue
    if (workers.processesWithout > 0)
      found.push(
        `No worker of the plugin ${visible(name)} serves${processes.length > 1 ? ` in ${workers.processesWithout} of ${processes.length} processes` : ''}: its handshakes are rejected there. The log says why they end.`,
      )
    if (workers.outOfService.length > 0)
      found.push(
        `The plugin ${visible(name)} fails again and again on ${workers.outOfService.join(', ')}, and is not asked for a while.`,
      )
  }
  if (processes.some(one => one.generation !== generation) && processes.length > 1)
    found.push(
      'Not all processes have read the same number of configurations: one was replaced, or a reload is running.',
    )
  const lag =
    metrics.find(({ name }) => readName(name).name === 'nodejs_eventloop_lag_p99_seconds')?.value ?? 0
  if (lag > SLOW)
    found.push(
      `The event loop is up to ${duration(lag * 1000)} late: a plugin computes for long, or the machine is overloaded.`,
    )
  const list = $('health-warnings')
  const text = found.join('\n')
  if (list.dataset.text === text) return
  list.dataset.text = text
  list.replaceChildren(...found.map(one => make('li', '', `⚠ ${one}`)))
  put($('health-good'), found.length === 0 ? '✓ Nothing is wrong.' : '')
}

const CACHES = {
  addresses: 'Addresses verified for tunnels',
  leaves: 'Minted certificates',
  connections: 'Idle connections to origins',
  names: 'Names',
  sessions: 'Sessions with origins',
  verdicts: 'Remembered verdicts',
  fleet_sessions: 'Sessions of other machines',
  fleet_verdicts: 'Verdicts of other machines',
}

function cachesOf(metrics) {
  const caches = new Map()
  for (const { name, value } of metrics) {
    const { name: base, labels } = readName(name)
    if (base !== 'portcullis_cache_lookups_total') continue
    const row = caches.get(labels.cache) ?? { hit: 0, miss: 0 }
    caches.set(labels.cache, { ...row, [labels.result]: value })
  }
  return [...caches].map(([cache, { hit, miss }]) => [
    CACHES[cache] ?? visible(cache),
    number(hit + miss),
    hit + miss === 0 ? '–' : `${number(hit)} (${number((100 * hit) / (hit + miss))} %)`,
  ])
}

const MEGABYTE = 1024 * 1024

function storesOf(counters, metrics) {
  const rows = [
    ['Remembered verdicts', number(counters.rememberedVerdicts)],
    ['Idle connections to origins', number(counters.idleConnections)],
    ['Answers of plugins that reached nothing', number(counters.ignoredReenablesTotal)],
  ]
  for (const { name, value } of metrics) {
    const { name: base, labels } = readName(name)
    if (base === 'portcullis_client_connections') rows.push(['Connections of clients', number(value)])
    if (base === 'portcullis_native_objects')
      rows.push([`OpenSSL objects: ${visible(labels.kind ?? '')}`, number(value)])
    if (base === 'process_resident_memory_bytes')
      rows.push(['Memory', `${number(Math.round(value / MEGABYTE))} MB`])
    if (base === 'nodejs_eventloop_lag_p99_seconds')
      rows.push(['Delay of the event loop, 99 of 100 below', `${number(value * 1000)} ms`])
  }
  for (const [plugin, totals] of Object.entries(counters.shadowsTotal))
    rows.push([
      `Shadow ${visible(plugin)}: would accept, reject`,
      `${number(totals.accepted)}, ${number(totals.rejected)}`,
    ])
  for (const [name, count] of Object.entries(counters.toleratedTotal))
    rows.push([`Tolerated ${name}`, number(count)])
  return rows
}
