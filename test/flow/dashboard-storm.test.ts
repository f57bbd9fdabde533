/** A thousand handshakes are held at once: the page lists them all, and works only for the rows on the screen. */
import type { CDPSession } from 'playwright-core'
import { test } from 'tap'
import { axeFindings, openBrowser, openPage, problems } from '../kit/browser.js'
import { manyHeld } from '../kit/many-held.js'

// Load test: a thousand held handshakes, and a browser.

const COUNT = 1000
const hosts = Array.from({ length: COUNT }, (_, i) => `h${String(i).padStart(4, '0')}.many.test`)
const [FIRST = '', LAST = ''] = [hosts[0], 'last.many.test']
/** Rows that fit on the screen, twice: those beside it are kept up to date, too. */
const FEW = 40
const SECONDS = 4

/** Counts the rows that change while it looks, and the frames that are drawn. */
const LOOK = `(async () => {
  const touched = new Set()
  const watch = new MutationObserver(records => {
    for (const { target } of records) {
      const row = (target.closest ? target : target.parentElement)?.closest('.row')
      if (row) touched.add(row.dataset.key)
    }
  })
  watch.observe(document.getElementById('held'), { subtree: true, childList: true, characterData: true, attributes: true })
  const times = []
  let last = performance.now()
  const end = last + ${SECONDS * 1000}
  await new Promise(resolve => requestAnimationFrame(function next() {
    const now = performance.now()
    times.push(now - last)
    last = now
    if (now < end) requestAnimationFrame(next)
    else resolve()
  }))
  watch.disconnect()
  times.sort((a, b) => a - b)
  const at = share => Math.round(times[Math.floor(times.length * share)])
  return { touched: touched.size, frames: times.length, median: at(0.5), p95: at(0.95), max: Math.round(times.at(-1)) }
})()`

interface Look {
  readonly touched: number
  readonly frames: number
  readonly median: number
  readonly p95: number
  readonly max: number
}

/** Seconds of work of the page's thread so far, by kind. */
async function work(session: CDPSession): Promise<Readonly<Record<string, number>>> {
  const { metrics } = await session.send('Performance.getMetrics')
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]))
}

test('a storm of a thousand', async t => {
  const { ask, ctl } = await manyHeld(t, ['desk.mjs x waits'], [...hosts, LAST], {
    records: { 'proxy.config.ssl.client.verify.deadline': 240_000 },
  })
  const browser = await openBrowser(t)
  const page = await openPage(browser, (await ctl('dashboard')).out.trim())
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable', { timeDomain: 'threadTicks' })
  await page.evaluate(`globalThis.news = 0; new MutationObserver(() => { globalThis.news++ })
    .observe(document.getElementById('news'), { childList: true, characterData: true, subtree: true })`)
  const begin = Date.now()
  const answers = hosts.map(ask)
  await page.getByRole('heading', { name: 'Held now (1,000)' }).waitFor({ timeout: 120_000 })
  await page
    .locator('.row')
    .nth(COUNT - 1)
    .waitFor({ state: 'attached' })

  const before = await work(session)
  const standing: Look = await page.evaluate(LOOK)
  const after = await work(session)
  const busy = (after['TaskDuration'] ?? 0) - (before['TaskDuration'] ?? 0)
  t.comment(`standing: ${JSON.stringify(standing)}; ${busy.toFixed(2)} s of ${SECONDS} s of processor time`)
  t.ok(standing.touched <= FEW, `${standing.touched} of ${COUNT} rows are kept up to date`)
  t.ok(busy < SECONDS / 2, 'the page leaves more than half of its time to the person')

  const looking = page.evaluate<Look>(LOOK)
  void ask(LAST)
  const added = await looking
  await page.getByRole('heading', { name: 'Held now (1,001)' }).waitFor()
  t.comment(`one is added: ${JSON.stringify(added)}`)
  t.ok(added.touched <= FEW + 1, 'a new row draws none of the others again')

  const told: number = await page.evaluate('globalThis.news')
  const most = Math.ceil((Date.now() - begin) / 10_000) + 1
  t.ok(told >= 1 && told <= most, `a screen reader is told ${told} times of ${COUNT} rows, at most ${most}`)

  const rows = page.locator('.row')
  await rows.nth(COUNT).waitFor({ state: 'attached' })
  // What is not on the screen is not laid out: it has a content, and no inner text.
  t.match(await rows.first().textContent(), /^\s*h\d{4}\.many\.test/)
  t.match(await rows.last().textContent(), new RegExp(`^\\s*${LAST}`), 'the oldest is first, the newest last')
  const drawn = await rows.locator('.host').allTextContents()
  const since: readonly number[] = await page.evaluate(
    `[...document.querySelectorAll('.row .since time')].map(element => Date.parse(element.dateTime))`,
  )
  t.equal(new Set(drawn).size, COUNT + 1)
  t.strictSame(
    since,
    [...since].sort((one, other) => one - other),
    'all are in the order of their times',
  )
  await page.getByRole('searchbox', { name: 'Search' }).first().fill(FIRST)
  await page.locator('.row:not([hidden])').nth(1).waitFor({ state: 'detached' })
  t.strictSame(await axeFindings(page), [])
  await page.getByRole('searchbox', { name: 'Search' }).first().fill('')

  await ctl('plugin', 'msg', 'accept')
  t.match(await answers[0], /^HTTP\/1\.1 200 /)
  await Promise.all(answers)
  await page.getByText('No question is open').waitFor()
  await rows.first().waitFor({ state: 'detached' })
  t.strictSame(problems(page), [])
})
