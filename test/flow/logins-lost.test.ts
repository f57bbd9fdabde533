/** Logins that authenticate a connection, and connections that end. */
import { test } from 'tap'
import { connectionsOf, LoginClient, open, setUp } from '../kit/login-origin.js'

test('a client whose login is lost with the connection has to connect anew', async t => {
  const { origin, client } = await setUp(t, {
    before: ({ url, socket }, response) => {
      if (url?.endsWith('/last')) response.setHeader('Connection', 'close')
      else if (url?.endsWith('/lost')) socket.destroy()
      else if (url?.endsWith('/soon')) response.on('finish', () => setTimeout(() => socket.destroy(), 20))
      else return false
      return url.endsWith('/lost')
    },
  })
  const told = await client('/last')
  const last = await told.ask()
  t.equal(
    last.header('connection'),
    'Proxy-Support, close',
    'the origin ends the connection: the client is told',
  )
  await told.raw.ended()

  const idle = await client('/soon')
  await idle.begin()
  await idle.raw.ended()
  t.pass('it is lost between two requests')

  const lost = await client('/lost')
  const at = new LoginClient(lost.raw, lost.target.replace('/lost', '/'), lost.host)
  t.match((await at.login('alice')).body.toString(), /^alice/)
  const before = origin.connections
  const answer = await lost.ask()
  t.equal(answer.status, 502, 'a request that would be repeated otherwise')
  t.equal(answer.header('connection'), 'close')
  await lost.raw.ended()
  t.equal(origin.connections, before, 'is not sent on another connection')
})

test('a login may begin on an idle connection that turns out to be closed', async t => {
  let shallClose = false
  const { origin, client } = await setUp(t, {
    before: ({ socket }) => {
      const closes = shallClose
      shallClose = false
      if (closes) socket.destroy()
      return closes
    },
  })
  const first = await client('/public/')
  t.match((await first.ask()).body.toString(), /^nobody/)
  shallClose = true
  const alice = await client()
  t.match((await alice.login('alice')).body.toString(), /^alice/)
  t.same(connectionsOf(origin), [0, 0, 1, 1], 'nothing of a login was lost with it')
})

test('without keep-alive of the client a login ends with each response', async t => {
  const { origin, client } = await setUp(t)
  const alice = await client()
  await alice.begin({ fields: ['Connection: close'] })
  await alice.raw.ended()
  await open(origin, 0)
  t.pass()
})
