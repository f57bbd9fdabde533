import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { listenAt } from '../../../core/admin/socket-file.js'
import { makeTempDir } from '../../kit/temp-dir.js'

function setUp(t: Test): { readonly dir: string; readonly path: string; server(): Server } {
  const { path: dir, remove } = makeTempDir()
  t.teardown(remove)
  const server = (): Server => {
    const made = createServer(socket => socket.on('error', () => undefined).end('hello'))
    t.teardown(() => made.close())
    return made
  }
  return { dir, path: join(dir, 'a.sock'), server }
}

async function hear(path: string): Promise<string> {
  const socket = connect(path).setEncoding('utf8')
  let text = ''
  socket.on('data', part => {
    text += part
  })
  await once(socket, 'close')
  return text
}

/** A process that ends without having put its things in order. */
function leaveSocket(path: string): void {
  const code = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', code])
}

test('a socket for its owner alone, which is removed at the end', async t => {
  const { dir, path, server } = setUp(t)
  const remove = await listenAt(server(), path)
  t.equal((statSync(path).mode & 0o777).toString(8), '600')
  t.same(readdirSync(dir), ['a.sock'], 'nothing else is left')
  t.equal(await hear(path), 'hello')
  await remove()
  await remove()
  t.same(readdirSync(dir), [])
})

test('the socket file of a dead process is replaced', async t => {
  const { path, server } = setUp(t)
  leaveSocket(path)
  t.ok(existsSync(path))
  await listenAt(server(), path)
  t.equal(await hear(path), 'hello')
})

test('a socket file in use is not replaced', async t => {
  const { dir, path, server } = setUp(t)
  await listenAt(server(), path)
  await t.rejects(listenAt(server(), path), {
    code: 'PTC_ADMIN_SOCKET',
    message: /a\.sock cannot be opened: another process listens there/,
  })
  t.equal(await hear(path), 'hello')
  const other = join(dir, 'file')
  writeFileSync(other, '')
  await t.rejects(listenAt(server(), other), {
    code: 'PTC_ADMIN_SOCKET',
    message: /no socket, and it is not/,
  })
  t.equal(readFileSync(other, 'utf8'), '')
})

test('the file of a successor stays', async t => {
  const { dir, path, server } = setUp(t)
  const remove = await listenAt(server(), path)
  renameSync(path, join(dir, 'old.sock'))
  await listenAt(server(), path)
  await remove()
  t.equal(await hear(path), 'hello')
})

test('a socket path that cannot be used is named', async t => {
  const { dir, server } = setUp(t)
  await t.rejects(listenAt(server(), join(dir, 'no', 'a.sock')), {
    code: 'PTC_ADMIN_SOCKET',
    message: /ENOENT/,
  })
  if (process.getuid?.() === 0) return
  chmodSync(dir, 0o500)
  await t.rejects(listenAt(server(), join(dir, 'a.sock')), { code: 'PTC_ADMIN_SOCKET', message: /EACCES/ })
  chmodSync(dir, 0o700)
})
