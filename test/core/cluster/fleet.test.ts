/** What a fleet says of its Redis. */
import { createServer } from 'node:net'
import { test } from 'tap'
import { Fleet } from '../../../core/cluster/fleet/fleet.js'
import { makeKey } from '../../kit/stores.js'
import { makeTempDir } from '../../kit/temp-dir.js'

test('no line about Redis has the password, whatever Redis says', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const answer = "-ERR unknown command 'AUTH', with args beginning with: 'fleet' 'hunter2 %' \r\n"
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.on('data', bytes => {
      const commands = String(bytes).match(/\*\d+\r\n/g) ?? []
      socket.write(answer.repeat(commands.length))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const url = `redis://fleet:hunter2%20%25@127.0.0.1:${port}`
  const fleet = new Fleet({
    url,
    keyFile: dir.file('keys', makeKey()),
    lookupTimeout: 50,
    lives: { verdict: 0, session: 0 },
  })
  t.teardown(() => fleet.close())
  const line = await new Promise<string>(resolve => {
    void fleet.others.attach({
      revokeHere: () => undefined,
      withdrawHere: async () => undefined,
      deliver: async () => undefined,
      warn: resolve,
    })
  })
  t.match(line, /Redis of the fleet does not answer: .*AUTH.*'\*\*\*'/)
  t.notMatch(line, 'hunter2')
})
