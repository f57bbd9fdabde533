import type { VConn } from '../../../api/vconn.js'
import type { Current } from '../../../base/current.js'
import type { Diags } from '../../../base/diags.js'
import { atEdge } from '../../../base/edge.js'
import type { AcceptedLink, ClientPort } from '../../../http/listener/accept.js'
import { ClientInfo } from '../../../http/listener/client-info.js'
import type { ProxyVConn } from '../../../vconn/vconn.js'
import type { PluginRefused } from '../../../wait/refusal.js'
import type { VConns } from '../vconns.js'

type Started = ReturnType<ClientPort['accept']>

/**
 * A client has connected: its VConn is opened, and plugins are asked about it before any of its bytes are read.
 *
 * Life: asking -> going on, with every byte still to be read; or refused or gone, the connection closed. Its VConn is
 * closed with the connection.
 * @param go called once at most; what it returns is ended in place of the wait from then on
 */
export function startClient(
  tcp: AcceptedLink,
  vconns: VConns,
  diags: Diags,
  go: (vconn: VConn) => Started | undefined,
): Started {
  let unwatch: (() => void) | undefined
  let next: Started | undefined
  let isAsking = true
  const onEnd = (vconn: ProxyVConn, why: PluginRefused | undefined): void => {
    isAsking = false
    if (why !== undefined) {
      diags.warning(`client ${vconn.shown.remoteAddress}: ${why.message}`)
      tcp.destroy()
    } else if (!tcp.isClosed) {
      unwatch?.()
      atEdge(
        'a client that was let in',
        () => {
          next = go(vconn.shown)
        },
        why => {
          diags.error(`client ${vconn.shown.remoteAddress}: ${why.message}`)
          tcp.destroy(why)
        },
      )
    }
  }
  const vconn = vconns.startClient(tcp, onEnd)
  tcp.whenClosed(() => vconn.close())
  if (isAsking) unwatch = tcp.watch(() => tcp.destroy())
  return {
    abandon: () => {
      if (next === undefined) tcp.destroy()
      else next.abandon()
    },
  }
}

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
