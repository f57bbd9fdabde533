/** `@late=builtin` and `@mode=shadow` on real handshakes; the machine alone is in handshake.test.ts. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import type { VerifyServerEvent } from '../../../../core/api/hooks.js'
import { accept, reject } from '../../../../core/api/verdict.js'
import { type Ask, Handshaker, type HandshakerOptions } from '../../../kit/handshakes.js'
import { opensslOrigin } from '../../../kit/openssl-origin.js'
import { makeAuthority } from '../../../kit/pki.js'

const silent: Ask = () => {}
const accepts: Ask = ({ reenable }) => void reenable()
/** Milliseconds: so long that no test waits for it by accident. */
const LONG = 8000

async function handshake(t: Test, asks: readonly Ask[], options: HandshakerOptions = {}, host = 'foo.test') {
  const root = await makeAuthority({ name: 'Root' })
  const origin = await opensslOrigin(await root.issue({ cn: 'foo.test' }))
  const handshaker = new Handshaker(root.certPem, asks, { deadline: LONG, ...options })
  const began = performance.now()
  const result = await handshaker.start(origin.port, host).catch(error => error)
  t.teardown(async () => {
    handshaker.stop()
    await origin.stop()
  })
  return { result, handshaker, origin, took: performance.now() - began }
}

test('@late=builtin', async t => {
  t.test(
    'a plugin that is silent leaves its turn to the built-in check, and the next plugin is asked',
    async t => {
      const { result, handshaker } = await handshake(t, [silent, accepts], {
        ownDeadlines: [50],
        late: ['builtin'],
      })
      t.equal(result.peer.decidedBy, 'plugins')
      t.same(handshaker.log, ['parked plugin0', 'late plugin0 X509_V_OK', 'parked plugin1'])
      result.link.destroy()
    },
  )

  t.test('the next plugin may still reject', async t => {
    const no: Ask = ({ reenable }) => void reenable(reject('revoked'))
    const { result } = await handshake(t, [silent, no], { ownDeadlines: [50], late: ['builtin'] })
    t.match(result, { code: 'PTC_VERIFY_REJECTED', rejection: { by: 'plugin', plugin: 'plugin1' } })
  })

  t.test('a failed check rejects in its place, whether it would have bound or not', async t => {
    for (const records of [{ override: 1 }, { policy: 'PERMISSIVE' }] as const) {
      const { result, origin } = await handshake(
        t,
        [silent],
        { ownDeadlines: [50], late: ['builtin'], ...records },
        'another.test',
      )
      t.match(result, { rejection: { by: 'built-in', name: 'X509_V_ERR_HOSTNAME_MISMATCH' } })
      await origin.waitFor('fatal bad_certificate')
    }
  })

  t.test('a check that is off stands in for no plugin', async t => {
    for (const records of [{ policy: 'DISABLED' }, { properties: 'NONE' }] as const) {
      const options = { ownDeadlines: [50], late: ['builtin'], ...records } as const
      const { result } = await handshake(t, [silent], options)
      t.match(result, { code: 'PTC_VERIFY_TIMEOUT', rejection: { by: 'deadline', plugin: 'plugin0' } })
    }
  })

  t.test('the general deadline rejects, also when both end at the same moment', async t => {
    for (const ownDeadlines of [[LONG], [60], [undefined]]) {
      const options = { ownDeadlines, late: ['builtin'], deadline: 60 } as const
      const { result } = await handshake(t, [silent], options)
      t.match(result, { code: 'PTC_VERIFY_TIMEOUT', rejection: { by: 'deadline' } })
    }
  })

  t.test('without it, silence at its own deadline is a rejection', async t => {
    const { result } = await handshake(t, [silent], { ownDeadlines: [50] })
    t.match(result, { code: 'PTC_VERIFY_TIMEOUT', rejection: { by: 'deadline', plugin: 'plugin0' } })
  })

  t.test('an answer after that reaches nothing', async t => {
    let late: VerifyServerEvent | undefined
    const { result, handshaker } = await handshake(
      t,
      [
        event => {
          late = event
        },
        ({ reenable }) => void setTimeout(reenable, 30),
      ],
      { ownDeadlines: [50], late: ['builtin'] },
    )
    t.equal(late?.signal.aborted, true)
    t.equal(late?.reenable(reject('revoked')), 'ignored')
    t.ok(handshaker.log.includes('ignored plugin0 late'))
    result.link.destroy()
  })
})

test('@mode=shadow', async t => {
  t.test('a verdict is counted and never enforced', async t => {
    const { result, handshaker } = await handshake(t, [accepts], {
      shadows: [({ reenable }) => void reenable(reject('revoked', 'on a list')), accepts],
    })
    t.equal(result.peer.decidedBy, 'plugins')
    t.same(handshaker.log, [
      'shadow0 would reject foo.test',
      'shadow1 would accept foo.test',
      'parked plugin0',
    ])
    result.link.destroy()
  })

  t.test('an acceptance counts as little: alone in shadow mode, the built-in check decides', async t => {
    const good = await handshake(t, [], { shadows: [silent] })
    t.equal(good.result.peer.decidedBy, 'built-in')
    good.result.link.destroy()
    const bad = await handshake(t, [], { shadows: [accepts], override: 1 }, 'another.test')
    t.match(bad.result, { rejection: { by: 'built-in' } })
    const nobody = await handshake(t, [], { shadows: [accepts], policy: 'DISABLED' })
    t.match(nobody.result, { rejection: { by: 'no-check' } })
  })

  t.test('it is never waited for, and can still answer when the handshake is over', async t => {
    const { result, handshaker, took } = await handshake(t, [accepts], {
      shadows: [({ reenable, schedule }) => schedule(() => void reenable(reject('policy')), 1500)],
    })
    t.ok(took < 1500, `took ${took} ms`)
    t.same(handshaker.log, ['parked plugin0'])
    await sleep(1600)
    t.same(handshaker.log, ['parked plugin0', 'shadow0 would reject foo.test'])
    result.link.destroy()
  })

  t.test('one that fails, now or later, does not matter', async t => {
    const { result, handshaker } = await handshake(t, [accepts], {
      shadows: [(_, refuse) => refuse(new Error('oops')), silent],
      deadline: 300,
    })
    t.ok(result.peer)
    await sleep(600)
    const log = handshaker.log.filter(line => line.startsWith('shadow'))
    t.same(log, ['shadow0 would reject foo.test', 'shadow1 would reject foo.test'])
    result.link.destroy()
  })

  t.test('the end of the connection leaves it its time', async t => {
    let event: VerifyServerEvent | undefined
    const shadow: Ask = asked => {
      event = asked
    }
    const { result, handshaker } = await handshake(t, [accepts], { shadows: [shadow] })
    result.link.destroy()
    await sleep(20)
    t.equal(event?.signal.aborted, false)
    t.equal(event?.reenable(accept()), 'counted')
    t.ok(handshaker.log.includes('shadow0 would accept foo.test'))
  })

  t.test('so does a handshake that is rejected', async t => {
    let event: VerifyServerEvent | undefined
    const no: Ask = ({ reenable }) => void reenable(reject('policy'))
    const shadow: Ask = asked => {
      event = asked
    }
    const { result, handshaker } = await handshake(t, [no], { shadows: [shadow], deadline: 300 })
    t.match(result, { rejection: { by: 'plugin', plugin: 'plugin0' } })
    t.equal(event?.signal.aborted, false)
    await sleep(600)
    t.equal(event?.signal.aborted, true, 'until its deadline')
    t.ok(handshaker.log.includes('shadow0 would reject foo.test'))
  })

  t.test(
    'no plugin is asked beside a built-in check that is final, or where no plugin is wanted',
    async t => {
      const asked: string[] = []
      const shadow: Ask = ({ host }) => void asked.push(host)
      await handshake(t, [accepts], { shadows: [shadow] }, 'another.test')
      for (const verify of [0, 1] as const) {
        const { result } = await handshake(t, [accepts], { shadows: [shadow], verify })
        result.link.destroy()
      }
      t.same(asked, [])
    },
  )
})
