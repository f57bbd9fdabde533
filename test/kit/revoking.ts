/** Plugins that revoke what others, or they themselves, have accepted, at moments that the test chooses. */
import type { Test } from 'tap'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import type { Revocation } from '../../core/api/plugin.js'
import { get, rawClient } from './client.js'
import { hear } from './gate.js'
import { type NodeOrigin, nodeOrigin } from './node-origin.js'
import { type ParentProxy, startParent } from './parent-proxy.js'
import { makeAuthority } from './pki.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from './proxy.js'
import { poll } from './watch.js'

export const HOST = 'www.origin.test'
/** Another name of the same origin. */
export const OTHER = 'other.test'
/** The https parent. */
export const PARENT = 'localhost'

/** The module of a plugin that passes its questions to the test. @param options of its hook, as code */
export const asking = (name: string, hook = 'TS_SSL_CERT_VERIFY_HOOK', options = '{}'): string => `
import { channel } from 'node:diagnostics_channel'
export default ({ hookAdd, revoke }) =>
  hookAdd('${hook}', event => channel('asked').publish({ name: '${name}', event, revoke }), ${options})`

const root = await makeAuthority({ name: 'Root' })
const issued = await root.issue({ cn: HOST, sans: [HOST, OTHER] })

/** A question to a plugin. */
export interface Asked {
  readonly name: string
  readonly event: VerifyServerEvent
  readonly revoke: (what: Revocation) => void
}

/** @param count how many questions that plugin has had, with this one */
export type Answer = (asked: Asked, count: number) => void

export interface Revoking {
  readonly origin: NodeOrigin
  readonly proxy: ProxyHere
  readonly asked: readonly Asked[]
  /** The plugins that were asked, in order. */
  names(): readonly string[]
  /** The hosts that they were asked about. */
  hosts(): readonly string[]
  nth(count: number, name?: string): Promise<Asked>
  /** The status of a request. */
  request(): Promise<number>
  /**
   * Opens a tunnel. @returns the status of a request in it; 502 where there is none, by an answer or an alert
   * @param sni the name in its ClientHello
   * @param ca that it trusts, PEM
   */
  tunnel(sni?: string, ca?: string): Promise<() => Promise<number>>
}

export async function startRevoking(t: Test, conf: ProxyConf, answer: Answer): Promise<Revoking> {
  const origin = await nodeOrigin({ tls: issued })
  t.teardown(origin.stop)
  const asked: Asked[] = []
  hear(t, 'asked', (one: Asked) => {
    asked.push(one)
    answer(one, asked.filter(({ name }) => name === one.name).length)
  })
  const proxy = await startProxyHere({
    hosts: [HOST, OTHER],
    ca: root.certPem,
    ...conf,
    records: { 'proxy.config.http.connect_ports': '*', ...conf.records },
  })
  t.teardown(proxy.stop)
  const target = `${HOST}:${origin.port}`
  return {
    origin,
    proxy,
    asked,
    names: () => asked.map(({ name }) => name),
    hosts: () => asked.map(({ event }) => event.host),
    nth: (count, name) =>
      poll(
        () => asked.filter(one => name === undefined || one.name === name)[count - 1],
        `question ${count} ${name}`,
      ),
    request: async () => (await get(proxy.port, `https://${target}/`)).status,
    tunnel: async (sni = HOST, ca = root.certPem) => {
      const client = await rawClient(proxy.port)
      t.teardown(client.stop)
      client.send(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
      const { status } = await client.response('CONNECT')
      return async () => {
        if (status !== 200) return status
        const inside = await client.secure({ ca, servername: sni }).catch(() => undefined)
        if (inside === undefined) return 502
        inside.send(`GET / HTTP/1.1\r\nHost: ${sni}:${origin.port}\r\n\r\n`)
        return (await inside.response().catch(() => ({ status: 502 }))).status
      }
    },
  }
}

/**
 * The same behind an https parent.
 * @param modules of plugins beside the one that is asked about certificates
 */
export async function startBehindParent(
  t: Test,
  answer: Answer,
  { modules, records = {} }: Pick<ProxyConf, 'modules' | 'records'> = {},
): Promise<Revoking & { readonly parent: ParentProxy }> {
  const leaf = await root.issue({ cn: PARENT })
  const parent = await startParent(t, { tls: { certPem: leaf.chainPem, keyPem: leaf.keyPem } })
  const conf: ProxyConf = {
    plugins: ['certificates.mjs', ...Object.keys(modules ?? {})],
    modules: { 'certificates.mjs': asking('certificates'), ...modules },
    hosts: [],
    files: { 'parent.config': `dest_domain=. parent="https://${PARENT}:${parent.port}" go_direct=false\n` },
    records,
  }
  const made = await startRevoking(t, conf, answer)
  const hosts = (): readonly string[] =>
    made.asked.filter(({ name }) => name === 'certificates').map(({ event }) => event.host)
  return { ...made, parent, hosts }
}
