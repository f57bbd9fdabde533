/** A proxy with many handshakes that plugins hold, each with another origin. */
import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { type Managed, managed, managedHere } from './managed.js'
import { nodeOrigin } from './node-origin.js'
import { makeAuthority } from './pki.js'
import type { ProxyConf, RunningProxy } from './proxy.js'

type Given = readonly [
  lines: readonly string[],
  hosts: readonly string[],
  conf?: ProxyConf,
  subject?: string | undefined,
  sans?: readonly string[],
]

/**
 * With the program that operators start, where the work of one process for both sides would be the limit.
 * @param given lines of plugin.config, hosts, and of the certificate that all origins show its subject and its names
 */
export const manyHeld = (t: Test, ...given: Given) => heldBy(managed, t, ...given)

/** The same with the proxy in this process. */
export const manyHeldHere = (t: Test, ...given: Given) => heldBy(managedHere, t, ...given)

async function heldBy<P extends RunningProxy>(
  start: (t: Test, lines: readonly string[], call: undefined, conf: ProxyConf) => Promise<Managed<P>>,
  t: Test,
  ...[lines, hosts, conf = {}, subject, sans = ['many.test', '*.many.test']]: Given
) {
  const root = await makeAuthority({ name: 'Root' })
  const tls = await root.issue({
    cn: 'many.test',
    sans: [...sans],
    ...(subject === undefined ? {} : { subject }),
  })
  const origin = await nodeOrigin({ tls, handler: (_, response) => response.end('served\n') })
  t.teardown(() => origin.stop())
  const ports = `443 ${origin.port}`
  const proxy = await start(t, lines, undefined, {
    hosts,
    ca: root.certPem,
    ...conf,
    records: {
      'proxy.config.admin.listen': '127.0.0.1:0',
      'proxy.config.http.connect_ports': ports,
      'proxy.config.ssl.client.verify.server.override': 1,
      ...conf.records,
    },
  })
  const sockets: Socket[] = []
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
  })
  /** Asks for a host. @returns the answer, once there is one */
  const ask = (host: string): Promise<string> => {
    const socket = connect(proxy.proxy.port, '127.0.0.1')
    sockets.push(socket)
    const authority = `${host}:${origin.port}`
    socket.write(`GET https://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\nConnection: close\r\n\r\n`)
    return new Promise(resolve => {
      let text = ''
      socket.setEncoding('utf8').on('data', part => {
        text += part
      })
      socket.on('error', () => resolve(text)).on('close', () => resolve(text))
    })
  }
  return { ...proxy, origin, ask }
}
