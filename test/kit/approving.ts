/** A proxy with approval.js, an origin that it does not know yet, and curl, which asks for it. */
import type { Test } from 'tap'
import type { Approval } from '../../core/api/managed.js'
import { sendTo } from '../../core/cli/ctl-client.js'
import { curl } from './curl.js'
import { HOST, issued, managed } from './managed.js'
import { opensslOrigin } from './openssl-origin.js'
import { requireProgram } from './programs.js'
import type { ProxyConf } from './proxy.js'
import { poll } from './watch.js'

/** Where the plugin runs: words on its line. */
export const PLACES = ['', '@isolate=worker '] as const

export async function approving(
  t: Test,
  line: string | readonly string[],
  records: ProxyConf['records'] = {},
  conf: Omit<ProxyConf, 'records'> = {},
) {
  requireProgram('curl') // before the test waits for what curl would bring about
  const origin = await opensslOrigin({ ...issued })
  t.teardown(origin.stop)
  const connectPorts = { 'proxy.config.http.connect_ports': `443 ${origin.port}` }
  const managedProxy = await managed(t, [line].flat(), undefined, {
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
