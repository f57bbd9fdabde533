/**
 * Asks helper programs that were written for Squid's sslcrtvalidator_program.
 *
 *     cert_validator "cmd=/usr/lib/squid/security_fake_certverify" children=5 concurrency=32
 *
 * What the helper is sent, and what it cannot know: docs/plugins/cert_validator.md.
 */
import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { OptionsOf, OptionsSchema, PluginInit, Verdict, VerifyServerEvent } from 'portcullis/plugin'
import { Helpers } from './cert-validator/helpers.js'
import { parseReply } from './cert-validator/reply.js'
import { requestFor } from './cert-validator/request.js'
import { CMD_OPTION, parseCommandLine } from './programs/command-line.js'

export const optionsSchema = {
  type: 'object',
  properties: {
    cmd: CMD_OPTION,
    children: {
      type: 'integer',
      minimum: 1,
      maximum: 100,
      default: 5,
      description: 'Processes of the helper.',
    },
    concurrency: {
      type: 'integer',
      minimum: 0,
      maximum: 10_000,
      default: 32,
      description: 'Questions to one process at a time. 0: one, and no channel id is sent.',
    },
    ttl: {
      type: 'string',
      pattern: '^([0-9]{1,8}|infinity)$',
      default: '3600',
      description: 'Seconds for which an answer is reused, or infinity.',
    },
    cache: {
      type: 'integer',
      minimum: 0,
      default: 67_108_864,
      description: 'Bytes of questions and answers that are kept; 0 keeps none.',
    },
  },
  required: ['cmd'],
} as const satisfies OptionsSchema

/** Bytes of an entry beside its texts. */
const ENTRY = 200

const init: PluginInit<OptionsOf<typeof optionsSchema>> = async context => {
  const { options, confDir, hookAdd, accept, reject, error, signal } = context
  const { cmd, children, concurrency } = options
  const command = parseCommandLine(cmd, confDir)
  const helpers = new Helpers({ command, cwd: confDir, children, concurrency }, context)
  signal.addEventListener('abort', () => helpers.close(), { once: true })
  await helpers.start()
  const answers = openCache(options)

  const judge = async (event: VerifyServerEvent): Promise<Verdict> => {
    const request = requestFor(event)
    const key = createHash('sha256').update(request).digest('base64')
    const known = answers?.get(key)
    if (known !== undefined) return known
    let text: string
    try {
      text = await helpers.ask(request, event.signal)
    } catch (cause) {
      return reject(
        'internal',
        `the certificate validator: ${cause instanceof Error ? cause.message : cause}`,
      )
    }
    const reply = parseReply(text)
    if (reply.kind === 'broken') {
      error(`helper about ${event.host}: it ${reply.why}`)
      return reject('internal', 'the certificate validator has not answered in a way that can be read')
    }
    const [first] = reply.kind === 'err' ? reply.errors : []
    const verdict = first === undefined ? accept() : reject(first.name, first.reason || first.name)
    answers?.set(key, verdict, { size: request.length + ENTRY })
    return verdict
  }

  hookAdd('TS_SSL_CERT_VERIFY_HOOK', async event => event.reenable(await judge(event)), { coalesce: true })
}
export default init

function openCache({
  cache,
  ttl,
}: {
  readonly cache: number
  readonly ttl: string
}): LRUCache<string, Verdict> | undefined {
  if (cache === 0 || ttl === '0') return undefined
  return new LRUCache({ maxSize: cache, ...(ttl === 'infinity' ? {} : { ttl: Number(ttl) * 1000 }) })
}
