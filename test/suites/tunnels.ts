/** For programs that speak no TLS through a proxy, or not always: each of their connections becomes a tunnel. */
import { connect } from 'node:net'
import { listen, type TcpServer } from '../kit/tcp-server.js'

/**
 * @param target host and port of the CONNECT
 * @param port where they begin, on 127.0.0.1; default: a free one
 */
export function tunnelsTo(target: string, proxyPort: number, port = 0): Promise<TcpServer> {
  return listen(
    client => {
      const upstream = connect(proxyPort, '127.0.0.1')
      upstream.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
      upstream.once('data', () => client.pipe(upstream).pipe(client))
      client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy())
      upstream.on('error', () => client.destroy()).on('close', () => client.destroy())
    },
    { host: '127.0.0.1', port },
  )
}
