// The list of what is held. A storm of a thousand rows is drawn in pieces; time goes on only in the rows on the screen.
import { changing, searchText } from './held.js'
import { endRow, makeRow, tick, updateRow } from './row.js'

/** Milliseconds of one frame that making rows may take. */
const BUDGET = 6
/** How long a row that is over keeps its place; milliseconds. */
const STAY = 2000

/** Row elements that are on the screen, or nearly. */
const onScreen = new Set()
const watch = new IntersectionObserver(
  entries => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) onScreen.delete(target)
      else {
        onScreen.add(target)
        const known = drawn.get(target.dataset.key)
        if (known !== undefined) tick(target, known.row)
      }
    }
  },
  { rootMargin: '200px' },
)

/** By key: the element, the row as it was drawn, and what of it may change. */
const drawn = new Map()
let wanted = []
let decide
let frame
let search = ''

const list = document.getElementById('held')
const heading = document.getElementById('now-title')

/** Draws these rows. @param onDecide called with a row and `accept` or `reject`; undefined where that is not allowed */
export function drawRows(rows, onDecide) {
  wanted = rows
  decide = onDecide
  const keys = new Set(rows.map(row => row.key))
  for (const [key, { element }] of drawn) if (!keys.has(key)) leave(key, element)
  if (frame === undefined) drawSome()
}

/** @param text the rows that have it somewhere are shown */
export function searchRows(text) {
  search = text.trim().toLowerCase()
  for (const { element, row } of drawn.values()) element.hidden = !isFound(row)
}

/** The number of rows that are shown. */
export const countFound = rows => rows.filter(isFound).length

export function tickRows() {
  for (const element of onScreen) {
    const known = drawn.get(element.dataset.key)
    if (known !== undefined) tick(element, known.row)
  }
}

const isFound = row => search === '' || searchText(row).includes(search)

function drawSome() {
  frame = undefined
  const end = performance.now() + BUDGET
  let next = standing(list.firstElementChild)
  for (const row of wanted) {
    const known = drawn.get(row.key)
    if (known === undefined) {
      if (performance.now() > end) {
        frame = requestAnimationFrame(drawSome)
        return
      }
      list.insertBefore(add(row), next)
    } else {
      refresh(known, row)
      next = standing(known.element.nextElementSibling)
    }
  }
}

/** The first of the rows from here on that is not over. */
function standing(element) {
  let at = element
  while (at?.classList.contains('ended')) at = at.nextElementSibling
  return at
}

function add(row) {
  const element = makeRow(
    row,
    decide === undefined ? undefined : verdict => decide(drawn.get(row.key).row, verdict),
  )
  element.hidden = !isFound(row)
  drawn.set(row.key, { element, row, state: changing(row) })
  watch.observe(element)
  return element
}

function refresh(known, row) {
  const state = changing(row)
  known.row = row
  if (known.state === state) return
  known.state = state
  updateRow(known.element, row)
}

function leave(key, element) {
  drawn.delete(key)
  onScreen.delete(element)
  watch.unobserve(element)
  const hadFocus = element.contains(document.activeElement)
  if (hadFocus)
    (standing(element.nextElementSibling)?.querySelector('.host') ?? heading).focus({ preventScroll: true })
  endRow(element)
  setTimeout(() => element.remove(), STAY)
}

/** Forgets all: with another login, other buttons are shown. */
export function clearRows() {
  for (const [key, { element }] of drawn) {
    drawn.delete(key)
    onScreen.delete(element)
    watch.unobserve(element)
    element.remove()
  }
  wanted = []
}
