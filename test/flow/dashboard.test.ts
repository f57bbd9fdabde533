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
  await row.getByText(/^(1?\d|20) s left$/).waitFor() // not the 30 s of the deadline: the plugin answers after signal_after
  await row.getByRole('button', { name: '1 min more' }).click()
  await row.getByText(/^1 min \d+ s left$/).waitFor()
  t.match(
    await row.innerText(),
    /the certificate is valid[\s\S]*Asked by\s+127\.0\.0\.1[\s\S]*Held by\s+approval[\s\S]*Since\s+\d+ s ago, \d\d:\d\d:\d\d ME[SZ]{1,2}[\s\S]*Issuer\s+.*Root[\s\S]*valid until \d{1,2}\.\d{1,2}\.\d{4}\s/,
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

  await page.getByRole('link', { name: 'History' }).click()
  const entry = page.locator('.entry')
  const accepted = entry.filter({ hasText: 'the registry' })
  await accepted.waitFor()
  t.match(
    await accepted.innerText(),
    new RegExp(
      `${HOST}:\\d+\\s+✓ accepted[\\s\\S]*By a person, asked by the plugin approval\\.[\\s\\S]*Person\\s+\\S+[\\s\\S]*Why\\s+the registry`,
    ),
  )
  t.strictSame(await axeFindings(page), [])
  await page.locator('#history-result').selectOption('answers')
  const given = entry.filter({ hasText: 'this certificate of the host' })
  await given.waitFor()
  t.match(
    await given.innerText(),
    new RegExp(
      `${HOST}:\\d+\\s+✓ accepted[\\s\\S]*, until \\d\\d\\.\\d\\d\\.\\d{4}[\\s\\S]*Why\\s+the registry`,
    ),
  )
  t.strictSame(await axeFindings(page), [])
  await page.locator('#history-result').selectOption('')
  await accepted.getByRole('button', { name: 'Revoke' }).click()
  await page.getByRole('dialog').getByText('All acceptances for this host go').waitFor()
  t.strictSame(await axeFindings(page), [])
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await page.getByText(`Revoked for ${HOST}: `).waitFor()

  await page.getByRole('link', { name: 'Held now' }).click()
  const rejected = ask()
  await row.waitFor()
  await row.getByRole('button', { name: 'Reject', exact: true }).focus()
  await page.keyboard.press('Enter')
  await dialog.getByLabel('Why').fill('not ours')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  t.match((await rejected).stdout, /^HTTP\/1\.1 502 [\s\S]*has rejected it: not ours/)

  await page.getByRole('link', { name: 'History' }).click()
  await page.locator('#history-result').selectOption('rejected')
  await page.locator('#history-search').fill('not ours')
  const refused = entry.filter({ hasText: 'has rejected it: not ours' })
  await refused.waitFor()
  t.match(await refused.innerText(), /✗ rejected[\s\S]*X509_V_ERR_\w+ \(\d+\), .* has rejected it: not ours/)
  t.match(await refused.innerText(), new RegExp(`portcullis try ${HOST}:\\d+`))
  await page.locator('#history-result').selectOption('answers')
  await entry.getByRole('button', { name: 'Take back' }).click()
  await page.getByText(`${HOST} is rejected no more: the next handshake is a question.`).waitFor()
  await entry.waitFor({ state: 'detached' })
  await page.locator('#history-search').fill('no such host')
  await page.getByText('Nothing is found.').waitFor()
  t.strictSame(problems(page), [])
})

test('handshakes that other plugins hold: overruled, given more time, or left to the plugin', async t => {
  const { ask, ctl } = await approving(t, 'desk.mjs x waits', {
    ...PORT,
    'proxy.config.admin.may_accept': 0,
  })
  const browser = await openBrowser(t)
  const page = await openPage(browser, (await ctl('dashboard')).out.trim())
  const row = page.locator('.handshake')
  const dialog = page.getByRole('dialog')
  const first = ask()
  await row.waitFor()
  await row.getByText('The chain').click()
  await row.getByText('The chain and its signatures').waitFor()
  t.match(await row.innerText(), /✓ good[\s\S]*Request\s+CONNECT [\s\S]*BEGIN CERTIFICATE/)
  await row.getByRole('button', { name: '1 min more' }).click()
  await row.getByText(/^1 min \d+ s left$/).waitFor()

  await row.getByRole('button', { name: 'Accept', exact: true }).click()
  await dialog.getByText('Operators may not accept in place of desk').waitFor()
  t.equal(await dialog.getByRole('button', { name: 'Accept', exact: true }).isDisabled(), true)
  t.strictSame(await axeFindings(page), [])
  await page.keyboard.press('Escape')
  t.equal(await dialog.isVisible(), false)
  await row.getByRole('button', { name: 'Reject', exact: true }).click()
  await dialog.getByText('Nothing is remembered').waitFor()
  await dialog.getByLabel('Why').fill('a trial')
  await dialog.getByRole('button', { name: 'Reject', exact: true }).click()
  t.match((await first).stdout, /^HTTP\/1\.1 502 [\s\S]*a trial/)

  const live = page.locator('.handshake:not(.ended)')
  await live.waitFor({ state: 'detached' }) // what is shown then was read with the new record
  await ctl('config', 'set', 'proxy.config.admin.may_accept', '1')
  const second = ask()
  await live.getByRole('button', { name: 'Accept', exact: true }).click()
  await dialog.getByText('as if the plugin desk had accepted it').waitFor()
  await dialog.getByRole('button', { name: 'Accept', exact: true }).click()
  t.match((await second).stdout, /^HTTP\/1\.1 200 /)
  await page.getByRole('link', { name: 'History' }).click()
  await page
    .locator('.entry.accepted')
    .filter({ hasText: 'By an operator, in place of the plugin desk.' })
    .waitFor()
  t.strictSame(problems(page), [])
})

test('two people answer: the dialog of the second one says that it is over', async t => {
  const { ask, ctl, waiting } = await approving(t, 'approval.js', PORT)
  const browser = await openBrowser(t)
  const page = await openPage(browser, (await ctl('dashboard')).out.trim())
  const served = ask()
  const { id } = await waiting()
  await page.locator('.question').getByRole('button', { name: 'Accept', exact: true }).click()
  await ctl('accept', id)
  t.match((await served).stdout, /^HTTP\/1\.1 200 /)
  await page.getByRole('dialog').getByText('It is over: answered elsewhere').waitFor()
  t.equal(
    await page.getByRole('dialog').getByRole('button', { name: 'Accept', exact: true }).isDisabled(),
    true,
  )
})

test('a click before the scripts are loaded does not lose the login', async t => {
  const { ctl } = await approving(t, 'approval.js', PORT)
  const browser = await openBrowser(t)
  const context = await browser.newContext()
  const page = await context.newPage()
  let load = (): void => {}
  const loading = new Promise<void>(resolve => {
    load = resolve
  })
  await page.route('**/page.js', route => loading.then(() => route.continue()))
  await page.goto((await ctl('dashboard')).out.trim(), { waitUntil: 'commit' })
  const health = page.locator('nav a', { hasText: 'Health' })
  await health.waitFor({ state: 'attached' })
  t.equal(await health.isVisible(), false)
  load()
  await health.click()
  await page.getByText('Nothing is wrong').waitFor()
  await page.getByText('connected as').waitFor()
})
