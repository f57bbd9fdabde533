import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { type Child, startChild } from '../child.js'
import { requireProgram } from '../programs.js'
import { makeTempDir } from '../temp-dir.js'

const DEMO = fileURLToPath(new URL('./demo.js', import.meta.url))
const ESCAPE = String.fromCharCode(27)

/** The demo, and the directory in which it makes its files. */
async function startDemo(
  t: { teardown(fn: () => Promise<void>): void },
  [command = '', ...args]: readonly string[] = [process.execPath, DEMO],
): Promise<{ demo: Child; files: () => string[] }> {
  const dir = makeTempDir()
  const demo = await startChild(command, args, { env: { ...process.env, TMPDIR: dir.path } })
  t.teardown(async () => {
    await demo.stop()
    dir.remove()
  })
  return { demo, files: () => readdirSync(dir.path) }
}

const seconds = (pattern: RegExp, text: string): number[] => (pattern.exec(text) ?? []).slice(1).map(Number)

test('the demo shows the three outcomes of the proof of concept', async t => {
  const { demo, files } = await startDemo(t)
  t.equal(await demo.exited(60_000), 0, demo.stderr())
  const text = Buffer.from(demo.stdout(), 'latin1').toString()
  t.match(text, /www\.google\.com +502 after \d+ ms +rejected, alert bad_certificate\n/)
  t.match(text, /www\.facebook\.com +200 after \d+ ms +accepted, parked \d+ ms\n/)
  const [answered = 0, parked = 0] = seconds(
    /www\.twitter\.com +200 after ([\d.]+) s +accepted, parked ([\d.]+) s\n/,
    text,
  )
  const [silent = 0] = seconds(/▾·+ not a byte for ([\d.]+) s ·+✔ request\n/, text)
  // On a busy machine a timer is late, and never early; each party's time lies within that of the one around it.
  t.ok(parked >= 3, `the proxy's log has it parked for ${parked} s`)
  t.ok(silent >= parked, `the origin hears nothing for ${silent} s`)
  t.ok(answered >= silent, `the client waits for ${answered} s`)
  t.match(text, /▾·*✖ alert bad_certificate; no Finished, no request\n/)
  t.notMatch(text, ESCAPE, 'no colours where there is no terminal')
  const wide = text.split('\n').filter(line => line.length > 80 && !line.includes('$ curl'))
  t.strictSame(wide, [], 'nothing is wider than 80 columns')
  t.strictSame(files(), [], 'no files are left')
})

test('the demo shows that curl meets the same plugin by way of CONNECT', async t => {
  requireProgram('curl')
  const { demo } = await startDemo(t)
  t.equal(await demo.exited(60_000), 0, demo.stderr())
  const text = Buffer.from(demo.stdout(), 'latin1').toString()
  t.match(text, /CONNECT tunnel failed, response 502\n/)
  t.match(text, /\$ curl .* https:\/\/www\.facebook\.com:\d+\/\n +Hello from www\.facebook\.com\n/)
})

test('an option that the demo does not have is named, before anything starts', async t => {
  const demo = await startChild(process.execPath, [DEMO, '--stey'])
  t.equal(await demo.exited(60_000), 64)
  t.match(demo.stderr(), /^the demo has no option --stey; it has one: npm run demo -- --stay\n$/)
  t.equal(demo.stdout(), '')
})

test('a reader that leaves early ends the demo neither early nor with an error', async t => {
  const line = '{ "$0" "$1"; echo "status $?" >&2; } | head -n 3'
  const { demo, files } = await startDemo(t, ['sh', '-c', line, process.execPath, DEMO])
  await demo.exited(60_000)
  t.match(demo.stderr(), /^status 0\n$/)
  t.strictSame(files(), [], 'no files are left')
})

test('Ctrl-C ends the demo and all it has started', async t => {
  const { demo, files } = await startDemo(t)
  const port = await demo.until(() => /proxy +127\.0\.0\.1:(\d+)/.exec(demo.stdout())?.[1], 'the requests')
  t.equal(await canConnect(Number(port)), true, 'the proxy runs')
  demo.kill('SIGINT')
  t.equal(await demo.exited(), 130)
  t.equal(demo.stderr(), '', 'without a complaint')
  t.equal(await canConnect(Number(port)), false, 'the proxy is gone')
  t.strictSame(files(), [], 'its files as well')
})

function canConnect(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    const done = (could: boolean): void => {
      socket.destroy()
      resolve(could)
    }
    socket.once('connect', () => done(true)).once('error', () => done(false))
  })
}
