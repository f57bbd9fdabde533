import { LRUCache } from 'lru-cache'
import type { Store } from './store.js'

/** Sessions of this process alone: those that were used last, each until its time is over. */
export function memoryStore(maxSessions: number): Store {
  const sessions = new LRUCache<string, Buffer>({ max: maxSessions })
  return {
    get: async name => sessions.get(name),
    set: async (name, bytes, lifetime) => void sessions.set(name, bytes, { ttl: lifetime }),
    delete: async name => void sessions.delete(name),
    close: () => sessions.clear(),
  }
}
