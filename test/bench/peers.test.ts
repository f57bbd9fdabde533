import { chmodSync, mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { startChild } from '../kit/child.js'
import { makeTempDir, type TempDir } from '../kit/temp-dir.js'
import { handshakes } from './peers/samples.js'

const PEERS = fileURLToPath(new URL('peers.js', import.meta.url))

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const { PORTCULLIS_PEERS: _, ...rest } = process.env
  const child = await startChild(process.execPath, [PEERS, ...args], { env: { ...rest, ...env } })
  return { code: await child.exited(), stdout: child.stdout(), stderr: child.stderr() }
}

function tempDir(t: Test): TempDir {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  return dir
}

function script(dir: TempDir, name: string, ...lines: readonly string[]): void {
  chmodSync(dir.file(name, `#!/bin/sh\n${lines.join('\n')}\n`), 0o755)
}

test('without the harness it says how to name one', async t => {
  const { code, stderr } = await run([])
  t.equal(code, 1)
  t.match(stderr, 'npm run bench:peers -- FOLDER, or PORTCULLIS_PEERS=FOLDER')
  const other = await run([tempDir(t).path])
  t.equal(other.code, 1)
  t.match(other.stderr, 'it lacks bench.py, run-all.sh, origin.sh')
})

test('what it does not understand is a usage error', async t => {
  for (const args of [['--fast'], ['a', 'b'], ['--from', 'x', '--quiet', 'yes']]) {
    const { code, stderr } = await run(args)
    t.equal(code, 64, args.join(' '))
    t.match(stderr, 'usage: npm run bench:peers')
  }
})

test('results that are there already are drawn', async t => {
  const file = tempDir(t).file(
    'a.jsonl',
    [handshakes('portcullis', 1, 1100), handshakes('ats', 1, 1000)].join('\n'),
  )
  const { code, stdout } = await run(['--from', file])
  t.equal(code, 0)
  t.match(stdout, /1100 \(1100-1100\); \S+ 1\.10 \(1\.10-1\.10\)/)
  t.match(stdout, 'a machine that was not recorded')
  const here = await run(['--from', file, '--here'])
  t.match(here.stdout, `on Node ${process.versions.node} with OpenSSL ${process.versions.openssl}`)
})

test('the harness runs with the peers that are installed, and its results are drawn', async t => {
  const dir = tempDir(t)
  const tools = join(dir.path, 'tools')
  mkdirSync(tools)
  for (const tool of ['python3', 'taskset', 'curl', 'wrk', 'nginx']) script(dir, `tools/${tool}`, 'exit 1')
  script(dir, 'bench.py', 'exit 1')
  script(dir, 'origin.sh', 'echo "origin $1"', '[ "$1" != status ]')
  script(dir, 'run-all.sh', 'echo "$@"', `echo '${handshakes('portcullis', 1, 1234)}' >> "$RESULTS"`)
  const results = join(dir.path, 'results.jsonl')
  const args = [dir.path, '--rounds', '2', '--job', 'hs:dur=1', '--results', results]
  const contestants = ['--contestant', 'portcullis:hook', '--contestant', 'mitmproxy:hook']
  const env = { PATH: [tools, process.env['PATH']].join(delimiter) }
  const { code, stdout, stderr } = await run([...args, ...contestants], env)
  t.equal(code, 0, stderr)
  t.match(stdout, 'mitmproxy:hook is left out: mitmdump is not installed')
  t.match(stdout, '\norigin start\n2 hs:dur=1 portcullis:hook\norigin stop\n')
  t.match(stdout, '1234 (1234-1234)')
  t.notMatch(stdout, 'not recorded')
  const again = await run(['--from', results])
  t.notMatch(again.stdout, 'not recorded', 'where they come from is kept beside them')
})
