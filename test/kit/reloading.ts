/** A record that a reload changes, and the behaviour that shows it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { RecordRow } from '../../core/config/record-row.js'
import { RECORDS, type RecordName, type Records } from '../../core/config/records-table.js'
import { get, type RawClient, rawClient } from './client.js'
import { type NodeOrigin, type NodeOriginOptions, nodeOrigin } from './node-origin.js'
import { makeAuthority } from './pki.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from './proxy.js'

export const HOST = 'a.test'
export const OTHER = 'b.test'

export const root = await makeAuthority({ name: 'Root' })
export const stranger = await makeAuthority({ name: 'Stranger' })

/** Records whose rows say that a reload takes them over. */
export type Reloadable = {
  [N in RecordName]: (typeof RECORDS)[N] extends { readonly reload: false } ? never : N
}[RecordName]

export const RELOADABLE = Object.entries<RecordRow>(RECORDS).flatMap(([name, { reload }]) =>
  reload === false ? [] : [name as Reloadable],
)

export interface Stage {
  readonly proxy: ProxyHere
  /** Plain HTTP; under `/big` with a header of 3000 bytes. */
  readonly origin: NodeOrigin
  /** The same over TLS, with a certificate of the root's for both hosts. */
  readonly secure: NodeOrigin
  readonly http: string
  readonly https: string
  readonly otherHttps: string
  client(): Promise<RawClient>
  /** Called in the reverse order when the case is over. */
  later(end: () => unknown): void
  /** What was made before the proxy started. */
  readonly made: unknown
}

export interface ReloadCase<N extends RecordName = RecordName> {
  readonly from: Records[N] | ((made: never) => Records[N])
  readonly to: Records[N] | ((made: never) => Records[N])
  /** The configuration around it. */
  readonly conf?: ProxyConf | ((made: never) => ProxyConf)
  /** Made first, handed to `conf` and on the stage as `made`. */
  readonly make?: (later: Stage['later']) => Promise<unknown>
  /** How the proxy behaves now. */
  readonly probe: (stage: Stage) => Promise<unknown>
  /** Before, and after the reload. */
  readonly expect: readonly [before: unknown, after: unknown]
  readonly origin?: Pick<NodeOriginOptions, 'handler'>
  /** How the https origin speaks TLS, where not with a certificate of the root's. */
  readonly tls?: Partial<NonNullable<NodeOriginOptions['tls']>>
}

export type ReloadCases<N extends RecordName> = { readonly [K in N]: ReloadCase<K> }

/** Of what was issued nothing but the certificate and its key is for the server. */
const tlsOf = ({ chainPem, keyPem, ...rest }: NonNullable<ReloadCase['tls']> = {}) => ({
  ...('certPem' in rest ? {} : rest),
  ...(chainPem === undefined ? {} : { chainPem }),
  ...(keyPem === undefined ? {} : { keyPem }),
})

/** @returns the behaviour before and after the reload; `refused: CODE` for a reload that fails */
export async function changeOf(name: Reloadable, one: ReloadCase): Promise<readonly [unknown, unknown]> {
  const ends: (() => unknown)[] = []
  const later = (end: () => unknown): void => void ends.unshift(end)
  try {
    const made = await one.make?.(later)
    const leaf = await root.issue({ cn: HOST, sans: [HOST, OTHER] })
    const origin = await nodeOrigin({ keepAliveTimeout: 60_000, ...one.origin })
    later(origin.stop)
    const secure = await nodeOrigin({
      keepAliveTimeout: 60_000,
      ...one.origin,
      tls: { chainPem: leaf.chainPem, keyPem: leaf.keyPem, ...tlsOf(one.tls) },
    })
    later(secure.stop)
    const around = typeof one.conf === 'function' ? one.conf(made as never) : (one.conf ?? {})
    const given = (value: unknown): unknown => (typeof value === 'function' ? value(made) : value)
    const confWith = (value: unknown): ProxyConf => ({
      hosts: [HOST, OTHER],
      ca: root.certPem,
      ...around,
      records: { 'proxy.config.http.connect_ports': '*', ...around.records, [name]: value },
    })
    const proxy = await startProxyHere(confWith(given(one.from)))
    later(proxy.stop)
    const stage: Stage = {
      proxy,
      origin,
      secure,
      http: `http://${HOST}:${origin.port}`,
      https: `https://${HOST}:${secure.port}`,
      otherHttps: `https://${OTHER}:${secure.port}`,
      client: async () => {
        const client = await rawClient(proxy.port)
        later(client.stop)
        return client
      },
      later,
      made,
    }
    const before = await one.probe(stage)
    proxy.conf.write(confWith(given(one.to)))
    try {
      await proxy.server.reload()
    } catch (cause) {
      return [before, `refused: ${(cause as { code?: string }).code}`]
    }
    return [before, await one.probe(stage)]
  } finally {
    for (const end of ends) await end()
  }
}

/** Longer than the shortest timeout that a record can have, which is a second. */
const PATIENCE = 2500

/** What becomes of a wait that a timeout of a second ends, or `waits` where the timeout is longer. */
export function outcomeOf<T>(wait: Promise<T>): Promise<T | 'waits'> {
  wait.catch(() => undefined)
  return Promise.race([wait, sleep(PATIENCE, 'waits' as const)])
}

export const statusOf =
  (url: (stage: Stage) => string) =>
  async (stage: Stage): Promise<number> =>
    (await get(stage.proxy.port, url(stage))).status

/** The status, or that there is none yet. */
export const lateStatusOf = (url: (stage: Stage) => string) => (stage: Stage) =>
  outcomeOf(get(stage.proxy.port, url(stage), [], 30_000).then(({ status }) => status))

export const plain = statusOf(({ http }) => `${http}/`)
export const overTls = statusOf(({ https }) => `${https}/`)

/** Sends CONNECT. @returns the status */
export async function connectTo(stage: Stage, target: string): Promise<number> {
  const client = await stage.client()
  client.send(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
  return (await client.response('CONNECT')).status
}

/** Whether an idle connection to the origin is kept after a request. */
export const keeping = async (stage: Stage): Promise<'keeps' | 'closes'> => {
  await plain(stage)
  const closed = stage.origin.until(
    () => (stage.origin.openConnections === 0 ? 'closes' : undefined),
    'it to close',
  )
  return (await outcomeOf(closed)) === 'closes' ? 'closes' : 'keeps'
}
