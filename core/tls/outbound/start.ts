import { setTimeout as sleep } from 'node:timers/promises'
import { ProxyError } from '../../base/errors.js'
import type { Link } from '../../vconn/link.js'
import { areWithdrawn, withdrawn } from '../judge/revocation-log.js'
import { VerifyRejected } from '../judge/verdict.js'
import { OutboundHandshake } from './handshake.js'
import { HeldVerdict } from './held-verdict.js'
import type { OutboundSettings } from './settings.js'
import type { Accepted, TlsOrigin, TlsTarget } from './start-tls.js'

/** A connection on which a handshake can begin, and what holds for it. */
export interface Begun {
  readonly tcp: Link
  readonly settings: OutboundSettings
  /** Whose connection it leads through: a parent that is reached by https. */
  readonly parent?: Accepted | undefined
  /** Milliseconds that the origin may take, if it is less than the settings say. */
  readonly originTimeout?: number | undefined
}

/**
 * A handshake as a promise, over as many connections as it takes: one that ends while plugins are asked costs no more
 * than a new one.
 * @param redial makes the next connection; absent: there is only the first
 */
export async function startHandshake(
  first: Begun,
  target: TlsTarget,
  signal: AbortSignal,
  redial?: () => Promise<Begun>,
): Promise<TlsOrigin> {
  const { settings } = first
  let begun: Begun | undefined = first
  let held: HeldVerdict | undefined
  let parked = 0
  let voids = 0
  for (let left = redial === undefined ? 0 : (settings.redials ?? 0); ; left--) {
    try {
      begun ??= await redial?.()
      if (begun === undefined) throw new ProxyError('PTC_INTERNAL', 'no connection can be made anew')
      if (held !== undefined) settings.observer.redialled?.(target.host, begun.tcp.remoteAddress)
      const may = { redial: redial !== undefined, release: left > 0 }
      const end = await oneHandshake(begun, target, signal, may, held)
      const isHeld = end instanceof HeldVerdict
      if (!isHeld && !isOver(end, begun))
        return parked === 0 ? end : { ...end, parked: parked + (end.parked ?? 0) }
      // It is none of those: only the first connection can resume a session, and a revocation is seldom.
      if (!isHeld || end.isVoid) {
        if (redial === undefined || voids++ === MAX_VOID) throw withdrawn()
        left++
      }
      held = isHeld ? end : undefined
      parked += end.parked ?? 0
    } catch (cause) {
      if (cause instanceof VerifyRejected) cause.parked += parked
      if (held === undefined || left <= 0 || !LOST.has(ProxyError.codeOf(cause) ?? '')) throw cause
      await pause(signal)
    }
    begun = undefined
  }
}

/** Verdicts that did not hold for their own connection, in one handshake. */
const MAX_VOID = 2

/** Whether an acceptance was revoked while the handshake ended. Nothing was sent on the connection, which is closed then. */
function isOver(origin: TlsOrigin, { settings: { revocations: log }, parent }: Begun): boolean {
  if (!areWithdrawn(log, origin, parent)) return false
  origin.link.destroy()
  return true
}

/** Codes of a connection that was not made, or was lost, before anything was judged on it. */
const LOST: ReadonlySet<string> = new Set([
  'PTC_CONNECT_REFUSED',
  'PTC_CONNECT_UNREACHABLE',
  'PTC_CONNECT_TIMEOUT',
  'PTC_HANDSHAKE_CLOSED',
  'PTC_PARENT_UNREACHABLE',
  'PTC_PARENT_CLOSED',
])

/** Milliseconds before a connection is tried once more. */
const PAUSE = 250

/** Ends early when the signal aborts: what comes next then says so. */
function pause(signal: AbortSignal): Promise<unknown> {
  return sleep(PAUSE, undefined, { signal }).catch(() => undefined)
}

function oneHandshake(
  { tcp, settings, originTimeout = settings.originTimeout, parent }: Begun,
  target: TlsTarget,
  signal: AbortSignal,
  may: { readonly redial: boolean; readonly release: boolean },
  held: HeldVerdict | undefined,
): Promise<TlsOrigin | HeldVerdict> {
  return new Promise((resolve, reject) => {
    const abandon = (): void => handshake.abandon()
    const handshake = open()
    if (signal.aborted) return abandon()
    signal.addEventListener('abort', abandon, { once: true })
    handshake.start()

    function open(): OutboundHandshake {
      const ends = {
        onOpen: ending(resolve),
        onFailed: ending(reject),
        onRedial: may.redial ? ending(resolve) : undefined,
        mayRelease: may.release,
      }
      try {
        return new OutboundHandshake(tcp, target, settings, ends, { held, originTimeout, parent })
      } catch (cause) {
        settings.openVConn(tcp).close() // plugins may have been told of its start
        tcp.destroy()
        throw cause
      }
    }

    function ending<T>(end: (value: T) => void): (value: T) => void {
      return value => {
        signal.removeEventListener('abort', abandon)
        end(value)
      }
    }
  })
}
