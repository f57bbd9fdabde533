/**
 * Follows the plugin author's guide to the letter: the files of the chapter are
 * written, its commands run, in the order in which they stand there. Three things a test does not have, and stands in
 * for: the registry behind `npm install`, a port that is free whenever it runs, and www.example.com.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import type { Child } from '../kit/child.js'
import { linkPackages, runShell } from '../kit/linked-project.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { type Block, blocksOf } from '../rules/kit/markdown.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const CHAPTER = '## A project with a test\n'
const OLD = 'www.example.com'
const FRESH = 'fresh.example.com'
const DAY = 86_400_000

function chapter(): readonly Block[] {
  const text = readFileSync(join(ROOT, 'docs/plugin-guide.md'), 'utf8')
  const from = text.indexOf(CHAPTER)
  return blocksOf(text.slice(from, text.indexOf('\n## ', from)))
}

class Reader {
  readonly #t: Test
  readonly #env: NodeJS.ProcessEnv
  readonly #origin: number
  #cwd: string
  /** The program that `npm start` started. */
  proxy: Child | undefined
  /** What the last command wrote. */
  output = ''

  constructor(t: Test, home: string, origin: number, env: NodeJS.ProcessEnv) {
    this.#t = t
    this.#cwd = home
    this.#origin = origin
    this.#env = env
  }

  async follow(command: string): Promise<void> {
    if (command.startsWith('cd ')) this.#cwd = join(this.#cwd, command.slice(3))
    else if (command === 'npm install') linkPackages(this.#cwd)
    else if (command === 'npm start') await this.#start(command)
    else this.#t.equal(await this.run(command), 0, `${command}: ${this.output}`)
  }

  async run(command: string): Promise<number> {
    const at = /listens on (\S+:\d+)/.exec(this.proxy?.stdout() ?? '')?.[1] ?? ''
    const here = command.replace('127.0.0.1:8080', at).replace(/(https:\/\/[\w.]+)\//, `$1:${this.#origin}/`)
    const child = await runShell(here, this.#cwd, this.#env)
    this.#t.teardown(child.stop)
    const code = await child.exited(30_000)
    this.output = child.stdout() + child.stderr()
    return code
  }

  async #start(command: string): Promise<void> {
    // In a group of its own, which gets what a terminal sends to it on Ctrl-C.
    const child = await runShell(`exec setsid ${command}`, this.#cwd, this.#env)
    this.proxy = child
    this.#t.teardown(async () => {
      if (child.exitCode !== null) return
      process.kill(-child.pid, 'SIGINT')
      await child.exited()
    })
    await child.until(() => child.stdout().includes('listens on') || undefined, 'the port', 20_000)
  }
}

test('a plugin that is written from the guide alone works', async t => {
  const root = await makeAuthority({ name: 'Guide' })
  const old = await root.issue({ cn: OLD, notBefore: new Date(Date.now() - 3 * DAY) })
  const fresh = await root.issue({ cn: FRESH })
  const origin = await nodeOrigin({ tls: old })
  t.teardown(origin.stop)
  const freshOrigin = await nodeOrigin({ tls: fresh })
  t.teardown(freshOrigin.stop)

  const dir = makeTempDir()
  t.teardown(dir.remove)
  symlinkSync(join(ROOT, 'dist'), join(dir.path, 'dist')) // "next to where you have built Portcullis"
  const env = {
    PROXY_CONFIG_HTTP_SERVER_PORTS: '0:ip-in=127.0.0.1',
    PROXY_CONFIG_HTTP_CONNECT_PORTS: `${origin.port} ${freshOrigin.port}`,
    PROXY_CONFIG_HOSTDB_HOST_FILE_PATH: dir.file('hosts', `127.0.0.1 ${OLD} ${FRESH}\n`),
    PROXY_CONFIG_SSL_CLIENT_CA_CERT_FILENAME: dir.file('root.pem', root.certPem),
    CURL_CA_BUNDLE: join(dir.path, 'root.pem'),
  }
  const reader = new Reader(t, dir.path, origin.port, env)
  let commands = 0
  for (const { language, name, code } of chapter()) {
    if (name !== undefined) {
      mkdirSync(dirname(join(dir.path, name)), { recursive: true })
      writeFileSync(join(dir.path, name), code)
      continue
    }
    t.equal(language, 'sh', 'what is no file is a command')
    for (const command of code.trim().split('\n')) {
      commands += 1
      await reader.follow(command)
    }
  }
  t.ok(commands >= 8, `${commands} commands`)
  t.equal(origin.requests.length, 1, 'the page has come from the origin, through the plugin')

  t.test('does what it was written for', async t => {
    const url = `https://${FRESH}:${freshOrigin.port}`
    t.not(await reader.run(`curl -sv -x http://127.0.0.1:8080 ${url}`), 0)
    t.match(reader.output, /< HTTP\/1\.1 502/)
    t.match(reader.output, /fresh\.example\.com shows a certificate that is 1 hours old/)
    t.equal(freshOrigin.requests.length, 0)
    t.strictSame(freshOrigin.failures.length, 1, 'the origin has got an alert')
  })
})
