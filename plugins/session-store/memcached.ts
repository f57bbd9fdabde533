import { Client } from 'memjs'
import type { Store } from './store.js'

/**
 * Sessions in memcached.
 * @param servers `[user:password@]host[:port]`, several joined by commas: the name decides which one keeps a session
 * @param timeout milliseconds for one call
 */
export function memcachedStore(servers: string, timeout: number): Store {
  const seconds = timeout / 1000
  const client = Client.create(servers, {
    timeout: seconds,
    conntimeout: seconds,
    retries: 1,
    failover: false,
    keepAlive: true,
    logger: { log: () => {} }, // it would print; a failure is the result of its call
  })
  return {
    get: async name => (await client.get(name)).value ?? undefined,
    set: async (name, bytes, lifetime) =>
      void (await client.set(name, bytes, { expires: Math.ceil(lifetime / 1000) })),
    delete: async name => void (await client.delete(name)),
    close: () => client.close(),
  }
}
