import type { Diags } from '../base/diags.js'
import type { SecurePort } from '../http/secure-listener.js'
import { startClient } from './client-start.js'
import type { ClientVConns } from './client-vconns.js'
import type { VConns } from './vconns.js'

/** Clients of ports without TLS: plugins are asked about each, on what is configured when it connects. */
export function plainPort(
  vconns: () => VConns,
  { diags, clients }: { readonly diags: Diags; readonly clients: ClientVConns },
): SecurePort {
  return {
    accept: (socket, take) =>
      startClient(socket, vconns(), diags, vconn => {
        clients.set(socket, vconn)
        take(socket)
        return undefined
      }),
  }
}
