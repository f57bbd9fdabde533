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
    mayAnnounce: address => current().settings.listener.announcers.has(address),
    timeout: () => current().settings.listener.limits.headersTimeout,
    onRefused: message => diags.debug('proxy_protocol', message),
  }
}
