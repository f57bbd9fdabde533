/** The other views of the page, what it says when something is wrong, and what each role sees. */
import type { Page } from 'playwright-core'
import { test } from 'tap'
import { approving } from '../kit/approving.js'
import { axeFindings, openBrowser, openPage, problems } from '../kit/browser.js'
import { HOST } from '../kit/managed.js'
import { manyHeldHere } from '../kit/many-held.js'

const PORT = { 'proxy.config.admin.listen': '127.0.0.1:0' }
const RULES = `sni:
  - fqdn: strict.test
    verify_server_min_rsa_bits: 3072
    client_alpn: [h2, http/1.1]
  - fqdn: "*.loose.test"
    verify_server_policy: PERMISSIVE
`
const open = (page: Page, view: string) =>
  page.getByRole('navigation').getByRole('link', { name: view }).click()
const motion = (page: Page): Promise<string> =>
  page.evaluate(`getComputedStyle(document.querySelector('.fill')).transitionDuration`)
/** When the first plot begins: `12:30:05`. */
const plottedSince = async (page: Page) => {
  const label = await page.locator('.plot[aria-label]').first().getAttribute('aria-label')
  return /since (\d\d:\d\d:\d\d) /.exec(label ?? '')?.[1]
}
/** By how much the page is wider than the window. */
const overflow = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')

test('plots, health and configuration', async t => {
  const { ask, waiting, ctl } = await approving(t, 'approval.js', PORT, {
    files: { 'sni.yaml': RULES },
  })
  const browser = await openBrowser(t)
  const page = await openPage(browser, (await ctl('dashboard')).out.trim(), { locale: 'de-DE' })
  await page.getByText('No question is open').waitFor()
  const served = ask()
  const { id } = await waiting()
  await ctl('accept', id)
  await served

  await open(page, 'Plots')
  await page.getByRole('heading', { name: 'Plots', level: 2 }).waitFor()
  const row = page.getByRole('row', { name: 'approval' })
  await row.waitFor({ timeout: 60_000 })
  t.match(await row.innerText(), /approval\s+(\d+,?\d*|–)\s+\d+(,\d+)?\s+\d+(,\d+)?/, 'German numbers')
  t.equal(await page.locator('.plot canvas').count(), 3)
  t.strictSame(await axeFindings(page), [])

  const later = await openPage(browser, (await ctl('dashboard')).out.trim())
  await open(later, 'Plots')
  await later.getByRole('row', { name: 'approval' }).waitFor()
  t.equal(await plottedSince(later), await plottedSince(page), 'a page that opens later shows the same past')
  await later.context().close()

  await open(page, 'Health')
  await page.getByText('Nothing is wrong').waitFor()
  const pid = String(process.pid)
  t.ok(await page.getByRole('row', { name: pid }).count(), 'the process has its row')
  t.match(await page.getByRole('row', { name: 'TS_SSL_CERT_VERIFY_HOOK' }).innerText(), /^1\s+approval\s/)
  t.strictSame(await axeFindings(page), [])

  await open(page, 'Configuration')
  const record = page.getByRole('row', { name: 'proxy.config.admin.listen' })
  t.match(await record.innerText(), /127\.0\.0\.1:0\s+NULL\s+records\.config:\d+\s/)
  const rule = page.getByRole('row', { name: 'strict.test' })
  t.equal(
    (await rule.innerText()).replaceAll('\t', '|'),
    '1|strict.test|verify_server_min_rsa_bits: 3072; client_alpn: ["h2","http/1.1"]|sni.yaml:2',
  )
  t.match(await page.getByRole('row', { name: '*.loose.test' }).innerText(), /^2\s[\s\S]*sni\.yaml:5$/)
  await page.locator('#records-search').fill('no such record')
  await page.getByText(/^0 of \d+ records$/).waitFor()
  await page.locator('#records-search').fill('')
  await page.getByRole('textbox', { name: 'Host' }).fill(HOST)
  await page.getByRole('button', { name: 'Explain' }).click()
  await page.getByText('no plugin explains').waitFor()
  t.strictSame(await axeFindings(page), [])
  t.strictSame(problems(page), [])
})

test('dark, phone and 200 % zoom: readable, and nothing is cut off', async t => {
  const { ask, ctl } = await manyHeldHere(t, ['approval.js'], ['xn--pple-43d.test', 'a.many.test'])
  const browser = await openBrowser(t)
  const views = ['Held now', 'History', 'Plots', 'Health', 'Configuration']
  void ask('xn--pple-43d.test')
  void ask('a.many.test')
  for (const [name, options] of Object.entries({
    dark: { colorScheme: 'dark' },
    phone: { viewport: { width: 390, height: 800 } },
    zoomed: { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2, reducedMotion: 'reduce' },
  } as const)) {
    const page = await openPage(browser, (await ctl('dashboard')).out.trim(), options)
    await page
      .getByText(/s left/)
      .nth(1)
      .waitFor()
    for (const view of views) {
      await open(page, view)
      await page.getByRole('heading', { name: view, level: 2 }).waitFor()
      if (name === 'zoomed')
        t.equal(await motion(page), '0s', 'nothing moves where the person wants less motion')
      t.equal(await overflow(page), 0, `${name}: ${view} is as wide as the window`)
      t.strictSame(await axeFindings(page), [], `${name}: ${view}`)
    }
    await page.context().close()
  }
})

test('what deceives the eye is marked', async t => {
  const subject = 'CN=<img src=x onerror=alert(1)>, O=safe\u202Eevil, OU=p\u0430ypal'
  const { ask, ctl } = await manyHeldHere(t, ['approval.js'], ['xn--pple-43d.test'], {}, subject)
  const browser = await openBrowser(t)
  const page = await openPage(browser, (await ctl('dashboard')).out.trim())
  void ask('xn--pple-43d.test')
  const row = page.locator('.row')
  await row.waitFor()
  t.match(await row.getByRole('heading').innerText(), /^xn--pple-43d\.test:\d+ ⚠ international name/)
  t.match(await row.innerText(), /✗ the check failed: X509_V_ERR_HOSTNAME_MISMATCH/)
  await row.getByText('The chain').click()
  const certificate = row.locator('.certificates > li')
  await certificate.waitFor()
  t.match(await certificate.innerText(), /CN="<img src=x onerror=alert\(1\)>", O=safe⟨U\+202E⟩evil/)
  t.match(await certificate.innerText(), /⚠ hidden characters/)
  t.equal(await page.locator('img').count(), 0)
  // What a certificate may have in its names, given to the functions that show it.
  const shown = await page.evaluate(`import('/words.js').then(({ make, putForeign, asciiHost }) => {
    const text = value => { const e = make('p', ''); putForeign(e, value); return e.textContent }
    return [text('pay\\u202Elap'), text('p\\u0430ypal.com'), text('<img src=x onerror=alert(1)>'), text('M\\u00FCller'),
      asciiHost('p\\u0430ypal.com'), text('x'.repeat(5000)).length]
  })`)
  t.strictSame(shown, [
    'pay⟨U+202E⟩lap ⚠ hidden characters',
    'pаypal.com ⚠ letters of several scripts',
    '<img src=x onerror=alert(1)>',
    'Müller',
    'xn--pypal-4ve.com',
    1020,
  ])
  t.strictSame(problems(page), [])
})

test('a login that may look alone, a login that is over, and a proxy that is gone', async t => {
  const { ask, waiting, ctl, proxy } = await approving(t, 'approval.js', PORT)
  const browser = await openBrowser(t)
  const page = await openPage(browser, (await ctl('dashboard', '--role', 'read')).out.trim())
  await page.getByText('This login may look, and decide nothing').waitFor()
  const asked = ask()
  await waiting()
  await page.locator('.question').waitFor()
  t.equal(await page.getByRole('button', { name: 'Accept' }).count(), 0)

  await page.context().clearCookies()
  await ctl('reject', (await waiting()).id)
  await asked
  const trouble = page.getByRole('alert').filter({ hasText: 'The login is over' })
  await trouble.waitFor()
  t.match(await trouble.innerText(), /portcullis ctl dashboard[\s\S]*What you see is from \d\d:\d\d:\d\d CET/)

  // A browser without a login is told what to do.
  const answer = await page.reload()
  t.equal(answer?.status(), 401)
  await page.getByText('A link works once').waitFor()
  t.strictSame(await axeFindings(page), [])

  const leaving = await openPage(browser, (await ctl('dashboard')).out.trim())
  await leaving.getByRole('button', { name: 'Log out' }).click()
  await leaving.getByText('A link works once').waitFor()
  t.equal(await leaving.evaluate(`localStorage.getItem('key')`), null)

  const other = await openPage(browser, (await ctl('dashboard')).out.trim())
  await other.getByText('connected as').waitFor()
  await proxy.stop()
  await other.getByRole('alert').filter({ hasText: 'The proxy does not answer' }).waitFor()
  t.strictSame(await axeFindings(other), [])
})

test('a login that may decide revokes nothing, and is told which role may', async t => {
  const { ask, waiting, ctl } = await approving(t, 'approval.js', PORT)
  const browser = await openBrowser(t)
  const page = await openPage(browser, (await ctl('dashboard', '--role', 'decide')).out.trim())
  const served = ask()
  await waiting()
  await page.getByRole('button', { name: 'Accept', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Accept', exact: true }).click()
  t.match((await served).stdout, /^HTTP\/1\.1 200 /)
  await open(page, 'History')
  await page.getByRole('button', { name: 'Revoke' }).first().click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await page.getByText(/needs the role "change".*ctl dashboard --role change/).waitFor()
  await page.keyboard.press('Escape')
  t.equal(await page.getByRole('dialog').count(), 0)
})
