import type { HookEvents, HookId } from '../../api/hooks.js'
import type { Parked } from '../../api/parked.js'
import type { VConn } from '../../api/vconn.js'
import { type ErrorCode, ProxyError } from '../../base/errors.js'
import { describeThrown } from '../../base/thrown.js'
import { tell } from '../../hooks/ask.js'
import type { HookRegistry } from '../../hooks/registry.js'
import { abortReason } from '../../origin/dial.js'
import type { Link } from '../../vconn/link.js'
import type { OriginLink } from '../../vconn/origin-link.js'
import { type Endpoints, ProxyVConn } from '../../vconn/vconn.js'
import { Hold, type HoldPoint } from '../../wait/hold.js'
import { type PluginRefused, refused } from '../../wait/refusal.js'
import { eventOf } from '../../wait/turn-event.js'
import type { HookPoints } from './hook-points.js'

const CLOSE = { inbound: 'TS_VCONN_CLOSE_HOOK', outbound: 'TS_VCONN_OUTBOUND_CLOSE_HOOK' } as const

/** The hooks of a connection's start. */
type StartPoints = Pick<HookPoints, 'start' | 'outboundStart'>

/** The origin that a connection is for. */
interface OriginName {
  /** As in the URL: a name or an address, IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

/** A connection to an origin that every plugin has let start. */
export interface StartedOrigin {
  readonly vconn: ProxyVConn
  /** Milliseconds that plugins held it; absent if none took time. */
  readonly parked?: number
}

type OnStart = (vconn: ProxyVConn, why: PluginRefused | undefined) => void

/** Those of connections to origins. A tunnel's may first serve for a handshake of the proxy's own; it starts once. */
const started = new WeakMap<Link, ProxyVConn>()

/** Makes VConns, has plugins asked about their start, and tells them exactly once of their end. */
export class VConns {
  /** Whether a plugin is on the end of transactions. Without one the event need not be made. */
  readonly hearsTransactions: boolean
  readonly #registry: HookRegistry
  readonly #points: StartPoints
  readonly #error: (message: string) => void

  constructor(registry: HookRegistry, points: StartPoints, error: (message: string) => void) {
    this.#registry = registry
    this.hearsTransactions = registry.on('TS_HTTP_TXN_CLOSE_HOOK').length > 0
    this.#points = points
    this.#error = error
  }

  /**
   * Starts the VConn of a client. To close it ends the wait, without a call.
   * @param onEnd called once, from within this call if no plugin takes time
   */
  startClient(ends: Endpoints, onEnd: OnStart): ProxyVConn {
    const about = `client ${ends.remoteAddress}`
    return this.#ask('inbound', ends, this.#points.start, { about, code: 'PTC_CLIENT_REFUSED' }, {}, onEnd)
  }

  /** As {@link startClient}, of a connection to an origin. */
  askOrigin(ends: Endpoints, { host, port }: OriginName, onEnd: OnStart): ProxyVConn {
    const subject = { about: host, code: 'PTC_PLUGIN_REFUSED_ORIGIN' } as const
    return this.#ask('outbound', ends, this.#points.outboundStart, subject, { host, port }, onEnd)
  }

  /** @param facts what the event has beside what all events have */
  #ask<F extends object>(
    direction: VConn['direction'],
    ends: Endpoints,
    point: HoldPoint<Parked & F> | undefined,
    { about, code }: { readonly about: string; readonly code: ErrorCode },
    facts: F,
    onEnd: OnStart,
  ): ProxyVConn {
    const { vconn, holdBy } = this.#open(direction, ends)
    if (point === undefined) onEnd(vconn, undefined)
    else {
      const hold = new Hold(
        point,
        { vconn: vconn.shown, about },
        turn => eventOf(turn, facts),
        refusal => onEnd(vconn, refusal && refused(code, 'the connection', refusal)),
      )
      holdBy(hold)
      hold.start()
    }
    return vconn
  }

  /**
   * Starts the VConn of a connection to an origin, on which nothing has been sent. A promise only if a plugin takes time, or refuses.
   * @throws {ProxyError} PTC_PLUGIN_*, PTC_ORIGIN_CLOSED, or the signal's reason: the connection is closed then
   */
  startOrigin(
    tcp: OriginLink,
    target: OriginName,
    signal: AbortSignal,
  ): StartedOrigin | Promise<StartedOrigin> {
    const known = started.get(tcp)
    if (known !== undefined) return { vconn: known }
    let said: { readonly why: PluginRefused | undefined } | undefined
    let hear = (why: PluginRefused | undefined): void => {
      said = { why }
    }
    const vconn = this.askOrigin(tcp, target, (_, why) => hear(why))
    started.set(tcp, vconn)
    if (said !== undefined && said.why === undefined) return { vconn }
    const since = performance.now()
    return new Promise((resolve, reject) => {
      const unwatch = tcp.watch(() => fail(closedWhileParked()))
      const onAbort = (): void => fail(abortReason(signal))
      const settle = (): void => {
        unwatch()
        signal.removeEventListener('abort', onAbort)
      }
      const fail = (why: ProxyError): void => {
        settle()
        tcp.destroy()
        vconn.close()
        reject(why)
      }
      hear = why => {
        if (why !== undefined) return fail(why)
        settle()
        resolve({ vconn, parked: performance.now() - since })
      }
      signal.addEventListener('abort', onAbort)
      if (said !== undefined) hear(said.why)
      else if (signal.aborted) onAbort()
    })
  }

  /** The same for a connection whose VConn has no other owner: the end of the connection closes it. */
  startUntilClosed(
    tcp: OriginLink,
    target: OriginName,
    signal: AbortSignal,
  ): StartedOrigin | Promise<StartedOrigin> {
    const closing = (start: StartedOrigin): StartedOrigin => {
      tcp.whenClosed(() => start.vconn.close())
      return start
    }
    const start = this.startOrigin(tcp, target, signal)
    return start instanceof Promise ? start.then(closing) : closing(start)
  }

  /** The VConn of a connection to an origin that has been started. */
  openedFor(tcp: Link): ProxyVConn {
    return started.get(tcp) ?? this.#open('outbound', tcp).vconn
  }

  /** Calls the continuations on a hook that may not park. */
  tell<H extends HookId>(hook: H, event: HookEvents[H]): undefined | Promise<unknown> {
    return tell(this.#registry.on(hook), event, ({ name }, cause) =>
      this.#error(`plugin ${name} failed on ${hook}: ${describeThrown(cause)}`),
    )
  }

  /** `holdBy` says what ends with the VConn. */
  #open(direction: VConn['direction'], ends: Endpoints): Opened {
    let held: { abandon(): void } | undefined
    const vconn = new ProxyVConn(direction, ends, closed => {
      held?.abandon()
      return this.tell(CLOSE[direction], closed)
    })
    return {
      vconn,
      holdBy: hold => {
        held = hold
      },
    }
  }
}

interface Opened {
  readonly vconn: ProxyVConn
  readonly holdBy: (hold: { abandon(): void }) => void
}

const closedWhileParked = (): ProxyError =>
  new ProxyError('PTC_ORIGIN_CLOSED', 'the origin closed the connection while a plugin was asked about it')
