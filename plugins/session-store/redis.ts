import { createClient, RESP_TYPES } from '@redis/client'
import type { Store } from './store.js'

/** How long the attempts to connect again are apart at most, in milliseconds. */
const LONGEST_BACKOFF = 5000

/**
 * How long after the deadline of a call the connection may be silent before it is closed, in milliseconds. It is
 * shorter than the pause of the guard, because a write counts as activity of the connection.
 */
const SILENCE = 500

/**
 * Sessions in Redis. A call waits for the first connection, or its failure; later, while there is no connection, every call
 * fails at once, and it reconnects in the background. So the first clients of a proxy that has just started can resume.
 * @param url `redis://[user:password@]host[:port][/db]`, `rediss://` for TLS, and then `ca` the authorities of its certificate
 * @param onError is called with each lost connection
 */
export function redisStore(
  { url, ca }: { readonly url: string; readonly ca: string | undefined },
  { deadline, connectTimeout }: { readonly deadline: number; readonly connectTimeout: number },
  onError: (cause: unknown) => void,
): Store {
  const socketTimeout = deadline + SILENCE
  const client = createClient({
    url,
    disableOfflineQueue: true,
    pingInterval: socketTimeout / 2, // a connection that is not used is no silent one
    socket: {
      ...(ca === undefined ? {} : { ca }),
      connectTimeout,
      socketTimeout,
      reconnectStrategy: retries => Math.min(50 * 2 ** Math.min(retries, 10), LONGEST_BACKOFF),
    },
  })
  client.on('error', onError)
  const begun = new Promise<void>(resolve => {
    for (const event of ['ready', 'error', 'end']) client.once(event, () => resolve())
  })
  client.connect().catch(onError)
  const inBytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
  return {
    get: async name => {
      await begun
      return (await inBytes.get(name)) ?? undefined
    },
    set: async (name, bytes, lifetime) => {
      await begun
      await client.set(name, bytes, { expiration: { type: 'PX', value: lifetime } })
    },
    delete: async name => {
      await begun
      await client.del(name)
    },
    close: () => client.destroy(),
  }
}
