/** Server-sent events: they say which list has changed, and the list itself is asked for. */
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

type Topic = 'parked' | 'approvals' | 'status'

/** What a change is seen by: without ages and counts, which are different each time. */
const LOOKS: Readonly<Record<Topic, (api: AdminApi) => Promise<unknown>>> = {
  parked: async api => [
    (await api.parked()).map(({ id, plugin, connection, deadline }) => [id, plugin, connection, deadline]),
    await api.held(),
  ],
  approvals: async api =>
    (await api.approvals()).map(({ id, clients, waiting, asked }) => [id, clients, waiting, asked]),
  status: async api => {
    const { isStopping, generation, readAt, ports, plugins, processes } = await api.status()
    return { isStopping, generation, readAt, ports, plugins, pids: processes.map(({ pid }) => pid) }
  },
}
const TOPICS = Object.keys(LOOKS) as Topic[]

/** Looks for changes while there are listeners, once for all of them. */
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

  /** Answers with events until the client leaves. Each topic is told once at the beginning. */
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
    // Where a list cannot be had (no plugin asks people), this is what it is until it can.
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
