import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { RECORDS } from '../../core/config/records-table.js'
import { startChild } from '../kit/child.js'
import { makeTempDir } from '../kit/temp-dir.js'

const UNIT = readFileSync('etc/packaging/portcullis.service', 'utf8')
/** Greater than the figure of docs/installing.md: other versions of systemd look at more. */
const EXPOSURE = 25

/** The unit with a program that exists here. */
function unitFile(t: Test, text = UNIT): string {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  return dir.file('portcullis.service', text.replaceAll('/usr/bin/portcullis', process.execPath))
}

async function analyze(t: Test, ...args: string[]): Promise<{ status: number; output: string }> {
  const child = await startChild('systemd-analyze', args, {
    env: { ...process.env, SYSTEMD_PAGER: '', LANG: 'C.UTF-8' },
  })
  t.teardown(child.stop)
  child.endInput()
  const status = await child.exited(60_000)
  return { status, output: child.stdout() + child.stderr() }
}

test('systemd accepts every line of the unit', async t => {
  const { status, output } = await analyze(t, 'verify', '--man=no', unitFile(t))
  t.equal(output, '', 'no complaint')
  t.equal(status, 0)
  const wrong = await analyze(t, 'verify', '--man=no', unitFile(t, `${UNIT}\n[Service]\nWatchdogSeconds=3\n`))
  t.match(wrong.output, 'WatchdogSeconds', 'a line that systemd does not know is reported')
})

test('systemd-analyze security finds the service well confined', async t => {
  const threshold = ['security', '--offline=true', `--threshold=${EXPOSURE}`]
  const { status, output } = await analyze(t, ...threshold, unitFile(t))
  t.match(output, /Overall exposure level for portcullis\.service: [012]\.\d OK/)
  t.equal(status, 0)
  const open = UNIT.replace(/^(?:Protect|Private|Restrict|System|Capability|NoNew|Lock).*\n/gm, '')
  t.not((await analyze(t, ...threshold, unitFile(t, open))).status, 0, 'without these lines it is not')
})

test('the unit gives requests longer to end than the proxy does, and signals the proxy alone', t => {
  const grace = RECORDS['proxy.config.stop.shutdown_timeout'].default
  const stop = Number(/^TimeoutStopSec=(\d+)$/m.exec(UNIT)?.[1])
  t.ok(stop > grace + 5, 'with the spare of several processes')
  t.match(UNIT, /^KillMode=mixed$/m)
  t.end()
})

test('logrotate accepts its file, and makes the proxy open its logs anew', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const shipped = readFileSync('etc/packaging/portcullis.logrotate', 'utf8')
  const log = dir.file('access.log', 'a line\n')
  const told = join(dir.path, 'told')
  const text = shipped
    .replace('/var/log/portcullis/*.log', `${dir.path}/*.log`)
    .replace(/^ *(?:su|create) .*\n/gm, '')
    .replace(/systemctl kill .*/, `echo "$@" > ${told}`)
  const file = dir.file('conf', text)
  const child = await startChild('logrotate', ['--force', '--state', join(dir.path, 'state'), file])
  t.teardown(child.stop)
  t.equal(await child.exited(), 0)
  t.equal(child.stderr(), '')
  t.equal(readFileSync(`${log}.1`, 'utf8'), 'a line\n', 'rotated')
  t.ok(readFileSync(told), 'and the command of postrotate has run')
  t.match(shipped, /--signal=SIGUSR1 portcullis\.service/)
})
