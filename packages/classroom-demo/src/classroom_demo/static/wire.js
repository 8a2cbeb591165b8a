/* What is seen of bytes: one request in five forms, and HTTP on a port that waits for uwsgi. */

import { h, say } from "./draw.js";

const ROW = 8; // bytes in one line of a form: the header of a FastCGI record

// -- five forms -------------------------------------------------------------------------------------------------------------

export function columns({ words }) {
  const root = h("figure", { class: "five" });
  let forms = [];
  return {
    root,
    update({ data, step }) {
      if (data.columns && !forms.length) {
        forms = data.columns.map((column) => form(column, words));
        root.append(...forms.map((one) => one.root));
      }
      const answered = step === "answer" && data.nginx;
      for (const one of answered ? forms : []) one.judge(data.nginx.includes(one.name));
      return { title: words.columns.title, prompt: answered ? words.columns.answer : words.columns.prompt };
    },
  };
}

function form({ name, carrier, bytes, lines }, words) {
  const [first, second] = excerpt(lines, carrier === "call");
  const beginning = h("code", { class: first.hex && "hex", lang: "en" }, first.text);
  const more = h("code", { lang: "en" }, second);
  const root = h("section", { class: "form" }, h("h2", {}, name), h("p", { class: "carrier" }, words.columns.carriers[carrier]),
    h("p", { class: "size" }, h("b", { class: "count" }, String(bytes)), " ", h("span", {}, words.columns.bytes(bytes))), beginning, more);
  return {
    name, root,
    judge(read) {
      const why = words.columns.no[carrier];
      root.classList.add(read ? "read" : "unread");
      more.replaceWith(h("p", { class: "verdict" }, read ? words.columns.reads : why));
    },
  };
}

/** Two lines out of many: how it begins, and the first words in it. What is left out, an ellipsis says. */
function excerpt(lines, call) {
  if (call) return [{ text: "app(environ," }, "    start_response)"];
  const bytes = lines.slice(0, lines.findIndex((line) => line.text)).flatMap((line) => line.hex.split(" "));
  const text = bytes.length ? bytes.slice(0, ROW).join(" ") : lines[0].text;
  const rest = lines.filter((line) => line.text && line.text !== text);
  return [{ text, hex: bytes.length > 0 }, `${bytes.length > ROW ? "… " : ""}${rest[0].text} …`];
}

// -- HTTP to a uwsgi port -----------------------------------------------------------------------------------------------------

export function bytes({ words }) {
  const root = h("figure", { class: "knocks" });
  const log = h("p", { class: "log" });
  let shown = 0;
  return {
    root,
    update({ data, step }) {
      const knocks = data.hex ? [data, ...(data.others ?? [])] : [];
      if (knocks.length !== shown) {
        shown = knocks.length;
        root.classList.toggle("many", shown > 1);
        root.replaceChildren(...knocks.map((one) => knock(one, shown === 1, words)), log);
        log.replaceChildren(...(shown === 1 ? [h("span", {}, words.break.log), lit(data.log, data.number)] : []));
      }
      const over = step === "answer" && data.others;
      const told = knocks.map((one) => `${one.hex}: ${one.number}`).join("; ");
      return { title: over ? words.break.answer : words.break.title, prompt: over ? words.break.after : data.hex ? words.break.prompt : words.starting, told };
    },
  };
}

function knock({ hex, number }, alone, words) {
  const four = hex.split(" ");
  const tiles = four.map((byte, index) => h("div", { class: index === 1 || index === 2 ? "tile lit" : "tile" },
    h("b", {}, byte), h("span", {}, String.fromCharCode(parseInt(byte, 16)).replace(" ", "␣"))));
  const [low, high] = [four[1], four[2]];
  const sum = h("p", { class: "sum" }, h("span", {}, alone ? `0x${high}${low} =` : "="), h("b", {}, String(number)));
  return h("section", { class: "knock" }, h("div", { class: "tiles" }, tiles), alone ? h("p", { class: "brace" }, words.break.size) : null, sum);
}

function lit(line, number) {
  const [before, after] = line.split(String(number));
  return h("code", { lang: "en" }, before, h("mark", {}, String(number)), after ?? "");
}
