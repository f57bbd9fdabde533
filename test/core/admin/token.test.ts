import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { readTokens } from '../../../core/admin/token.js'
import { makeTempDir } from '../../kit/temp-dir.js'

const TOKEN = 'a-token-of-an-operator-0123'
const ALL = { token: TOKEN, role: 'change' }

function fileWith(t: Test, text: string, mode: number): string {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const path = join(dir.path, 'admin.token')
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

test('a token file that is missing is made for its owner alone', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const path = join(dir.path, 'admin.token')
  const [first, ...more] = await readTokens(path)
  const { token, role } = first ?? { token: '', role: undefined }
  t.strictSame([role, more], ['change', []])
  t.equal(readFileSync(path, 'utf8'), `${token}\n`)
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.strictSame(await readTokens(path), [{ token, role }])
})

test('a file that another proxy has just made is read when it is written', async t => {
  const path = fileWith(t, '', 0o600)
  const read = readTokens(path)
  setTimeout(() => writeFileSync(path, TOKEN), 50)
  t.strictSame(await read, [ALL])
  await t.rejects(readTokens(fileWith(t, '', 0o600)), { message: /line 1: a token has/ }, 'it stays empty')
})

test('a token file that other users can read or write is refused', async t => {
  for (const mode of [0o644, 0o640, 0o604, 0o660, 0o602, 0o620, 0o610, 0o777]) {
    const path = fileWith(t, TOKEN, mode)
    const text = new RegExp(
      `token_file ${path}: other users can .*mode 0${mode.toString(8)}.*chmod 600.*remove it`,
    )
    await t.rejects(readTokens(path), { code: 'PTC_ADMIN_PORT', message: text }, mode.toString(8))
  }
  for (const mode of [0o600, 0o400]) t.strictSame(await readTokens(fileWith(t, TOKEN, mode)), [ALL])
})

test('a link to a token file leads to the file that is looked at', async t => {
  const open = fileWith(t, TOKEN, 0o644)
  symlinkSync(open, `${open}.link`)
  await t.rejects(readTokens(`${open}.link`), { code: 'PTC_ADMIN_PORT', message: /mode 0644/ })
  const closed = fileWith(t, TOKEN, 0o600)
  symlinkSync(closed, `${closed}.link`)
  t.strictSame(await readTokens(`${closed}.link`), [ALL])
  symlinkSync(`${closed}.nothing`, `${closed}.dangling`)
  await t.rejects(readTokens(`${closed}.dangling`), { code: 'PTC_ADMIN_PORT' })
})

test('what is no file of a token is refused', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  mkdirSync(join(dir.path, 'folder'), { mode: 0o700 })
  await t.rejects(readTokens(join(dir.path, 'folder')), { code: 'PTC_ADMIN_PORT' })
  await t.rejects(readTokens('/dev/null'), { code: 'PTC_ADMIN_PORT', message: /a token is in a file/ })
  await t.rejects(readTokens(fileWith(t, 'x'.repeat(5000), 0o600)), { message: /at most 4096 bytes/ })
  for (const text of ['short', 'two words that are long enough', 'two-lines-of-a-token\nand-another-line'])
    await t.rejects(readTokens(fileWith(t, text, 0o600)), { message: /at least 20 printable characters/ })
})

test('a role stands before a token', async t => {
  const [a, b, c] = ['a', 'b', 'c'].map(letter => letter.repeat(20))
  t.strictSame(
    await readTokens(fileWith(t, `${TOKEN}\n\tread:${a}\r\ndecide:${b}\nchange:${c}\n\n`, 0o600)),
    [ALL, { token: a, role: 'read' }, { token: b, role: 'decide' }, { token: c, role: 'change' }],
  )
  t.strictSame(await readTokens(fileWith(t, `read:${TOKEN}`, 0o600)), [{ token: TOKEN, role: 'read' }])
  const wrong: readonly (readonly [text: string, why: RegExp])[] = [
    [`${TOKEN}\nwrite:${a}`, /line 2: there is no role "write"; read, decide, change/],
    [`${TOKEN}\n${a}`, /line 2: a role stands before each further token/],
    [`${TOKEN}\nread:${TOKEN}`, /line 2: the same token/],
    [`${TOKEN}\nread:short`, /line 2: a token has at least 20/],
    [`${TOKEN}\n\nread:${a}`, /line 2: a token has at least 20/],
  ]
  for (const [text, message] of wrong)
    await t.rejects(readTokens(fileWith(t, text, 0o600)), { code: 'PTC_ADMIN_PORT', message }, text)
})
