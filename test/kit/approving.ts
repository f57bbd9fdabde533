/** A proxy with approval.js, an origin that it does not know yet, and curl, which asks for it. */
import type { Test } from 'tap'
import type { Approval } from '../../core/api/managed.js'
import { sendTo } from '../../core/cli/ctl-client.js'
import { curl } from './curl.js'
import { HOST, issued, type Managed, managed, managedHere } from './managed.js'
import { opensslOrigin } from './openssl-origin.js'
import { requireProgram } from './programs.js'
import type { ChildProxy, ProxyConf, ProxyHere, RunningProxy } from './proxy.js'
import { poll } from './watch.js'

/** Where the plugin runs: words on its line. */
export const PLACES = ['', '@isolate=worker '] as const

type Start<P extends RunningProxy> = (
  t: Test,
  plugins: readonly string[],
  call: undefined,
  conf: ProxyConf,
) => Promise<Managed<P>>

interface Wanted {
  readonly line: string | readonly string[]
  readonly records?: ProxyConf['records'] | undefined
  readonly conf?: Omit<ProxyConf, 'records'> | undefined
}

/** With the proxy in the test's process. */
export const approving = (
  t: Test,
  line: Wanted['line'],
  records?: ProxyConf['records'],
  conf?: Wanted['conf'],
) => approvedBy<ProxyHere>(managedHere, t, { line, records, conf })

/** With the program that operators start: for several processes. */
export const approvingProgram = (
  t: Test,
  line: Wanted['line'],
  records?: ProxyConf['records'],
  conf?: Wanted['conf'],
) => approvedBy<ChildProxy>(managed, t, { line, records, conf })

async function approvedBy<P extends RunningProxy>(start: Start<P>, t: Test, { line, records, conf }: Wanted) {
  requireProgram('curl') // before the test waits for what curl would bring about
  const origin = await opensslOrigin({ ...issued })
  t.teardown(origin.stop)
  const connectPorts = { 'proxy.config.http.connect_ports': `443 ${origin.port}` }
  const managedProxy = await start(t, [line].flat(), undefined, {
    ...conf,
    records: { ...connectPorts, ...records },
  })
  const url = `https://${HOST}:${origin.port}/`
  const ask = (...args: string[]) =>
    curl(['-s', '-i', '-x', `http://127.0.0.1:${managedProxy.proxy.port}`, ...args, url])
  const send = sendTo(managedProxy.socket)
  const open = async () => (await send<{ approvals: readonly Approval[] }>('GET', '/v1/approvals')).approvals
  /** The question, once a handshake waits for it. */
  const waiting = () =>
    poll(async () => {
      const [question] = await open()
      return question !== undefined && question.waiting > 0 && question
    }, 'a question for which a handshake waits')
  return { ...managedProxy, origin, ask, open, waiting }
}
