/** A proxy behind a parent that is an HTTP proxy. */
import type { Test } from 'tap'
import { type Connecting, type ConnectingOptions, startConnecting } from './connecting.js'
import { type ParentOptions, type ParentProxy, parentProxy } from './parent-proxy.js'

export const HOST = 'www.origin.test'
const HERE = { hosts: { [HOST]: '127.0.0.1', 'other.test': '127.0.0.1' } }

/** A parent that knows the addresses of the origins' names. */
export async function startParent(t: Test, options: ParentOptions = {}): Promise<ParentProxy> {
  const parent = await parentProxy({ ...HERE, ...options })
  t.teardown(parent.stop)
  return parent
}

/**
 * A proxy that knows no address of the origins' names.
 * @param lines of parent.config
 */
export const startBehind = (
  t: Test,
  lines: string,
  options: Partial<ConnectingOptions> = {},
): Promise<Connecting> =>
  startConnecting(t, { hosts: [], ...options, files: { 'parent.config': lines, ...options.files } })

/** The line of parent.config by which everything goes through this parent. */
export const all = ({ port }: ParentProxy, more = 'go_direct=false'): string =>
  `dest_domain=. parent="127.0.0.1:${port}" ${more}\n`
