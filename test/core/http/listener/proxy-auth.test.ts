import * as bcrypt from '@node-rs/bcrypt'
import { type Test, test } from 'tap'
import { ProxyError } from '../../../../core/base/errors.js'
import { ClientInfo } from '../../../../core/http/listener/client-info.js'
import { ClientRequest } from '../../../../core/http/listener/client-request.js'
import { ProxyAuth } from '../../../../core/http/listener/proxy-auth.js'
import { FakeClientLink } from '../../../kit/fake-client.js'

const hash = await bcrypt.hash('pass:word', 4)
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`
const SOURCE = {
  flow: () => {},
  halt: () => {},
  handOver: () => ({ link: new FakeClientLink(), early: Buffer.alloc(0) }),
}
function request(value?: string, network = '192.0.2.1'): ClientRequest {
  const rawHeaders = value === undefined ? [] : ['Proxy-Authorization', value]
  const socket = { remoteAddress: network, once: () => undefined }
  const head = { method: 'GET', url: '/', httpVersion: '1.1', rawHeaders, isUpgrade: false }
  return new ClientRequest(new ClientInfo(socket, new FakeClientLink(), undefined), SOURCE, head)
}

/** The name of the admitted request, or the code of the refusal. */
async function ask(t: Test, auth: ProxyAuth, value?: string, network?: string): Promise<unknown> {
  const req = request(value, network)
  const refusal = await Promise.resolve(auth.admit(req)).catch((error: unknown) => error)
  t.equal(req.user === undefined, refusal !== undefined)
  return refusal instanceof ProxyError ? refusal.code : req.user
}

test('a name and a password', async t => {
  const auth = new ProxyAuth({ users: new Map([['ann', hash]]) })
  t.equal(await ask(t, auth, basic('ann:pass:word')), 'ann', 'let in whoever has both right')
  t.equal(await ask(t, auth, basic('ann:pass:word').replace('Basic', 'bASIC ')), 'ann')
  for (const value of [
    undefined,
    '',
    'Basic',
    'Bearer abc',
    'Basic !!!',
    basic('ann'),
    basic(':pass:word'),
    basic('ann:'),
    basic('ann:wrong'),
    basic('bob:pass:word'),
    basic('ann:pass:word\0x'),
    basic('Ann:pass:word'),
    basic('__proto__:x'),
  ])
    t.equal(await ask(t, auth, value), 'PTC_PROXY_AUTH_REQUIRED', `not ${value}`)
})

test('a correct password is not computed again', async t => {
  const auth = new ProxyAuth({ users: new Map([['ann', hash]]) })
  t.type(auth.admit(request(basic('ann:pass:word'))), Promise)
  await ask(t, auth, basic('ann:pass:word'))
  t.equal(auth.admit(request(basic('ann:pass:word'))), undefined, 'the second answer is there at once')
  t.type(auth.admit(request(basic('ann:wrong'))), Promise, 'for this password only')
})

test('guessing does not pile up', async t => {
  const auth = new ProxyAuth({ users: new Map([['ann', await bcrypt.hash('x', 6)]]) })
  const guesses = Array.from({ length: 200 }, (_, i) =>
    Promise.resolve(auth.admit(request(basic(`ann:${i}`)))),
  )
  const answers = await Promise.allSettled(guesses)
  t.equal(
    answers.filter(({ status }) => status === 'rejected').length,
    200 - 64 - 2,
    'those beyond are refused at once',
  )
  t.ok(answers.every(a => a.status === 'rejected' || a.value?.code === 'PTC_PROXY_AUTH_REQUIRED'))
  t.equal(await ask(t, auth, basic('ann:x')), 'ann', 'and afterwards all is as before')
  const same = Array.from({ length: 200 }, () => Promise.resolve(auth.admit(request(basic('ann:same')))))
  t.equal(
    (await Promise.allSettled(same)).filter(({ status }) => status === 'rejected').length,
    0,
    'one answer serves all who ask the same',
  )
})

test('guesses of one network delay no right password of another', async t => {
  const auth = new ProxyAuth({ users: new Map([['ann', await bcrypt.hash('x', 6)]]) })
  let over = 0
  const guesses = Array.from({ length: 200 }, (_, i) =>
    Promise.resolve(auth.admit(request(basic(`ann:${i}`)))).then(
      () => over++,
      () => undefined,
    ),
  )
  t.equal(await ask(t, auth, basic('ann:x'), '192.0.2.2'), 'ann', 'it is let in while they wait')
  t.ok(over < 10, `after ${over} of 66 guesses`)
  await Promise.all(guesses)
})
