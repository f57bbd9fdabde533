/** curl, wget, git and Python's urllib through the proxy: in absolute form, and with CONNECT in probe and bump mode. */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { MODES, startForClients } from '../kit/client-programs.js'
import { requireProgram } from '../kit/programs.js'

const HOST = 'files.test'

const URLLIB = `
import ssl, sys, urllib.request
proxy, ca, url = sys.argv[1:4]
context = ssl.create_default_context(cafile=ca)
opener = urllib.request.build_opener(
    urllib.request.ProxyHandler({'http': proxy, 'https': proxy}), urllib.request.HTTPSHandler(context=context))
print(opener.open(url, timeout=10).read().decode())
print(len(opener.open(url + 'echo/', data=b'x' * 300000, timeout=10).read()))
`

test('programs that were given a name and a password in a URL log in with them', async t => {
  const { http, run, proxyUrl, trustFile } = await startForClients(t, 'probe', [HOST])
  const origin = await http()
  const url = `http://ann:ses%40me@${HOST}:${origin.port}/`
  const as = `Basic ${btoa('ann:ses@me')}`
  for (const [program, args] of [
    ['curl', ['-q', '-sS', '-f', '-x', proxyUrl, url]],
    ['wget', ['-q', '-O', '-', '-e', `http_proxy=${proxyUrl}`, url]],
    ['python3', ['-c', URLLIB, proxyUrl, trustFile, url]],
  ] as const) {
    const count = origin.requests.length
    const got = await run(program, args)
    t.match(got, { code: 0, stdout: /^hello from files\.test/ }, `${program}: ${got.stderr}`)
    const asked = origin.requests.slice(count)
    t.ok(asked.length > 0)
    for (const { headers } of asked)
      t.match(headers, { authorization: as, host: `${HOST}:${origin.port}` }, program)
  }
})

for (const mode of MODES) {
  test(`curl in ${mode} mode`, async t => {
    const { http, https, curl, trustFile, run, proxyUrl } = await startForClients(t, mode, [HOST])
    const [plain, secure] = [await http(), await https([HOST])]
    for (const url of [`http://${HOST}:${plain.port}/`, `https://${HOST}:${secure.port}/`]) {
      t.match(await curl('--cacert', trustFile, url), { code: 0, stdout: /hello from files\.test/ })
      const args = ['-q', '-sS', '-x', proxyUrl, '--cacert', trustFile]
      const body = 'x'.repeat(100_000)
      const posted = await run('curl', [...args, '-d', body, '-H', 'Expect: 100-continue', `${url}echo/`])
      t.equal(posted.stdout, body)
      t.match(await run('curl', [...args, '--http1.0', '--no-alpn', url]), { code: 0, stdout: /hello/ })
      t.match(await run('curl', [...args, '-I', url]), { code: 0, stdout: /^HTTP\/1\.1 200 OK/m })
      t.match(await run('curl', [...args, '--http2', url]), { code: 0, stdout: /hello/ })
    }
  })

  test(`wget in ${mode} mode`, async t => {
    const { http, https, trustFile, run, proxyUrl } = await startForClients(t, mode, [HOST])
    const [plain, secure] = [await http(), await https([HOST])]
    for (const url of [`http://${HOST}:${plain.port}/`, `https://${HOST}:${secure.port}/`]) {
      const args = ['-q', '-O-', `--ca-certificate=${trustFile}`, '-e', 'use_proxy=yes']
      const proxies = ['-e', `http_proxy=${proxyUrl}`, '-e', `https_proxy=${proxyUrl}`]
      const got = await run('wget', [...args, ...proxies, url, `${url}bytes/100000`])
      t.equal(got.code, 0, got.stderr)
      t.equal(got.stdout.length, 'hello from files.test:12345\n'.length + 100_000)
    }
  })

  test(`Python's urllib in ${mode} mode`, async t => {
    const { http, https, trustFile, run, proxyUrl } = await startForClients(t, mode, [HOST])
    const [plain, secure] = [await http(), await https([HOST])]
    for (const url of [`http://${HOST}:${plain.port}/`, `https://${HOST}:${secure.port}/`]) {
      const got = await run('python3', ['-c', URLLIB, proxyUrl, trustFile, url])
      t.equal(got.code, 0, got.stderr)
      t.match(got.stdout, /^hello from files\.test.*\n\n300000\n$/)
    }
  })

  test(`git in ${mode} mode`, async t => {
    const { http, https, trustFile, run, proxyUrl, dir } = await startForClients(t, mode, [HOST])
    const repositories = join(dir.path, 'repositories')
    mkdirSync(repositories)
    const git = async (...args: string[]): Promise<string> => {
      const env = {
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_TERMINAL_PROMPT: '0',
        http_proxy: proxyUrl,
        https_proxy: proxyUrl,
      }
      const identity = ['-c', 'user.name=A', '-c', 'user.email=a@b.test', '-c', 'init.defaultBranch=main']
      const done = await run('git', [...identity, '-c', `http.sslCAInfo=${trustFile}`, ...args], env)
      t.equal(done.code, 0, `git ${args[0]}: ${done.stderr}`)
      return done.stdout
    }
    const bare = join(repositories, 'a.git')
    await git('init', '-q', '--bare', bare)
    await git('-C', bare, 'config', 'http.receivepack', 'true')
    const handler = gitBackend(repositories)
    const [plain, secure] = [await http({ handler }), await https([HOST], { handler })]
    for (const [n, url] of [`http://${HOST}:${plain.port}`, `https://${HOST}:${secure.port}`].entries()) {
      const work = join(dir.path, `work${n}`)
      await git('clone', '-q', `${url}/a.git`, work)
      await git('-C', work, 'commit', '-q', '--allow-empty', '-m', `commit ${n}`)
      await git('-C', work, 'push', '-q', 'origin', 'HEAD:main')
      await git('clone', '-q', `${url}/a.git`, join(dir.path, `again${n}`))
      t.match(
        await git('-C', join(dir.path, `again${n}`), 'log', '--format=%s'),
        new RegExp(`^commit ${n}\n`),
      )
    }
  })
}

test('each command-line client reports a rejected origin', async t => {
  const stage = await startForClients(
    t,
    'probe',
    [HOST],
    event => void event.reenable(reject('policy', 'no way')),
  )
  const { https, run, curl, trustFile, proxyUrl } = stage
  const origin = await https([HOST])
  const url = `https://${HOST}:${origin.port}/`
  const curled = await curl(url)
  t.equal(curled.code, 56)
  t.match(curled.stderr, /CONNECT tunnel failed, response 502/)
  const wgot = await run('wget', [
    '-O-',
    '-t1',
    '-e',
    `https_proxy=${proxyUrl}`,
    `--ca-certificate=${trustFile}`,
    url,
  ])
  t.match(wgot, { code: 4, stderr: /Proxy tunneling failed: Bad Gateway/ })
  const urllib = await run('python3', ['-c', URLLIB, proxyUrl, trustFile, url])
  t.match(urllib, { code: 1, stderr: /Tunnel connection failed: 502/ })
  const env = { https_proxy: proxyUrl, GIT_TERMINAL_PROMPT: '0' }
  t.match(await run('git', ['ls-remote', url], env), {
    code: 128,
    stderr: /CONNECT tunnel failed, response 502/,
  })
  t.equal(origin.requests.length, 0)
})

/** git's own server, a CGI program (RFC 3875). */
function gitBackend(root: string) {
  return (req: IncomingMessage, res: ServerResponse): void => {
    const { pathname, searchParams } = new URL(req.url ?? '', 'http://x')
    const child = spawn(requireProgram('git'), ['http-backend'], {
      env: {
        PATH: process.env['PATH'],
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        REMOTE_USER: 'a',
        PATH_INFO: pathname,
        QUERY_STRING: searchParams.toString(),
        REQUEST_METHOD: req.method,
        CONTENT_TYPE: req.headers['content-type'],
        CONTENT_LENGTH: req.headers['content-length'],
        HTTP_CONTENT_ENCODING: req.headers['content-encoding'],
        HTTP_GIT_PROTOCOL: String(req.headers['git-protocol'] ?? ''),
      },
    })
    req.pipe(child.stdin.on('error', () => undefined))
    let output = Buffer.alloc(0)
    child.stdout.on('data', (bytes: Buffer) => {
      output = Buffer.concat([output, bytes])
    })
    child.stdout.on('end', () => {
      const end = output.indexOf('\r\n\r\n')
      const fields = output.toString('latin1', 0, end).split('\r\n')
      const status = fields.find(field => field.startsWith('Status: '))?.slice(8, 11)
      const others = fields
        .filter(field => !field.startsWith('Status: '))
        .flatMap(field => field.split(/: (.*)/s, 2))
      res.writeHead(Number(status ?? 200), others).end(output.subarray(end + 4))
    })
  }
}
