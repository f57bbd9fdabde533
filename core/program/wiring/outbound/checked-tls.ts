import { QUIET } from '../../../tls/outbound/observer.js'
import type { OutboundSettings } from '../../../tls/outbound/settings.js'
import { startHandshake } from '../../../tls/outbound/start.js'
import type { StartTls } from '../../../tls/outbound/start-tls.js'
import { ProxyVConn } from '../../../vconn/vconn.js'

/**
 * Handshakes of the proxy's own, with sources that plugins fetch from: the built-in check decides, whatever the records say,
 * and no plugin is asked or told. No session is kept, and no certificate of the operator's is in the context's way: a source
 * that asks for one is shown what the rule for its name says.
 */
export function checkedTls(settingsOf: (host: string) => OutboundSettings): StartTls {
  return (tcp, target, signal) => {
    const own = settingsOf(target.host)
    const terms = {
      ...own.terms,
      verify: 'origin',
      plugins: [],
      hasShadows: false,
      properties: 'ALL',
      builtIn: 'binds',
      isOverridable: false,
    } as const
    const settings: OutboundSettings = {
      ...own,
      terms,
      checks: { ...own.checks, properties: 'ALL' },
      askers: [],
      shadows: [],
      held: undefined,
      redials: 0,
      releaseAfter: 0,
      sessions: undefined,
      observer: QUIET,
      openVConn: link => new ProxyVConn('outbound', link, () => undefined),
    }
    return startHandshake(tcp, target, settings, signal)
  }
}
