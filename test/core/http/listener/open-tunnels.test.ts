import { test } from 'tap'
import { ProxyError } from '../../../../core/base/errors.js'
import type { ClientRequest } from '../../../../core/http/listener/client-request.js'
import { OpenTunnels } from '../../../../core/http/listener/open-tunnels.js'

const requestOf = (user: string | undefined): ClientRequest =>
  ({
    identity: user === undefined ? undefined : { user },
    client: { handshakes: [] },
  }) as unknown as ClientRequest
const ended = new ProxyError('PTC_LOGIN_ENDED', 'gone')

/** Tunnels of these users, and those that were cut. */
function opened(...users: (string | undefined)[]) {
  const tunnels = new OpenTunnels()
  const cut: string[] = []
  const leave = users.map(user => tunnels.login(requestOf(user)).open(() => cut.push(user ?? 'nobody')))
  return { tunnels, cut, leave }
}

test('a reload cuts each tunnel once, and none that has ended or has no login', async t => {
  const { tunnels, cut, leave } = opened('ann', 'bob', undefined, 'cid')
  leave[3]?.()
  const admit = (req: ClientRequest): ProxyError | undefined =>
    req.identity?.user === 'bob' ? undefined : ended
  await tunnels.judgeAll(admit)
  await tunnels.judgeAll(() => ended)
  t.strictSame(cut, ['ann', 'bob'])
})

test('a login that cannot be judged ends its tunnel, and a cut that throws ends no other judgement', async t => {
  const tunnels = new OpenTunnels()
  const cut: unknown[] = []
  tunnels.login(requestOf('ann')).open(() => {
    throw new Error('broken')
  })
  tunnels.login(requestOf('bob')).open(({ code }) => cut.push(code))
  await tunnels.judgeAll(() => Promise.reject(new Error('odd')))
  t.strictSame(cut, ['PTC_INTERNAL'])
})

test('a reload that comes while a login is judged judges it again', async t => {
  const { tunnels, cut } = opened('ann')
  let answer = (_refusal: ProxyError | undefined): void => {}
  const first = tunnels.judgeAll(
    () =>
      new Promise(resolve => {
        answer = resolve
      }),
  )
  await tunnels.judgeAll(() => ended)
  t.strictSame(cut, ['ann'], 'by the second')
  answer(undefined)
  await first
  t.strictSame(cut, ['ann'])
})

test('a login is judged where a reload came between its admission and its tunnel', async t => {
  const tunnels = new OpenTunnels()
  const login = tunnels.login(requestOf('ann'))
  t.equal(login.judge(), undefined)
  await tunnels.judgeAll(() => ended)
  t.equal(login.judge(), ended)
  const later = tunnels.login(requestOf('ann'))
  t.equal(later.judge(), undefined, 'admitted by what is in force')
})
