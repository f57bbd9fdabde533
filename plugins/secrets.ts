/**
 * Clients hold placeholders; the origins they are for get the secrets.
 *
 *     secrets file=secrets.yaml
 *
 * A request that carries a placeholder gets its secret when the origin has been accepted, on a connection whose origin is
 * the right one. Answers are cleaned of secrets. What is looked at, and what cannot be known: docs/plugins/secrets.md.
 */
import { LRUCache } from 'lru-cache'
import type { OptionsOf, PluginInit, Reject, ResponseSeal, SendRequestEvent } from 'portcullis/plugin'
import { WatchedFile } from './files/watched-file.js'
import { fileOptions } from './options/file-options.js'
import { BodyLook } from './secrets/body-look.js'
import { Cleaner, Wanted } from './secrets/cleaner.js'
import { whyNot } from './secrets/origin-rule.js'
import { type Looked, placeOf, replaced, targetOf } from './secrets/placeholders.js'
import { parseSecrets, type Secret } from './secrets/secrets-file.js'

export const optionsSchema = fileOptions(
  'secrets.yaml',
  'The secrets, YAML: a list `secrets` of `name`, `placeholder`, `env` or `file`, `host`, `spki`, `in`.',
)

declare module 'portcullis/plugin' {
  interface TxnArgs {
    /** Set where the answer is cleaned. */
    secrets?: 'cleaned'
  }
}

/** Sets of secrets whose patterns are kept: one a host, as a rule. */
const MAX_PATTERNS = 100

const init: PluginInit<OptionsOf<typeof optionsSchema>> = async context => {
  const { options, confDir, isIsolated, hookAdd, reject, note } = context
  if (isIsolated)
    throw new Error('secrets does not work with @isolate=worker: every piece of a message passes through it')
  const parse = (text: string): readonly Secret[] => parseSecrets(text, options.file, confDir)
  const file = new WatchedFile(options.file, parse, context, 'no secret is sent, and no placeholder passes')
  /** The last file that could be used: its placeholders are refused while the file is wrong, its secrets removed. */
  let last = await file.load()
  let isUsable = true
  file.watch((_, after) => {
    isUsable = after !== undefined
    last = after ?? last
  })

  const refuse = ({ name }: Secret, client: string, event: Looked, why: string): Reject => {
    const host = event.method === 'CONNECT' ? event.url : targetOf(event.url).host
    note(`${client} sends the placeholder of ${name} to ${host}: refused, ${why}`)
    return reject('policy', `the placeholder of ${name}: ${why}`)
  }

  /** The secrets whose placeholders the request carries, all in their places; or why it is refused. */
  function usedIn(event: Looked, client: string): readonly Secret[] | Reject {
    const used: Secret[] = []
    for (const secret of last) {
      const place = placeOf(secret, event)
      if (place === undefined) continue
      if (place !== 'used') return refuse(secret, client, event, `it stands in ${place.wrong}`)
      const { host, isSecure } = targetOf(event.url)
      if (!isSecure) return refuse(secret, client, event, 'the request is not encrypted')
      if (!secret.isFor(host)) return refuse(secret, client, event, `it is not for ${host}`)
      if (!isUsable) return refuse(secret, client, event, `${file.name} cannot be used`)
      used.push(secret)
    }
    return used
  }

  hookAdd('TS_HTTP_READ_REQUEST_HDR_HOOK', async event => {
    await file.current()
    const used = usedIn(event, event.client.remoteAddress)
    event.reenable('kind' in used ? used : undefined)
  })

  hookAdd('TS_HTTP_SEND_REQUEST_HDR_HOOK', event => {
    const { client, origin, headers, reenable } = event
    const used = usedIn(event, client.remoteAddress)
    if ('kind' in used) return void reenable(used)
    const values: (readonly [Secret, string])[] = []
    for (const secret of used) {
      const value = secret.value.get()
      const why = value === undefined ? secret.value.failure : whyNot(secret, origin.verified)
      if (why !== undefined || value === undefined)
        return void reenable(refuse(secret, client.remoteAddress, event, why ?? 'it has no value'))
      values.push([secret, value])
    }
    if (values.length > 0 && headers.get('upgrade') !== undefined)
      return void reenable(reject('policy', 'an answer in another protocol cannot be cleaned of secrets'))
    const { path, fields } = values.length === 0 ? NOTHING : replaced(event, values)
    const requestBody = bodyLookOf(event)
    const response = cleaning(event)
    if (values.length + Number(requestBody !== undefined) + Number(response !== undefined) === 0)
      return void reenable()
    event.seal({
      fields,
      ...(path === undefined ? {} : { path }),
      ...(requestBody === undefined ? {} : { requestBody }),
      ...(response === undefined ? {} : { response }),
    })
    return void reenable()
  })

  function bodyLookOf(event: SendRequestEvent): ((bytes: Buffer) => Reject | undefined) | undefined {
    const looked = last.filter(({ looksAtBodies }) => looksAtBodies)
    if (looked.length === 0) return undefined
    const look = new BodyLook(looked)
    const client = event.client.remoteAddress
    return bytes => {
      const found = look.push(bytes)
      return found && refuse(found, client, event, 'it stands in the body')
    }
  }

  /** Every answer of a host that has a secret is cleaned: it may tell the secret of an earlier request. */
  function cleaning({ url, origin, headers, args }: SendRequestEvent): ResponseSeal | undefined {
    const hosts = [targetOf(url).host, origin.verified?.host].filter(host => host !== undefined)
    const known = last.filter(({ isFor }) => hosts.some(isFor)).flatMap(({ value }) => value.known())
    if (known.length === 0) return undefined
    args.secrets = 'cleaned'
    // A part of an answer, or one that is compressed, cannot be searched.
    for (const name of ['Range', 'If-Range', 'A-IM']) headers.remove(name)
    headers.set('Accept-Encoding', 'identity')
    const wanted = wantedOf(known)
    const cleaner = new Cleaner(wanted)
    return {
      text: text => wanted.clean(text, true).text,
      body: (bytes, isLast) => cleaner.push(bytes, isLast),
    }
  }

  const patterns = new LRUCache<string, Wanted>({ max: MAX_PATTERNS })
  /** To make the patterns of a secret costs more than to look for it once. */
  function wantedOf(secrets: readonly string[]): Wanted {
    const key = secrets.join('\n')
    const wanted = patterns.get(key) ?? new Wanted(secrets)
    patterns.set(key, wanted)
    return wanted
  }

  hookAdd('TS_HTTP_READ_RESPONSE_HDR_HOOK', ({ args, status, headers, reenable }) => {
    if (args.secrets === undefined) return void reenable()
    const codings = (headers.get('content-encoding') ?? '').toLowerCase().split(/[\s,]+/)
    const isEncoded = codings.some(coding => coding !== '' && coding !== 'identity')
    if (isEncoded) reenable(reject('policy', 'a compressed answer cannot be cleaned of secrets'))
    else if (status === 206 || status === 226)
      reenable(reject('policy', 'a part of an answer cannot be cleaned of secrets'))
    else reenable()
  })
}
export default init

const NOTHING = { path: undefined, fields: {} } as const
