import { scan } from '../../http1/headers.js'
import { protocolsIn } from '../../http1/response-checks.js'
import type { Link } from '../../vconn/link.js'
import { type PumpResult, pump } from '../../vconn/pump.js'
import { RewindLink } from '../../vconn/rewind-link.js'
import type { ClientRequest } from '../listener/client-request.js'

/**
 * Never passed on: HTTP/2 would take every further request past the proxy, and TLS would be a handshake with the origin
 * that nobody judges.
 */
const NOT_PASSED = /^(?:h2c?|http|tls)(?:\/|$)/

/**
 * The origin has switched: the answer goes out, and from then on bytes are relayed until both ends have closed.
 * @param link the origin's, with `first` already read from it
 * @param idle milliseconds without a byte after which both are closed
 */
export function switchProtocol(
  req: ClientRequest,
  answer: string,
  link: Link,
  first: Buffer,
  idle: number,
  onDone: (result: PumpResult) => void,
): void {
  const { link: client, early } = req.takeOver()
  client.write(Buffer.concat([Buffer.from(answer, 'latin1'), first]))
  pump(new RewindLink(client, early), link, idle, onDone)
  client.resume()
  link.resume()
}

/** @param protocol in lower case */
export const isPassable = (protocol: string): boolean => protocol !== '' && !NOT_PASSED.test(protocol)

/** The protocols that may be passed on, as an Upgrade field; undefined if there are none. */
export function passedProtocols(upgrade: string): string | undefined {
  const passed = protocolsIn(['upgrade', upgrade]).filter(isPassable)
  return passed.length === 0 ? undefined : passed.join(', ')
}

/** RFC 9110 section 7.8: a server may ignore the field. One with a body is asked again after an answer like any other. */
export function mayUpgrade({
  rawHeaders,
  httpVersion,
}: Pick<ClientRequest, 'rawHeaders' | 'httpVersion'>): boolean {
  const { upgrade, framing } = scan(rawHeaders)
  const isBodiless = framing === 'none' || framing === 0
  return (
    httpVersion === '1.1' && isBodiless && upgrade !== undefined && passedProtocols(upgrade) !== undefined
  )
}
