/** Every record whose row says that a reload takes it over, changed under a running proxy. */
import { test } from 'tap'
import { changeOf, RELOADABLE, type Reloadable, type ReloadCases } from '../kit/reloading.js'
import { missingBehind, skip } from '../kit/skipping.js'
import { ADMIN_CASES } from './reload-cases-admin.js'
import { CONNECT_CASES } from './reload-cases-connect.js'
import { HTTP_CASES } from './reload-cases-http.js'
import { HTTP2_CASES } from './reload-cases-http2.js'
import { LOGIN_CASES } from './reload-cases-logins.js'
import { LOG_CASES } from './reload-cases-logs.js'
import { NAME_CASES } from './reload-cases-names.js'
import { ORIGIN_CASES } from './reload-cases-origins.js'
import { PAGE_CASES } from './reload-cases-pages.js'
import { PARENT_CASES } from './reload-cases-parents.js'
import { PORT_CASES } from './reload-cases-ports.js'
import { PROGRAM_CASES } from './reload-cases-program.js'

/** The compiler asks for a case of each. */
const CASES: ReloadCases<Reloadable> = {
  ...ADMIN_CASES,
  ...CONNECT_CASES,
  ...HTTP_CASES,
  ...HTTP2_CASES,
  ...LOGIN_CASES,
  ...NAME_CASES,
  ...LOG_CASES,
  ...PROGRAM_CASES,
  ...PORT_CASES,
  ...PAGE_CASES,
  ...PARENT_CASES,
  ...ORIGIN_CASES,
}
const only = process.argv[2]

/** Most of them wait for a timeout, not for the processor. */
const AT_ONCE = 6

test('a reload takes over every record that says so', async t => {
  const left: Reloadable[] = RELOADABLE.filter(name => only === undefined || name.includes(only))
  const work = async (): Promise<void> => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      const { [name]: one } = CASES
      try {
        t.strictSame(await changeOf(name, one), one.expect, name)
      } catch (cause) {
        const missing = missingBehind(cause)
        if (missing === undefined) t.fail(name, { found: String(cause) })
        else skip(t, name, missing)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
})
