/** A proxy with many handshakes that plugins hold, each with another origin. */
import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { managed } from './managed.js'
import { nodeOrigin } from './node-origin.js'
import { makeAuthority } from './pki.js'
import type { ProxyConf } from './proxy.js'

/** @param lines of plugin.config @param subject of the certificate that all origins show @param sans its names */
export async function manyHeld(
  t: Test,
  lines: readonly string[],
  hosts: readonly string[],
  conf: ProxyConf = {},
  subject?: string,
  sans: readonly string[] = ['many.test', '*.many.test'],
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
  const proxy = await managed(t, lines, undefined, {
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
