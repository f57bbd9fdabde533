/**
 * Asks whether the certificates of an origin have been revoked, while the handshake is parked: in its staple, in revocation
 * lists, of OCSP responders.
 *
 *     revocation sources=staple,crl,ocsp fail=hard none=accept max_age= timeout=5000 cache_dir= allow_private=false depth=leaf
 *
 * What counts as an answer, and what happens without one: docs/plugins/revocation.md.
 */
import type { OptionsOf, OptionsSchema, PluginInit, Verdict, VerifyServerEvent } from 'portcullis/plugin'
import { readDuration } from './options/duration.js'
import { AnswerFiles } from './revocation/answer-files.js'
import { askAbout } from './revocation/ask.js'
import { Lists } from './revocation/lists.js'
import { Responders } from './revocation/responders.js'
import { type Subject, Subjects } from './revocation/subject.js'
import { dateOf } from './revocation/times.js'

export const optionsSchema = {
  type: 'object',
  properties: {
    sources: {
      type: 'array',
      items: { type: 'string', enum: ['staple', 'crl', 'ocsp'] },
      minItems: 1,
      uniqueItems: true,
      default: ['staple', 'crl', 'ocsp'],
      description: 'Where answers come from, in the order in which they are asked.',
    },
    fail: {
      type: 'string',
      enum: ['hard', 'soft'],
      default: 'hard',
      description: 'What happens when there are sources and none gives an answer: hard rejects.',
    },
    none: {
      type: 'string',
      enum: ['accept', 'reject'],
      default: 'accept',
      description: 'What happens when a certificate names no source.',
    },
    max_age: {
      type: 'string',
      description: 'How old an answer may be: 30m, 12h, 7d. Default: as it says itself.',
    },
    timeout: {
      type: 'integer',
      default: 5000,
      minimum: 1,
      maximum: 60_000,
      description: 'Milliseconds for all sources of one handshake.',
    },
    cache_dir: { type: 'string', format: 'path', description: 'Keeps answers over restarts.' },
    allow_private: { type: 'boolean', default: false, description: 'Sources may be in private networks.' },
    depth: {
      type: 'string',
      enum: ['leaf', 'chain'],
      default: 'leaf',
      description: 'Which certificates are asked about: the leaf, or its issuers, too, without the anchor.',
    },
  },
} as const satisfies OptionsSchema

/** How long an acceptance without an answer is relied on, milliseconds. */
const SOFT_FOR = 60_000
const PRUNE_EVERY = 86_400_000

const init: PluginInit<OptionsOf<typeof optionsSchema>> = async context => {
  const { options, hookAdd, accept, reject, fetch, note, debug, metrics, schedule, readCertificates } =
    context
  const { fail, none, timeout, cache_dir, depth } = options
  const files = cache_dir === undefined ? undefined : new AnswerFiles(cache_dir)
  const maxAge = options.max_age === undefined ? undefined : readDuration(options.max_age, 'max_age')
  const outcomes = metrics.counter({ name: 'answers_total', help: 'Answers.', labels: ['answer'] })
  const shared = { fetch, files, maxAge, schedule, warn: note, allowPrivate: options.allow_private }
  const lists = new Lists(shared)
  const isGood = async (responder: Subject): Promise<boolean> => (await lists.ask(responder)).kind === 'good'
  const responders = new Responders({ ...shared, timeout, reading: { readCertificates, isGood } })
  const asking = { subjects: new Subjects(), lists, responders, sources: options.sources, depth, timeout }
  const prune = async (): Promise<void> => {
    await files?.prune()
    if (files !== undefined) schedule(prune, PRUNE_EVERY)
  }
  await prune()

  const judge = async (event: VerifyServerEvent): Promise<Verdict> => {
    const { host, builtIn } = event
    if (builtIn.name !== 'X509_V_OK') return reject(builtIn.name, builtIn.message)
    const answers = await askAbout(event, asking)
    for (const answer of answers) outcomes.inc({ answer: answer.kind })
    for (const answer of answers)
      if (answer.kind === 'revoked') {
        const { at, reason, from } = answer
        return reject('revoked', `${host}: revoked on ${dateOf(at)} (${reason}), says ${from}`)
      }
    for (const answer of answers)
      if (answer.kind === 'unstapled') {
        const why = `${host}: its certificate demands a good stapled response: ${answer.why}`
        return reject('X509_V_ERR_OCSP_VERIFY_NEEDED', why)
      }
    const failed = answers.flatMap(answer => (answer.kind === 'failed' ? [answer.why] : []))
    if (failed.length > 0) {
      const why = `${host}: no answer about revocation: ${failed.join('; ')}`
      if (fail === 'hard') return reject('internal', why)
      note(why)
      return accept({ expiresIn: SOFT_FOR })
    }
    const ends = answers.flatMap(answer => (answer.kind === 'good' ? [answer.until] : []))
    debug(`${host}: ${answers.map(({ kind }) => kind).join(', ') || 'nothing to ask about'}`)
    if (ends.length < Math.max(answers.length, 1) && none === 'reject')
      return reject('unknown', `${host}: its certificate names no source of revocation`)
    if (ends.length === 0) return accept()
    return accept({ expiresIn: Math.max(Math.min(...ends) - Date.now(), SOFT_FOR) })
  }

  hookAdd('TS_SSL_CERT_VERIFY_HOOK', async event => event.reenable(await judge(event)), { coalesce: true })
}
export default init
