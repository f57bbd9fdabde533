import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { portRequest } from '../../../core/cli/ctl-port.js'

const TOKEN = 'a-token-of-more-than-20-characters'

test('ctl sends the first token of the file, whatever its role', async t => {
  const tokenFile = join(t.testdir(), 'token')
  for (const role of ['', 'change:', 'decide:', 'read:']) {
    writeFileSync(tokenFile, `${role}${TOKEN}\ndecide:another-token-of-more-than-20\n`)
    const { headers } = await portRequest(
      '127.0.0.1:8083',
      { tokenFile, tls: undefined },
      AbortSignal.timeout(1000),
    )
    t.match(headers, { authorization: `Bearer ${TOKEN}` }, role)
  }
})
