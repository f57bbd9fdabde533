import type { ConnectRequest } from './connect-request.js'
import type { TxnHooks } from './transaction-hooks.js'
import { WaitingClient } from './waiting-client.js'

/**
 * Has plugins asked about a CONNECT, before anything is dialled. The client is read meanwhile, so that its leaving is
 * noticed; what it sends is put back.
 * @param again the same request, of which nothing more than the socket holds has been read
 * @throws {ProxyError} a refusal, or PTC_CLIENT_GONE
 */
export async function askConnect(
  hooks: TxnHooks,
  { req, socket, head }: ConnectRequest,
  again: (head: Buffer) => ConnectRequest,
): Promise<ConnectRequest> {
  const client = new WaitingClient(socket, head)
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
    client.release()
    return again(Buffer.alloc(0))
  } catch (cause) {
    client.discard()
    throw cause
  }
}
