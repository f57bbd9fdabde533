/** A message with a link that answers one question, once. */
import { createHmac } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { approving, approvingProgram, PLACES } from '../kit/approving.js'
import { HOST } from '../kit/managed.js'
import type { ProxyConf } from '../kit/proxy.js'
import { listen, startService } from '../kit/tcp-server.js'
import { poll } from '../kit/watch.js'
import { openPlugins } from '../plugins/kit.js'

const KEY = 'a secret for this test alone'

interface Message {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  readonly link: string
  readonly id: string
}

/** A proxy whose questions are posted to a service of the test. */
async function told(
  t: Test,
  place: string,
  line: string,
  records: ProxyConf['records'] = {},
  start: typeof approving | typeof approvingProgram = approving,
) {
  const messages: Message[] = []
  const url = await startService(t, async (req, res) => {
    let text = ''
    for await (const piece of req.setEncoding('utf8') as AsyncIterable<string>) text += piece
    messages.push({ ...JSON.parse(text), headers: req.headers, text })
    res.end('ok')
  })
  const stage = await start(
    t,
    `approval.js ${place}signal_after=2s webhook=${url} ${line}`,
    { 'proxy.config.admin.listen': '127.0.0.1:0', ...records },
    { files: { 'hook.secret': KEY } },
  )
  const message = (index = 0) => poll(() => messages[index], `message ${index}`)
  return { ...stage, messages, message }
}

/** What a browser does with a link, and with its form. */
function open(link: string, form?: Readonly<Record<string, string>>, headers = {}) {
  const { host, port, pathname, search } = new URL(link)
  const body = form && new URLSearchParams({ code: new URL(link).searchParams.get('code') ?? '', ...form })
  return new Promise<{ status: number; text: string; headers: object }>((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST'
    const path = body === undefined ? pathname + search : pathname
    const type = body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
    request({ host: '127.0.0.1', port, path, method, headers: { host, ...type, ...headers } }, res => {
      let text = ''
      res.setEncoding('utf8').on('data', piece => {
        text += piece
      })
      res.on('end', () => resolve({ status: res.statusCode ?? 0, text, headers: res.headers }))
    })
      .on('error', reject)
      .end(body?.toString())
  })
}

const ACCEPT = { verdict: 'accept', scope: 'leaf', for: '1d', why: 'the new <registry>' }

for (const place of PLACES)
  test(`a link shows the question, answers it once, and is kept in the record ${place}`, async t => {
    const { ask, message, messages, proxy } = await told(t, place, 'webhook_secret_file=hook.secret')
    const first = ask()
    const { link, id, headers, text } = await message()
    t.match(link, /^http:\/\/127\.0\.0\.1:\d+\/answer\?code=[\w-]{43}$/)
    t.match(JSON.parse(text), {
      host: HOST,
      client: '127.0.0.1',
      builtIn: 'X509_V_OK',
      text: /asks for managed\.test: http/,
    })
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`
    t.equal(headers['webhook-signature'], `v1,${createHmac('sha256', KEY).update(signed).digest('base64')}`)
    t.match((await first).stdout, /^HTTP\/1\.1 503 /)

    for (let i = 0; i < 2; i++) {
      const page = await open(link)
      t.equal(page.status, 200, 'a preview decides nothing')
      t.match(page.text, new RegExp(`${HOST}:\\d+[\\s\\S]*<form method="post" action="/answer">`))
      t.match(page.headers, { 'cache-control': 'no-store', 'content-security-policy': /form-action 'self'/ })
    }
    t.equal((await open(link, ACCEPT, { origin: 'http://evil.example' })).status, 403)
    t.equal((await open(link, ACCEPT, { host: 'evil.example' })).status, 421)
    t.equal((await open(link, { ...ACCEPT, verdict: 'maybe' })).status, 400)
    t.equal((await open(link.replace(/.{43}$/, 'A'.repeat(43)), ACCEPT)).status, 404)
    t.match((await ask()).stdout, /^HTTP\/1\.1 503 /, 'it is still a question')
    t.equal(messages.length, 1, 'a question is one message')

    const [one, two] = await Promise.all([open(link, ACCEPT), open(link, { ...ACCEPT, verdict: 'reject' })])
    t.strictSame([one.status, [404, 409].includes(two.status)], [200, true], 'the first answer counts')
    t.match(one.text, /managed\.test is accepted/)
    t.match((await ask()).stdout, /^HTTP\/1\.1 200 /)
    t.equal((await open(link)).status, 404)
    t.equal((await open(link, ACCEPT)).status, 404)
    const journal = readFileSync(join(proxy.conf.path, 'approvals.jsonl'), 'utf8')
    const answered = journal
      .split('\n')
      .flatMap(line => (line.includes('"answered"') ? [JSON.parse(line)] : []))
    t.match(answered, [{ id, verdict: 'accept', scope: 'leaf', who: 'link from 127.0.0.1', why: ACCEPT.why }])
    const audit = readFileSync(join(proxy.conf.path, 'audit.log'), 'utf8')
    const entries = audit
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    const accepted = entries.find(entry => entry.asked?.verdict === 'accept')
    t.match(accepted, {
      did: 'POST /answer',
      who: 'link from 127.0.0.1',
      by: 'link',
      params: { id },
      about: { host: HOST, sha256: /^[0-9a-f]{64}$/ },
    })
    t.match(
      entries.filter(entry => entry.id === accepted?.id),
      [{}, { status: 200 }],
    )
    const [, code = '-'] = /code=(.*)$/.exec(link) ?? []
    t.notOk(audit.includes(code), 'nor is it in the audit file')
    t.notOk(journal.includes(code) || proxy.output().includes(code), 'the code is in the message alone')
  })

test('two processes with two workers each, asked at the same moment, send one message; its link works in all', async t => {
  const records = {
    'proxy.config.exec_thread.limit': 2,
  } as const
  const stage = await told(t, '@isolate=worker ', '', records, approvingProgram)
  const { ask, message, messages, open: questions } = stage
  const held = Array.from({ length: 8 }, () => ask())
  const { link } = await message()
  await Promise.all(held)
  t.match(await questions(), [{ id: /^q/ }])
  t.equal((await questions()).length, 1)
  await Promise.all(Array.from({ length: 4 }, () => ask()))
  t.equal(messages.length, 1)
  t.equal((await open(link, ACCEPT)).status, 200)
  for (const { stdout } of await Promise.all(Array.from({ length: 4 }, () => ask())))
    t.match(stdout, /^HTTP\/1\.1 200 /)
})

test('where the management port is not to be had, a message has no link, in one process and in two', async t => {
  const taken = await listen(socket => socket.destroy())
  t.teardown(taken.stop)
  const listenAt = { 'proxy.config.admin.listen': `127.0.0.1:${taken.port}` }
  const one = await told(t, '', '', listenAt)
  const two = await told(
    t,
    '@isolate=worker ',
    '',
    { ...listenAt, 'proxy.config.exec_thread.limit': 2 },
    approvingProgram,
  )
  for (const { ask, message } of [one, two]) {
    void ask()
    const { text } = await message()
    t.match(JSON.parse(text), { link: null, text: /: portcullis ctl accept q/ })
  }
})

for (const place of PLACES)
  test(`a link that is too old answers nothing, and the next try of a client sends a new one ${place}`, async t => {
    const { ask, message } = await told(t, place, 'link_for=300ms')
    await ask()
    const { link, id } = await message()
    t.equal((await open(link, ACCEPT)).status, 404)
    const again = ask()
    const next = await message(1)
    t.equal(next.id, id)
    t.not(next.link, link)
    await again
  })

for (const place of PLACES)
  test(`\`who\` says whether links may answer ${place}`, async t => {
    const { ask, message } = await told(t, place, 'who=alice')
    void ask()
    const { link } = await message()
    const { status, text } = await open(link, ACCEPT)
    t.equal(status, 409)
    t.match(text, /link from 127\.0\.0\.1 may not answer/)
    const open2 = await told(t, place, 'who=alice,link')
    void open2.ask()
    t.equal((await open((await open2.message()).link, ACCEPT)).status, 200)
  })

test('approval does not start with options that do not fit, and says why', async t => {
  for (const [line, message] of [
    ['webhook=nowhere', /webhook="nowhere" is no URL/],
    ['webhook=http://[x/', /webhook="http:\/\/\[x\/" is no URL/],
    ['webhook=http://a.example links=b.example', /links="b\.example" is no URL/],
    ['webhook=me:pa55@a.example/', /: webhook="\*{3}@a\.example\/" is no URL/],
    ['webhook=htps://me:p@a55@a.example/', /webhook="\*{3}@a\.example\/" is no URL/],
    ['webhook=http://me:pa55@[x/', /webhook="http:\/\/\*{3}@\[x\/" is no URL/],
    ['webhook=http://me:pa55@a.example/', /webhook="http:\/\/\*{3}@a\.example\/" has a user or a password/],
    [
      'webhook=http://a.example links=http://me@b.example',
      /links="http:\/\/\*{3}@b\.example" has a user or a password/,
    ],
    ['links=http://b.example', /links is for messages: add webhook=URL/],
    ['webhook_secret_file=keys', /webhook_secret_file is for messages/],
  ] as const)
    await t.rejects(openPlugins(t, `approval ${line}`), { message })
})

test('an acceptance that cannot be written down is not given, by a link or by a route', async t => {
  const { ask, message, open: questions, ctl, proxy } = await told(t, PLACES[0], '')
  mkdirSync(join(proxy.conf.path, 'audit.log'))
  const first = ask()
  const { link, id } = await message()
  await first
  const refused = await open(link, ACCEPT)
  t.match(refused, { status: 500, text: /cannot be written down, and was not taken/ })
  t.notMatch(refused.text, proxy.conf.path)
  t.match(await ctl('accept', id), { code: 1, err: /PTC_ADMIN_AUDIT: .*EISDIR/ })
  t.match(await questions(), [{ id }], 'it is still a question')
  t.equal((await open(link, { ...ACCEPT, verdict: 'reject' })).status, 200, 'a rejection needs no disk')
  t.match(proxy.output(), /ERROR: .*audit_file/)
})
