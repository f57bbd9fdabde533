import { isIP } from 'node:net'
import type { Current } from '../../../base/current.js'
import type { Diags } from '../../../base/diags.js'
import type { AnnouncedOptions } from '../../../http/listener/announced-client.js'
import type { Settings } from '../../../settings/settings.js'

/** Ports whose connections come from relays; what is refused there is a debug line of the tag `proxy_protocol`. */
export function announcedClients(
  current: Current<{ readonly settings: Pick<Settings, 'listener'> }>,
  isWelcome: AnnouncedOptions['isWelcome'],
  { diags }: { readonly diags: Diags },
): AnnouncedOptions {
  return {
    isWelcome,
    mayAnnounce: address => {
      const bare = address.replace(/^::ffff:(?=[\d.]+$)/i, '').replace(/%.*$/, '')
      const family = isIP(bare)
      const { announcers } = current().settings.listener
      return family !== 0 && announcers.check(bare, family === 6 ? 'ipv6' : 'ipv4')
    },
    timeout: () => current().settings.listener.limits.headersTimeout,
    onRefused: message => diags.debug('proxy_protocol', message),
  }
}
