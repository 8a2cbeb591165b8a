/* All words of free play, in the languages of the script (words.js), and which of them is spoken.
 *
 *     speak("de")  -->  words().act.leak[0] === "Leck"      fill(root): data-say, data-name and data-hint of the page
 *
 * A sentence with numbers in it is a function of them; the numbers come as words already (units.js). Names that are the
 * same everywhere (CGI, FastCGI, p50, MB) stand where they are written. What the server says is English, and is marked so.
 */

import { LANGUAGES, preferred } from "./words.js";

const KEPT = "classroom-language"; // where the browser keeps the language, for the script as well

const en = {
  page: "Classroom: processes, live", title: "Free play: gateways side by side", controls: "What happens to the lanes",
  invite: "The same application, served in two ways. Nothing runs yet.", start: "Start CGI beside FastCGI",
  add: "+ lane", script: "Script", more: "More", table: "Table", motion: "Slow motion", help: "Help and keys",
  close: "Close", targets: "To which lanes", all: "all", path: "What visitors ask for", perSecond: "Visitors a second",
  rate: (n) => `${n} ${n === "1" ? "visitor" : "visitors"} a second`,
  ratio: "the CPU a request:", early: "Let visitors come: press ]", soon: "the CPU a request: not yet enough of them", unlike: "The lanes are asked for different things.",
  nothing: "Nothing runs yet: start a gateway first.",
  gone: "The server does not answer. This page goes on trying; what you see is old.", back: "The server is back.",
  noScript: "The script cannot be loaded. Free play can.",
  act: {
    once: ["One request", "one visitor comes"],
    burst: ["Burst of 40", "40 visitors come at once"],
    slow: ["Slow request", "a visitor whose request takes 3 seconds"],
    kill: ["Kill", "kill the process that is chosen, or the youngest"],
    reload: ["Reload", "new workers take the place of the old"],
    leak: ["Leak", "a request after which 17 MB are kept for good"],
    crash: ["Crash", "a request that ends its process"],
    break: ["Crash on import", "the application cannot be imported any more, until it is reloaded"],
  },
  count: { born: ["processes ", "born", ""], cpu: ["", "CPU", " spent"], waiting: ["visitors ", "waiting", ""], failed: ["", "failed", ""] },
  lane: {
    name: (lane) => `Lane ${lane}`, kind: (lane) => `Gateway of lane ${lane}`, remove: (lane) => `Remove lane ${lane}`,
    fewer: (lane) => `Fewer workers in lane ${lane}`, more: (lane) => `More workers in lane ${lane}`,
    workers: (n) => (n === 1 ? "worker" : "workers"), strip: (lane) => `Latencies of lane ${lane}, on a logarithmic axis`,
    stage: (lane) => `Processes of lane ${lane}: arrows choose one, Enter opens it; the table has the same`,
    table: (lane) => `Processes of lane ${lane}`, starts: (kind) => `${kind} starts …`,
    born: (pid) => `${pid} is born`, broken: "Import fails: press R",
    away: (n) => `${n} turned away`, unheard: (n) => `${n} events lost`, asks: (n, path) => `${n} a second: ${path}`,
    nobody: "nobody comes", latency: "latency of the last 10 s", told: (born, ended) => `${born} born, ${ended} ended`,
    unwell: (n) => `, ${n} of them not well`, open: (pid) => `Process ${pid}: its last requests and its bytes`,
  },
  state: { busy: "busy", idle: "idle", starting: "starting", ended: "ended", killed: "killed" },
  how: { killed: (n) => `killed by signal ${n}`, exit: (n) => `exit code ${n}` },
  heads: ["process", "state", "served", "age", "memory", "CPU"],
  served: (n) => `${n} served`, queue: (n) => `queue ${n}`, visitors: "visitors", old: (age) => `${age} old`, master: "master", runner: "runner",
  life: {
    title: (role, pid, lane) => `${{ worker: "Worker", master: "Master" }[role] ?? "Process"} ${pid} of lane ${lane}`,
    unknown: "not sampled", requests: "Last requests", none: "None yet.", wire: "Bytes on the wire", unkept: "No bytes of this process have been kept.",
    in: "→ in", out: "← out", bytes: (n) => `${n} bytes`, rest: (n) => `and ${n} bytes more`,
  },
  slow: { title: (lane, took) => `One request of lane ${lane}: ${took}, in slow motion`, bytes: "Bytes", back: "← back", on: "on →" },
  keys: {
    title: "What you see, and the keys", language: "Language", single: "Single keys act",
    signs: {
      busy: "busy: holds a request", idle: "idle: waits for one", starting: "starting: loads Python and the application", ended: "ended",
      killed: "killed, or crashed", keeper: "the master, and ▢ a runner: they start others, and serve nobody themselves",
      visitor: "a visitor whom a process serves", queue: "a visitor before the door: no process has taken the connection",
    },
    about: "Under CGI each request is a process, so a dot. A worker stays, so it is a box, and fills with what it has served: a quarter at 10, half at 100, full at 10,000. ▲ is the median of the last ten seconds, ◆ the 99th percentile.",
    list: {
      all: "aim at all lanes", one: "aim at one lane; C or D is compared with A then", rate: "fewer, more visitors a second", workers: "fewer, more workers", add: "add a lane",
      motion: "slow motion", table: "tables in place of pictures", more: "more buttons", language: "language", day: "day and night",
      choose: "choose a process and open it", script: "close; then, the script", tab: "Tab, arrows, Enter", to: "1 to 4", and: "and", escape: "Escape",
    },
  },
};

const de = {
  page: "Unterricht: Prozesse, live", title: "Freies Spiel: Gateways nebeneinander", controls: "Was mit den Spuren geschieht",
  invite: "Dieselbe Anwendung, auf zwei Arten bedient. Noch läuft nichts.", start: "CGI neben FastCGI starten",
  add: "+ Spur", script: "Stunde", more: "Mehr", table: "Tabelle", motion: "Zeitlupe", help: "Hilfe und Tasten",
  close: "Schließen", targets: "Für welche Spuren", all: "alle", path: "Was die Besucher wollen", perSecond: "Besucher pro Sekunde",
  rate: (n) => `${n} Besucher pro Sekunde`,
  ratio: "so viel CPU je Anfrage:", early: "Lasst Besucher kommen: Taste ]", soon: "CPU je Anfrage: noch zu wenige", unlike: "Die Spuren bekommen verschiedene Anfragen.",
  nothing: "Noch läuft nichts: Startet zuerst ein Gateway.",
  gone: "Der Server antwortet nicht. Diese Seite versucht es weiter; was ihr seht, ist alt.", back: "Der Server ist wieder da.",
  noScript: "Die Stunde lässt sich nicht laden. Das freie Spiel schon.",
  act: {
    once: ["1 Anfrage", "ein Besucher kommt"],
    burst: ["40 zugleich", "40 Besucher kommen auf einmal"],
    slow: ["Langsame", "ein Besucher, dessen Anfrage 3 Sekunden dauert"],
    kill: ["Kill", "den gewählten Prozess abschießen, sonst den jüngsten"],
    reload: ["Neu laden", "neue Worker treten an die Stelle der alten"],
    leak: ["Leck", "eine Anfrage, nach der 17 MB für immer belegt bleiben"],
    crash: ["Absturz", "eine Anfrage, die ihren Prozess beendet"],
    break: ["Importfehler", "die Anwendung lässt sich nicht mehr importieren, bis sie neu geladen wird"],
  },
  count: { born: ["Prozesse ", "geboren", ""], cpu: ["", "CPU", " verbraucht"], waiting: ["Besucher ", "warten", ""], failed: ["", "Fehler", ""] },
  lane: {
    name: (lane) => `Spur ${lane}`, kind: (lane) => `Gateway der Spur ${lane}`, remove: (lane) => `Spur ${lane} entfernen`,
    fewer: (lane) => `Weniger Worker in Spur ${lane}`, more: (lane) => `Mehr Worker in Spur ${lane}`,
    workers: () => "Worker", strip: (lane) => `Antwortzeiten der Spur ${lane}, auf einer logarithmischen Achse`,
    stage: (lane) => `Prozesse der Spur ${lane}: Pfeiltasten wählen einen, Enter öffnet ihn; die Tabelle zeigt dasselbe`,
    table: (lane) => `Prozesse der Spur ${lane}`, starts: (kind) => `${kind} startet …`,
    born: (pid) => `${pid} ist geboren`, broken: "Import scheitert: Taste R",
    away: (n) => `${n} abgewiesen`, unheard: (n) => `${n} Ereignisse verloren`, asks: (n, path) => `${n} pro Sekunde: ${path}`,
    nobody: "niemand kommt", latency: "Antwortzeit der letzten 10 s", told: (born, ended) => `${born} geboren, ${ended} beendet`,
    unwell: (n) => `, ${n} davon nicht ordentlich`, open: (pid) => `Prozess ${pid}: seine letzten Anfragen und seine Bytes`,
  },
  state: { busy: "beschäftigt", idle: "frei", starting: "startet", ended: "beendet", killed: "abgeschossen" },
  how: { killed: (n) => `von Signal ${n} beendet`, exit: (n) => `Exit-Code ${n}` },
  heads: ["Prozess", "Zustand", "bedient", "Alter", "Speicher", "CPU"],
  served: (n) => `${n} bedient`, queue: (n) => `Schlange ${n}`, visitors: "Besucher", old: (age) => `${age} alt`, master: "Master", runner: "Runner",
  life: {
    title: (role, pid, lane) => `${{ worker: "Worker", master: "Master" }[role] ?? "Prozess"} ${pid} der Spur ${lane}`,
    unknown: "nicht gemessen", requests: "Letzte Anfragen", none: "Noch keine.", wire: "Bytes auf der Leitung", unkept: "Von diesem Prozess sind keine Bytes aufbewahrt.",
    in: "→ hinein", out: "← heraus", bytes: (n) => `${n} Bytes`, rest: (n) => `und ${n} weitere Bytes`,
  },
  slow: { title: (lane, took) => `Eine Anfrage der Spur ${lane}: ${took}, in Zeitlupe`, bytes: "Bytes", back: "← zurück", on: "weiter →" },
  keys: {
    title: "Was ihr seht, und die Tasten", language: "Sprache", single: "Einzelne Tasten wirken",
    signs: {
      busy: "beschäftigt: hält eine Anfrage", idle: "frei: wartet auf eine", starting: "startet: lädt Python und die Anwendung", ended: "beendet",
      killed: "abgeschossen oder abgestürzt", keeper: "der Master, und ▢ ein Runner: Sie starten andere und bedienen selbst niemanden",
      visitor: "ein Besucher, den ein Prozess bedient", queue: "ein Besucher vor der Tür: Kein Prozess hat die Verbindung angenommen",
    },
    about: "Mit CGI ist jede Anfrage ein Prozess, also ein Punkt. Ein Worker bleibt, also ist er ein Kasten und füllt sich mit dem, was er bedient hat: ein Viertel bei 10, halb bei 100, voll bei 10.000. ▲ ist der Median der letzten zehn Sekunden, ◆ das 99. Perzentil.",
    list: {
      all: "auf alle Spuren zielen", one: "auf eine Spur zielen; C oder D wird dann mit A verglichen", rate: "weniger, mehr Besucher pro Sekunde", workers: "weniger, mehr Worker", add: "eine Spur dazu",
      motion: "Zeitlupe", table: "Tabellen statt Bilder", more: "mehr Knöpfe", language: "Sprache", day: "Tag und Nacht",
      choose: "einen Prozess wählen und öffnen", script: "schließen; dann die Stunde", tab: "Tab, Pfeile, Enter", to: "1 bis 4", and: "und", escape: "Escape",
    },
  },
};

const zh = {
  page: "课堂：实时看进程", title: "自由操作：网关并排比较", controls: "对泳道的操作",
  invite: "同一个应用程序，两种服务方式。现在还没有运行。", start: "启动 CGI 和 FastCGI",
  add: "+ 泳道", script: "课程", more: "更多", table: "表格", motion: "慢动作", help: "帮助和按键",
  close: "关闭", targets: "作用于哪些泳道", all: "全部", path: "访客请求的内容", perSecond: "每秒访客数",
  rate: (n) => `每秒 ${n} 位访客`,
  ratio: "每个请求的 CPU：", early: "按 ] 让访客进来", soon: "每个请求的 CPU：请求还不够多", unlike: "各泳道的请求内容不同。",
  nothing: "还没有运行：请先启动一个网关。",
  gone: "服务器没有应答。本页会继续尝试；现在看到的是旧数据。", back: "服务器恢复了。",
  noScript: "课程无法加载，可以自由操作。",
  act: {
    once: ["一个请求", "来一位访客"],
    burst: ["同时 40 个", "40 位访客同时到来"],
    slow: ["慢请求", "一位访客的请求要用 3 秒"],
    kill: ["终止", "终止选中的进程；没有选中时，终止最新的"],
    reload: ["重新加载", "新的 worker 代替旧的"],
    leak: ["内存泄漏", "一个请求，之后有 17 MB 内存不再释放"],
    crash: ["崩溃", "一个请求，使处理它的进程结束"],
    break: ["导入时崩溃", "应用程序不能再导入，直到重新加载"],
  },
  count: { born: ["", "诞生", "的进程"], cpu: ["", "CPU", " 用时"], waiting: ["", "等待", "的访客"], failed: ["", "失败", ""] },
  lane: {
    name: (lane) => `泳道 ${lane}`, kind: (lane) => `泳道 ${lane} 的网关`, remove: (lane) => `移除泳道 ${lane}`,
    fewer: (lane) => `减少泳道 ${lane} 的 worker`, more: (lane) => `增加泳道 ${lane} 的 worker`,
    workers: () => "个 worker", strip: (lane) => `泳道 ${lane} 的延迟，对数轴`,
    stage: (lane) => `泳道 ${lane} 的进程：方向键选择，回车打开；表格内容相同`,
    table: (lane) => `泳道 ${lane} 的进程`, starts: (kind) => `${kind} 正在启动……`,
    born: (pid) => `${pid} 诞生`, broken: "无法导入：按 R",
    away: (n) => `${n} 位被拒绝`, unheard: (n) => `丢失 ${n} 个事件`, asks: (n, path) => `每秒 ${n} 个：${path}`,
    nobody: "没有访客", latency: "最近 10 秒的延迟", told: (born, ended) => `诞生 ${born} 个，结束 ${ended} 个`,
    unwell: (n) => `，其中 ${n} 个不正常`, open: (pid) => `进程 ${pid}：最近的请求和字节`,
  },
  state: { busy: "忙碌", idle: "空闲", starting: "启动中", ended: "已结束", killed: "被终止" },
  how: { killed: (n) => `被信号 ${n} 终止`, exit: (n) => `退出码 ${n}` },
  heads: ["进程", "状态", "已服务", "年龄", "内存", "CPU"],
  served: (n) => `已服务 ${n}`, queue: (n) => `排队 ${n}`, visitors: "访客", old: (age) => `已运行 ${age}`, master: "主进程", runner: "启动器",
  life: {
    title: (role, pid, lane) => `泳道 ${lane} 的${{ worker: " worker", master: "主进程" }[role] ?? "进程"} ${pid}`,
    unknown: "未采样", requests: "最近的请求", none: "还没有。", wire: "线路上的字节", unkept: "没有保留这个进程的字节。",
    in: "→ 收到", out: "← 发出", bytes: (n) => `${n} 字节`, rest: (n) => `还有 ${n} 字节`,
  },
  slow: { title: (lane, took) => `泳道 ${lane} 的一个请求：${took}，慢动作`, bytes: "字节", back: "← 上一步", on: "下一步 →" },
  keys: {
    title: "图例和按键", language: "语言", single: "启用单键操作",
    signs: {
      busy: "忙碌：正在处理一个请求", idle: "空闲：等待请求", starting: "启动中：加载 Python 和应用程序", ended: "已结束",
      killed: "被终止，或崩溃", keeper: "主进程，▢ 是启动器：它们启动其他进程，自己不服务",
      visitor: "正由某个进程服务的访客", queue: "门外的访客：还没有进程接受连接",
    },
    about: "用 CGI 时，一个请求就是一个进程，画成一个点。worker 常驻，画成一个方框，随着已服务的请求填满：10 个时四分之一，100 个时一半，10,000 个时全满。▲ 是最近十秒的中位数，◆ 是第 99 百分位数。",
    list: {
      all: "作用于全部泳道", one: "作用于一条泳道；C 或 D 这时与 A 比较", rate: "减少、增加每秒访客数", workers: "减少、增加 worker", add: "增加一条泳道",
      motion: "慢动作", table: "用表格代替图形", more: "更多按钮", language: "语言", day: "白天与黑夜",
      choose: "选择一个进程并打开", script: "关闭；再按回到课程", tab: "Tab、方向键、回车", to: "1 到 4", and: "和", escape: "Esc",
    },
  },
};

export const PLAY = { en, de, "zh-Hans": zh };

const kept = () => (PLAY[localStorage.getItem(KEPT)] ? localStorage.getItem(KEPT) : preferred());
let spoken = kept();

export const language = () => spoken;
export const words = () => PLAY[spoken];

/** Speak a language from now on, and remember it; none: the one that the script has last spoken. */
export function speak(wanted) {
  if (wanted) localStorage.setItem(KEPT, wanted);
  spoken = kept();
}

/** The language after the one that is spoken. */
export const next = () => LANGUAGES[(LANGUAGES.indexOf(spoken) + 1) % LANGUAGES.length];

const at = (path) => path.split(".").reduce((node, key) => node[key], words());

/** Write the words of the page: data-say is what an element says, data-name its accessible name, data-hint its title. */
export function fill(root) {
  for (const node of root.querySelectorAll("[data-say]")) node.textContent = at(node.dataset.say);
  for (const node of root.querySelectorAll("[data-name]")) node.setAttribute("aria-label", at(node.dataset.name));
  for (const node of root.querySelectorAll("[data-hint]")) node.title = `${at(node.dataset.hint)} (${node.getAttribute("aria-keyshortcuts")})`;
}

/** How a process has ended, as the server tells it, in words. */
export function ending(how) {
  const { how: says, state } = words();
  const [, killed, exit] = /signal (\d+)|exit code (-?\d+)/.exec(how) ?? [];
  return killed ? says.killed(killed) : exit ? says.exit(exit) : how === "ended" ? state.ended : how;
}
