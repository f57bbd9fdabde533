/** One person with the page in Debian's Chromium, and one agent with curl. */
import { type Browser, chromium } from 'playwright-core'
import { test } from 'tap'
import { approving } from '../kit/approving.js'
import { HOST } from '../kit/managed.js'
import { requireProgram } from '../kit/programs.js'
import { makeTempDir } from '../kit/temp-dir.js'

test('held, seen, approved on the page, served, revoked, rejected with the keyboard', async t => {
  const { ask, waiting, ctl } = await approving(t, 'approval.js', {
    'proxy.config.admin.listen': '127.0.0.1:0',
  })
  const home = makeTempDir()
  const browser: Browser = await chromium.launch({
    executablePath: requireProgram('chromium'),
    env: { PATH: process.env['PATH'] ?? '', HOME: home.path },
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  })
  t.teardown(() => browser.close())
  const page = await browser.newPage({ locale: 'de-DE' })
  const problems: string[] = []
  page.on('pageerror', error => problems.push(error.message))
  await page.goto((await ctl('dashboard')).out.trim())
  await page.getByText('No question is open').waitFor()

  const served = ask()
  await waiting()
  const row = page.locator('.question')
  await row.getByText(`${HOST}:`).waitFor()
  t.match(
    await row.innerText(),
    /the certificate is valid[\s\S]*Asked by\s+127\.0\.0\.1[\s\S]*Issuer\s+.*Root/,
  )
  await row.getByText('The chain').click()
  t.match(await row.locator('pre').innerText(), /SHA-256 [0-9a-f]{64}\s+-----BEGIN CERTIFICATE-----/)
  await row.getByRole('button', { name: 'Accept' }).click()
  const dialog = page.getByRole('dialog')
  t.match(
    await dialog.innerText(),
    new RegExp(`${HOST} will be accepted for 1 hour; the answer is about this certificate`),
  )
  await dialog.locator('#answer-for').selectOption({ label: '7 days' })
  t.match(await dialog.innerText(), /will be accepted for 7 days/, 'the dialog says what will be remembered')
  await dialog.getByLabel('Why').fill('the registry')
  await dialog.getByRole('button', { name: 'Accept' }).click()
  t.match((await served).stdout, /^HTTP\/1\.1 200 /)
  await row.waitFor({ state: 'detached' })

  await ctl('revoke', HOST)
  const rejected = ask()
  await row.waitFor()
  await row.getByRole('button', { name: 'Reject' }).focus()
  await page.keyboard.press('Enter')
  await dialog.getByLabel('Why').fill('not ours')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  t.match((await rejected).stdout, /^HTTP\/1\.1 502 [\s\S]*has rejected it: not ours/)
  t.strictSame(problems, [])
})
