import { test } from 'tap'
import { rawClient } from '../../../kit/client.js'
import { startListener } from '../../../kit/running-listener.js'

for (const takesTime of [false, true])
  test(`what goes wrong behind the admission ends its client (it takes ${takesTime ? 'time' : 'none'})`, async t => {
    const told: number[] = []
    let isBroken = true
    const { port } = await startListener(t, {
      listener: {
        admit: () => (takesTime ? Promise.resolve(undefined) : undefined),
        forward: {
          handle: (_req, res) => {
            if (isBroken) throw Object.create(null)
            res.sendAll(204, 'No Content', [], Buffer.alloc(0))
          },
        },
        onRefused: ({ status }) => void told.push(status),
      },
    })
    const first = await rawClient(port)
    t.teardown(first.stop)
    first.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await first.ended()
    if (takesTime) t.strictSame(told, [0], 'and is in the access log')
    isBroken = false
    const second = await rawClient(port)
    t.teardown(second.stop)
    second.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    t.equal((await second.response()).status, 204)
  })
