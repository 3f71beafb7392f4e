// Keeps the loaded page up to date: each row comes ready made and is put in its place.
"use strict";

const live = document.getElementById("live");
const filter = document.getElementById("filter");
let version = document.body.dataset.version;

function shows(row) {
  return row.textContent.toLowerCase().includes(filter.value.trim().toLowerCase());
}

function place({ section, key, html }) {
  const body = document.getElementById(section);
  const rows = [...body.rows];
  const old = rows.find((row) => row.dataset.key === key);
  if (html === undefined) {
    old?.remove();
    return;
  }
  const template = document.createElement("template");
  template.innerHTML = html;
  const row = template.content.firstElementChild;
  row.classList.toggle("other", !shows(row));
  if (old) {
    old.replaceWith(row);
  } else {
    body.insertBefore(row, rows.find((other) => other.dataset.key > key) ?? null);
  }
}

function count() {
  for (const body of document.querySelectorAll("tbody")) {
    const part = body.closest("section");
    part.querySelector(".count").textContent = body.rows.length;
    part.querySelector(".empty").hidden = body.rows.length > 0;
  }
}

function listen() {
  const source = new EventSource(`events?since=${version}`);
  source.onopen = () => { live.textContent = "Live"; };
  // The server ends each stream after some seconds, and the browser asks again for what it lacks.
  let lost;
  source.onerror = () => {
    clearTimeout(lost);
    lost = setTimeout(() => {
      if (source.readyState !== EventSource.OPEN) live.textContent = "No answer: what is shown may be old";
    }, 5000);
  };
  source.onmessage = (event) => {
    version = event.lastEventId;
    JSON.parse(event.data).forEach(place);
    count();
  };
  source.addEventListener("reload", () => location.reload());
}

filter.form.addEventListener("submit", (event) => event.preventDefault());
filter.addEventListener("input", () => {
  const wanted = filter.value.trim();
  const here = new URL(location);
  wanted ? here.searchParams.set("q", wanted) : here.searchParams.delete("q");
  history.replaceState(null, "", here);
  for (const row of document.querySelectorAll("tbody tr")) row.classList.toggle("other", !shows(row));
});
listen();
