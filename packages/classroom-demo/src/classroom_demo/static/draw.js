/* Elements, made in one line: h("p", { class: "x" }, "text", child), and the same for SVG. */

function make(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name.startsWith("--")) node.style.setProperty(name, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const h = (tag, attributes, ...children) => make(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => make(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

/** Set an element's text if it is another one: a screen reader says what has changed, and no more. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export const percent = (share) => Math.round(100 * share);
