/** Debian's Chromium in front of the page of a proxy, and behind a proxy. */
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'
import { atEnd } from './at-end.js'
import type { ClientStage } from './client-programs.js'
import { requireProgram } from './programs.js'
import { makeTempDir } from './temp-dir.js'

/** What was wrong in a page: uncaught errors, and what its content security policy has stopped. */
const problemsOf = new WeakMap<Page, string[]>()

let browser: Promise<Browser> | undefined

/** The browser of the test's process: its start takes longer than a test. At the test's end its pages are closed. */
export async function openBrowser(t: Test): Promise<Browser> {
  browser ??= launch()
  const opened = await browser
  t.teardown(() => Promise.all(opened.contexts().map(context => context.close())))
  return opened
}

async function launch(): Promise<Browser> {
  const home = makeTempDir()
  const launched = await chromium.launch({
    executablePath: requireProgram('chromium'),
    env: { PATH: process.env['PATH'] ?? '', HOME: home.path },
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  })
  atEnd(() => {
    browser = undefined
    return launched.close()
  })
  return launched
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
  const answer = await page.goto(link)
  if (answer?.ok()) await page.waitForURL(({ pathname }) => pathname === '/') // what the link answers goes there by itself
  return page
}

export const problems = (page: Page): readonly string[] => problemsOf.get(page) ?? []

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds wrong for people with disabilities, rules and elements on one line each. */
export async function axeFindings(page: Page): Promise<readonly string[]> {
  // Evaluated by the debugger: the page's policy does not apply to it.
  if (await page.evaluate("typeof axe === 'undefined'")) await page.evaluate(AXE)
  const text: string = await page.evaluate(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
      JSON.stringify(violations.map(({ id, impact, nodes }) => id + ' (' + impact + '): ' + nodes.map(n => n.target + ' ' + n.failureSummary).join('; '))))`,
  )
  return JSON.parse(text) as readonly string[]
}

/** A page of a browser behind the proxy, which trusts what the stage says, by its own store of certificates. */
export async function browse(t: Test, stage: ClientStage): Promise<Page> {
  const database = join(stage.dir.path, '.pki', 'nssdb')
  mkdirSync(database, { recursive: true })
  const certutil = async (...args: string[]): Promise<void> => {
    const done = await stage.run('certutil', ['-d', `sql:${database}`, ...args])
    if (done.code !== 0) throw new Error(done.stderr)
  }
  await certutil('-N', '--empty-password')
  await certutil('-A', '-t', 'C,,', '-n', 'test', '-i', stage.trustFile)
  if (stage.proxyUrl.startsWith('https:'))
    await certutil('-A', '-t', 'C,,', '-n', 'proxy', '-i', stage.rootFile)
  const browser: Browser = await chromium.launch({
    executablePath: requireProgram('chromium'),
    proxy: { server: stage.proxyUrl },
    env: { PATH: process.env['PATH'] ?? '', HOME: stage.dir.path },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  t.teardown(() => browser.close())
  return browser.newPage()
}
