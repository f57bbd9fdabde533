import type { Diags } from '../base/diags.js'
import { ClientInfo } from '../http/client-info.js'
import type { ClientPort } from '../http/listener.js'
import { startClient } from './client-start.js'
import type { VConns } from './vconns.js'

/** Clients of ports without TLS: plugins are asked about each, on what is configured when it connects. */
export function plainPort(vconns: () => VConns, { diags }: { readonly diags: Diags }): ClientPort {
  return {
    accept: (tcp, socket, take) =>
      startClient(tcp, vconns(), diags, vconn => {
        take(tcp, new ClientInfo(socket, tcp, vconn))
        return undefined
      }),
  }
}
