/**
 * Rules of one file decide which client may send which request where: the first rule that matches allows or denies.
 *
 *     access_rules file=access.yaml
 *
 * What rules can say, and what they cannot know: docs/plugins/access_rules.md.
 */
import type { OptionsOf, PluginInit, ReadRequestEvent, Verdict } from 'portcullis/plugin'
import type { Request } from './access-rules/lists.js'
import { findRule, parseRules, type Rule } from './access-rules/rules-file.js'
import { WatchedFile } from './files/watched-file.js'
import { fileOptions } from './options/file-options.js'

export const optionsSchema = fileOptions(
  'access.yaml',
  'The rules, YAML: `lists` by name, and `rules` of `allow` or `deny` with names of lists.',
)

const init: PluginInit<OptionsOf<typeof optionsSchema>> = async context => {
  const { options, hookAdd, accept, reject, debug } = context
  const file = new WatchedFile(options.file, text => parseRules(text, options.file), context)
  await file.load()

  hookAdd('TS_HTTP_READ_REQUEST_HDR_HOOK', async event => {
    const rules = await file.current()
    event.reenable(
      rules === undefined ? reject('internal', `${file.name} cannot be used`) : judge(rules, event),
    )
  })

  function judge(rules: readonly Rule[], event: ReadRequestEvent): Verdict {
    const request = requestOf(event)
    const rule = findRule(rules, request)
    const { client, method, host, port } = request
    const said = rule === undefined ? `no rule of ${file.name}` : rule.where
    debug(`${client} ${method} ${host}:${port}: ${said}`)
    return rule?.isAllowed === true
      ? accept()
      : reject('policy', `${said} does not allow ${method} to ${host}:${port}`)
  }
}
export default init

/** The address alone, of `192.0.2.7:1234` or `[2001:db8::1]:1234`. */
function addressOf(text = ''): string {
  const address = text.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
  return address.replace(/^::ffff:(?=[\d.]+$)/i, '').replace(/%.*$/, '')
}

const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

function requestOf({ client, user, groups, method, url }: ReadRequestEvent): Request {
  const { hostname, port, protocol } = new URL(method === 'CONNECT' ? `connect://${url}` : url)
  return {
    client: addressOf(client.remoteAddress),
    user,
    groups,
    method,
    host: hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase(),
    port: port === '' ? (PORTS[protocol] ?? 0) : Number(port),
  }
}
