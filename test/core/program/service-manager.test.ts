/** The protocol of `Type=notify`: a unix datagram socket, on which Python listens in place of systemd. */
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { serviceManager, watchdogInterval } from '../../../core/program/service-manager.js'
import { type Child, startChild } from '../../kit/child.js'
import { requireProgram } from '../../kit/programs.js'
import { makeConfDir, runMain } from '../../kit/proxy.js'
import { makeTempDir } from '../../kit/temp-dir.js'
import { poll } from '../../kit/watch.js'

const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
while True:
    for line in s.recv(4096).decode().splitlines():
        print(line, flush=True)
`

/** What systemd would be told, one assignment a line. */
async function listenAt(t: Test): Promise<{ path: string; told: Child }> {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const path = join(dir.path, 'notify')
  const told = await startChild('python3', ['-c', LISTENER, path])
  t.teardown(told.stop)
  await told.until(() => told.stdout().includes('bound') || undefined, 'the socket')
  return { path, told }
}

const count = ({ stdout }: Child, line: string): number => stdout().split(`${line}\n`).length - 1

/** Starts a proxy whose plugin shows the environment that its own programs would get. */
async function startNotifying(t: Test, processes: number) {
  requireProgram('systemd-notify')
  const { path, told } = await listenAt(t)
  const conf = makeConfDir({
    records: { 'proxy.config.exec_thread.limit': processes },
    plugins: ['shows'],
    modules: {
      'shows.mjs':
        "export default ({ note }) => note('sees ' + Object.keys(process.env).filter(n => /NOTIFY|WATCHDOG/.test(n)).length)",
    },
  })
  t.teardown(conf.remove)
  const proxy = await runMain(['start', '-D', conf.path], { NOTIFY_SOCKET: path, WATCHDOG_USEC: '400000' })
  t.teardown(proxy.stop)
  return { proxy, told }
}

for (const processes of [1, 2])
  test(`systemd is told of ready, watchdog and stop by ${processes} serving process(es)`, async t => {
    const { proxy, told } = await startNotifying(t, processes)
    await told.until(() => count(told, 'WATCHDOG=1') >= 2 || undefined, 'the watchdog', 60_000)
    t.match(told.stdout(), /^bound\nREADY=1\n/, 'ready comes first')
    t.equal(count(told, 'READY=1'), 1)
    t.match(proxy.stdout(), 'portcullis listens on', 'after the ports are open')
    t.match(proxy.stdout() + proxy.stderr(), 'sees 0', 'plugins do not have the variables')
    proxy.kill('SIGTERM')
    t.equal(await proxy.exited(), 0)
    await told.until(() => count(told, 'STOPPING=1') || undefined, 'the end')
  })

test('a failure to tell systemd is reported once, and the proxy serves', async t => {
  const warnings: string[] = []
  const env = { NOTIFY_SOCKET: '/nowhere/notify', PATH: '/nowhere' }
  const manager = serviceManager(env, 1, message => warnings.push(message))
  t.strictSame(env, { PATH: '/nowhere' })
  manager.ready()
  manager.stopping()
  await poll(() => warnings.length > 0, 'a warning')
  await new Promise(resolve => setImmediate(resolve))
  t.equal(warnings.length, 1)
  t.match(warnings[0], /systemd is not told that the service runs: systemd-notify: .*ENOENT/)
})

test('the watchdog is fed twice in its period, and only where it watches this process', t => {
  t.equal(watchdogInterval('60000000'), 30_000)
  for (const none of [undefined, '', 'x', '0', '-5']) t.equal(watchdogInterval(none), undefined, `${none}`)
  t.end()
})
