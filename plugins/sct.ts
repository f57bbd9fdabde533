/**
 * Certificate Transparency: a certificate counts only if enough logs of the operator's list have signed that they publish
 * it.
 *
 *     sct logs=log_list.json min=2
 *
 * Where timestamps come from, and what sct cannot know: docs/plugins/sct.md.
 */
import type { OptionsOf, OptionsSchema, PluginInit, Verdict, VerifyServerEvent } from 'portcullis/plugin'
import { readSctList } from 'portcullis/x509'
import { WatchedFile } from './files/watched-file.js'
import { parseHostPattern } from './hosts/host-pattern.js'
import { countLogs } from './sct/count.js'
import { parseLogs } from './sct/log-list.js'
import { stapledScts } from './sct/stamped.js'

export const optionsSchema = {
  type: 'object',
  properties: {
    logs: {
      type: 'string',
      format: 'path',
      description: 'The logs whose timestamps count: a log list of version 3, JSON or YAML.',
    },
    min: { type: 'integer', minimum: 1, default: 2, description: 'How many different logs it takes.' },
    operators: {
      type: 'integer',
      minimum: 1,
      default: 1,
      description: 'How many different operators of logs it takes.',
    },
    except: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'Hosts whose certificates come from private authorities: a.example, *.example.',
    },
  },
  required: ['logs'],
} as const satisfies OptionsSchema

const init: PluginInit<OptionsOf<typeof optionsSchema>> = async context => {
  const { options, hookAdd, accept, reject, debug, revoke } = context
  const file = new WatchedFile(options.logs, text => parseLogs(text, options.logs), context)
  const exceptions = options.except.map(parseHostPattern)
  await file.load()
  // An acceptance rests on the logs of its time.
  file.watch(() => revoke('all'))

  const judge = async (event: VerifyServerEvent): Promise<Verdict> => {
    const { host, builtIn, checks, chain, builtChain, ocspResponse, sctList } = event
    const known = await file.current()
    const [leaf] = chain
    if (builtIn.name !== 'X509_V_OK') return reject(builtIn.name, builtIn.message)
    if (exceptions.some(matches => matches(host))) return accept()
    if (known === undefined || leaf === undefined) return reject('internal', `${file.name} cannot be used`)
    // Without signatures the certificate behind the leaf need not be its issuer.
    const issuer = checks.signature.ok ? builtChain[1] : undefined
    const stapled = ocspResponse === undefined ? [] : stapledScts(ocspResponse)
    const sent = sctList === undefined ? [] : readSctList(sctList)
    const { logs, others } = countLogs(leaf, issuer, [...stapled, ...sent], known)
    const operators = new Set(logs.map(({ operator }) => operator)).size
    debug(
      `${host}: ${logs.map(({ name }) => name).join(', ') || 'no log'}; not counted: ${others.join(', ') || 'none'}`,
    )
    if (logs.length >= options.min && operators >= options.operators) return accept()
    const why = others.length === 0 ? '' : `; not counted: ${others.join(', ')}`
    const found = `${logs.length} of ${options.min} logs, ${operators} of ${options.operators} operators`
    return reject('X509_V_ERR_NO_VALID_SCTS', `${host} has timestamps of ${found}${why}`)
  }

  hookAdd('TS_SSL_CERT_VERIFY_HOOK', async event => event.reenable(await judge(event)), { coalesce: true })
}
export default init
