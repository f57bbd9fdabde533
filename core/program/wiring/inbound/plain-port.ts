import type { Current } from '../../../base/current.js'
import type { Diags } from '../../../base/diags.js'
import type { ClientPort } from '../../../http/listener/accept.js'
import { ClientInfo } from '../../../http/listener/client-info.js'
import type { VConns } from '../vconns.js'
import { startClient } from './start.js'

/** Clients of ports without TLS: plugins are asked about each, on what is configured when it connects. */
export function plainPort(vconns: Current<VConns>, { diags }: { readonly diags: Diags }): ClientPort {
  return {
    accept: (tcp, socket, take) =>
      startClient(tcp, vconns(), diags, vconn => {
        take(tcp, new ClientInfo(socket, tcp, vconn))
        return undefined
      }),
  }
}
