import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type Test, test } from 'tap'
import type { HandshakeSteps } from '../../../../core/api/diagnostics.js'
import { accept, reject } from '../../../../core/api/verdict.js'
import { type Ask, Handshaker, type HandshakerOptions } from '../../../kit/handshakes.js'
import { opensslOrigin } from '../../../kit/openssl-origin.js'
import { makeAuthority } from '../../../kit/pki.js'

const NAMES = ['start', 'certificate', 'asked', 'reenabled', 'accepted', 'rejected', 'closed'] as const
type Told = readonly [name: string, payload: Record<string, unknown>]

function listen(t: Test): Told[] {
  const told: Told[] = []
  for (const name of NAMES) {
    const hear = (payload: unknown): void => void told.push([name, payload as Told[1]])
    const channel: keyof HandshakeSteps = `portcullis:handshake:${name}`
    subscribe(channel, hear)
    t.teardown(() => unsubscribe(channel, hear))
  }
  return told
}

async function handshake(
  t: Test,
  asks: readonly Ask[],
  options: HandshakerOptions = {},
  signal?: AbortSignal,
) {
  const root = await makeAuthority({ name: 'Root' })
  const origin = await opensslOrigin(await root.issue({ cn: 'foo.test' }))
  const handshaker = new Handshaker(root.certPem, asks, options)
  t.teardown(async () => {
    handshaker.stop()
    await origin.stop()
  })
  const result = await handshaker.start(origin.port, 'foo.test', signal).catch(error => error)
  return { result, port: origin.port }
}

const yes: Ask = ({ reenable }) => void reenable(accept())
const names = (told: readonly Told[]): string[] => told.map(([name]) => name)

test('the trace tells each step of an accepted handshake', async t => {
  const told = listen(t)
  const later: Ask = ({ reenable, schedule }) => schedule(() => void reenable(), 60)
  const { result, port } = await handshake(t, [yes, later])
  t.same(names(told), [
    'start',
    'certificate',
    ...['asked', 'reenabled', 'asked', 'reenabled'],
    'accepted',
    'closed',
  ])
  for (const [, payload] of told) {
    const common = { id: result.vconn.id, host: 'foo.test', port, remoteAddress: `127.0.0.1:${port}` }
    t.match(payload, common)
  }
  const payload = (index: number): Told[1] => told[index]?.[1] ?? {}
  t.equal(payload(1)['evidence'], result.peer.evidence)
  t.match(payload(3), { plugin: 'plugin0', verdict: { kind: 'accept' } })
  t.match(payload(4), { plugin: 'plugin1' })
  t.ok(Number(payload(5)['took']) >= 55 && Number(payload(6)['parked']) >= 55)
  t.match(payload(6), { decidedBy: 'plugins', tolerated: [], isResumed: false })
  t.match(payload(7), { error: undefined })
  t.ok(Number(payload(7)['took']) >= Number(payload(6)['parked']))
  result.link.destroy()
})

test('the trace tells how a handshake failed', async t => {
  const gone = new AbortController()
  const ways: Record<
    string,
    { asks: Ask[]; options?: HandshakerOptions; steps: string[]; rejected?: object; error: string }
  > = {
    'a rejection': {
      asks: [({ reenable }) => void reenable(reject('revoked', 'on a list')), yes],
      steps: ['asked', 'reenabled', 'rejected'],
      rejected: {
        by: 'plugin',
        plugin: 'plugin0',
        name: 'X509_V_ERR_CERT_REVOKED',
        code: 23,
        detail: 'on a list',
      },
      error: 'PTC_VERIFY_REJECTED',
    },
    'a failure': {
      asks: [(_, refuse) => refuse(new Error('oops'))],
      steps: ['asked', 'rejected'],
      rejected: { by: 'plugin-failed', plugin: 'plugin0', detail: 'oops' },
      error: 'PTC_VERIFY_PLUGIN_FAILED',
    },
    silence: {
      asks: [() => {}],
      options: { deadline: 40 },
      steps: ['asked', 'rejected'],
      rejected: { by: 'deadline', plugin: 'plugin0' },
      error: 'PTC_VERIFY_TIMEOUT',
    },
    'a client that leaves': { asks: [() => gone.abort()], steps: ['asked'], error: 'PTC_CLIENT_GONE' },
  }
  for (const [what, { asks, options, steps, rejected, error }] of Object.entries(ways)) {
    t.test(what, async t => {
      const told = listen(t)
      await handshake(t, asks, options, gone.signal)
      t.same(names(told), ['start', 'certificate', ...steps, 'closed'])
      if (rejected !== undefined) t.match(told.at(-2)?.[1], rejected)
      t.match(told.at(-1)?.[1], { error })
    })
  }
})
