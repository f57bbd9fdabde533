import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import type { VerifyServerEvent } from '../../../../core/api/hooks.js'
import { type Ask, Handshaker, liveHandshakes } from '../../../kit/handshakes.js'
import { nodeOrigin } from '../../../kit/node-origin.js'
import { makeAuthority } from '../../../kit/pki.js'
import { atStackEnd } from '../../../kit/stack-end.js'

const HOST = 'foo.test'

test('a plugin answers at the end of its stack', async t => {
  const root = await makeAuthority({ name: 'Root' })
  const leaf = await root.issue({ cn: HOST })
  const origin = await nodeOrigin({ tls: { chainPem: leaf.chainPem, keyPem: leaf.keyPem } })
  t.teardown(() => origin.stop())

  /** How a handshake ends, and what the plugin heard of its own calls. */
  const outcome = async (frames: number, when: (call: () => void) => void, others: readonly Ask[] = []) => {
    const heard = new Set<string>()
    const ask = ({ reenable }: VerifyServerEvent) =>
      when(() => atStackEnd(() => void heard.add(reenable()), frames))
    const made = new Handshaker(root.certPem, [ask, ...others])
    try {
      const { link } = await made.start(origin.port, HOST)
      link.destroy()
      return { end: 'accepted', heard }
    } catch (cause) {
      return { end: `${(cause as { code?: string }).code} ${(cause as Error).message}`, heard }
    } finally {
      made.stop()
    }
  }
  const TIMES = {
    'before it returns': (call: () => void) => call(),
    later: (call: () => void) => void setTimeout(call, 1),
  }

  for (const [name, when] of Object.entries(TIMES)) {
    await t.test(`${name}: the handshake is rejected at once`, async t => {
      const { end, heard } = await outcome(0, when)
      t.match(end, /^PTC_VERIFY_REJECTED .*stack/)
      t.ok(heard.has('counted'))
    })

    await t.test(`${name}: with any room it ends at once, accepted or rejected`, async t => {
      const ends = new Set<string>()
      for (const frames of [1, 3, 10, 30, 60, 100, 150, 200, 300, 400, 600, 1000, 2000]) {
        const { end } = await outcome(frames, when, [({ reenable }) => void reenable()])
        t.match(end, /^accepted$|^PTC_VERIFY_REJECTED .*stack/, `${frames} frames above the end`)
        ends.add(end)
      }
      t.ok(ends.has('accepted'), 'with room the answer is what it says')
    })
  }

  await t.test(
    'an answer that waits for an empty stack reaches nothing once the client has left',
    async t => {
      const client = new AbortController()
      const made = new Handshaker(root.certPem, [
        ({ reenable }) =>
          void setTimeout(() => {
            atStackEnd(() => void reenable())
            client.abort()
          }, 1),
      ])
      await t.rejects(made.start(origin.port, HOST, client.signal), { code: 'PTC_CLIENT_GONE' })
      await sleep(10)
      t.strictSame([made.rejected, made.log], [[], ['parked plugin0']])
      made.stop()
    },
  )

  t.equal(liveHandshakes(), 0, 'everything is freed')
})
