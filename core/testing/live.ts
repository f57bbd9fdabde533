import { setTimeout as sleep } from 'node:timers/promises'
import { ProxyError } from '../base/errors.js'
import { FairQueue } from '../base/fair-queue.js'
import { describe } from '../base/thrown.js'
import { loadHostFile } from '../config/host-file.js'
import type { HookRegistry } from '../hooks/registry.js'
import { dial } from '../origin/dial.js'
import type { Names } from '../origin/names/names.js'
import type { HookPoints } from '../program/wiring/hook-points.js'
import { OutboundContexts } from '../program/wiring/outbound/contexts.js'
import { makeNames } from '../program/wiring/outbound/names.js'
import { makeVerification, type Verification } from '../program/wiring/outbound/verification.js'
import { VConns } from '../program/wiring/vconns.js'
import type { Settings } from '../settings/settings.js'
import type { HandshakeObserver } from '../tls/outbound/observer.js'
import type { ProxyVConn } from '../vconn/vconn.js'
import { KitHandshake, toOutcome } from './handshake.js'
import type { Recorder } from './recorder.js'

/** What a test says about a real origin. */
export interface LiveOrigin {
  /** The name in the URL: the SNI, and the name that is checked. Default: the host of the address. */
  readonly host?: string
}

export interface LiveParts {
  readonly settings: Settings
  /** The recorded continuations of the verify hook. */
  readonly verifiers: HookRegistry
  /** Every hook. */
  readonly registry: HookRegistry
  /** The recorded continuations of the start hooks, asked in real time. */
  readonly points: HookPoints
  readonly recorder: Recorder
  readonly observer: HandshakeObserver
  readonly onError: (message: string) => void
}

interface Made {
  readonly contexts: OutboundContexts
  readonly verification: Verification
  readonly names: Names
}

/** Real handshakes for tests. Their resources are made at the first one, and live until `close`. */
export class LiveOrigins {
  readonly #parts: LiveParts
  readonly #vconns: WatchedVConns
  readonly #abort = new AbortController()
  #made: Made | undefined

  constructor(parts: LiveParts) {
    this.#parts = parts
    this.#vconns = new WatchedVConns(parts.registry, parts.points, parts.onError)
  }

  /** @throws {ProxyError} PTC_TEST_KIT for an invalid address, and the errors of the dial */
  async connect(address: string, origin: LiveOrigin): Promise<KitHandshake> {
    const [, bracketed, plain = '', digits = ''] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address) ?? []
    const to = { host: bracketed ?? plain, port: Number(digits) }
    if (to.host === '')
      throw new ProxyError('PTC_TEST_KIT', `connect takes host:port, not ${JSON.stringify(address)}`)
    const { verification, names } = this.#make()
    const { connectTimeout } = this.#parts.settings.origin
    const tcp = await dial({ ...to, client: '' }, { connectTimeout, names }, this.#abort.signal)
    const gone = new AbortController()
    const target = { host: origin.host ?? to.host, port: to.port, client: '' }
    const ending = verification.startTls(tcp, target, gone.signal)
    const vconn = this.#vconns.last // opened by the call above
    if (vconn === undefined) throw new ProxyError('PTC_INTERNAL', 'a handshake began without a connection')
    const calls = this.#parts.recorder.callsFor(vconn.shown.id)
    const handshake = new KitHandshake(vconn, calls, () => gone.abort())
    try {
      const { link, peer } = await ending
      link.destroy()
      handshake.end(toOutcome(peer))
    } catch (cause) {
      if (!(cause instanceof ProxyError)) throw cause
      handshake.end(toOutcome(cause))
    }
    return handshake
  }

  close(): void {
    this.#abort.abort()
    this.#made?.contexts.free()
    this.#made?.names.close()
    this.#made = undefined
  }

  #make(): Made {
    if (this.#made !== undefined) return this.#made
    const { settings, verifiers, observer, onError } = this.#parts
    const contexts = new OutboundContexts(settings.outboundTls)
    const queue = new FairQueue(cause => onError(describe(cause)))
    const vconns = this.#vconns
    const verification = makeVerification({
      settings: settings.verification,
      connectTimeout: settings.origin.connectTimeout,
      rules: [],
      registry: verifiers,
      contexts,
      observer,
      vconns,
      queue,
    })
    const names = makeNames(settings.names, loadHostFile(settings.names.hostFile), {})
    this.#made = { contexts, verification, names }
    return this.#made
  }
}

/** Records the connection that was opened last. */
class WatchedVConns extends VConns {
  last: ProxyVConn | undefined

  override askOrigin(...args: Parameters<VConns['askOrigin']>): ProxyVConn {
    this.last = super.askOrigin(...args)
    return this.last
  }
}

/** Milliseconds between two reads. */
const LOOK = 5

/**
 * Waits for the first line that matches.
 * @throws {ProxyError} PTC_TEST_KIT
 */
export async function lineOf(lines: readonly string[], pattern: RegExp, ms: number): Promise<string> {
  for (const end = performance.now() + ms; ; await sleep(LOOK)) {
    const line = lines.find(text => pattern.test(text))
    if (line !== undefined) return line
    if (performance.now() > end)
      throw new ProxyError('PTC_TEST_KIT', `no line ${pattern} after ${ms} ms in:\n${lines.join('\n')}`)
  }
}
