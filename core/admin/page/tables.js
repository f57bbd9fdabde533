// Tables that are drawn again and again: what is the same stays as it is.
import { make, put, putForeign } from './words.js'

/**
 * A table in an element.
 * @param columns titles; one that ends in `#` is of numbers
 * @returns takes the rows: each an array of texts
 */
export function tableIn(element, caption, columns) {
  const titles = columns.map(title => (title.length > 1 ? title.replace('#', '') : title))
  const head = roled('row', make('tr', '', ...titles.map(headOf)))
  const body = roled('rowgroup', make('tbody'))
  const table = make(
    'table',
    '',
    make('caption', '', caption),
    roled('rowgroup', make('thead', '', head)),
    body,
  )
  const wrapper = roled('region', make('div', 'wide', roled('table', table)))
  wrapper.tabIndex = 0
  wrapper.setAttribute('aria-label', caption)
  element.append(wrapper)
  return rows => {
    wrapper.hidden = rows.length === 0
    while (body.rows.length > rows.length) body.deleteRow(-1)
    rows.forEach((texts, i) => {
      const row = body.rows[i] ?? roled('row', body.insertRow())
      texts.forEach((text, j) => {
        const cell = row.cells[j] ?? row.appendChild(cellOf(columns[j], titles[j]))
        if (/^[\x20-\x7e]*$/.test(text)) put(cell, text)
        else putForeign(cell, text)
      })
    })
  }
}

/** On a phone, the style sheet shows rows as blocks. Browsers then drop the roles of a table, so they are set here. */
function roled(role, element) {
  element.setAttribute('role', role)
  return element
}

function headOf(title) {
  const cell = roled('columnheader', make('th', '', title))
  cell.scope = 'col'
  return cell
}

function cellOf(column, title) {
  const cell = roled('cell', make('td', column.endsWith('#') ? 'number' : ''))
  cell.dataset.title = title
  return cell
}
