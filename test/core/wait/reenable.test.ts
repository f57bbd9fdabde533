import { test } from 'tap'
import { accept, postpone, reject, type Verdict } from '../../../core/api/verdict.js'
import { type Ignored, Reenable } from '../../../core/wait/reenable.js'
import { atStackEnd } from '../../kit/stack-end.js'

function rightWithLog(): { right: Reenable; delivered: Verdict[]; ignored: Ignored[] } {
  const delivered: Verdict[] = []
  const ignored: Ignored[] = []
  const right = new Reenable(
    verdict => delivered.push(verdict),
    why => ignored.push(why),
  )
  return { right, delivered, ignored }
}

test('the right to reenable', async t => {
  t.test('counts once; a second call reaches nothing and is reported', async t => {
    const { right, delivered, ignored } = rightWithLog()
    t.equal(right.isOpen, true)
    t.equal(right.call(reject('revoked')), 'counted')
    t.equal(right.isOpen, false)
    t.equal(right.call(accept()), 'ignored', 'a later accept does not undo a rejection')
    right.revoke()
    t.equal(right.call(), 'ignored')
    t.strictSame(delivered, [{ kind: 'reject', reason: 'revoked' }])
    t.strictSame(ignored, ['second', 'second'])
  })

  t.test('reaches nothing once it is revoked', async t => {
    const { right, delivered, ignored } = rightWithLog()
    right.revoke()
    t.equal(right.isOpen, false)
    t.equal(right.call(), 'ignored')
    t.strictSame(delivered, [])
    t.strictSame(ignored, ['late'])
  })

  t.test('is closed before it delivers, because the delivery may call it again', async t => {
    const answers: string[] = []
    const right: Reenable = new Reenable(
      () => answers.push(right.call()),
      why => answers.push(why),
    )
    t.equal(right.call(), 'counted')
    t.strictSame(answers, ['second', 'ignored'])
  })

  t.test('accepts without an argument, and works when it is taken off its object', async t => {
    const { right, delivered } = rightWithLog()
    const { call } = right
    t.equal(call(), 'counted')
    t.strictSame(delivered, [{ kind: 'accept' }])
  })
})

test('a call without room on the stack', async t => {
  t.test('is a rejection, delivered once and from an empty stack', async t => {
    const { right, delivered, ignored } = rightWithLog()
    const heard: string[] = []
    atStackEnd(() => void heard.push(right.call(accept())))
    t.strictSame(heard, ['counted'])
    t.strictSame(delivered, [], 'not on the stack of the plugin')
    t.equal(right.isOpen, true, 'it can still be revoked')
    t.equal(right.call(accept()), 'ignored', 'a later accept does not undo it')
    await Promise.resolve()
    t.match(delivered, [{ kind: 'reject', reason: 'internal' }])
    t.equal(right.isOpen, false)
    t.equal(right.call(accept()), 'ignored')
    await Promise.resolve()
    t.equal(delivered.length, 1)
    t.strictSame(ignored, ['second', 'second'])
  })

  t.test('reaches nothing once the right is revoked', async t => {
    const { right, delivered } = rightWithLog()
    atStackEnd(() => void right.call(accept()))
    right.revoke()
    await Promise.resolve()
    t.strictSame(delivered, [])
  })
})

test('an answer whose getter answers counts as the getter says', async t => {
  const answerOf = (within: () => void): Verdict =>
    Object.defineProperty({}, 'kind', {
      get() {
        within()
        return 'accept'
      },
    }) as Verdict

  t.test('with room', async t => {
    const { right, delivered, ignored } = rightWithLog()
    t.equal(right.call(answerOf(() => right.call(reject('revoked')))), 'ignored')
    t.strictSame(delivered, [{ kind: 'reject', reason: 'revoked' }])
    t.strictSame(ignored, ['second'])
  })

  t.test('and without room: it is a rejection', async t => {
    const { right, delivered } = rightWithLog()
    t.equal(right.call(answerOf(() => atStackEnd(() => void right.call(accept())))), 'ignored')
    await Promise.resolve()
    t.match(delivered, [{ kind: 'reject', reason: 'internal' }])
    t.equal(delivered.length, 1)
  })
})

test('an answer that is no verdict means no', async t => {
  const junk = [true, false, null, 1, 'accept', reject, {}, { kind: 'ACCEPT' }, { kind: 'reject' }, []]
  for (const answer of junk) {
    const { right, delivered } = rightWithLog()
    right.call(answer as unknown as Verdict)
    t.match(delivered, [{ kind: 'reject', reason: 'internal' }], `reenable(${String(answer)})`)
  }
})

test('a delivered verdict is a copy: frozen, its detail on one line', async t => {
  const { right, delivered } = rightWithLog()
  const mine = { kind: 'reject' as const, reason: 'policy' as const, detail: 'a\r\nSet-Cookie: b\0' }
  right.call(mine)
  mine.detail = 'changed'
  t.strictSame(delivered, [{ kind: 'reject', reason: 'policy', detail: 'a Set-Cookie: b' }])
  t.ok(Object.isFrozen(delivered[0]))
})

/** What a plugin in plain JavaScript may answer. */
function plainJavaScript() {
  const delivered: Verdict[] = []
  const answer = (verdict: unknown): void => {
    const deliver = (one: Verdict): void => void delivered.push(one)
    new Reenable(deliver, () => {}).call(verdict as Verdict)
  }
  return { delivered, answer }
}

test('a hold is carried as it is meant, or not at all', async t => {
  const { delivered, answer } = plainJavaScript()
  answer(postpone({ id: 'q1', retryAfter: 5 }, 'soon'))
  t.strictSame(delivered.pop(), {
    kind: 'reject',
    reason: 'policy',
    detail: 'soon',
    hold: { id: 'q1', retryAfter: 5 },
  })
  for (const hold of [
    null,
    'q1',
    {},
    { id: 'a b', retryAfter: 5 },
    { id: 'q', retryAfter: 0 },
    { id: 'q', retryAfter: '5' },
    { id: '1q', retryAfter: 5 },
    { id: `q${'1'.repeat(64)}`, retryAfter: 5 },
  ]) {
    answer({ kind: 'reject', reason: 'policy', hold })
    t.match(delivered.pop(), { kind: 'reject', reason: 'internal' }, JSON.stringify(hold))
  }
})

test('the question that a verdict answers is carried, or the verdict is a rejection', async t => {
  const { delivered, answer } = plainJavaScript()
  for (const verdict of [accept({ question: 'q1' }), { ...reject('policy', 'no'), question: 'q1' }]) {
    answer(verdict)
    t.strictSame(delivered.pop(), verdict)
  }
  for (const question of [1, '', 'two words', '1q', 'q'.repeat(65), { toString: () => 'q1' }]) {
    for (const verdict of [{ kind: 'accept' }, { kind: 'reject', reason: 'policy' }]) {
      answer({ ...verdict, question })
      t.match(delivered.pop(), { kind: 'reject', reason: 'internal' }, JSON.stringify(question))
    }
  }
})
