import { test } from 'tap'
import { type ErrorCode, ProxyError } from '../../../core/base/errors.js'
import type { Send } from '../../../core/cli/ctl-client.js'
import { server } from '../../../core/cli/ctl-server.js'

test('a stop is watched until the proxy has ended, also when its processes have ended before', async t => {
  const answers: (object | ErrorCode)[] = [
    { grace: 30_000 },
    { counters: { clientConnections: 1 } },
    'PTC_PROCESS_GONE',
    'PTC_ADMIN_UNREACHABLE',
    'PTC_INTERNAL',
  ]
  const send = async () => {
    const answer = answers.shift() ?? {}
    if (typeof answer === 'string') throw new ProxyError(answer, 'no')
    return answer
  }
  const { run, text, isDone } = server(['stop'], { words: [] })
  const look = async () => {
    const answer = (await run(send as unknown as Send)) as never
    return [...text(answer), isDone?.(answer)]
  }
  t.strictSame(await look(), ['it ends when its requests have ended, in 30.0 s at most', false])
  t.strictSame(await look(), ['1 client connection left', false])
  t.strictSame(await look(), ['0 client connections left', false])
  t.strictSame(await look(), ['the proxy has ended', true])
  await t.rejects(look(), { code: 'PTC_INTERNAL' }, 'any other failure is shown')
})
