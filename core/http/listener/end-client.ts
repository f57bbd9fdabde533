import { LINGER } from '../../vconn/end-gently.js'
import type { ClientLink } from '../../vconn/link.js'
import type { ClientInfo } from './client-info.js'

/**
 * Ends a client's connection behind its last response. What the client still sends is read and dropped, or closing would
 * reset the connection before it has the response; and a slow client gets time for what waits here.
 *
 * @param limit milliseconds for what waits here; with 0, what is left after the first look is cut
 * @param isOpenEnded an end would say that the response is complete
 */
export function endClient(link: ClientLink, client: ClientInfo, limit: number, isOpenEnded: boolean): void {
  let left = limit
  const timer = setInterval(() => {
    left -= LINGER
    if (!client.isSending) link.destroy()
    else if (left > 0) return
    else if (isOpenEnded) link.reset()
    else link.destroy()
  }, LINGER)
  link.attach({
    copiesData: true,
    onData: () => {},
    onDrain: () => {},
    onEnd: () => {
      if (!client.isSending) link.destroy()
    },
    onClose: () => clearInterval(timer),
  })
  link.resume()
  link.end()
}
