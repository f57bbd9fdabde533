import { test } from 'tap'
import { HeldResponse, type HeldSink } from '../../../../core/http/transaction/held-response.js'
import type { OnAsked, TxnHooks } from '../../../../core/http/transaction/hooks.js'
import type { ResponseHead } from '../../../../core/http1/messages.js'
import type { Http1 } from '../../../../core/origin/http1.js'

const HEAD: ResponseHead = { version: '1.1', status: 200, reason: 'OK', headers: ['A', 'b'] }

/** A response whose plugins answer when the test says so. */
function holding() {
  const said: string[] = []
  let answer: OnAsked | undefined
  const hooks = {
    readResponse: (_status: number, _headers: readonly string[], _channel: unknown, onAsked: OnAsked) => {
      answer = onAsked
    },
    sendResponse: (_status: number, headers: readonly string[], _channel: unknown, onAsked: OnAsked) =>
      onAsked(undefined, headers),
  }
  const inner = {
    isBlocked: false,
    parked: () => {},
    resumed: () => {},
    fieldsOf: ({ headers }: ResponseHead) => [...headers],
    begin: () => said.push('begin'),
    onBody: (bytes: Buffer) => {
      said.push(bytes.toString())
      return 'written'
    },
    onPartial: () => said.push('partial'),
    onComplete: () => said.push('complete'),
  }
  const connection = { channel: {}, pause: () => said.push('pause'), resume: () => said.push('resume') }
  const held = new HeldResponse(
    inner as unknown as HeldSink,
    hooks as unknown as TxnHooks,
    connection as unknown as Http1,
  )
  return { held, said, accept: () => answer?.(undefined, HEAD.headers) }
}

test('received parts of a body survive the reuse of their memory', async t => {
  const { held, said, accept } = holding()
  const view = Buffer.from('body')
  held.onHead(HEAD)
  t.equal(held.onBody(view), 'written', 'the pooled buffer is free while the plugin takes its time')
  view.fill('#')
  accept()
  t.same(said, ['pause', 'begin', 'body', 'partial', 'resume'])
})

test('the end of a held response is kept', async t => {
  const { held, said, accept } = holding()
  held.onHead(HEAD)
  held.onBody(Buffer.from('body'))
  held.onComplete([])
  t.same(said, ['pause'])
  accept()
  t.same(said, ['pause', 'begin', 'body', 'complete'])
})
