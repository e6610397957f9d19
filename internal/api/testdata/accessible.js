// What everybody needs of a page, read from the page as it stands: a list of complaints.
(() => {
  const wrong = [];
  const shown = (e) => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const name = (e) => [
    e.getAttribute("aria-label"),
    ...(e.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent),
    ...[...(e.labels ?? [])].map((label) => label.textContent), e.textContent, e.title, e.alt,
  ].find((text) => text?.trim());
  const say = (what, e) => wrong.push(`${what}: ${e.outerHTML.slice(0, 120)}`);

  if (!document.documentElement.lang) wrong.push("the page has no language");
  if (!document.title) wrong.push("the page has no title");
  for (const landmark of ["main", "h1"]) {
    if (document.querySelectorAll(landmark).length !== 1) wrong.push(`the page has ${document.querySelectorAll(landmark).length} ${landmark}, not one`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push(`two elements have the id ${id}`);
  for (const e of document.querySelectorAll("[aria-labelledby]")) if (!name(e)) say("labelled by nothing", e);
  for (const e of document.querySelectorAll("a, button, input:not([type=hidden]), textarea, select, progress, summary, dialog, nav, section, [role=img], [tabindex]")) {
    if (!shown(e)) continue;
    if (!name(e)) say("no name", e);
    if (e.tabIndex > 0) say("jumps the order of the keyboard", e);
    if (e.matches("a") && !e.href) say("leads nowhere", e);
  }
  for (const e of document.querySelectorAll("th")) if (!e.scope) say("heads neither row nor column", e);
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")].filter(shown).map((e) => Number(e.tagName[1]));
  levels.forEach((level, i) => { if (i > 0 && level > levels[i - 1] + 1) wrong.push(`a heading ${level} follows a heading ${levels[i - 1]}`); });
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth + 1) wrong.push(`the page is ${document.documentElement.scrollWidth} pixels wide in ${document.documentElement.clientWidth}`);

  // Contrast, as WCAG reckons it: 4.5, or 3 for large letters.
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255];
  };
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !shown(e) || e.disabled || e.matches("option, script, noscript")) continue;
    const style = getComputedStyle(e), svg = e instanceof SVGElement;
    const [a, b] = [light(rgba(svg ? style.fill : style.color)), light(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.6 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) say(`contrast ${ratio.toFixed(2)}`, e);
  }
  return [...new Set(wrong)];
})()
