/**
 * Makes the pictures of the page in docs/img: `node dist/test/kit/pictures.js [NAME...]`. They are made of a running proxy, in
 * Debian's Chromium, and are to be looked at before they are checked in; `pngquant` makes them a third as large.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { BrowserContextOptions, Page } from 'playwright-core'
import type { Test } from 'tap'
import type { Approval } from '../../core/api/managed.js'
import { openBrowser, openPage } from './browser.js'
import { manyHeld } from './many-held.js'
import { poll } from './watch.js'

const FOLDER = fileURLToPath(new URL('../../../docs/img/', import.meta.url))
const WINDOW = { width: 1000, height: 690 }
const PHONE = { width: 390, height: 844 }
const [REGISTRY = '', PAYMENTS = '', FILES = '', FOREIGN = ''] = [
  'registry.example',
  'api.payments.example',
  'files.partner.example',
  'xn--pple-43d.example',
]
/** The last plugin that is asked, and that takes time. */
const SECOND_LOOK = `
export default ({ hookAdd, accept }) => {
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ host, reenable }) => {
    if (host !== '${FILES}') setTimeout(() => reenable(accept()), 50 + Math.random() * 200)
  })
}
`
const RECORDS = {
  'proxy.config.ssl.client.verify.deadline': 600_000,
  'proxy.config.http.origin_max_idle': 0, // each request is a handshake
}

type Ends = Pick<Test, 'teardown'>

async function openings(t: Test) {
  const browser = await openBrowser(t)
  return async (link: string, options: BrowserContextOptions = {}): Promise<Page> => {
    const page = await openPage(browser, link, { viewport: WINDOW, ...options })
    await page.getByText('connected as').waitFor()
    return page
  }
}

const save = async (page: Page, name: string): Promise<void> => {
  await page.mouse.move(0, 0)
  await page.screenshot({ path: `${FOLDER}${name}.png` })
  console.log(`docs/img/${name}.png`)
}

const view = (page: Page, name: string) => page.getByRole('navigation').getByRole('link', { name }).click()

/** A day of a person: nothing, questions, an answer, what was decided. */
async function day(t: Test): Promise<void> {
  const open = await openings(t)
  const hosts = [REGISTRY, PAYMENTS, FILES, FOREIGN]
  const { ask, ctl } = await manyHeld(
    t,
    ['approval.js signal_after=9m', 'second-look.mjs'],
    hosts,
    { modules: { 'second-look.mjs': SECOND_LOOK }, records: RECORDS },
    'CN=origins.example, O=Example',
    [REGISTRY, PAYMENTS, FILES],
  )
  const link = async (): Promise<string> => (await ctl('dashboard')).out.trim()
  const idOf = (host: string) =>
    poll(async () => {
      const { approvals } = JSON.parse((await ctl('approvals', '--json')).out)
      return (approvals as readonly Approval[]).find(one => one.host === host)?.id
    }, `a question about ${host}`)
  const page = await open(await link())
  await page.getByText('No question is open').waitFor()
  await save(page, 'page-empty')

  void ask(FILES)
  await ctl('accept', await idOf(FILES), '--for', '7d', '--why', 'the files of the partner')
  for (const host of [REGISTRY, PAYMENTS, PAYMENTS, FOREIGN]) {
    void ask(host)
    await idOf(host)
    await sleep(1500)
  }
  await page.getByRole('heading', { name: 'Held now (4)' }).waitFor()
  await save(page, 'page-busy')
  const dark = await open(await link(), { colorScheme: 'dark' })
  await dark.getByRole('heading', { name: 'Held now (4)' }).waitFor()
  await save(dark, 'page-dark')
  const phone = await open(await link(), { viewport: PHONE })
  await phone.getByRole('heading', { name: 'Held now (4)' }).waitFor()
  await save(phone, 'page-phone')

  const row = page.locator('.row').filter({ has: page.getByRole('heading', { name: `${REGISTRY}:` }) })
  await row.getByRole('button', { name: 'Accept', exact: true }).click()
  await page.locator('#answer-for').selectOption({ label: '7 days' })
  await page.getByRole('dialog').getByLabel('Why').fill('the registry of our packages')
  await save(page, 'page')
  await page.getByRole('dialog').getByRole('button', { name: 'Accept', exact: true }).click()
  await ctl(
    'reject',
    await idOf(FOREIGN),
    '--host',
    '--for',
    'always',
    '--why',
    'not the shop, it looks like it',
  )
  for (let i = 0; i < 40; i++) {
    await Promise.all(Array.from({ length: 1 + ((i * 7) % 5) }, () => ask(REGISTRY)))
    await sleep(1500)
  }
  await view(page, 'History')
  await page.locator('.entry').nth(1).waitFor()
  await save(page, 'page-history')
  await view(page, 'Plots')
  await page.getByRole('row', { name: 'second-look' }).waitFor()
  await sleep(1000)
  await save(page, 'page-plots')
}

async function storm(t: Test): Promise<void> {
  const open = await openings(t)
  const hosts = Array.from({ length: 1000 }, (_, i) => `h${String(i).padStart(4, '0')}.many.test`)
  const { ask, ctl } = await manyHeld(t, ['desk.mjs x waits'], hosts, { records: RECORDS })
  const page = await open((await ctl('dashboard')).out.trim())
  for (const host of hosts) void ask(host)
  await page.getByRole('heading', { name: 'Held now (1,000)' }).waitFor({ timeout: 120_000 })
  await sleep(1000)
  await save(page, 'page-storm')
}

const ALL = { day, storm }
const wanted = process.argv.slice(2)
for (const [name, make] of Object.entries(ALL)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const ends: (() => unknown)[] = []
  const t: Ends = { teardown: end => void ends.unshift(end) }
  try {
    await make(t as Test) // nothing else of a test is used
  } finally {
    for (const end of ends) await end()
  }
}
process.exit()
