/**
 * The handshake waits for a person.
 *
 *     approval remember=approvals.jsonl signal_after=20s
 *
 * `portcullis ctl approvals` lists what is asked, `ctl accept ID` and `ctl reject ID` answer. Identical handshakes are one
 * question. After `signal_after` a client gets 503, the question stays open, and the client's next try is held again, or
 * served. How answers are kept, and what they cannot know: docs/plugins/approval.md.
 */
import type { OptionsOf, OptionsSchema, PluginInit, Verdict, VerifyServerEvent } from 'portcullis/plugin'
import { Approvals } from './approval/approvals.js'
import { Messages, type MessageTerms } from './approval/links.js'
import { type Answered, clientOf } from './approval/question.js'
import { WatchedFile } from './files/watched-file.js'
import { readDuration } from './options/duration.js'
import { parseSecrets } from './webhook/sign.js'

export const optionsSchema = {
  type: 'object',
  properties: {
    remember: {
      type: 'string',
      format: 'path',
      default: 'approvals.jsonl',
      description:
        'The file that every question, answer and withdrawal is appended to, and that is read at the start.',
    },
    signal_after: {
      type: 'string',
      default: '20s',
      description: 'How long a client waits before it gets 503 and the name of the question: 500ms, 20s, 5m.',
    },
    default: {
      type: 'string',
      enum: ['reject', 'accept'],
      default: 'reject',
      description:
        'For a handshake without an answer in time: reject (503, the question stays open), or accept once.',
    },
    who: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description:
        'The names of those who may answer, `link` for those who have a link; empty: everybody who reaches the management API.',
    },
    webhook: {
      type: 'string',
      description: 'A URL to which each new question is posted, with a link that answers it once.',
    },
    webhook_secret_file: {
      type: 'string',
      format: 'path',
      description: 'The secrets that sign these messages, as secret_file of webhook.',
    },
    link_for: { type: 'string', default: '1h', description: 'How long a link works: 10m, 1h, 1d.' },
    links: {
      type: 'string',
      description: 'How links begin, where people reach the management port under another address.',
    },
  },
} as const satisfies OptionsSchema

/** The plugin answers so long before the deadline of the handshake, milliseconds: silence would be a rejection. */
const SPARE = 250

const init: PluginInit<OptionsOf<typeof optionsSchema>> = async context => {
  const { options, hookAdd, manage, accept, reject, postpone, note, error, signal } = context
  const signalAfter = readDuration(options.signal_after, 'signal_after')
  const retryAfter = Math.min(Math.max(1, Math.round(signalAfter / 1000)), 86_400)
  const messagesFor = await messagesOf(context)
  const approvals = await Approvals.open(options.remember, signal, error)
  approvals.join(context.peers)
  const messages = messagesFor?.(approvals.shareLink)
  if (messages !== undefined)
    approvals
      .recallLinks(id => messages.sentFor(id))
      .catch(cause => error(`links that were sent before are not known: ${String(cause)}`))

  manage('approvals', {
    list: () => approvals.list(),
    given: () => approvals.given(),
    takeBack: async (id, who) => {
      checkName(who)
      const answer = await approvals.takeBack(id, who)
      if (answer !== undefined) note(`${who} takes the rejection ${id} of ${answer.host} back`)
      return answer
    },
    answer: async (id, answer) => {
      checkName(answer.who)
      const question = await approvals.answer(id, answer)
      if (question !== undefined) note(`${answer.who} answers ${id}, ${question.host}: ${answer.verdict}`)
      return question
    },
    extend: (id, ms) => approvals.extend(id, ms),
    withdraw: (isMeant, what, who) => approvals.withdraw(isMeant, what, who),
  })

  hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => {
    const found = approvals.find(event)
    if ('kept' in found) return void event.reenable(toVerdict(found.kept))
    if ('full' in found) return void event.reenable(reject('policy', 'too many questions are open'))
    const { id } = found.question.asked
    if (found.question.isNew)
      note(`${clientOf(event)} asks for ${event.host}: ctl accept ${id}, or ctl reject ${id}`)
    messages?.tell(found.question)
    const patience = Math.max(0, Math.min(signalAfter, event.deadline - Date.now() - SPARE))
    const place = found.question.wait(clientOf(event), patience, answered =>
      event.reenable(toVerdict(answered)),
    )
    event.signal.addEventListener('abort', place.leave, { once: true })
    const giveUp = (): void => {
      const more = place.takeMore()
      if (more > 0) return event.schedule(giveUp, more)
      place.leave()
      event.reenable(unanswered(event, id))
    }
    event.schedule(giveUp, patience)
    return undefined
  })

  function checkName(who: string): void {
    const name = who.startsWith('link from ') ? 'link' : who
    if (options.who.length > 0 && !options.who.includes(name))
      throw new Error(`${who} may not answer; who= names ${options.who.join(', ')}`)
  }

  function toVerdict({ id: question, verdict, until, who, why }: Answered): Verdict {
    if (verdict === 'accept')
      return accept({ question, ...(until === undefined ? {} : { expiresIn: until - Date.now() }) })
    return { ...reject('policy', `${who} has rejected it${why === undefined ? '' : `: ${why}`}`), question }
  }

  /** Silence overrules no failed check. */
  function unanswered({ host, builtIn }: VerifyServerEvent, id: string): Verdict {
    if (options.default === 'reject' || !builtIn.ok) return postpone({ id, retryAfter }, 'a person is asked')
    note(`${host} is accepted once, because no person has answered ${id}`)
    return accept({ expiresIn: 0 })
  }
}
export default init

/** Undefined without a webhook. @throws {Error} for a URL, a duration or a file that cannot be used */
async function messagesOf(
  context: Parameters<PluginInit<OptionsOf<typeof optionsSchema>>>[0],
): Promise<((share: MessageTerms['share']) => Messages) | undefined> {
  const { webhook, webhook_secret_file: secretFile, link_for: linkFor, links } = context.options
  if (webhook === undefined) {
    const [lonely] =
      Object.entries({ webhook_secret_file: secretFile, links }).find(([, given]) => given) ?? []
    if (lonely !== undefined) throw new Error(`${lonely} is for messages: add webhook=URL, or remove it`)
    return undefined
  }
  checkUrl('webhook', webhook)
  if (links !== undefined) checkUrl('links', links)
  const life = readDuration(linkFor, 'link_for')
  const consequence = 'no message is sent'
  const file =
    secretFile === undefined ? undefined : new WatchedFile(secretFile, parseSecrets, context, consequence)
  await file?.load()
  const base = (): string | undefined => links?.replace(/\/$/, '') ?? context.managedAt()
  const secrets = async (): Promise<readonly Buffer[]> => {
    const found = file === undefined ? [] : await file.current()
    if (found === undefined) throw new Error(`${file?.name} cannot be used`)
    return found
  }
  return share => new Messages({ url: webhook, life, base, share, secrets }, context)
}

/** @throws {Error} for what is no URL, and for one with a login: `fetch` would refuse it with each message. */
function checkUrl(name: string, url: string): void {
  const shown = url.replace(/^(https?:\/\/)?.*@/s, '$1***@')
  if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url))
    throw new Error(`${name}="${shown}" is no URL: write https://HOST/PATH`)
  const { username, password } = new URL(url)
  if (username !== '' || password !== '')
    throw new Error(`${name}="${shown}" has a user or a password: write https://HOST/PATH, and sign messages`)
}
