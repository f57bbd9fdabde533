/**
 * A request and its response. What a plugin changes of the header fields is changed on a copy in the worker, and once
 * more in the proxy before its answer counts. Args are kept where those of the client are.
 */
import { HeaderList } from '../../api/header-list.js'
import type { HeaderFields, TxnEvent, TxnOrigin } from '../../api/transaction-hooks.js'
import type { VConn } from '../../api/vconn.js'
import { ProxyError } from '../../base/errors.js'
import type { AskedEvent, AskHook } from '../../hooks/hook-ids.js'
import { type CallsInTurn, type Codec, codec, type Facts } from './codec.js'
import { isOf } from './from-worker.js'
import type { PlainVConn, Subject } from './messages.js'
import { type PlainCertificate, plainCertificate, plainVConn, WorkerCertificate } from './plain.js'
import { evidenceFrom, type PlainEvidence, plainEvidence } from './plain-evidence.js'
import type { WorkerState } from './worker-state.js'

type TxnHook = {
  [H in AskHook]: AskedEvent<H> extends TxnEvent ? H : never
}[AskHook]

interface PlainTxn {
  readonly id: number
  readonly client: PlainVConn
  readonly user: string | undefined
  readonly groups: readonly string[]
  readonly origin: PlainTxnOrigin | undefined
  readonly method: string
  readonly url: string
  readonly status: number | undefined
  readonly fields: readonly string[]
}

/** @see TxnOrigin. Of an origin that nothing was verified of, the chain alone. */
interface PlainTxnOrigin {
  readonly vconn: PlainVConn
  readonly chain: readonly PlainCertificate[]
  readonly verified: PlainEvidence | undefined
}

type Change =
  | { readonly do: 'set'; readonly name: string; readonly value: string | readonly string[] }
  | { readonly do: 'append'; readonly name: string; readonly value: string }
  | { readonly do: 'remove'; readonly name: string }

/** @param calls what only this hook's events have */
function txnCodec<H extends TxnHook>(calls: object = {}): Codec<H> {
  return codec<H, PlainTxn, Change>({
    // A transaction is one of its client's. The connection to the origin serves others as well, and may end before it.
    subjects: ({ id, client }: TxnEvent) => [`transaction ${id}`, client.id],
    near: ({ origin }: TxnEvent) => (origin === undefined ? [] : [origin.vconn.id]),
    toPlain: (event: TxnEvent & { readonly status?: number }) => ({
      id: event.id,
      client: plainVConn(event.client),
      user: event.user,
      groups: event.groups,
      origin: event.origin && plainOrigin(event.origin),
      method: event.method,
      url: event.url,
      status: event.status,
      fields: event.headers.entries().flat(),
    }),
    // Which of these facts a hook has is decided by the proxy, which has sent them.
    toFacts: (plain, turn, state) => ({ ...toFacts(plain, turn, state), ...calls }) as unknown as Facts<H>,
    perform: ({ headers }: TxnEvent, change) => {
      if (change.do === 'set') headers.set(change.name, change.value)
      else if (change.do === 'append') headers.append(change.name, change.value)
      else headers.remove(change.name)
      return undefined
    },
    isEffect: isChange,
  })
}

/** What the fields may be is found out when it is done. */
function isChange(effect: unknown): effect is Change {
  const isText = (value: unknown): boolean => typeof value === 'string'
  return (
    isOf(effect, { do: value => value === 'remove', name: isText }) ||
    isOf(effect, { do: value => value === 'append', name: isText, value: isText }) ||
    isOf(effect, {
      do: value => value === 'set',
      name: isText,
      value: value => isText(value) || (Array.isArray(value) && value.every(isText)),
    })
  )
}

function plainOrigin({ vconn, chain, verified }: TxnOrigin): PlainTxnOrigin {
  return {
    vconn: plainVConn(vconn),
    chain: verified === undefined ? chain.map(plainCertificate) : [],
    verified: verified && plainEvidence(verified),
  }
}

function toFacts(plain: PlainTxn, turn: CallsInTurn<Change>, { vconnOf, argsOf }: WorkerState): object {
  const { id, client, user, groups, origin, method, url, status, fields } = plain
  const within: Subject = `transaction ${id}`
  return {
    id,
    client: vconnOf(client),
    user,
    groups: Object.freeze(groups),
    origin: origin && originFrom(origin, vconn => vconnOf(vconn, within)),
    method,
    url,
    ...(status === undefined ? {} : { status }),
    headers: recorded(new HeaderList(fields).view(turn), turn),
    args: argsOf(within),
  }
}

/** Whatever a call refuses, it refuses in the worker already. */
function recorded(view: HeaderFields, turn: CallsInTurn<Change>): HeaderFields {
  return Object.freeze<HeaderFields>({
    ...view,
    set: (name, value) => {
      view.set(name, value)
      turn.record({ do: 'set', name, value: typeof value === 'string' ? value : Array.from(value) })
    },
    append: (name, value) => {
      view.append(name, value)
      turn.record({ do: 'append', name, value })
    },
    remove: name => {
      const isThere = view.remove(name)
      if (isThere) turn.record({ do: 'remove', name })
      return isThere
    },
  })
}

function originFrom(plain: PlainTxnOrigin, vconnOf: (plain: PlainVConn) => VConn): TxnOrigin {
  const verified = plain.verified && evidenceFrom(plain.verified)
  return {
    vconn: vconnOf(plain.vconn),
    chain: verified?.chain ?? Object.freeze(plain.chain.map(one => new WorkerCertificate(one))),
    verified,
  }
}

export const READ_REQUEST = txnCodec<'TS_HTTP_READ_REQUEST_HDR_HOOK'>()
export const SEND_REQUEST = txnCodec<'TS_HTTP_SEND_REQUEST_HDR_HOOK'>({
  // It is called for each piece of a message.
  seal: () => {
    throw new ProxyError('PTC_PLUGIN_CALL', 'seal does not work with @isolate=worker')
  },
})
export const READ_RESPONSE = txnCodec<'TS_HTTP_READ_RESPONSE_HDR_HOOK'>()
export const SEND_RESPONSE = txnCodec<'TS_HTTP_SEND_RESPONSE_HDR_HOOK'>()
