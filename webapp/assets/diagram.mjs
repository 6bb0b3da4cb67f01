// Draws the BPMN diagram of a page and marks on it where an instance stands and has been.
//
//   <div data-diagram data-xml="URL of the BPMN file" data-marks="id of the JSON block's live name">
//
// Marks come from the JSON the element names, and again with every 'fermata:marks' event:
//   { nodes: { id: { visits, tokens, incidents, cancelled } }, flows: { id: times } }
import NavigatedViewer from 'bpmn-js/lib/NavigatedViewer';

const MARKERS = ['is-visited', 'is-active', 'has-incident', 'is-cancelled'];
const PADDING = 24;
const LARGEST = 1.1; // never much larger than drawn

for (const place of document.querySelectorAll('[data-diagram]')) draw(place);

async function draw(place) {
  const canvasElement = place.querySelector('[data-diagram-canvas]');
  const message = place.querySelector('[data-diagram-message]');
  message.textContent = 'Drawing the diagram …';
  const viewer = new NavigatedViewer({
    container: canvasElement,
    bpmnRenderer: {
      defaultFillColor: 'var(--diagram-fill)',
      defaultStrokeColor: 'var(--diagram-stroke)',
      defaultLabelColor: 'var(--diagram-label)',
    },
    // The font that editors lay their labels out with.
    textRenderer: { defaultStyle: { fontFamily: 'Arial, Helvetica, "Liberation Sans", sans-serif' } },
  });
  try {
    const [xml, marks] = await Promise.all([text(place.dataset.xml), place.dataset.marks ? json(place.dataset.marks) : null]);
    await viewer.importXML(xml);
    place.dataset.state = 'drawn';
    nameForReaders(canvasElement, place);
    keepOwnColours(viewer);
    shape(viewer, canvasElement);
    if (marks) mark(viewer, marks);
    fit(viewer);
  } catch (error) {
    place.dataset.state = 'failed';
    message.textContent = `The diagram cannot be drawn: ${error.message}`;
    return;
  }
  new ResizeObserver(() => viewer.get('canvas').resized()).observe(canvasElement);
  document.addEventListener('fermata:marks', event => mark(viewer, event.detail));
  listenToButtons(place, viewer);
  letThePageScroll(canvasElement);
  linkWithRows(place, viewer);
}

async function text(url) {
  const answer = await fetch(url, { headers: { Accept: 'application/xml' } });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.text();
}

async function json(url) {
  const answer = await fetch(url, { headers: { Accept: 'application/json' } });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.json();
}

/** The drawing can be focused and moved with the arrow keys: screen readers must be told what it is. */
function nameForReaders(canvasElement, place) {
  const drawing = canvasElement.querySelector('svg[tabindex]');
  drawing?.setAttribute('role', 'img');
  drawing?.setAttribute('aria-label', `${place.querySelector('figcaption').textContent} Arrow keys move it.`);
}

/** Elements coloured by their modeller keep their light fill in dark mode: their text must stay dark. */
function keepOwnColours(viewer) {
  const canvas = viewer.get('canvas');
  viewer.get('elementRegistry').forEach(element => {
    const di = element.di;
    if (di && (di.get('background-color') || di.get('fill'))) canvas.addMarker(element.id, 'has-own-fill');
  });
}

/** The canvas gets the proportions of the diagram, within what a screen can show. */
function shape(viewer, canvasElement) {
  const { inner, outer } = viewer.get('canvas').viewbox();
  if (!inner.width || !outer.width) return;
  const scale = Math.max(Math.min(LARGEST, (outer.width - 2 * PADDING) / inner.width), readable(outer.width));
  const height = Math.max(inner.height * scale + 4 * PADDING, 240); // room for the mark of bpmn.io
  canvasElement.style.height = `${Math.round(Math.min(height, innerHeight * 0.68))}px`;
  viewer.get('canvas').resized();
}

/** The whole diagram, but never larger than life; where labels could not be read, the part with the tokens. */
function fit(viewer) {
  const canvas = viewer.get('canvas');
  const { inner, outer } = canvas.viewbox();
  if (!inner.width || !outer.width) return;
  const whole = Math.min(LARGEST, (outer.width - 2 * PADDING) / inner.width, (outer.height - 2 * PADDING) / inner.height);
  const scale = Math.max(whole, readable(outer.width));
  const width = outer.width / scale;
  const height = outer.height / scale;
  const active = viewer.get('elementRegistry').find(element => !element.labelTarget && canvas.hasMarker(element, 'is-active'));
  canvas.viewbox({
    x: start(inner.x, inner.width, width, active && active.x + active.width / 2),
    y: start(inner.y, inner.height, height, active && active.y + active.height / 2),
    width,
    height,
  });
}

/** The smallest scale at which labels can be read on a canvas of this width. */
function readable(width) {
  return width < 600 ? 0.55 : 0.35;
}

/** Where a view of *size* begins on the range at *from*: centred if all of it fits, else around *point*. */
function start(from, length, size, point) {
  if (length <= size) return from - (size - length) / 2;
  const margin = size * 0.05;
  const wanted = point === undefined ? from : point - size / 2;
  return Math.min(Math.max(wanted, from - margin), from + length - size + margin);
}

function mark(viewer, marks) {
  const canvas = viewer.get('canvas');
  const overlays = viewer.get('overlays');
  overlays.remove({ type: 'fermata' });
  viewer.get('elementRegistry').forEach(element => {
    if (element.labelTarget || !element.parent) return;
    const node = marks.nodes[element.id];
    const isTaken = element.id in marks.flows;
    toggle(canvas, element, 'is-taken', isTaken);
    const wanted = node ? markersOf(node) : [];
    for (const name of MARKERS) toggle(canvas, element, name, wanted.includes(name));
    if (node) addBadges(overlays, element, node);
  });
}

function markersOf(node) {
  return [
    node.visits && 'is-visited',
    node.tokens && 'is-active',
    node.incidents && 'has-incident',
    node.cancelled && !node.tokens && 'is-cancelled',
  ].filter(Boolean);
}

function toggle(canvas, element, name, isOn) {
  if (canvas.hasMarker(element, name) !== isOn) canvas[isOn ? 'addMarker' : 'removeMarker'](element, name);
}

function addBadges(overlays, element, node) {
  if (node.tokens) {
    badge(overlays, element, 'token', node.tokens, `${node.tokens} waiting here`, { top: -10, left: -10 });
  }
  if (node.incidents) {
    badge(overlays, element, 'incident', '!', `${node.incidents} open incident(s)`, { bottom: 10, left: -10 });
  }
  if (node.visits > 1) {
    badge(overlays, element, 'visits', `${node.visits}×`, `entered ${node.visits} times`, { top: -9, right: 18 });
  }
}

function badge(overlays, element, kind, content, title, position) {
  const html = document.createElement('span');
  html.className = `diagram-badge diagram-badge-${kind}`;
  html.textContent = content;
  html.title = title;
  overlays.add(element.id, 'fermata', { position, html, show: { minZoom: 0.25 } });
}

function listenToButtons(place, viewer) {
  const zoom = { in: () => viewer.get('zoomScroll').stepZoom(1), out: () => viewer.get('zoomScroll').stepZoom(-1), fit: () => fit(viewer) };
  for (const button of place.querySelectorAll('[data-diagram-zoom]')) {
    button.addEventListener('click', () => zoom[button.dataset.diagramZoom]());
  }
}

/** The wheel scrolls the page; with Ctrl or Cmd it zooms the diagram. */
function letThePageScroll(canvasElement) {
  canvasElement.addEventListener('wheel', event => {
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
  }, { capture: true });
}

/** Pointing at a row shows its element in the diagram, clicking an element shows its rows. */
function linkWithRows(place, viewer) {
  const canvas = viewer.get('canvas');
  const registry = viewer.get('elementRegistry');
  let shown = null;
  const show = id => {
    if (shown === id) return;
    if (shown && registry.get(shown)) canvas.removeMarker(shown, 'is-pointed-at');
    shown = id && registry.get(id) ? id : null;
    if (shown) canvas.addMarker(shown, 'is-pointed-at');
  };
  const rowOf = event => event.target.closest?.('[data-element]')?.dataset.element ?? null;
  document.addEventListener('mouseover', event => { if (!place.contains(event.target)) show(rowOf(event)); });
  document.addEventListener('focusin', event => { if (!place.contains(event.target)) show(rowOf(event)); });
  viewer.get('eventBus').on('element.click', ({ element }) => {
    const rows = [...document.querySelectorAll('[data-element]')];
    for (const row of rows) row.classList.toggle('is-picked', row.dataset.element === element.id);
    rows.find(row => row.dataset.element === element.id)?.scrollIntoView({ block: 'nearest' });
  });
}
