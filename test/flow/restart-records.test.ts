/** Every record whose row says that it needs a restart, changed under a running proxy, and by a restart. */
import { test } from 'tap'
import {
  FIXED,
  type Fixed,
  type RestartCase,
  type RestartCases,
  type Restarted,
  refusalOf,
  restartOf,
} from '../kit/restarting.js'
import { missingBehind, skip } from '../kit/skipping.js'
import { FLEET_CASES } from './restart-cases-fleet.js'
import { PROGRAM_CASES } from './restart-cases-program.js'

/** The compiler asks for a case of each. */
const CASES: RestartCases<Exclude<Restarted, Fixed>> = { ...PROGRAM_CASES, ...FLEET_CASES }
const only = process.argv[2]

/** Most of them start two processes. */
const AT_ONCE = 3

test('a restart takes over every record that needs one, and a reload names it', async t => {
  const left = Object.entries<RestartCase>(CASES).filter(
    ([name]) => only === undefined || name.includes(only),
  )
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [name, one] = next
      try {
        t.strictSame(await restartOf(t, name as Restarted, one), one.expect, name)
      } catch (cause) {
        const missing = missingBehind(cause)
        if (missing === undefined) t.fail(name, { found: String(cause) })
        else skip(t, name, missing)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
})

test('a record with one value alone refuses others, at a reload and at the start', async t => {
  t.ok(FIXED.length > 3)
  for (const name of FIXED)
    t.strictSame(await refusalOf(t, name), ['PTC_RECORDS_INVALID', 'PTC_RECORDS_INVALID'], name)
})
