/** The dataset browser as one page: a list of episodes, the image at a step, and actions and rewards below it. */

export const browserPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Dataset</title>
<style>
  body { margin: 0; font: 14px/1.5 system-ui, sans-serif; color: #1a2433; background: #f6f7f9; display: flex; height: 100vh; }
  nav { width: 270px; overflow: auto; border-right: 1px solid #d8dde4; background: #fff; }
  nav h1 { font-size: 15px; margin: 0; padding: 14px 16px; position: sticky; top: 0; background: #fff; border-bottom: 1px solid #d8dde4; }
  nav button { display: flex; justify-content: space-between; gap: 12px; width: 100%; border: 0; background: none; font: inherit; padding: 5px 16px; cursor: pointer; text-align: left; }
  nav button span:first-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  nav button:hover { background: #eef2f7; }
  nav button[aria-current=true] { background: #dbe7f7; font-weight: 600; }
  main { flex: 1; min-width: 0; padding: 18px 24px; overflow: auto; }
  #images { display: flex; flex-wrap: wrap; gap: 12px; }
  #images figure { margin: 0; }
  #images canvas { image-rendering: pixelated; width: min(384px, 45vh, 88vw); background: #dde2e8; display: block; border-radius: 4px; }
  #bar { display: flex; gap: 12px; align-items: center; margin: 12px 0; }
  #bar input { flex: 1; }
  #bar button { font: inherit; width: 70px; padding: 3px; }
  figure { margin: 14px 0 0; } figcaption { color: #5a6675; }
  .plot { width: 100%; height: 120px; background: #fff; border: 1px solid #d8dde4; border-radius: 4px; cursor: crosshair; display: block; }
  #facts { font-variant-numeric: tabular-nums; }
</style>
<nav><h1 id="title">Dataset</h1><div id="episodes"></div></nav>
<main>
  <div id="images"></div>
  <div id="bar"><button id="play">Play</button><input id="step" type="range" min="0" max="0" value="0" aria-label="step"></div>
  <div id="facts" role="status">Choose an episode.</div>
  <figure><figcaption>actions, −1 to 1, a line for each number</figcaption><canvas class="plot" id="actions"></canvas></figure>
  <figure><figcaption id="rewardsCaption">rewards</figcaption><canvas class="plot" id="rewards"></canvas></figure>
</main>
<script type="module">
const $ = (id) => document.getElementById(id);
const dataset = await (await fetch('dataset.json')).json();
const colours = ['#1f6fb5', '#d1622b', '#2f8f5b', '#8b4fb0', '#b8892b', '#c23b5c', '#3f9aa8', '#6b7280'];
let episode = null, number = -1, timer = null;
document.title = (dataset.task ?? 'Dataset') + ' · ' + dataset.episodes.length + ' episodes';
$('title').textContent = document.title;
for (const { name, width, height } of dataset.images) {
  const figure = document.createElement('figure'), canvas = document.createElement('canvas'), caption = document.createElement('figcaption');
  canvas.width = width; canvas.height = height; caption.textContent = name;
  figure.append(canvas, caption);
  $('images').append(figure);
}
dataset.episodes.forEach((entry, i) => {
  const button = document.createElement('button');
  const name = document.createElement('span'), total = document.createElement('span');
  name.textContent = entry.id; name.title = entry.id; total.textContent = entry.return.toFixed(1);
  button.append(name, total);
  button.onclick = () => open(i);
  $('episodes').append(button);
});

async function open(i) {
  number = i;
  [...$('episodes').children].forEach((button, n) => button.setAttribute('aria-current', n === i));
  $('facts').textContent = 'Loading …';
  const parts = ['values.json', ...dataset.images.map((_, n) => 'images/' + n)];
  const responses = await Promise.all(parts.map((part) => fetch('episodes/' + i + '/' + part)));
  if (number !== i) return;
  const failed = responses.find((response) => !response.ok);
  if (failed) { episode = null; $('facts').textContent = await failed.text(); return; }
  const [values, ...images] = responses;
  const pixels = await Promise.all(images.map(async (image) => new Uint8Array(await image.arrayBuffer())));
  episode = { ...dataset.episodes[i], ...(await values.json()), pixels };
  if (number !== i) return;
  $('step').max = episode.steps;
  $('step').value = 0;
  const [low, high] = rewardRange();
  $('rewardsCaption').textContent = 'rewards, ' + low.toFixed(2) + ' to ' + high.toFixed(2);
  show();
}

function rewardRange() {
  const { rewards } = episode;
  return [rewards.reduce((a, b) => Math.min(a, b), 0), rewards.reduce((a, b) => Math.max(a, b), 0)];
}

function show() {
  if (episode === null) return;
  const t = Number($('step').value);
  dataset.images.forEach((image, n) => drawImage(image, n, t));
  const rows = Array.from({ length: dataset.actionSize }, (_, a) => episode.rewards.map((_, s) => episode.actions[s * dataset.actionSize + a]));
  plot($('actions'), rows, -1, 1, t);
  plot($('rewards'), [episode.rewards], ...rewardRange(), t);
  const soFar = episode.rewards.slice(0, t).reduce((a, b) => a + b, 0);
  const action = rows.map((row) => row[t]?.toFixed(2)).join(', ');
  const end = episode.terminated ? 'terminated' : episode.truncated ? 'truncated' : 'no end';
  $('facts').textContent = 'Step ' + t + ' of ' + episode.steps + ' · ' + (t < episode.steps
    ? 'action ' + action + ' · reward that follows ' + episode.rewards[t].toFixed(3) : end) + ' · return so far ' + soFar.toFixed(1);
}

function drawImage({ width, height, channels }, number, t) {
  const image = new ImageData(width, height), pixels = episode.pixels[number];
  for (let i = 0, from = t * width * height * channels; i < width * height; i++, from += channels)
    for (let c = 0; c < 4; c++)
      image.data[4 * i + c] = c === 3 ? 255 : pixels[from + (channels < 3 ? 0 : c)];
  $('images').querySelectorAll('canvas')[number].getContext('2d').putImageData(image, 0, 0);
}

function plot(canvas, rows, low, high, t) {
  const scale = devicePixelRatio, width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = width * scale; canvas.height = height * scale;
  const context = canvas.getContext('2d');
  context.scale(scale, scale);
  const x = (step) => 8 + (width - 16) * step / Math.max(1, episode.steps);
  const y = (value) => height - 8 - (height - 16) * (value - low) / (high - low || 1);
  const line = (colour, points) => {
    context.strokeStyle = colour; context.beginPath();
    points.forEach(([px, py]) => context.lineTo(px, py));
    context.stroke();
  };
  line('#d8dde4', [[0, y(0)], [width, y(0)]]);
  rows.forEach((row, i) => line(colours[i % colours.length], row.map((value, step) => [x(step), y(value)])));
  line('#1a2433', [[x(t), 0], [x(t), height]]);
}

function move(to) {
  $('step').value = to;
  show();
}
function stop() {
  clearInterval(timer); timer = null; $('play').textContent = 'Play';
}
$('step').oninput = show;
$('play').onclick = () => {
  if (timer !== null) return stop();
  if (Number($('step').value) >= Number($('step').max)) move(0);
  $('play').textContent = 'Stop';
  timer = setInterval(() => {
    move(Number($('step').value) + 1);
    if (Number($('step').value) >= Number($('step').max)) stop();
  }, 50);
};
for (const canvas of document.querySelectorAll('.plot'))
  canvas.onpointermove = canvas.onpointerdown = (event) => {
    if (episode !== null && event.buttons > 0)
      move(Math.round(episode.steps * (event.offsetX - 8) / (canvas.clientWidth - 16)));
  };
addEventListener('keydown', (event) => {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (by === undefined || event.target === $('step')) return;
  event.preventDefault();
  move(Number($('step').value) + by);
});
addEventListener('resize', show);
// #episode/step opens there, and makes a place in the data something to pass on.
const [first, at] = location.hash.slice(1).split('/').map(Number);
if (dataset.episodes.length > 0) {
  await open(dataset.episodes[first] === undefined ? 0 : first);
  if (at > 0) move(at);
}
document.body.dataset.ready = 'true';
</script>
</html>
`;
