import { connect } from 'node:net'
import type { PeerEvidence } from '../../core/api/certificate.js'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import { FairQueue } from '../../core/base/fair-queue.js'
import type { NameRules } from '../../core/tls/judge/names.js'
import type { Pins } from '../../core/tls/judge/pins.js'
import { makeTerms, type TermsRecords } from '../../core/tls/judge/terms.js'
import type { VerifyRejected } from '../../core/tls/judge/verdict.js'
import { OutboundContext, type OutboundContextOptions } from '../../core/tls/openssl/outbound-context.js'
import { liveNatives } from '../../core/tls/openssl/owned.js'
import type { OutboundSettings } from '../../core/tls/outbound/settings.js'
import { startHandshake } from '../../core/tls/outbound/start.js'
import type { TlsOrigin } from '../../core/tls/outbound/start-tls.js'
import type { Link } from '../../core/vconn/link.js'
import { TcpLink } from '../../core/vconn/tcp-link.js'
import { ProxyVConn } from '../../core/vconn/vconn.js'
import type { AskedTurn } from '../../core/wait/turn.js'

/** A plugin on the hook, named by its place: `plugin0`, `plugin1`, … */
export type Ask = (event: VerifyServerEvent, refuse: (cause: unknown) => void) => void

type Refusing = Pick<AskedTurn<never>, 'refuse'>

export interface HandshakerOptions extends Partial<TermsRecords> {
  readonly context?: Partial<OutboundContextOptions>
  readonly deadline?: number
  readonly originTimeout?: number
  readonly pins?: Pins
  readonly names?: NameRules
  /** `@deadline=` of each plugin. */
  readonly ownDeadlines?: readonly (number | undefined)[]
  /** `@late=` of each plugin. */
  readonly late?: readonly ('reject' | 'builtin')[]
  /** Plugins in shadow mode, named `shadow0`, … */
  readonly shadows?: readonly Ask[]
  /** Of `context.hasSessions`. */
  readonly sessions?: OutboundSettings['sessions']
}

/** Makes handshakes without a proxy around them, and keeps what was observed. */
export class Handshaker {
  readonly log: string[] = []
  readonly rejected: VerifyRejected[] = []
  readonly accepted: PeerEvidence[] = []
  /** How often each VConn's close hook ran, by VConn id. */
  readonly closed = new Map<number, number>()
  readonly #context: OutboundContext
  readonly #settings: OutboundSettings

  constructor(anchorPem: string, asks: readonly Ask[], options: HandshakerOptions = {}) {
    const {
      context,
      deadline = 10_000,
      originTimeout = 10_000,
      ownDeadlines,
      late,
      shadows = [],
      pins,
      names = {},
      sessions,
      ...records
    } = options
    const base = { anchors: [anchorPem], minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', alpn: [] } as const
    this.#context = new OutboundContext({ ...base, ...context })
    const all: TermsRecords = { verify: 2, policy: 'ENFORCED', properties: 'ALL', override: 0, ...records }
    const askers = asks.map((ask, i) => ({
      plugin: `plugin${i}`,
      deadline: ownDeadlines?.[i],
      late: late?.[i] ?? 'reject',
      ask: (event: VerifyServerEvent, { refuse }: Refusing) => ask(event, refuse),
    }))
    this.#settings = {
      context: this.#context,
      terms: makeTerms(
        all,
        askers.map(({ plugin }) => plugin),
        pins !== undefined,
        shadows.length > 0,
      ),
      checks: { properties: all.properties, pins },
      names,
      sessions,
      askers,
      shadows: shadows.map((ask, i) => ({
        plugin: `shadow${i}`,
        deadline,
        ask: (event: VerifyServerEvent, { refuse }: Refusing) => ask(event, refuse),
      })),
      deadline,
      originTimeout,
      openVConn: ends => {
        const vconn = new ProxyVConn('outbound', ends, ({ id }) => {
          this.closed.set(id, (this.closed.get(id) ?? 0) + 1)
          return undefined
        })
        this.closed.set(vconn.shown.id, 0)
        return vconn
      },
      queue: new FairQueue(cause => this.log.push(String(cause))),
      observer: {
        parked: plugin => this.log.push(`parked ${plugin}`),
        accepted: evidence => this.accepted.push(evidence),
        rejected: why => this.rejected.push(why),
        ignoredReenable: (plugin, _host, why) => this.log.push(`ignored ${plugin} ${why}`),
        pluginFailed: plugin => this.log.push(`failed ${plugin}`),
        shadowed: (plugin, host, outcome) => this.log.push(`${plugin} would ${outcome.would} ${host}`),
        late: (plugin, _host, builtIn) => this.log.push(`late ${plugin} ${builtIn}`),
      },
    }
  }

  /** Over a connection of its own to a port on loopback. */
  start(port: number, host: string, signal: AbortSignal = new AbortController().signal): Promise<TlsOrigin> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        const tcp = new TcpLink(socket, 'origin')
        startHandshake({ tcp, settings: this.#settings }, { host, port, client: '' }, signal).then(
          resolve,
          reject,
        )
      })
    })
  }

  stop(): void {
    this.#context.free()
  }
}

/** Sends a request over an open origin and collects the response until the origin ends. */
export function fetchText({ link }: { readonly link: Link }, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    link.attach({
      onData: bytes => {
        text += bytes.toString('latin1')
      },
      onDrain: () => {},
      onEnd: () => {
        link.end()
        resolve(text)
      },
      onClose: cause => (cause === undefined ? resolve(text) : reject(cause)),
    })
    link.write(Buffer.from(request))
  })
}

/** Native objects that belong to handshakes: all zero when every handshake has ended and been freed. */
export function liveHandshakes(): number {
  const { SSL = 0, SSL_CTX = 0, X509 = 0 } = liveNatives()
  return SSL + SSL_CTX + X509
}

/** Native objects that are alive. */
export function natives(): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(liveNatives()).filter(([, count]) => count > 0))
}
