/** Connections between two processes, with the messages of node:cluster. */
import { EventEmitter } from 'node:events'
import { mock } from 'node:test'
import { test } from 'tap'
import { HandedOver } from '../../../core/cluster/handed-over.js'

/** As `node:cluster` hands over, and as a process answers. */
function makeChild(handedOver: HandedOver) {
  const events = new EventEmitter()
  const child = Object.assign(events, { send: (..._args: readonly unknown[]) => true })
  const closeUntaken = handedOver.note(child as never)
  const hand = (seq: number, connection: object) => child.send({ act: 'newconn', seq }, connection)
  const answer = (ack: number, accepted: boolean) => events.emit('internalMessage', { ack, accepted })
  return { hand, answer, closeUntaken }
}

const makeConnection = () => {
  const connection = {
    isClosed: false,
    close: () => {
      connection.isClosed = true
    },
  }
  return connection
}

const never = (why: Error): void => {
  throw why
}

test('a connection that a process had not taken is closed when the process ends', async t => {
  const { hand, answer, closeUntaken } = makeChild(new HandedOver(() => false, never))
  const [taken, untaken] = [makeConnection(), makeConnection()]
  hand(1, taken)
  hand(2, untaken)
  answer(1, true)
  closeUntaken()
  t.strictSame([taken.isClosed, untaken.isClosed], [false, true])
})

test('a connection that a process does not take goes to another, or is closed when all end', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  let isStopping = false
  const handedOver = new HandedOver(() => isStopping, never)
  const [one, other] = [makeChild(handedOver), makeChild(handedOver)]
  const [moved, queued, lost] = [makeConnection(), makeConnection(), makeConnection()]
  for (const [i, connection] of [moved, queued, lost].entries()) {
    one.hand(i, connection)
    one.answer(i, false)
  }
  other.hand(1, moved)
  one.closeUntaken()
  mock.timers.tick(60_000)
  t.strictSame(
    [moved, queued, lost].map(({ isClosed }) => isClosed),
    [false, false, false],
  )
  other.hand(2, queued)
  other.answer(2, true)
  isStopping = true
  mock.timers.tick(1000)
  t.strictSame(
    [moved, queued, lost].map(({ isClosed }) => isClosed),
    [false, false, true],
  )
  other.closeUntaken()
  t.strictSame([moved.isClosed, queued.isClosed], [true, false])
})

test('a connection that is handed to the same process again is closed with it', async t => {
  const { hand, answer, closeUntaken } = makeChild(new HandedOver(() => false, never))
  const connection = makeConnection()
  hand(1, connection)
  hand(2, connection) // node:cluster hears the refusal first
  answer(1, false)
  t.notOk(connection.isClosed)
  closeUntaken()
  t.ok(connection.isClosed)
})

test('what is handed to a process that has ended is closed at once', async t => {
  const { hand, closeUntaken } = makeChild(new HandedOver(() => false, never))
  closeUntaken()
  const connection = makeConnection()
  hand(1, connection)
  t.ok(connection.isClosed)
})
