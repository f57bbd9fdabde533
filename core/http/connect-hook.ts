import { type ConnectRequest, readConnectRequest } from './connect-request.js'
import type { TxnHooks } from './transaction-hooks.js'
import { WaitingClient } from './waiting-client.js'

/**
 * Has plugins asked about a CONNECT, before anything is dialled. The client is read meanwhile, so that its leaving is
 * noticed.
 * @returns the same request, with what it has sent put back
 * @throws {ProxyError} a refusal, or PTC_CLIENT_GONE
 */
export async function askConnect(
  hooks: TxnHooks,
  { req, link, early }: ConnectRequest,
): Promise<ConnectRequest> {
  const client = new WaitingClient(link, early)
  hooks.begin()
  try {
    await new Promise<void>((resolve, reject) => {
      const onGone = (): void => {
        hooks.abandon()
        reject(client.signal.reason)
      }
      if (client.signal.aborted) return onGone()
      client.signal.addEventListener('abort', onGone, { once: true })
      hooks.readRequest(req.rawHeaders, why => {
        client.signal.removeEventListener('abort', onGone)
        if (why === undefined) resolve()
        else reject(why)
      })
    })
    return readConnectRequest(req, client.release(), Buffer.alloc(0))
  } catch (cause) {
    client.discard()
    throw cause
  } finally {
    hooks.over() // nothing more of a CONNECT is asked about
  }
}
