import type { AddressInfo, Server } from 'node:net'
import { ProxyError } from '../../base/errors.js'
import { codeOf } from '../../base/system-error.js'

/** Connections that wait to be accepted: as many as the system allows (`net.core.somaxconn`), which takes less than asked for. */
const BACKLOG = 65_535

/**
 * Opens a port. An IPv6 address never serves IPv4 as well, so that `8080 8080:ipv6` are two ports.
 * @throws {ProxyError} PTC_PORT_UNAVAILABLE
 */
export function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error): void => {
      const text = `cannot listen on ${host}:${port} (${codeOf(cause)})`
      reject(new ProxyError('PTC_PORT_UNAVAILABLE', text, { cause }))
    }
    server.once('error', onError)
    server.listen({ port, host, backlog: BACKLOG, ipv6Only: host.includes(':') }, () => {
      server.removeListener('error', onError)
      const address = server.address()
      if (address === null || typeof address === 'string')
        reject(new ProxyError('PTC_INTERNAL', 'no TCP port'))
      else resolve(address)
    })
  })
}
