/** One person with the page in Debian's Chromium, and one agent with curl. */
import { test } from 'tap'
import { approving } from '../kit/approving.js'
import { axeFindings, openBrowser, openPage, problems } from '../kit/browser.js'
import { HOST } from '../kit/managed.js'

const PORT = { 'proxy.config.admin.listen': '127.0.0.1:0' }

test('held, seen, approved on the page, served, revoked, rejected with the keyboard', async t => {
  const { ask, waiting, ctl } = await approving(t, 'approval.js', PORT)
  const browser = await openBrowser(t)
  const page = await openPage(browser, (await ctl('dashboard')).out.trim(), { locale: 'de-DE' })
  await page.getByText('No question is open').waitFor()
  t.strictSame(await axeFindings(page), [])

  const served = ask()
  await waiting()
  const row = page.locator('.question')
  await row.getByText(`${HOST}:`).waitFor()
  await row.getByText(/s left/).waitFor()
  t.match(
    await row.innerText(),
    /the certificate is valid[\s\S]*Asked by\s+127\.0\.0\.1[\s\S]*Held by\s+approval[\s\S]*Since\s+\d+ s ago, \d{1,2}\.\d\d\.\d{4}, \d\d:\d\d:\d\d ME[SZ]{1,2}[\s\S]*Issuer\s+.*Root/,
  )
  t.equal(await page.title(), '(1) Portcullis')
  await row.getByText('The chain').click()
  const chain = row.locator('.certificates > li')
  await chain.first().waitFor()
  t.match(
    await chain.first().innerText(),
    new RegExp(`Subject \\(of the origin\\)\\s+CN=${HOST}[\\s\\S]*Names\\s+${HOST}[\\s\\S]*Key\\s+EC P-256`),
  )
  t.match(await row.locator('pre').innerText(), /^-----BEGIN CERTIFICATE-----/)
  t.strictSame(await axeFindings(page), [])

  await row.getByRole('button', { name: 'Accept', exact: true }).click()
  const dialog = page.getByRole('dialog')
  t.match(
    await dialog.innerText(),
    new RegExp(`${HOST} will be accepted for 1 hour; the answer is about this certificate`),
  )
  await dialog.locator('#answer-for').selectOption({ label: '7 days' })
  t.match(await dialog.innerText(), /will be accepted for 7 days/, 'the dialog says what will be remembered')
  t.strictSame(await axeFindings(page), [])
  await dialog.getByLabel('Why').fill('the registry')
  await dialog.getByRole('button', { name: 'Accept', exact: true }).click()
  t.match((await served).stdout, /^HTTP\/1\.1 200 /)
  await row.waitFor({ state: 'detached' })

  await ctl('revoke', HOST)
  const rejected = ask()
  await row.waitFor()
  await row.getByRole('button', { name: 'Reject', exact: true }).focus()
  await page.keyboard.press('Enter')
  await dialog.getByLabel('Why').fill('not ours')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  t.match((await rejected).stdout, /^HTTP\/1\.1 502 [\s\S]*has rejected it: not ours/)
  t.strictSame(problems(page), [])
})
