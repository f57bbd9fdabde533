import type { Socket } from 'node:net'
import type { VConn } from '../api/vconn.js'
import type { Diags } from '../base/diags.js'
import type { SecurePort } from '../http/secure-listener.js'
import { WaitingClient } from '../http/waiting-client.js'
import type { PluginRefused } from '../vconn/plugin-refused.js'
import { addressText } from '../vconn/tcp-link.js'
import type { ProxyVConn } from '../vconn/vconn.js'
import type { VConns } from './vconns.js'

type Started = ReturnType<SecurePort['accept']>

/**
 * A client has connected: its VConn is opened, and plugins are asked about it before anybody looks at what it says.
 *
 * Life: asking -> going on, with the socket as it was; or refused or gone, the socket closed. Its VConn is closed with
 * the socket.
 * @param go called once at most; what it returns is ended in place of the wait from then on
 */
export function startClient(
  socket: Socket,
  vconns: VConns,
  diags: Diags,
  go: (vconn: VConn) => Started | undefined,
): Started {
  let waiting: WaitingClient | undefined
  let next: Started | undefined
  let isAsking = true
  const onEnd = (vconn: ProxyVConn, why: PluginRefused | undefined): void => {
    isAsking = false
    if (why !== undefined) {
      diags.warning(`client ${vconn.shown.remoteAddress}: ${why.message}`)
      waiting?.discard()
      socket.destroy()
    } else if (!socket.destroyed) {
      waiting?.release()
      next = go(vconn.shown)
      if (waiting !== undefined) socket.resume()
    }
  }
  socket.on('error', ignore) // its close follows
  const ends = {
    remoteAddress: addressText(socket.remoteAddress, socket.remotePort),
    localAddress: addressText(socket.localAddress, socket.localPort),
  }
  const vconn = vconns.startClient(ends, onEnd)
  socket.once('close', () => vconn.close())
  if (isAsking) {
    waiting = new WaitingClient(socket, Buffer.alloc(0))
    waiting.signal.addEventListener('abort', () => socket.destroy(), { once: true })
  }
  return {
    abandon: () => {
      if (next === undefined) socket.destroy()
      else next.abandon()
    },
  }
}

const ignore = (): void => {}
