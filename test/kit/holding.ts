/** A proxy whose plugins hold the handshake with an origin, and what is held. */
import type { Test } from 'tap'
import type { ParkedRow } from '../../core/admin/held-api.js'
import { listOf, sendTo } from '../../core/cli/ctl-client.js'
import { get } from './client.js'
import { HOST, issued, managedHere } from './managed.js'
import { nginxOrigin } from './nginx-origin.js'
import type { ProxyConf } from './proxy.js'
import { poll } from './watch.js'

export async function holding(
  t: Test,
  plugins: readonly string[],
  conf: ProxyConf = {},
  from: Pick<typeof issued, 'chainPem' | 'keyPem'> = issued,
) {
  const origin = await nginxOrigin(from)
  t.teardown(origin.stop)
  const proxied = await managedHere(t, plugins, undefined, conf)
  const ask = () => get(proxied.proxy.port, `https://${HOST}:${origin.httpsPort}/`, [], 60_000)
  return { ...proxied, origin, ask, send: sendTo(proxied.socket) }
}

/** The handshake that is held, once one is that fits. */
export function heldOf(socket: string, fits: (row: ParkedRow) => boolean = () => true): Promise<ParkedRow> {
  const send = sendTo(socket)
  const rows = () => listOf<ParkedRow>(send, '/v1/parked', 'parked')
  return poll(async () => (await rows()).find(fits), 'a held handshake')
}
