/** What a bad plugin in worker threads can do to clients whose handshakes it does not hold: nothing. */
import { test } from 'tap'
import { isolatedClients as setUp } from '../kit/isolated-client.js'
import { HELLO } from '../kit/secure-proxy.js'

const WHY = {
  exit: /its worker was lost: /,
  memory: /its worker was lost: it ran out of memory/,
  spin: /its worker was lost: it does not return from its call/,
} as const

test('a client is refused when the worker that holds it ends', async t => {
  const { client, proxy } = await setUp(t, {
    'proxy.config.plugin.isolate.memory_mb': 32,
    'proxy.config.plugin.isolate.hang_timeout': 2000,
  })
  const cases = [
    ...(['exit', 'memory', 'spin'] as const).map(what => [what, 'hello'] as const),
    ['exit', 'cert'] as const,
  ]
  for (const [i, [what, hook]] of cases.entries()) {
    let isHeld = true
    const held = client({ servername: `${what}.${hook}.example` }).finally(() => {
      isHeld = false
    })
    const others = await Promise.all(Array.from({ length: 3 }, () => client()))
    t.ok(
      others.every(({ body }) => body === HELLO),
      `${hook}, ${what}: others go on`,
    )
    if (what === 'spin') t.ok(isHeld, 'meanwhile')
    t.match(await held, { body: undefined, alert: 80 }, 'what it held is refused')
    await proxy.until(new RegExp(`refused the client's handshake: it failed: ${WHY[what].source}`))
    await proxy.until(new RegExp(`(?:has a worker again[^]*){${i + 1}}`))
    t.match(await client(), { body: HELLO })
  }
  await proxy.until(new RegExp(`(?:ready true[^]*){${2 + cases.length}}`)) // a new instance is told of the ports, too
})
