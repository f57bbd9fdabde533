/** The connection to Redis, made again for as long as the program lasts. */
import { createClient, RESP_TYPES } from '@redis/client'
import { ProxyError } from '../../base/errors.js'
import { after, every } from '../../base/timer.js'

/** Milliseconds between attempts to connect, at most. */
const LONGEST_BACKOFF = 2000
const CONNECT_TIMEOUT = 3000

/** Where the Redis of the fleet is, and how it proves that it is that one. */
export interface RedisPlace {
  /** `redis://[user:password@]host[:port][/db]`, `rediss://` for TLS */
  readonly url: string
  /** PEM of the authorities that its certificate may come from; undefined: those that Node has. */
  readonly ca?: readonly string[] | undefined
}

const made = ({ url, ca }: RedisPlace, socketTimeout: number) =>
  createClient({
    url,
    RESP: 2, // replies to raw commands are lists
    disableOfflineQueue: true,
    // The client's own timeout ends when a command is written, and makes a timer for each command. `redisClient` asks in its place.
    commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
    socket: {
      ...(ca && { ca: [...ca] }),
      connectTimeout: CONNECT_TIMEOUT,
      socketTimeout,
      reconnectStrategy: retries => Math.min(50 * 2 ** Math.min(retries, 6), LONGEST_BACKOFF),
    },
  })

export type RedisClient = ReturnType<typeof made>

/**
 * A call fails at once while there is no connection.
 * @param silence milliseconds after which a connection that says nothing is closed
 * @param onError is called with each lost connection, and each attempt that fails
 */
export function redisClient(
  place: RedisPlace,
  silence: number,
  onError: (cause: unknown) => void,
): RedisClient {
  const client = made(place, silence)
  client.on('error', onError)
  client.connect().catch(onError)
  // A socket's timeout begins anew with each write, so a busy connection would stay to a Redis that answers nothing.
  let isAsked = false
  const beat = every(
    silence / 2,
    () => {
      if (!client.isOpen) return clearInterval(beat)
      if (isAsked || !client.isReady) return
      isAsked = true
      const late = after(silence, () => connectAnew(client, silence, onError), onError)
      const end = (): void => {
        clearTimeout(late)
        isAsked = false
      }
      client.ping().then(end, end)
    },
    onError,
  ).unref()
  return client
}

function connectAnew(client: RedisClient, silence: number, onError: (cause: unknown) => void): void {
  client.destroy()
  onError(new ProxyError('PTC_CLUSTER_REDIS', `no answer in ${silence} ms`))
  client.connect().catch(onError)
}

/**
 * The command that reads a value. A proxy writes at most `bytes`; what another program has put there may be longer, is read in part,
 * and its seal does not open.
 */
export const readUpTo = (name: string, bytes: number): string[] => ['GETRANGE', name, '0', `${bytes}`]
