/** A proxy that takes CONNECT to an origin of this machine, and clients that ask it to. */
import type { Test } from 'tap'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import type { RecordName, Records } from '../../core/config/records-table.js'
import { type RawClient, rawClient, type TimedResponse } from './client.js'
import { type CurlResult, curl } from './curl.js'
import { GATE_MODULE, Gate, type HookGate } from './gate.js'
import { type NodeOrigin, nodeOrigin } from './node-origin.js'
import { type Authority, makeAuthority } from './pki.js'
import { type ProxyHere, startProxyHere } from './proxy.js'
import { makeTempDir } from './temp-dir.js'

export interface Connecting {
  readonly proxy: ProxyHere
  readonly gate: Gate
  readonly root: Authority
  /** The file with the root's certificate. */
  readonly rootFile: string
  /** The real curl through the proxy, trusting the root unless the arguments say otherwise. */
  curl(...args: string[]): Promise<CurlResult>
  /** A client that has sent CONNECT, and then `early`. */
  ask(target: string, early?: string | Uint8Array): Promise<RawClient>
  /** A client that has its tunnel, and the proxy's answer. */
  open(target: string): Promise<{ readonly client: RawClient; readonly answer: TimedResponse }>
}

export interface ConnectingOptions {
  readonly hosts: readonly string[]
  readonly records?: { readonly [N in RecordName]?: Records[N] }
  readonly files?: Readonly<Record<string, string>>
  /** Called for every handshake; without it all are accepted. */
  readonly answer?: (event: VerifyServerEvent) => void
  /** Plugins on the hooks of the client's side. */
  readonly clientGates?: readonly HookGate[]
}

/** An https origin of Node's with a certificate of the root's for these names. */
export async function httpsOrigin(t: Test, ...sans: string[]): Promise<NodeOrigin> {
  const leaf = await (await testRoot()).issue({ cn: sans[0] ?? '', sans })
  const origin = await nodeOrigin({ tls: leaf })
  t.teardown(origin.stop)
  return origin
}

export const testRoot = (): Promise<Authority> => makeAuthority({ name: 'Root' })

/** The test's end stops everything. CONNECT to any port is allowed unless the records say otherwise. */
export async function startConnecting(t: Test, options: ConnectingOptions): Promise<Connecting> {
  const { hosts, records, files = {}, clientGates = [], answer = event => void event.reenable() } = options
  const root = await testRoot()
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const rootFile = dir.file('root.pem', root.certPem)
  const gate = new Gate(answer)
  t.teardown(() => gate.stop())
  for (const clientGate of clientGates) t.teardown(() => clientGate.stop())
  const proxy = await startProxyHere({
    plugins: [gate.line, ...clientGates.map(({ line }) => line)],
    modules: GATE_MODULE,
    hosts,
    ca: root.certPem,
    files,
    records: { 'proxy.config.http.connect_ports': '*', ...records },
  })
  t.teardown(proxy.stop)
  const ask: Connecting['ask'] = async (target, early) => {
    const client = await rawClient(proxy.port)
    t.teardown(client.stop)
    const head = Buffer.from(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
    client.send(early === undefined ? head : Buffer.concat([head, Buffer.from(early)]))
    return client
  }
  return {
    proxy,
    gate,
    root,
    rootFile,
    curl: (...args) =>
      curl(['-sS', '-i', '-x', `http://127.0.0.1:${proxy.port}`, '--cacert', rootFile, ...args]),
    ask,
    open: async target => {
      const client = await ask(target)
      return { client, answer: await client.response('CONNECT') }
    },
  }
}
