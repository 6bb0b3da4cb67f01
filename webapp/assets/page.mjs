// What every page has: times that stay true, and pages that keep themselves up to date.
//
//   <main data-live-url="URL">   polled; answers { stamp, fragments: { name: html }, marks, is_final } or 204,
//                                which the server may hold back until there is news
//   <... data-live="name">       a fragment that is replaced when its HTML changed
//   <... data-tick-all hidden>   holds a checkbox that ticks all those of its form with data-tick

const MINUTE = 60, HOUR = 3600, DAY = 86400;
const POLL_FIRST = 2000, POLL_LONGEST = 30000, POLL_FACTOR = 1.4, AFTER_NEWS = 250;
const HELD = 8; // seconds for which the server may hold a request

refreshTimes(document);
setInterval(() => refreshTimes(document), 30_000);
for (const place of document.querySelectorAll('[data-live-url]')) keepLive(place);
for (const place of document.querySelectorAll('[data-tick-all]')) tickAll(place);
focusFirstProblem();

/** Same words as webapp/present.py. */
function ago(seconds) {
  const length = Math.abs(seconds);
  if (length < 45) return seconds >= 0 ? 'just now' : 'in a moment';
  const [count, unit] =
    length < HOUR - 30 ? [Math.round(length / MINUTE), 'min']
    : length < DAY ? [Math.round(length / HOUR), 'h']
    : length < 60 * DAY ? [Math.round(length / DAY), 'd']
    : [Math.round(length / (30.44 * DAY)), 'months'];
  return seconds >= 0 ? `${count} ${unit} ago` : `in ${count} ${unit}`;
}

function refreshTimes(root) {
  const now = Date.now();
  for (const time of root.querySelectorAll('time[data-relative]')) {
    const at = new Date(time.dateTime);
    const words = ago((now - at) / 1000);
    if (time.textContent !== words) time.textContent = words;
    if (!time.dataset.localised) {
      time.title = `${at.toLocaleString()} (${time.title})`;
      time.dataset.localised = 'yes';
    }
  }
}

/** Polls while the page can be seen, more slowly while nothing happens; stops when the answer is final. */
function keepLive(place) {
  let stamp = place.dataset.liveStamp ?? '';
  let wait = POLL_FIRST;
  let timer = null;
  const schedule = () => { clearTimeout(timer); timer = setTimeout(poll, wait); };

  async function poll() {
    if (document.hidden) return; // visibilitychange takes it up again
    let isFinal = false;
    try {
      const url = new URL(place.dataset.liveUrl, location.href);
      url.searchParams.set('seen', stamp);
      url.searchParams.set('wait', HELD);
      const asked = Date.now();
      const answer = await fetch(url, { headers: { Accept: 'application/json' }, redirect: 'manual' });
      const wasHeld = Date.now() - asked > HELD * 500;
      if (answer.status === 204) wait = wasHeld ? 0 : Math.min(Math.max(wait, POLL_FIRST) * POLL_FACTOR, POLL_LONGEST);
      else if (answer.ok) {
        const news = await answer.json();
        ({ stamp, is_final: isFinal } = news);
        replaceFragments(news.fragments);
        if (news.marks) document.dispatchEvent(new CustomEvent('fermata:marks', { detail: news.marks }));
        wait = AFTER_NEWS;
      } else if (answer.status < 500) isFinal = true; // logged out (a redirect, status 0) or gone: a reload tells
    } catch {
      wait = Math.min(wait * 2, POLL_LONGEST);
    }
    place.dataset.liveState = isFinal ? 'final' : 'polling';
    if (!isFinal) schedule();
  }

  document.addEventListener('visibilitychange', () => { if (!document.hidden && place.dataset.liveState !== 'final') { wait = POLL_FIRST; poll(); } });
  if (place.dataset.liveFinal !== undefined) return;
  schedule();
}

function replaceFragments(fragments) {
  for (const [name, html] of Object.entries(fragments)) {
    const old = document.querySelector(`[data-live="${name}"]`);
    if (!old || isBeingEdited(old)) continue;
    const open = new Set([...old.querySelectorAll('details[open][data-key]')].map(details => details.dataset.key));
    const focused = old.contains(document.activeElement) ? document.activeElement.id : null;
    const fresh = new DOMParser().parseFromString(html, 'text/html').body;
    refreshTimes(fresh);
    for (const details of fresh.querySelectorAll('details[data-key]')) if (open.has(details.dataset.key)) details.open = true;
    old.replaceChildren(...fresh.childNodes);
    if (focused) document.getElementById(focused)?.focus();
  }
}

function isBeingEdited(place) {
  return place.contains(document.activeElement) && document.activeElement.matches('input, textarea, select');
}

function tickAll(place) {
  const all = place.querySelector('input');
  const ticks = [...place.closest('form').querySelectorAll('input[data-tick]')];
  const follow = () => {
    const count = ticks.filter(one => one.checked).length;
    all.checked = count === ticks.length;
    all.indeterminate = count > 0 && count < ticks.length;
  };
  all.addEventListener('change', () => { for (const one of ticks) one.checked = all.checked; });
  for (const one of ticks) one.addEventListener('change', follow);
  addEventListener('pageshow', follow); // the browser may bring back what was ticked
  place.hidden = false;
}

/** After a refused form the first wrong field has the focus. */
function focusFirstProblem() {
  document.querySelector('[aria-invalid="true"]')?.focus();
}
