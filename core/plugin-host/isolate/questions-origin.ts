import type { Asking } from '../../api/asking.js'
import type { Completing, Completion, Help, VerifyServerEvent } from '../../api/hooks.js'
import { ProxyError } from '../../base/errors.js'
import { AskingEvent } from '../../wait/turn-event.js'
import { type CallsInTurn, codec, type Facts } from './codec.js'
import { isOf } from './from-worker.js'
import { type PlainCertificate, plainCertificate, WorkerCertificate } from './plain.js'
import { evidenceFrom, type PlainEvidence, plainEvidence } from './plain-evidence.js'

type OriginFacts = Facts<'TS_SSL_CERT_VERIFY_HOOK'>

/** The plugin has read the client or the request for which the origin is asked. */
interface AskingRead {
  readonly do: 'read-asking'
}

/** The plugin has completed the chain by the result of one of its checks. */
interface Completed {
  readonly do: 'complete'
  readonly check: number
}

type Effect = AskingRead | Completed

/** The second checks of an event, in their order. Kept as long as the event. */
const checksOf = new WeakMap<object, Completion[]>()

/** An origin's certificate. */
export const ORIGIN_CERTIFICATE = codec<'TS_SSL_CERT_VERIFY_HOOK', PlainOrigin, Effect>({
  toPlain,
  toFacts: ({ evidence, port, asking }, turn) => {
    const known = { ...evidenceFrom(evidence), port }
    return Object.defineProperties(
      Object.assign(known, completingIn(turn)),
      askingFields(asking, turn),
    ) as OriginFacts
  },
  perform: (event, effect) => {
    if (effect.do === 'read-asking') return void event.client
    const completion = checksOf.get(event)?.[effect.check]
    if (completion === undefined) throw new ProxyError('PTC_PLUGIN_CALL', 'complete: there is no such result')
    return void event.complete(completion)
  },
  serve: async (event, [help]) => {
    const completion = await event.verifyAgain({ intermediates: fromBase64(help) })
    const checks = checksOf.get(event) ?? []
    checksOf.set(event, checks)
    const { builtIn, checks: results, builtChain } = completion
    const check = checks.push(completion) - 1
    return {
      check,
      builtIn,
      checks: results,
      builtChain: builtChain.map(plainCertificate),
    } satisfies PlainCompletion
  },
  isEffect: effect =>
    isOf(effect, { do: value => value === 'read-asking' }) ||
    isOf(effect, { do: value => value === 'complete', check: value => Number.isSafeInteger(value) }),
})

interface PlainCompletion extends Omit<Completion, 'builtChain'> {
  readonly check: number
  readonly builtChain: readonly PlainCertificate[]
}

/** What a worker says may be anything: what is no list of texts is for `verifyAgain` to refuse. */
function fromBase64(help: unknown): readonly Uint8Array[] {
  if (!Array.isArray(help)) return help as never
  return help.map((text: unknown) =>
    typeof text === 'string' ? Buffer.from(text, 'base64') : (text as never),
  )
}

/** The check is made in the proxy at once, what is completed by it when the answer has arrived. */
function completingIn(turn: CallsInTurn<Effect>): Completing {
  const made = new WeakMap<object, number>()
  let isCompleted = false
  return {
    verifyAgain: async help => {
      const { intermediates } = (help ?? {}) as Partial<Help>
      const texts = Array.isArray(intermediates) ? intermediates.map(toBase64) : undefined
      const { check, builtChain, ...results } = (await turn.call(texts)) as PlainCompletion
      const chain = Object.freeze(builtChain.map(certificate => new WorkerCertificate(certificate)))
      const completion: Completion = Object.freeze({ ...results, builtChain: chain })
      made.set(completion, check)
      return completion
    },
    complete: completion => {
      const check = typeof completion === 'object' && completion !== null ? made.get(completion) : undefined
      if (!turn.isOpen) throw new ProxyError('PTC_PLUGIN_CALL', 'complete: the turn is over')
      if (check === undefined)
        throw new ProxyError('PTC_PLUGIN_CALL', 'complete takes what verifyAgain of the same event has found')
      if (isCompleted) throw new ProxyError('PTC_PLUGIN_CALL', 'complete: it has been called before')
      isCompleted = true
      turn.record({ do: 'complete', check })
    },
  }
}

const toBase64 = (der: unknown): string | null =>
  der instanceof Uint8Array ? Buffer.from(der).toString('base64') : null

/** What is read in the worker is read in the proxy before the answer counts. */
function askingFields(asking: Asking | undefined, turn: CallsInTurn<Effect>): PropertyDescriptorMap {
  let isRead = asking === undefined
  const read = (): Asking | undefined => {
    if (!isRead && turn.isOpen) turn.record({ do: 'read-asking' })
    isRead = true
    return asking
  }
  return {
    client: { enumerable: true, get: () => read()?.client },
    transaction: { enumerable: true, get: () => read()?.transaction },
  }
}

interface PlainOrigin {
  readonly evidence: PlainEvidence
  readonly port: number
  readonly asking: Asking | undefined
}

function toPlain(event: VerifyServerEvent): PlainOrigin {
  return { evidence: plainEvidence(event), port: event.port, asking: AskingEvent.askingOf(event) }
}
