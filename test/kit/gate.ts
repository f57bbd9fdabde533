/**
 * A plugin whose answers the test gives. The proxy must run in the test's process: the plugin is a file like any other,
 * and hands what it is told over a diagnostics channel.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import type { SendRequestEvent } from '../../core/api/transaction-hooks.js'
import type { VConn } from '../../core/api/vconn.js'
import { Watch } from './watch.js'

/** For `modules` of a configuration. */
export const GATE_MODULE = {
  'gate.mjs': `
import { channel } from 'node:diagnostics_channel'
export default ({ argv, hookAdd, signal }) => {
  const tell = (kind, event) => channel('gate ' + argv[1]).publish({ kind, event })
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => tell('asked', event))
  hookAdd('TS_VCONN_OUTBOUND_START_HOOK', ({ vconn, reenable }) => { tell('started', vconn); reenable() })
  hookAdd('TS_VCONN_OUTBOUND_CLOSE_HOOK', event => tell('closed', event))
  hookAdd('TS_HTTP_SEND_REQUEST_HDR_HOOK', event => { tell('sent', event); event.reenable() })
  tell('loaded')
  signal.addEventListener('abort', () => tell('unloaded'))
}
`,
} as const

interface Told {
  readonly kind: 'asked' | 'started' | 'closed' | 'sent' | 'loaded' | 'unloaded'
  readonly event: VerifyServerEvent | VConn | SendRequestEvent
}

let gates = 0

export class Gate {
  /** For plugin.config. */
  readonly line: string
  readonly asked: VerifyServerEvent[] = []
  /** Ids of the VConns to origins. */
  readonly started: number[] = []
  readonly closed: number[] = []
  /** Methods and URLs of the requests that left. */
  readonly sent: string[] = []
  /** How often the plugin was loaded, and unloaded. */
  loads = 0
  unloads = 0
  readonly #watch = new Watch()
  readonly #channel: string
  readonly #onTold: (message: unknown) => void

  /** @param answer called for every handshake; without it they stay parked until the test answers */
  constructor(answer?: (event: VerifyServerEvent) => void) {
    gates += 1
    this.line = `gate.mjs ${gates}`
    this.#channel = `gate ${gates}`
    this.#onTold = message => {
      this.#tell(message as Told)
      const { kind, event } = message as Told
      if (kind === 'asked') answer?.(event as VerifyServerEvent)
      this.#watch.changed()
    }
    subscribe(this.#channel, this.#onTold)
  }

  #tell({ kind, event }: Told): void {
    if (kind === 'asked') this.asked.push(event as VerifyServerEvent)
    else if (kind === 'started') this.started.push((event as VConn).id)
    else if (kind === 'closed') this.closed.push((event as VConn).id)
    else if (kind === 'loaded') this.loads += 1
    else if (kind === 'unloaded') this.unloads += 1
    else this.sent.push(`${(event as SendRequestEvent).method} ${(event as SendRequestEvent).url}`)
  }

  /** The handshake with that index, as soon as it is parked. */
  parked(index = 0, ms?: number): Promise<VerifyServerEvent> {
    return this.until(() => this.asked[index], `handshake ${index} to be parked`, ms)
  }

  until<T>(probe: () => T | undefined, what: string, ms?: number): Promise<T> {
    return this.#watch.until(
      probe,
      () => `${what}; ${this.asked.length} asked, ${this.closed.length} of ${this.started.length} closed`,
      ms,
    )
  }

  /** Until every connection to an origin has ended. */
  async allClosed(ms?: number): Promise<void> {
    await this.until(
      () => (this.started.length > 0 && this.closed.length >= this.started.length ? true : undefined),
      'the close hooks',
      ms,
    )
  }

  /** Loaded at least once, and no longer there. */
  get isUnloaded(): boolean {
    return this.loads > 0 && this.unloads === this.loads
  }

  stop(): void {
    unsubscribe(this.#channel, this.#onTold)
  }
}
