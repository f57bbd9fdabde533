import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { readToken } from '../../../core/admin/token.js'
import { makeTempDir } from '../../kit/temp-dir.js'

const TOKEN = 'a-token-of-an-operator-0123'

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
  const token = await readToken(path)
  t.equal(readFileSync(path, 'utf8'), `${token}\n`)
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(await readToken(path), token)
})

test('a token file that other users can read or write is refused', async t => {
  for (const mode of [0o644, 0o640, 0o604, 0o660, 0o602, 0o620, 0o610, 0o777]) {
    const path = fileWith(t, TOKEN, mode)
    const text = new RegExp(
      `token_file ${path}: other users can .*mode 0${mode.toString(8)}.*chmod 600.*remove it`,
    )
    await t.rejects(readToken(path), { code: 'PTC_ADMIN_PORT', message: text }, mode.toString(8))
  }
  for (const mode of [0o600, 0o400]) t.equal(await readToken(fileWith(t, TOKEN, mode)), TOKEN)
})

test('a link to a token file leads to the file that is looked at', async t => {
  const open = fileWith(t, TOKEN, 0o644)
  symlinkSync(open, `${open}.link`)
  await t.rejects(readToken(`${open}.link`), { code: 'PTC_ADMIN_PORT', message: /mode 0644/ })
  const closed = fileWith(t, TOKEN, 0o600)
  symlinkSync(closed, `${closed}.link`)
  t.equal(await readToken(`${closed}.link`), TOKEN)
  symlinkSync(`${closed}.nothing`, `${closed}.dangling`)
  await t.rejects(readToken(`${closed}.dangling`), { code: 'PTC_ADMIN_PORT' })
})

test('what is no file of a token is refused', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  mkdirSync(join(dir.path, 'folder'), { mode: 0o700 })
  await t.rejects(readToken(join(dir.path, 'folder')), { code: 'PTC_ADMIN_PORT' })
  await t.rejects(readToken('/dev/null'), { code: 'PTC_ADMIN_PORT', message: /a token is in a file/ })
  await t.rejects(readToken(fileWith(t, 'x'.repeat(5000), 0o600)), { message: /at most 4096 bytes/ })
  for (const text of ['short', 'two words that are long enough', 'two-lines-of-a-token\nand-another-line'])
    await t.rejects(readToken(fileWith(t, text, 0o600)), { message: /at least 20 printable characters/ })
})
