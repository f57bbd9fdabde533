/** Debian's redis-server and memcached, started by a test on a free port. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createClient, RESP_TYPES } from '@redis/client'
import { type Child, startChild } from './child.js'
import type { Issued } from './pki.js'
import { freePort } from './tcp-server.js'
import { makeTempDir } from './temp-dir.js'

export interface RunningStore {
  readonly url: string
  stop(): Promise<void>
}

/** A key for what is stored, as the plugin's page says to make one. */
export const makeKey = (): string => `${randomBytes(32).toString('hex')}\n`

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

async function opened(child: Child, port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await accepts(port)) return
    await new Promise(resolve => setTimeout(resolve, 25))
  }
  await child.stop()
  throw new Error(`nothing listens on ${port}: ${child.stdout()}${child.stderr()}`)
}

export interface RunningRedis extends RunningStore {
  /** All that is stored. */
  all(): Promise<Map<string, Buffer>>
  /** All that is stored, of any type, as Redis dumps it, and how long it lives: milliseconds, or less than 0. */
  sealed(): Promise<Map<string, { readonly bytes: string; readonly ttl: number }>>
  /** Of a plain key. */
  value(name: string): Promise<Buffer | undefined>
  put(name: string, bytes: Buffer): Promise<void>
  /** Makes a user, by a `user` line of users.acl. */
  user(line: string): Promise<void>
  /** Adds an entry to a stream. */
  add(stream: string, field: string, value: Buffer): Promise<void>
  /** Does any command. */
  send(...command: readonly (string | Buffer)[]): Promise<unknown>
  /** Keeps what a key has now. @returns puts it back, as a restored snapshot does, and closes all other connections */
  snapshot(name: string): Promise<() => Promise<void>>
  /** It keeps its connections, and answers nothing any more, or again. */
  fallSilent(isSilent: boolean): void
}

/** @param at its port; a free one without it @param more arguments of redis-server */
export async function startRedis(at?: number, more: readonly string[] = []): Promise<RunningRedis> {
  at ??= await freePort()
  const child = await startChild('redis-server', [
    ...['--port', `${at}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...more],
  ])
  await opened(child, at)
  const url = `redis://127.0.0.1:${at}`
  const client = createClient({ url })
  client.on('error', () => {})
  await client.connect()
  const bytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
  return {
    url,
    all: async () => {
      const found = new Map<string, Buffer>()
      for (const name of await client.keys('*')) {
        const value = await bytes.get(name)
        if (value !== null) found.set(name, value)
      }
      return found
    },
    sealed: async () => {
      const found = new Map<string, { bytes: string; ttl: number }>()
      for (const name of await client.keys('*')) {
        const dump = await bytes.dump(name)
        found.set(name, { bytes: String(dump), ttl: await client.pTTL(name) })
      }
      return found
    },
    snapshot: async name => {
      const dump = await bytes.dump(name)
      return async () => {
        // At once: what is written in between would make a key of the same name.
        if (dump === null) await client.del(name)
        else await bytes.restore(name, 0, dump as unknown as Buffer, { REPLACE: true })
        await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
      }
    },
    send: (...command) => bytes.sendCommand([...command]),
    fallSilent: isSilent => child.kill(isSilent ? 'SIGSTOP' : 'SIGCONT'),
    user: async line => void (await client.sendCommand(['ACL', 'SETUSER', ...line.split(' ').slice(1)])),
    value: async name => (await bytes.get(name)) ?? undefined,
    put: async (name, value) => void (await client.set(name, value)),
    add: async (stream, field, value) => void (await client.xAdd(stream, '*', { [field]: value })),
    stop: async () => {
      client.destroy()
      child.kill('SIGCONT')
      await child.stop()
    },
  }
}

export async function startMemcached(): Promise<RunningStore> {
  const port = await freePort()
  const child = await startChild('memcached', ['-p', `${port}`, '-l', '127.0.0.1', '-u', 'nobody', '-U', '0'])
  await opened(child, port)
  return { url: `memcached://127.0.0.1:${port}`, stop: () => child.stop() }
}

/** A Redis that speaks TLS on a port of its own; the other one is for the test. */
export async function startSecureRedis({
  chainPem,
  keyPem,
}: Pick<Issued, 'chainPem' | 'keyPem'>): Promise<RunningRedis & { readonly securePort: number }> {
  const dir = makeTempDir()
  const securePort = await freePort()
  const redis = await startRedis(undefined, [
    ...['--tls-port', `${securePort}`, '--tls-auth-clients', 'no'],
    ...['--tls-cert-file', dir.file('redis.pem', chainPem)],
    ...['--tls-key-file', dir.file('redis.key', keyPem)],
  ])
  const stop = async (): Promise<void> => {
    await redis.stop()
    dir.remove()
  }
  return { ...redis, securePort, stop }
}
