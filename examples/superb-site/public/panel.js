// Follows the visitor's session live. Without this script the panel shows what was known when the page was made.
const panel = document.querySelector('.panel')
const list = panel.querySelector('.panel-entries')
const badge = panel.querySelector('.panel-live')
const MOST_ENTRIES = 60

let source = null
let last = Number(panel.dataset.last)
let follows = panel.dataset.follow === 'yes'
let left = {
  idle: Number(panel.dataset.idle),
  absolute: Number(panel.dataset.absolute),
  from: performance.now(),
}

// A hidden page gives its connection back: over HTTP/1.1 a browser has six per host, and its own windows share them.
document.addEventListener('visibilitychange', () => (document.hidden ? pause() : follow()))
addEventListener('pagehide', pause)
addEventListener('pageshow', follow)
setInterval(showLimits, 10_000)
follow()

function follow() {
  if (source || !follows || document.hidden) return
  source = new EventSource(`/panel/events?after=${last}`)
  source.addEventListener('open', () => show(true))
  source.addEventListener('entry', ({ data }) => addEntry(JSON.parse(data)))
  source.addEventListener('state', ({ data }) => showState(JSON.parse(data)))
  source.addEventListener('over', pause)
  source.addEventListener('error', () => {
    // The browser tries again by itself unless the server has nothing more to tell.
    if (source?.readyState === EventSource.CLOSED) pause()
    else show(false)
  })
}

function pause() {
  source?.close()
  source = null
  show(false)
}

function show(live) {
  badge.hidden = false
  badge.textContent = live ? 'live' : 'not live'
  badge.classList.toggle('panel-on', live)
}

function addEntry({ number, at, tone, title, text }) {
  if (number <= last) return
  last = number
  for (const pending of list.querySelectorAll('.panel-pending')) pending.remove()
  const item = document.createElement('li')
  item.className = `panel-entry panel-${tone}`
  const time = document.createElement('time')
  time.dateTime = new Date(at).toISOString()
  time.textContent = time.dateTime.slice(11, 19)
  const words = document.createElement('span')
  const strong = document.createElement('strong')
  strong.textContent = title
  words.append(strong, ` ${text}`)
  item.append(time, ' ', words)
  list.prepend(item)
  while (list.children.length > MOST_ENTRIES) list.lastElementChild.remove()
  if (tone !== 'request') panel.querySelector('.panel-newest').textContent = title
}

function showState({ id, signedIn, generation, idle, absolute }) {
  left = { idle, absolute, from: performance.now() }
  fact(
    'session',
    id === null ? 'none: nothing was written' : `${id} ${signedIn ? '(signed in)' : '(visitor)'}`,
  )
  fact('generation', generation ?? (id === null ? '–' : 'not rotated here'))
  if (id === null) {
    follows = false
    fact('idle', '–')
    fact('absolute', '–')
  } else showLimits()
}

function showLimits() {
  if (!follows) return
  const gone = performance.now() - left.from
  fact('idle', duration(left.idle - gone))
  fact('absolute', duration(left.absolute - gone))
}

function fact(name, value) {
  const place = panel.querySelector(`[data-fact="${name}"]`)
  if (place.textContent !== String(value)) place.textContent = value
}

function duration(milliseconds) {
  const minutes = Math.round(milliseconds / 60_000)
  if (minutes < 1) return 'less than 1 min'
  if (minutes < 120) return `${minutes} min`
  return minutes < 2 * 1_440 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1_440)} days`
}
