/** New handshakes through the engine, as the benchmarks make them: the whole way of a new connection, but HTTP. */
import { connect } from 'node:net'
import { FairQueue } from '../../core/base/fair-queue.js'
import { makeTerms } from '../../core/tls/judge/terms.js'
import { OutboundContext } from '../../core/tls/openssl/outbound-context.js'
import { OutboundHandshake } from '../../core/tls/outbound/handshake.js'
import type { HandshakeObserver } from '../../core/tls/outbound/observer.js'
import type { OutboundAsker, OutboundSettings } from '../../core/tls/outbound/settings.js'
import type { TlsOrigin } from '../../core/tls/outbound/start-tls.js'
import type { Link } from '../../core/vconn/link.js'
import { TcpLink } from '../../core/vconn/tcp-link.js'
import { ProxyVConn } from '../../core/vconn/vconn.js'
import { HOST } from './handshake-host.js'

/** How many are in flight at a time. */
const CONCURRENCY = 8

/** Makes one handshake, ends its connection, and calls `done`. */
export type Handshake = (done: () => void) => void

const nothing = (): void => {}

export const QUIET: HandshakeObserver = {
  parked: nothing,
  accepted: nothing,
  rejected: nothing,
  ignoredReenable: nothing,
  pluginFailed: (_plugin, _host, cause) => {
    throw cause
  },
}

/** @param askers the plugins on the hook; without any the built-in check alone decides */
export function engineHandshake(anchor: string, port: number, askers: readonly OutboundAsker[]): Handshake {
  const context = new OutboundContext({
    anchors: [anchor],
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    alpn: [],
  })
  const settings: OutboundSettings = {
    context,
    terms: makeTerms(
      { verify: askers.length > 0 ? 2 : 1, policy: 'ENFORCED', properties: 'ALL', override: 0 },
      askers.map(({ plugin }) => plugin),
    ),
    checks: { properties: 'ALL', pins: undefined },
    names: {},
    askers,
    deadline: 30_000,
    originTimeout: 30_000,
    openVConn: (ends: Link) => new ProxyVConn('outbound', ends, () => undefined),
    queue: new FairQueue(nothing),
    observer: QUIET,
  }
  return done => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.once('connect', () => {
      const fail = (why: Error): void => {
        throw why
      }
      const open = ({ link }: TlsOrigin): void => {
        link.destroy()
        done()
      }
      new OutboundHandshake(new TcpLink(socket, 'origin'), { host: HOST, port, client: '' }, settings, {
        onOpen: open,
        onFailed: fail,
      }).start()
    })
  }
}

/** @returns CPU microseconds for each handshake */
export function measureHandshakes(handshake: Handshake, count: number): Promise<number> {
  return new Promise(resolve => {
    const before = process.cpuUsage()
    let started = 0
    let finished = 0
    const next = (): void => {
      if (++finished === count) {
        const used = process.cpuUsage(before)
        resolve((used.user + used.system) / count)
      } else if (started < count) {
        started++
        handshake(next)
      }
    }
    for (; started < Math.min(CONCURRENCY, count); started++) handshake(next)
  })
}
