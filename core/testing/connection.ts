import type { VConn } from '../api/vconn.js'
import type { VConns } from '../program/wiring/vconns.js'
import type { ProxyVConn } from '../vconn/vconn.js'
import type { PluginRefused } from '../wait/refusal.js'
import { KitHandshake, type TestHandshake, toOutcome } from './handshake.js'
import type { Recorder } from './recorder.js'

/** A connection whose start plugins are, or were, asked about. */
export interface TestConnection extends TestHandshake {
  /** The same as `leave`. */
  close(): void
}

/** The address of the peer of a made-up connection (RFC 5737). */
export interface MadeUpEnd {
  readonly direction: VConn['direction']
  readonly host: string
  readonly port: number
}

/** The addresses of the proxy and of a client. */
const OURS = '192.0.2.2:50000'
const CLIENT = '192.0.2.3:50001'

/** @param onEnd as {@link VConns.startClient} */
export function startConnection(
  vconns: VConns,
  { direction, host, port }: MadeUpEnd,
  onEnd: (why: PluginRefused | undefined) => void,
): ProxyVConn {
  if (direction === 'inbound')
    return vconns.startClient({ remoteAddress: CLIENT, localAddress: OURS }, (_, why) => onEnd(why))
  const ends = { remoteAddress: `192.0.2.1:${port}`, localAddress: OURS }
  return vconns.askOrigin(ends, { host, port }, (_, why) => onEnd(why))
}

/** A connection with a start and an end, and no traffic. */
export function openConnection(vconns: VConns, recorder: Recorder, end: MadeUpEnd): TestConnection {
  let said: { readonly why: PluginRefused | undefined } | undefined
  let hear = (why: PluginRefused | undefined): void => {
    said = { why }
  }
  const vconn = startConnection(vconns, end, why => hear(why))
  const connection = new KitConnection(vconn, recorder.callsFor(vconn.shown.id), () => {})
  hear = why => {
    const by = connection.calls.length === 0 ? 'nobody' : 'plugins'
    connection.end(why === undefined ? { kind: 'accepted', by } : toOutcome(why))
  }
  if (said !== undefined) hear(said.why)
  return connection
}

class KitConnection extends KitHandshake implements TestConnection {
  close(): void {
    this.leave()
  }
}
