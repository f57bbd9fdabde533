/** Debian's Chromium in front of the page of a proxy. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'
import { requireProgram } from './programs.js'
import { makeTempDir } from './temp-dir.js'

/** What was wrong in a page: uncaught errors, and what its content security policy has stopped. */
const problemsOf = new WeakMap<Page, string[]>()

export async function openBrowser(t: Test): Promise<Browser> {
  const home = makeTempDir()
  const browser = await chromium.launch({
    executablePath: requireProgram('chromium'),
    env: { PATH: process.env['PATH'] ?? '', HOME: home.path },
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  })
  t.teardown(() => browser.close())
  return browser
}

/** @param link of `ctl dashboard` */
export async function openPage(
  browser: Browser,
  link: string,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin', ...options })
  const page = await context.newPage()
  const problems: string[] = []
  problemsOf.set(page, problems)
  page.on('pageerror', error => problems.push(error.message))
  page.on('console', message => {
    if (/Content Security Policy/.test(message.text())) problems.push(message.text())
  })
  await page.goto(link)
  return page
}

export const problems = (page: Page): readonly string[] => problemsOf.get(page) ?? []

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds wrong for people with disabilities, rules and elements on one line each. */
export async function axeFindings(page: Page): Promise<readonly string[]> {
  // Evaluated by the debugger: the page's policy does not apply to it.
  await page.evaluate(AXE)
  const text: string = await page.evaluate(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
      JSON.stringify(violations.map(({ id, impact, nodes }) => id + ' (' + impact + '): ' + nodes.map(n => n.target + ' ' + n.failureSummary).join('; '))))`,
  )
  return JSON.parse(text) as readonly string[]
}
