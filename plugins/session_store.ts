/**
 * Keeps the TLS sessions of the proxy's clients, so that a client that returns needs no full handshake, with any process of
 * the proxy on any machine.
 *
 *     session_store
 *     session_store store=redis://10.0.0.5 key_file=/etc/portcullis/session.keys
 *     session_store store=memcached://10.0.0.5:11211,10.0.0.6:11211 key_file=/etc/portcullis/session.keys deadline=50
 *
 * A session is fetched while the client's ClientHello is parked. TLS 1.2 and TLS 1.3 alike: clients get ids instead of
 * tickets, and the contents stay here. A store that is slow, down, or wrong costs a full handshake and nothing else.
 *
 * What is written to Redis or memcached is sealed with AES-256-GCM. The key file holds a key a line, as
 * `openssl rand -hex 32` prints it; the first one seals, all of them open. Processes that share sessions share the file.
 */
import { readFileSync, statSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import type {
  OptionsOf,
  OptionsSchema,
  PluginContext,
  SessionEvent,
  SessionGetEvent,
} from 'portcullis/plugin'
import { StoreKeys } from 'portcullis/store-keys'
import { Guard } from './session-store/guard.js'
import type { Store } from './session-store/store.js'

export const optionsSchema = {
  type: 'object',
  properties: {
    store: {
      type: 'string',
      pattern: '^(memory|rediss?://.+|memcached://.+)$',
      default: 'memory',
      description:
        'memory, redis://[user:password@]host[:port][/db] (rediss:// for TLS), or memcached://host[:port],…',
    },
    key_file: {
      type: 'string',
      description: 'The absolute path of the keys that seal what is stored; needed for redis and memcached.',
    },
    ca_file: {
      type: 'string',
      description:
        'The absolute path of the authorities that the certificate of a rediss:// store may come from, PEM; without it, those that Node trusts.',
    },
    deadline: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      default: 100,
      description: 'Milliseconds for one call of the store; a client waits no longer.',
    },
    max_sessions: {
      type: 'integer',
      minimum: 1,
      default: 20_000,
      description: 'How many sessions are kept in memory; a store of its own has its own limits.',
    },
    prefix: {
      type: 'string',
      default: 'portcullis:tls:',
      description: 'Begins the names of stored sessions.',
    },
  },
} as const satisfies OptionsSchema

type Options = OptionsOf<typeof optionsSchema>

export default async function init({
  options,
  hookAdd,
  note,
  error,
  signal,
}: PluginContext<Options>): Promise<void> {
  const seal = readKeys(options, error)
  const ca = readAuthorities(options)
  const store = await openStore(options, ca, cause => guard.failed(String(cause)))
  const guard = new Guard(store, options.deadline, note)
  signal.addEventListener('abort', () => store.close(), { once: true })
  const nameOf = (id: Buffer): string => options.prefix + (seal?.nameOf(id) ?? id.toString('base64url'))

  const fetchSession = async (event: SessionGetEvent): Promise<void> => {
    const found = await guard.get(nameOf(event.id), event.signal)
    const session = found === undefined ? undefined : seal === undefined ? found : seal.open(found, event.id)
    const isGood = session !== undefined && event.provide(session)
    if (found !== undefined && !isGood && !event.signal.aborted)
      guard.failed('it holds a session that cannot be used')
    event.reenable()
  }

  hookAdd('TS_SSL_SESSION_HOOK', (event: SessionEvent) => {
    switch (event.op) {
      case 'get':
        return fetchSession(event)
      case 'new':
        return guard.set(
          nameOf(event.id),
          seal?.seal(event.session, event.id) ?? event.session,
          event.lifetime,
        )
      case 'remove':
        return guard.delete(nameOf(event.id))
    }
  })
}

/** Undefined where nothing leaves the process. */
function readKeys(
  { store, key_file: file }: Options,
  error: (message: string) => void,
): StoreKeys | undefined {
  if (store === 'memory') return undefined
  if (file === undefined)
    throw new Error(
      `store=${store.split(':')[0]} needs key_file=FILE: sessions are secrets, and are stored sealed`,
    )
  if (!isAbsolute(file)) throw new Error(`key_file=${file} must be an absolute path`)
  try {
    const seal = StoreKeys.fromKeys(readFileSync(file, 'utf8'), 'session_store')
    if ((statSync(file).mode & 0o007) !== 0)
      error(`key_file=${file}: every user of this machine may use it; chmod 600 it`)
    return seal
  } catch (cause) {
    throw new Error(`key_file=${file}: ${cause instanceof Error ? cause.message : cause}`, { cause })
  }
}

/** Undefined: those that Node trusts. */
function readAuthorities({ store, ca_file: file }: Options): string | undefined {
  if (file === undefined) return undefined
  if (!store.startsWith('rediss:')) throw new Error('ca_file is for store=rediss://…: only there is TLS')
  if (!isAbsolute(file)) throw new Error(`ca_file=${file} must be an absolute path`)
  try {
    const text = readFileSync(file, 'utf8')
    if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  } catch (cause) {
    throw new Error(`ca_file=${file}: ${cause instanceof Error ? cause.message : cause}`, { cause })
  }
  throw new Error(`ca_file=${file}: it has no certificate`)
}

/** A client library is loaded only where it is used. */
async function openStore(
  options: Options,
  ca: string | undefined,
  onError: (cause: unknown) => void,
): Promise<Store> {
  const { store, deadline } = options
  if (store.startsWith('redis')) {
    const { redisStore } = await import('./session-store/redis.js')
    const connectTimeout = Math.max(deadline, CONNECT_TIMEOUT)
    return redisStore({ url: store, ca }, { deadline, connectTimeout }, onError)
  }
  if (store.startsWith('memcached')) {
    const { memcachedStore } = await import('./session-store/memcached.js')
    return memcachedStore(store.slice('memcached://'.length), deadline)
  }
  const { memoryStore } = await import('./session-store/memory.js')
  return memoryStore(options.max_sessions)
}

/** Milliseconds; no client waits for it. */
const CONNECT_TIMEOUT = 2000
