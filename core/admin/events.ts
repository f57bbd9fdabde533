/** Server-sent events. An event names the list that has changed; the client then requests that list. */
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AdminApi } from './admin-api.js'

/** Milliseconds between two looks, and looks between two heartbeats. */
const PERIOD = 500
const BEAT = 30
const MAX_LISTENERS = 20
/** Bytes that a listener may leave unread. */
const MAX_UNREAD = 64 * 1024

type Topic = 'parked' | 'approvals' | 'history' | 'status'

/** The fields that are compared to find a change. Ages and counters are left out, because they always differ. */
const LOOKS: Readonly<Record<Topic, (api: AdminApi) => Promise<unknown>>> = {
  parked: async api => [
    (await api.parked()).map(({ id, plugin, connection, deadline }) => [id, plugin, connection, deadline]),
    await api.held(),
  ],
  approvals: async api =>
    (await api.approvals()).map(({ id, clients, waiting, waitsUntil, asked, elsewhere }) => [
      ...[id, clients, waiting, waitsUntil, asked, elsewhere],
    ]),
  history: async api => (await api.status()).counters.verdictsTotal,
  status: async api => {
    const { isStopping, isDraining, generation, readAt, ports, plugins, processes, counters } =
      await api.status()
    // Otherwise it would always differ.
    const left = isStopping || isDraining ? counters.clientConnections : undefined
    const pids = processes.map(({ pid, fleet }) => [pid, fleet?.isConnected])
    return { isStopping, isDraining, left, generation, readAt, ports, plugins, pids }
  },
}
const TOPICS = Object.keys(LOOKS) as Topic[]

/** Looks for changes while there are listeners. All listeners share one look. */
export class Events {
  readonly #api: AdminApi
  readonly #listeners = new Set<ServerResponse>()
  readonly #seen = new Map<Topic, string>()
  #isWatching = false

  constructor(api: AdminApi) {
    this.#api = api
  }

  get isFull(): boolean {
    return this.#listeners.size >= MAX_LISTENERS
  }

  /** Sends events until the client disconnects. The first events name every topic once. */
  open(res: ServerResponse): void {
    res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    this.#listeners.add(res)
    res.on('close', () => this.#listeners.delete(res))
    res.on('error', () => this.#listeners.delete(res))
    for (const topic of TOPICS) res.write(eventOf(topic))
    if (!this.#isWatching) void this.#watch()
  }

  async #watch(): Promise<void> {
    this.#isWatching = true
    for (let i = 1; this.#listeners.size > 0; i++) {
      for (const topic of TOPICS) if (await this.#hasChanged(topic)) this.#send(eventOf(topic))
      if (i % BEAT === 0) this.#send(':\n\n')
      await sleep(PERIOD, undefined, { ref: false })
    }
    this.#isWatching = false
  }

  async #hasChanged(topic: Topic): Promise<boolean> {
    // Without the list (no plugin asks people) the value is undefined, until there is one.
    const found = await LOOKS[topic](this.#api).catch(() => undefined)
    const now = createHash('sha256')
      .update(JSON.stringify(found) ?? '')
      .digest('hex')
    const before = this.#seen.get(topic)
    this.#seen.set(topic, now)
    return before !== now
  }

  #send(text: string): void {
    for (const listener of this.#listeners) {
      if (listener.writableLength > MAX_UNREAD) listener.destroy()
      else listener.write(text)
    }
  }
}

const eventOf = (topic: Topic): string => `event: ${topic}\ndata: {}\n\n`
