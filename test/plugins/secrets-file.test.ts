import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { test } from 'tap'
import { parseSecrets } from '../../plugins/secrets/secrets-file.js'
import { openPlugins } from './kit.js'
import { bearer, dir, one, opened, PLACEHOLDER, SECRET, secretsFile } from './secrets-kit.js'

test('a file that is wrong later sends no secret, and lets no placeholder pass', async t => {
  const { ask, file, kit } = await opened(t, one())
  writeFileSync(file, 'secrets: [{name: a')
  t.match((await ask({ fields: bearer })).why, /secrets-\d+\.yaml cannot be used/)
  t.match(kit.log.at(-2), /ERROR \[secrets\] \S+:1: [\s\S]*no secret is sent, and no placeholder passes/)
  const { sent } = await ask({})
  t.equal(
    sent?.sealed?.respond({ body: [SECRET] }).body.toString(),
    '*'.repeat(SECRET.length),
    'answers are cleaned',
  )
  rmSync(file)
  t.match((await ask({ fields: bearer })).why, /cannot be used/)
  writeFileSync(file, one())
  t.equal((await ask({ fields: bearer })).sent?.sealed?.headers.get('authorization'), `Bearer ${SECRET}`)
})

test('a secret of a file may be replaced, and the one before is still removed', async t => {
  const key = dir.file('key', `${SECRET}\n`)
  const text = `secrets: [{name: a, placeholder: ${PLACEHOLDER}, file: ${key}, host: "*.example"}]`
  const { ask } = await opened(t, text)
  t.equal((await ask({ fields: bearer })).sent?.sealed?.headers.get('authorization'), `Bearer ${SECRET}`)
  writeFileSync(key, 'another-secret-0123')
  await new Promise(resolve => setTimeout(resolve, 1100))
  const { sent } = await ask({ fields: bearer })
  t.equal(sent?.sealed?.headers.get('authorization'), 'Bearer another-secret-0123')
  t.equal(
    sent?.sealed?.respond({ body: [`${SECRET} another-secret-0123`] }).body.toString(),
    `${'*'.repeat(24)} ${'*'.repeat(19)}`,
  )
  rmSync(key)
  await new Promise(resolve => setTimeout(resolve, 1100))
  t.match((await ask({ fields: bearer })).why, /key cannot be read \(ENOENT\)/)
})

test('what is wrong in the file stops the start, with place and remedy', async t => {
  const entry = (more: string): string => `secrets:\n- {name: a, placeholder: ${PLACEHOLDER}, ${more}}`
  const short = dir.file('short', 'abc')
  for (const [text, message] of [
    [
      entry('host: a, env: NOT_SET_ANYWHERE'),
      /:2: secrets\[0\] \(a\): the environment's NOT_SET_ANYWHERE is not set: set it/,
    ],
    [entry(`host: a, file: ${join(dir.path, 'gone')}`), /gone cannot be read \(ENOENT\): make it readable/],
    [entry(`host: a, file: ${short}`), /short has not 8 to 4096 characters/],
    [entry('host: a'), /takes either env or file/],
    [entry('host: a, env: A, file: b'), /takes either env or file/],
    [entry('host: "a b", env: SECRETS_TEST_KEY'), /"a b" is no host/],
    [
      entry('host: a, env: SECRETS_TEST_KEY, in: cookie'),
      /secrets\[0\]\.in must be equal to one of the allowed values/,
    ],
    [entry('host: a, env: SECRETS_TEST_KEY, in: basic, field: X'), /field belongs to in: header/],
    [entry('host: a, env: SECRETS_TEST_KEY, value: x'), /has no key "value"/],
    [entry('env: SECRETS_TEST_KEY'), /must have required property 'host'/],
    [
      `${entry('host: a, env: SECRETS_TEST_KEY')}\n- {name: b, placeholder: ${PLACEHOLDER}23, host: b, env: SECRETS_TEST_KEY}`,
      /:3: .*cannot be told apart/,
    ],
    [`secrets: [{name: a, placeholder: short, host: a, env: A}]`, /placeholder must match pattern/],
  ] as const) {
    const wrong = await openPlugins(t, `secrets file=${secretsFile(text)}`).catch((cause: unknown) => cause)
    t.match(wrong, { code: 'PTC_PLUGIN_INIT_FAILED', message }, text)
    t.notMatch(String(wrong), /sk-live/)
  }
  await t.rejects(openPlugins(t, `secrets @isolate=worker file=${secretsFile(one())}`), {
    message: /does not work with @isolate=worker/,
  })
  const secrets = parseSecrets(one(), 'f', dir.path)
  t.notMatch(inspect(secrets, { depth: 9, showHidden: true }) + JSON.stringify(secrets), /sk-live/)
})
