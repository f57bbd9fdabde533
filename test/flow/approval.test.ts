/** An agent asks for a new host, and a person answers: the plugin approval.js, curl, and `portcullis ctl`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { approving, PLACES } from '../kit/approving.js'
import { HOST, managedHere } from '../kit/managed.js'
import { poll } from '../kit/watch.js'

/** The page as JSON, for programs. */
const AS_JSON = ['--proxy-header', 'Accept: application/json', '-H', 'Accept: application/json']

for (const place of PLACES)
  test(`the day of an agent: held, signalled, approved, served, remembered, revoked ${place}`, async t => {
    const { proxy, origin, ask, open, waiting, ctl } = await approving(
      t,
      `approval.js ${place}signal_after=5s`,
    )
    t.match(await ctl('approvals'), { code: 0, out: 'no question is open\n' })

    const first = await ask(...AS_JSON)
    t.equal(first.code, 56, 'the CONNECT is refused')
    t.match(first.stdout, /^HTTP\/1\.1 503 /)
    t.match(first.stdout, /\r\nRetry-After: 5\r\n/)
    const [, hold = ''] =
      /\r\nProxy-Status: portcullis; error=\S+; hold=(q[0-9a-f]+);/.exec(first.stdout) ?? []
    t.ok(first.ms >= 5000, 'after the client has waited')
    t.notOk(origin.received('Finished'), 'the origin has seen a ClientHello and nothing else')

    const [question] = await open()
    t.match(question, {
      id: hold,
      host: HOST,
      port: origin.port,
      issuer: /Root/,
      client: '127.0.0.1',
      waiting: 0,
    })
    t.match(JSON.parse((await ctl('approvals', '--format', 'json')).out), { approvals: [{ id: hold }] })
    t.match((await ctl('approvals')).out, new RegExp(`${hold} +${HOST}:\\d+ +127\\.0\\.0\\.1 `))

    const retry = ask()
    await waiting()
    t.match(await ctl('accept', hold, '--for', '10m', '--why', 'the new registry'), {
      code: 0,
      out: `${HOST}:${origin.port} is accepted, with this certificate, for 10 min 0 s\nhandshakes that waited for it: 1\n`,
    })
    t.match((await retry).stdout, /^HTTP\/1\.1 200 /)
    t.match((await ask()).stdout, /^HTTP\/1\.1 200 /, 'it is remembered')
    t.match((await ctl('answers')).out, /^ID +ORIGIN +ANSWER +ABOUT +LEFT +GIVEN +BY +WHY\n/)
    t.match(
      (await ctl('answers')).out,
      new RegExp(
        `\n${hold} +${HOST}:${origin.port} +accepted +this certificate +(9 min \\d+ s|10 min 0 s) +\\d{4}-.* [+-]\\d{4} +\\S+ +the new registry\n$`,
      ),
    )
    t.match(JSON.parse((await ctl('answers', '--json')).out).answers, [
      { id: hold, verdict: 'accept', scope: 'leaf', builtIn: 'X509_V_OK', why: 'the new registry' },
    ])
    t.match(await ctl('accept', hold), { code: 1, err: /PTC_ADMIN_REQUEST.*no question q[0-9a-f]+ is open/s })

    t.match(await ctl('revoke', HOST), { code: 0, out: /withdrawn: 1 approval\n/ })
    t.match(await ctl('answers'), { code: 0, out: 'no answer counts now\n' })
    t.match((await ask()).stdout, /^HTTP\/1\.1 503 /, 'and is a question again')
    const { id = '' } = (await open())[0] ?? {}
    t.not(id, hold)
    t.match(await ctl('reject', id, '--for', 'always', '--host', '--why', 'not ours'), {
      out: /is rejected, whatever certificate it shows, until it is withdrawn\n/,
    })
    const rejected = await ask()
    t.match(rejected.stdout, /^HTTP\/1\.1 502 /)
    t.match(rejected.stdout, /has rejected it: not ours/)
    t.match((await ctl('answers')).out, /\nq\S+ +\S+ +rejected +the host +always +.* +not ours\n$/)
    t.match(
      await ctl('withdraw', hold),
      { code: 1, err: /no rejection counts under the id/ },
      'of an acceptance',
    )
    t.match(
      await ctl('revoke', HOST),
      { code: 0, out: /nothing was kept/ },
      'a revocation takes no rejection back',
    )
    t.match((await ask()).stdout, /^HTTP\/1\.1 502 /)
    t.match(await ctl('withdraw', id), {
      code: 0,
      out: /is rejected no more: the next handshake is a question\n/,
    })
    t.match(await ctl('withdraw', id), { code: 1, err: /no rejection counts/ })
    t.match((await ask()).stdout, /^HTTP\/1\.1 503 /, 'it is a question again')

    const file = join(proxy.conf.path, 'approvals.jsonl')
    // A question is answered 503 while it is written.
    await poll(async () => readFileSync(file, 'utf8').split('\n').length > 7, 'the last question in the file')
    const did = readFileSync(file, 'utf8').trim().split('\n')
    t.match(
      did.map(line => JSON.parse(line).did),
      ['asked', 'answered', 'withdrew', 'asked', 'answered', 'withdrew', 'asked'],
    )
  })

for (const place of PLACES)
  test(`a reload keeps the question, its id, and the handshake that is held ${place}`, async t => {
    const { ask, open, waiting, ctl } = await approving(t, `approval.js ${place}`)
    const held = ask()
    const { id } = await waiting()
    t.match(await ctl('reload'), { code: 0 })
    t.match(await open(), [{ id, waiting: 1 }])
    t.match(await ctl('accept', id), { code: 0, out: /handshakes that waited for it: 1/ })
    t.match((await held).stdout, /^HTTP\/1\.1 200 /)
  })

for (const place of PLACES)
  test(`wrong arguments of the approval commands are refused ${place}`, async t => {
    const { ctl, waiting, ask } = await approving(t, `approval.js ${place}signal_after=5s who=nobody-here`)
    for (const [words, said] of [
      [
        ['accept'],
        /accept takes the ID of a handshake \(`ctl parked`\) or of a question \(`ctl approvals`\)/,
      ],
      [['accept', 'q1', '--for', 'soon'], /--for soon: write 30s, 10m, 1h, 7d or always/],
      [['accept', 'q1', '--host', '--leaf'], /one of --leaf, --issuer and --host/],
      [['approvals', '--why', 'x'], /--why belongs to `portcullis ctl accept` and `reject`/],
      [['approvals', '--format', 'xml'], /--format takes json or text, not xml/],
      [['reload', '--watch'], /--watch belongs to `portcullis ctl approvals`/],
    ] as const) {
      t.match(await ctl(...words), { code: 64, err: said })
    }
    const held = ask()
    const { id } = await waiting()
    t.match(await ctl('accept', id), { code: 1, err: /may not answer; who= names nobody-here/ })
    t.match((await held).stdout, /^HTTP\/1\.1 503 /)
  })

test('the approval commands say when the plugin is not loaded', async t => {
  const { ctl } = await managedHere(t, [])
  t.match(await ctl('approvals'), {
    code: 1,
    err: /no plugin asks people: there is no approval\.js in plugin\.config/,
  })
})

for (const place of PLACES)
  test(`a question gets more time than signal_after ${place}`, async t => {
    const { ask, open, waiting, ctl } = await approving(t, `approval.js ${place}signal_after=4s`)
    t.match(await ctl('extend', 'q0', '1m'), { code: 1, err: /no handshake waits for a question q0/ })
    const asked = ask()
    const { id, waitsUntil = 0 } = await waiting()
    t.ok(waitsUntil <= Date.now() + 4000, 'it may be the millisecond of the question')
    t.match(await ctl('extend', id, '2h'), { code: 1, err: /60 minutes in all|must be <= / })
    t.match(await ctl('extend', id, '1m'), {
      code: 0,
      out: `handshakes that wait for ${id}, and may wait 1 min 0 s longer: 1\n`,
    })
    const { parked } = JSON.parse((await ctl('parked', '--json')).out)
    t.match(await ctl('extend', `${parked[0].id}`, '1m'), { code: 0 })
    const [later] = await open()
    t.equal(later?.waitsUntil, waitsUntil + 120_000, 'also by the id of the handshake')
    await sleep(Math.max(0, waitsUntil - Date.now()) + 1000)
    t.match(await open(), [{ id, waiting: 1 }], 'it waits behind its old end')
    t.match(await ctl('accept', id), { code: 0 })
    t.match((await asked).stdout, /^HTTP\/1\.1 200 /)
  })
