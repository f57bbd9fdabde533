// The views of the page, by the fragment of its address. One is shown; what the others need is loaded and asked for when they
// are opened, and kept up to date while they are.
import { Failure } from './api.js'
import { put } from './words.js'

/** The module of each, which exports `show`, and how often it is asked again; milliseconds. */
const VIEWS = {
  now: undefined,
  history: { load: () => import('./history.js'), every: 5000 },
  plots: { load: () => import('./plots.js'), every: 5000 },
  health: { load: () => import('./health.js'), every: 5000 },
  configuration: { load: () => import('./configuration.js') },
}
const $ = id => document.getElementById(id)

let shown = 'now'
let timer
/** Only the last call of `refresh` goes on. */
let round = 0

/** Shows the view that the address names. */
export function showView() {
  const name = location.hash.startsWith('#/') ? location.hash.slice(2) : shown
  const found = Object.hasOwn(VIEWS, name) ? name : 'now'
  for (const view of Object.keys(VIEWS)) $(view).hidden = view !== found
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#/${found}`) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  if (found !== shown) $(`${found}-title`).focus()
  shown = found
  return refresh()
}

/** The same where that view is shown. */
export const refreshView = name => (shown === name ? refresh() : undefined)

/** Asks for what the view shows, and goes on to. */
export async function refresh() {
  const mine = ++round
  clearTimeout(timer)
  const view = VIEWS[shown]
  if (view === undefined) return
  const trouble = $(`${shown}-trouble`)
  try {
    const { show } = await view.load()
    if (!document.hidden) await show()
    put(trouble, '')
  } catch (failure) {
    if (!(failure instanceof Failure)) console.error(failure)
    put(trouble, `${failure.message} ${failure.remedy ?? ''}`)
  }
  if (view.every !== undefined && mine === round) timer = setTimeout(refresh, view.every)
}
