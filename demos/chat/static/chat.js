// One page, two ways to listen. Both ask for what came after the last message that is
// shown, so a lost connection, or a change of the way, loses nothing and shows nothing
// twice.

const $ = (id) => document.getElementById(id)
const messages = $('messages'), status = $('status'), problem = $('problem')
const name = $('name'), text = $('text')
const LONGEST_WAIT = 10_000

let number = 0 // of the last message shown
let online = true // whether the server reaches all the others
let socket = null
let sent = '' // what was sent last, to give it back if it is refused
let stop = new AbortController()
let atEnd = true // whether the latest message is in view, and is to stay so

function say(state, words) {
  status.dataset.state = state
  if (status.firstChild.textContent !== words) status.firstChild.textContent = words
}

function connected() {
  const way = socket ? 'WebSocket' : 'long polling'
  if (online) say('good', `Connected by ${way}`)
  else say('bad', 'Redis is away. What is said now reaches nobody; trying again …')
}

function disconnected() {
  say('bad', 'The server can’t be reached; trying again …')
}

function take(news) {
  if (news.online !== undefined) online = news.online
  if (news.number < number) number = 0 // it counts from the beginning again
  for (const [id, message] of news.messages ?? []) {
    if (id > number) messages.append(item(message))
    number = Math.max(number, id)
  }
  while (messages.children.length > 500) messages.firstChild.remove()
  if (atEnd) showLatest()
  if (news.refused) refused(news.refused)
  connected()
}

function item(message) {
  const li = document.createElement('li')
  const by = document.createElement('div')
  const who = document.createElement('b')
  const when = document.createElement('time')
  const words = document.createElement('p')
  const date = new Date(message.time * 1000)
  li.className = message.name === name.value.trim() ? 'own' : ''
  by.className = 'by'
  who.textContent = message.name
  when.textContent = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
  when.dateTime = date.toISOString()
  words.textContent = message.text
  by.append(who, when)
  li.append(by, words)
  return li
}

function refused(why) {
  problem.textContent = why
  problem.hidden = false
  if (!text.value) text.value = sent
}

function showLatest() {
  messages.scrollTop = messages.scrollHeight
}

messages.addEventListener('scroll', () => {
  atEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 80
})
new ResizeObserver(() => atEnd && showLatest()).observe(messages)

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function poll(signal) {
  let wait = 500, now = '&now'
  while (!signal.aborted) {
    try {
      const answer = await fetch(`messages?after=${number}${now}`, { signal })
      if (!answer.ok) throw new Error(answer.status)
      const news = await answer.json()
      if (signal.aborted) return
      take(news)
      now = ''
      wait = 500
    } catch {
      if (signal.aborted) return
      disconnected()
      await pause(wait * (0.5 + Math.random() / 2))
      wait = Math.min(2 * wait, LONGEST_WAIT)
      now = '&now'
    }
  }
}

async function listen(signal) {
  let wait = 500
  while (!signal.aborted) {
    const url = new URL(`socket?after=${number}`, location.href)
    url.protocol = url.protocol.replace('http', 'ws')
    const ws = new WebSocket(url)
    signal.addEventListener('abort', () => ws.close())
    await new Promise((resolve) => {
      ws.onopen = () => { socket = ws }
      ws.onmessage = (event) => {
        wait = 500
        if (!signal.aborted) take(JSON.parse(event.data))
      }
      ws.onclose = resolve
    })
    if (socket === ws) socket = null
    if (signal.aborted) return
    disconnected()
    await pause(wait * (0.5 + Math.random() / 2))
    wait = Math.min(2 * wait, LONGEST_WAIT)
  }
}

function choose(way) {
  stop.abort()
  stop = new AbortController()
  socket = null
  say('', 'Connecting …')
  if (way === 'poll') poll(stop.signal)
  else listen(stop.signal)
}

async function send(message) {
  if (socket?.readyState === WebSocket.OPEN) {
    socket.send(message)
    return
  }
  try {
    const headers = { 'Content-Type': 'application/json', Accept: 'text/plain' }
    const answer = await fetch('messages', { method: 'POST', body: message, headers })
    if (!answer.ok) refused((await answer.text()).split('\n')[1] || 'It was not sent.')
  } catch {
    refused('Not sent: the server can’t be reached.')
  }
}

$('say').addEventListener('submit', (event) => {
  event.preventDefault()
  problem.hidden = true
  sent = text.value
  send(JSON.stringify({ name: name.value, text: sent }))
  text.value = ''
  text.focus()
  try { localStorage.setItem('chat-name', name.value) } catch { /* not allowed */ }
})

for (const input of document.getElementsByName('way')) {
  input.addEventListener('change', () => choose(input.value))
}
try { name.value = localStorage.getItem('chat-name') ?? '' } catch { /* not allowed */ }
choose(document.querySelector('[name=way]:checked').value)
