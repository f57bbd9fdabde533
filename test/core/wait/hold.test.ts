import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import type { VConn } from '../../../core/api/vconn.js'
import { Hold } from '../../../core/wait/hold.js'
import type { Refusal } from '../../../core/wait/refusal.js'
import { Shadows } from '../../../core/wait/shadows.js'
import type { Turn } from '../../../core/wait/turn.js'

const vconn = { id: 1, args: {} } as unknown as VConn

test('a wait that is late ends also where the log fails', async t => {
  const ends: (Refusal | undefined)[] = []
  const observer = {
    ignoredReenable: () => {},
    pluginFailed: () => {},
    refused: () => {
      throw new Error('the log is full')
    },
  }
  const hold = new Hold<Turn>(
    {
      askers: [{ plugin: 'silent', deadline: undefined, ask: () => {} }],
      shadows: [],
      shadowTurns: new Shadows(),
      observer,
      deadline: 20,
    },
    { vconn, about: 'x' },
    turn => turn,
    refusal => void ends.push(refusal),
  )
  hold.start()
  t.ok(hold.isParked)
  await sleep(200)
  t.match(ends, [{ plugin: 'silent', by: 'deadline' }])
  t.notOk(hold.isParked)
})
