/**
 * One process of the handshake benchmark: makes new handshakes with an origin, a few at a time, and prints the CPU
 * microseconds that each has cost.
 *
 *     node handshake-client.js engine|node-tls PORT CA.pem HANDSHAKES
 */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { createSecureContext, connect as tlsConnect } from 'node:tls'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import { FairQueue } from '../../core/base/fair-queue.js'
import { OriginHandshake } from '../../core/tls/client.js'
import type { HandshakeSettings } from '../../core/tls/handshake-settings.js'
import { ClientContext } from '../../core/tls/openssl/client-context.js'
import type { TlsOrigin } from '../../core/tls/start-tls.js'
import { makeTerms } from '../../core/tls/terms.js'
import type { Link } from '../../core/vconn/link.js'
import { TcpLink } from '../../core/vconn/tcp-link.js'
import { ProxyVConn } from '../../core/vconn/vconn.js'

const CONCURRENCY = 8
const HOST = 'bench.test'
const [mode = 'engine', port = '0', ca = '', handshakes = '1000'] = process.argv.slice(2)
const anchor = readFileSync(ca, 'utf8')

type Handshake = (done: () => void) => void

/** The hook with one plugin that accepts at once: the whole way of a new connection, but HTTP. */
function engineHandshake(): Handshake {
  const nothing = (): void => {}
  const settings: HandshakeSettings = {
    context: new ClientContext({ anchors: [anchor], minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', alpn: [] }),
    terms: makeTerms({ verify: 2, policy: 'ENFORCED', properties: 'ALL', override: 0 }, ['approve']),
    checks: { properties: 'ALL', demands: undefined },
    names: {},
    askers: [
      { plugin: 'approve', deadline: undefined, ask: ({ reenable }: VerifyServerEvent) => void reenable() },
    ],
    deadline: 30_000,
    originTimeout: 30_000,
    openVConn: (ends: Link) => new ProxyVConn('outbound', ends, () => undefined),
    queue: new FairQueue(nothing),
    observer: {
      parked: nothing,
      accepted: nothing,
      rejected: nothing,
      ignoredReenable: nothing,
      pluginFailed: nothing,
    },
  }
  return done => {
    const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true })
    socket.once('connect', () => {
      const target = { host: HOST, port: Number(port) }
      const fail = (why: Error): void => {
        throw why
      }
      const open = ({ link }: TlsOrigin): void => {
        link.destroy()
        done()
      }
      new OriginHandshake(new TcpLink(socket, 'origin'), target, settings, open, fail).start()
    })
  }
}

function nodeHandshake(): Handshake {
  const secureContext = createSecureContext({ ca: anchor })
  return done => {
    const socket = tlsConnect(
      { port: Number(port), host: '127.0.0.1', servername: HOST, secureContext },
      () => {
        socket.destroy()
        done()
      },
    )
  }
}

/** @returns CPU microseconds for each handshake */
function measure(handshake: Handshake, count: number): Promise<number> {
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

const handshake = mode === 'engine' ? engineHandshake() : nodeHandshake()
await measure(handshake, Number(handshakes) / 4) // what is compiled and cached at first is not counted
process.stdout.write(`${await measure(handshake, Number(handshakes))}\n`)
process.exit(0)
