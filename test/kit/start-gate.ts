/** A proxy in the test's process with one gate plugin on it, and origins behind it. */
import type { Test } from 'tap'
import { GATE_MODULE, HookGate } from './gate.js'
import { type NodeOrigin, nodeOrigin } from './node-origin.js'
import { makeAuthority } from './pki.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from './proxy.js'

export const HOST = 'start.test'
const root = await makeAuthority({ name: 'Root' })

export interface GateStage {
  readonly gate: HookGate
  readonly proxy: ProxyHere
  readonly port: number
}

type Answers = ConstructorParameters<typeof HookGate>[0]

/** @param conf `options` are for the plugin's line */
export async function gateStage(
  t: Test,
  answers: Answers,
  conf: ProxyConf & { readonly options?: string } = {},
): Promise<GateStage> {
  const { options = '', ...more } = conf
  const gate = new HookGate(answers, { options })
  const proxy = await startProxyHere({
    hosts: [HOST],
    modules: GATE_MODULE,
    plugins: [gate.line],
    ca: root.certPem,
    ...more,
    records: { 'proxy.config.http.connect_ports': '*', ...more.records },
  })
  t.teardown(async () => {
    await proxy.stop()
    gate.stop()
  })
  return { gate, proxy, port: proxy.port }
}

/** One of https and one of http. */
export async function bothOrigins(t: Test): Promise<{ secure: NodeOrigin; plain: NodeOrigin }> {
  const secure = await nodeOrigin({ tls: await root.issue({ cn: HOST }) })
  const plain = await nodeOrigin()
  t.teardown(secure.stop)
  t.teardown(plain.stop)
  return { secure, plain }
}
