/** What curl makes of a response that its origin did not complete: never a success. */
import { test } from 'tap'
import { curl } from '../../kit/curl.js'
import { type RawConnection, rawOrigin } from '../../kit/raw-origin.js'
import { startListener } from '../../kit/running-listener.js'

const FRAMINGS = {
  'a length': { head: 'Content-Length: 100000\r\n', part: 'x'.repeat(40_000) },
  chunks: { head: 'Transfer-Encoding: chunked\r\n', part: `9c40\r\n${'x'.repeat(40_000)}\r\n` },
}

const cuts: Record<string, (connection: RawConnection) => void> = {
  'an end': connection => connection.end(),
  'a reset': connection => connection.reset(),
  'what is no chunk': connection => connection.send('nonsense\r\n'),
}

for (const [framing, { head, part }] of Object.entries(FRAMINGS)) {
  test(`a body framed by ${framing} that is cut`, async t => {
    for (const [how, cut] of Object.entries(cuts)) {
      if (how === 'what is no chunk' && framing !== 'chunks') continue
      const origin = await rawOrigin(async connection => {
        await connection.until(() => connection.text().includes('\r\n\r\n') || undefined, 'a request')
        connection.send(`HTTP/1.1 200 OK\r\n${head}\r\n${part}`)
        setTimeout(cut, 50, connection)
      })
      t.teardown(origin.stop)
      const { port, done } = await startListener(t)
      for (const version of ['--http1.1', '--http1.0']) {
        const args = ['-sS', '-m', '5', version, '-x', `http://127.0.0.1:${port}`, '-o', '/dev/null']
        const { code } = await curl([...args, `http://127.0.0.1:${origin.port}/`])
        t.ok(code === 18 || code === 56, `${how}, ${version}: curl says ${code}`)
      }
      t.equal(done.length, 2, 'each is told of once')
    }
  })
}

test('a body that lasts until the end, and comes to it', async t => {
  const origin = await rawOrigin(async connection => {
    await connection.until(() => connection.text().includes('\r\n\r\n') || undefined, 'a request')
    connection.send(`HTTP/1.0 200 OK\r\n\r\n${'x'.repeat(40_000)}`)
    connection.end()
  })
  t.teardown(origin.stop)
  const { port } = await startListener(t)
  for (const version of ['--http1.1', '--http1.0']) {
    const args = ['-sS', '-m', '5', version, '-x', `http://127.0.0.1:${port}`]
    const { code, stdout } = await curl([...args, `http://127.0.0.1:${origin.port}/`])
    t.match({ code, length: stdout.length }, { code: 0, length: 40_000 }, version)
  }
})
