import type { Certificate } from '../../api/certificate.js'
import type { HookEvents, HookId, VerifyServerEvent } from '../../api/hooks.js'
import type { VConn } from '../../api/vconn.js'
import { ProxyError } from '../../base/errors.js'
import type { PlainCertificate, PlainQuestion, PlainTold, PlainVConn } from './messages.js'

/** What of a question can be sent to a worker. */
export function plainQuestion(event: VerifyServerEvent): PlainQuestion {
  const { sni, host, port, deadline, protocol, cipher, group, alpn, builtIn, checks } = event
  const certificates: PlainCertificate[] = []
  const known = new Map<Certificate, number>()
  const indexOf = (certificate: Certificate): number => {
    const index = known.get(certificate) ?? certificates.length
    if (index === certificates.length) {
      const { der, subject, issuer } = certificate
      certificates.push({ der, subject, issuer })
      known.set(certificate, index)
    }
    return index
  }
  return {
    vconn: plainVConn(event.vconn),
    chain: event.chain.map(indexOf),
    builtChain: event.builtChain.map(indexOf),
    certificates,
    ocspResponse: event.ocspResponse,
    sni,
    host,
    port,
    deadline,
    protocol,
    cipher,
    group,
    alpn,
    builtIn,
    checks,
  }
}

export function plainVConn({ id, direction, remoteAddress, localAddress }: VConn): PlainVConn {
  return { id, direction, remoteAddress, localAddress }
}

/** How the events of the hooks that are told are sent. A hook that is not here is not for isolated plugins. */
const TOLD: { readonly [H in HookId]?: (event: HookEvents[H]) => PlainTold } = {
  TS_VCONN_START_HOOK: vconn => ({ hook: 'TS_VCONN_START_HOOK', vconn: plainVConn(vconn) }),
  TS_VCONN_CLOSE_HOOK: vconn => ({ hook: 'TS_VCONN_CLOSE_HOOK', vconn: plainVConn(vconn) }),
  TS_VCONN_OUTBOUND_START_HOOK: vconn => ({
    hook: 'TS_VCONN_OUTBOUND_START_HOOK',
    vconn: plainVConn(vconn),
  }),
  TS_VCONN_OUTBOUND_CLOSE_HOOK: vconn => ({
    hook: 'TS_VCONN_OUTBOUND_CLOSE_HOOK',
    vconn: plainVConn(vconn),
  }),
  TS_HTTP_SEND_REQUEST_HDR_HOOK: ({ vconn, method, url }) => ({
    hook: 'TS_HTTP_SEND_REQUEST_HDR_HOOK',
    vconn: plainVConn(vconn),
    method,
    url,
  }),
}

/** @throws {ProxyError} PTC_PLUGIN_CALL for a hook whose events cannot be sent to a worker */
export function plainTold<H extends HookId>(id: H): (event: HookEvents[H]) => PlainTold {
  const told = TOLD[id]
  if (told === undefined) {
    throw new ProxyError('PTC_PLUGIN_CALL', `hook ${id} is not available to plugins with @isolate=worker`)
  }
  return told
}
