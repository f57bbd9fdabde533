/**
 * Rules of one file decide about origins: the first rule that matches allows, blocks, delays or demands.
 *
 *     policy file=policy.yaml
 *
 * What rules can say, and what policy cannot know: docs/plugins/policy.md.
 */
import { LRUCache } from 'lru-cache'
import type { OptionsOf, PluginInit, VerifyServerEvent } from 'portcullis/plugin'
import { WatchedFile } from './files/watched-file.js'
import { parseHostPort } from './hosts/host-port.js'
import { offer } from './managed/offer.js'
import { fileOptions } from './options/file-options.js'
import { decide, explain, timeLeft } from './policy/decide.js'
import { type Facts, factsOf } from './policy/facts.js'
import { parseRules, type Rule } from './policy/rules-file.js'

export const optionsSchema = fileOptions(
  'policy.yaml',
  'The rules, YAML: a list `rules` of `name`, `action` and conditions. The first that matches counts.',
)

/** The port of a host that nothing was asked of. */
const HTTPS = 443
/** Hosts whose last chain is kept, so that a decision about it can be explained. */
const MAX_SHOWN = 1000

const init: PluginInit<OptionsOf<typeof optionsSchema>> = async context => {
  const { options, hookAdd, accept, reject, debug, note, revoke } = context
  const file = new WatchedFile(options.file, text => parseRules(text, options.file), context)
  await file.load()
  // An acceptance rests on the rules of its time.
  file.watch(() => revoke('all'))

  const last = new LRUCache<string, Pick<Facts, 'port' | 'shown'>>({ max: MAX_SHOWN })

  const judge = (rules: readonly Rule[], event: VerifyServerEvent): void => {
    const { host, reenable, schedule } = event
    const facts = factsOf(event)
    last.set(host, { port: facts.port, shown: facts.shown })
    const { rule, missing } = decide(rules, facts)
    const name = rule === undefined ? 'no rule' : `${rule.where} ${rule.name} (${rule.action})`
    debug(`${host}: ${name}${missing === undefined ? '' : `, ${missing.key} does not hold`}`)
    const expiresIn = timeLeft(rules, facts.now)
    const yes = accept(expiresIn === undefined ? {} : { expiresIn })
    if (rule?.action === 'block' || (rule !== undefined && missing !== undefined)) {
      const what = missing === undefined ? '' : `: ${missing.key} is ${missing.found(facts)}`
      reenable(
        reject(rule.reason, rule.detail ?? `${host} is rejected by ${rule.name} of ${file.name}${what}`),
      )
    } else if (rule?.action === 'delay') schedule(() => reenable(yes), rule.delay)
    else reenable(yes)
  }

  hookAdd('TS_SSL_CERT_VERIFY_HOOK', async event => {
    const { builtIn, reenable } = event
    const rules = await file.current()
    if (builtIn.name !== 'X509_V_OK') reenable(reject(builtIn.name, builtIn.message))
    else if (rules === undefined) reenable(reject('internal', `${file.name} cannot be used`))
    else judge(rules, event)
  })

  const explainHost = async (text: string): Promise<readonly string[]> => {
    const { host, port: wanted } = parseHostPort(text.trim())
    const rules = await file.current()
    const { port = HTTPS, shown } = last.get(host) ?? {}
    const facts = { host, port: wanted ?? port, now: new Date(), shown, client: () => undefined }
    return rules === undefined ? [`${file.name} cannot be used: rejects`] : explain(rules, facts)
  }
  offer(context, 'policy', { explain: explainHost })
  hookAdd('TS_LIFECYCLE_MSG_HOOK', async ({ tag, data = '' }) => {
    if (tag === 'policy:explain') for (const line of await explainHost(data)) note(`${data.trim()}: ${line}`)
  })
}
export default init
