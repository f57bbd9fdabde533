import { existsSync } from 'node:fs'
import { test } from 'tap'
import { type Room, roomFor, roomOfMachine } from './idle.js'
import { KNOWN_TIMES } from './slow-files.js'
import { inTurns } from './turns.js'

/** Works on so many items. @returns how many were in work at most, and all that were done */
async function worked(
  count: number,
  room: Room,
  ms = 20,
): Promise<{ most: number; done: readonly number[] }> {
  const done: number[] = []
  let running = 0
  let most = 0
  const items = Array.from({ length: count }, (_, i) => i)
  const work = async (item: number): Promise<void> => {
    running += 1
    most = Math.max(most, running)
    await new Promise(resolve => setTimeout(resolve, ms))
    running -= 1
    done.push(item)
  }
  await inTurns(items, room, work, 1)
  return { most, done: done.sort((a, b) => a - b) }
}

test('everything is done once, with so many at a time', async t => {
  for (const count of [0, 1, 3, 20])
    for (const jobs of [1, 4]) {
      const { most, done } = await worked(count, roomFor(jobs))
      t.same(
        done,
        Array.from({ length: count }, (_, i) => i),
      )
      t.equal(most, Math.min(count, jobs))
    }
})

test('idle processors begin more, up to a limit', async t => {
  const { most, done } = await worked(30, { least: 2, most: 5, isIdle: () => true }, 100)
  t.equal(most, 5)
  t.equal(done.length, 30)
})

test('work that fails ends all', async t => {
  await t.rejects(
    inTurns([1], roomFor(1), () => Promise.reject(new Error('odd'))),
    { message: 'odd' },
  )
})

test('a machine is idle if a sixteenth of its processors was since the last look', async t => {
  let times = { idle: 1000, all: 5000 }
  const room = roomOfMachine(2, () => times)
  t.match(room, { least: 3, most: 8 })
  const after = (idle: number, all: number): boolean => {
    times = { idle: times.idle + idle, all: times.all + all }
    return room.isIdle()
  }
  t.notOk(after(6, 100))
  t.ok(after(7, 100))
  t.notOk(after(0, 0), 'nothing is known about no time')
  t.type(roomOfMachine().isIdle(), 'boolean', 'the times of this machine')
})

test('the files that are known as slow are there', async t => {
  t.same(
    [...KNOWN_TIMES.keys()].filter(file => !existsSync(file)),
    [],
  )
})
