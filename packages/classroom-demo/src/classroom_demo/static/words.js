/* All words of the seven screens, in three languages. A sentence with numbers in it is a function of them.
 *
 * A language has the same keys as the others. Names that are the same everywhere (CGI, pid, the log's own line) stand
 * where they are drawn.
 */

const en = {
  screen: (n, all) => `Screen ${n} of ${all}`,
  replay: "REPLAY",
  space: "Space",
  hands: (n) => (n === 1 ? "1 hand" : `${n} hands`),
  right: "measured",
  starting: "The gateways start …",
  broken: "Broken off. Space begins again.",
  vote: {
    title: "40 requests. How many Python processes are born?",
    heads: ["CGI", "FastCGI, 2 workers"],
    prompt: "Hands up!",
  },
  cgi: {
    title: "CGI: 40 requests",
    running: "A dot is an answer, its height the process.",
    prompt: "What do you see?",
    request: "request", process: "process", counter: "the application’s counter",
    label: (answers, processes) => `${answers} answers from ${processes} processes; the counter is 1 in each`,
  },
  stay: {
    title: "The same file, in processes that stay",
    running: "The number is the application’s counter.",
    prompt: "What do you see now?",
    born: (n) => (n === 1 ? "process" : "processes"),
    same: (file, hash, n) => `${file}, SHA-256 ${hash}…: ${n} × the same`,
    label: (kind, answers, processes, top) => `${kind}: ${answers} answers from ${processes} processes, the counter reaches ${top}`,
  },
  truth: {
    title: (cgi, fastcgi) => `${cgi} under CGI, ${fastcgi} under FastCGI`,
    prompt: "Tell your neighbour why.",
  },
  where: {
    title: "Where does the time of one CGI request go?",
    prompt: "Which part is the largest? Hands up!",
    measuring: "Five programs, each with one step more …",
    measured: (ms) => `One CGI request: ${ms} ms`,
    after: "What does a worker that stays pay again?",
    process: "start a process", python: "start Python", imports: "import the application", answer: "answer",
    ghost: "your votes", bar: "measured",
    label: (name, share, votes) => `${name}: ${share} % measured, ${votes} % of the votes`,
  },
  columns: {
    title: "One request, five forms",
    prompt: "Which of these does nginx read?",
    answer: "nginx reads what comes over a wire.",
    carriers: { environment: "environment", records: "records", packet: "packet", text: "text", call: "function call" },
    bytes: (n) => (n === 1 ? "byte" : "bytes"), reads: "nginx reads it",
    no: { environment: "no wire: it starts a program", call: "no wire: it is a call" },
  },
  break: {
    title: "HTTP, sent to a uwsgi port",
    prompt: "What would POST print?",
    size: "the size, low byte first", log: "The gateway’s log:",
    answer: "Letters, read as numbers",
    after: "uwsgi is a rule of its own. It is not HTTP.",
  },
  again: {
    title: "gunicorn -w 4, 1000 requests. How many worker processes?",
    prompt: "Hands up, once more!",
    running: (n) => `Our own WSGI server, with ${n} workers, too`,
    done: (requests, workers) => `${requests} requests, ${workers} processes`,
    right: "Who was right", before: "first vote", after: "last vote",
    of: (n, all) => `${n} of ${all}`, uncounted: "no hands were counted",
    prompt2: "And now: the map.",
    label: (pid, n) => `process ${pid} answered ${n}`,
  },
  map: {
    title: "Two questions end the confusion",
    rule: "a rule", program: "a program",
    crosses: "between processes", inside: "inside one process",
    cells: [
      ["CGI, FastCGI, SCGI, uwsgi, HTTP, AJP", "nginx, Apache: |fronts\nphp-fpm, uWSGI, gunicorn: |hold the workers"],
      ["WSGI, ASGI, Rack, PSGI, servlets", "Flask, Django, Spring: |frameworks\nmod_wsgi, mod_php: |inside the front"],
    ],
    prompt: "Free play: P",
  },
  help: {
    title: "Keys", card: "The teacher’s card",
    keys: [
      ["Space", "on"], ["Backspace", "back"], ["0 … 9", "hands for the marked answer"], ["Enter ↓ ↑", "the next answer, the one before"],
      ["L", "language"], ["R", "this screen again, recorded"], ["P", "free play"], ["F", "full screen"], ["D", "day and night"], ["?", "this list"],
    ],
  },
};

const de = {
  screen: (n, all) => `Bild ${n} von ${all}`,
  replay: "AUFZEICHNUNG",
  space: "Leertaste",
  hands: (n) => (n === 1 ? "1 Hand" : `${n} Hände`),
  right: "gemessen",
  starting: "Die Gateways starten …",
  broken: "Abgebrochen. Die Leertaste beginnt neu.",
  vote: {
    title: "40 Anfragen. Wie viele Python-Prozesse entstehen?",
    heads: ["CGI", "FastCGI, 2 Worker"],
    prompt: "Hände hoch!",
  },
  cgi: {
    title: "CGI: 40 Anfragen",
    running: "Ein Punkt: eine Antwort. Die Höhe: ihr Prozess.",
    prompt: "Was seht ihr?",
    request: "Anfrage", process: "Prozess", counter: "der Zähler der Anwendung",
    label: (answers, processes) => `${answers} Antworten von ${processes} Prozessen; der Zähler steht in jedem auf 1`,
  },
  stay: {
    title: "Dieselbe Datei, in Prozessen, die bleiben",
    running: "Die Zahl ist der Zähler der Anwendung.",
    prompt: "Was seht ihr jetzt?",
    born: (n) => (n === 1 ? "Prozess" : "Prozesse"),
    same: (file, hash, n) => `${file}, SHA-256 ${hash}…: ${n} × dieselbe`,
    label: (kind, answers, processes, top) => `${kind}: ${answers} Antworten von ${processes} Prozessen, der Zähler erreicht ${top}`,
  },
  truth: {
    title: (cgi, fastcgi) => `${cgi} mit CGI, ${fastcgi} mit FastCGI`,
    prompt: "Erklärt eurem Nachbarn, warum.",
  },
  where: {
    title: "Wohin geht die Zeit einer CGI-Anfrage?",
    prompt: "Welcher Teil ist der größte? Hände hoch!",
    measuring: "Fünf Programme, jedes mit einem Schritt mehr …",
    measured: (ms) => `Eine CGI-Anfrage: ${ms} ms`,
    after: "Was zahlt ein Worker, der bleibt, noch einmal?",
    process: "Prozess starten", python: "Python starten", imports: "Anwendung importieren", answer: "antworten",
    ghost: "eure Stimmen", bar: "gemessen",
    label: (name, share, votes) => `${name}: ${share} % gemessen, ${votes} % der Stimmen`,
  },
  columns: {
    title: "Eine Anfrage, fünf Formen",
    prompt: "Welche davon liest nginx?",
    answer: "nginx liest, was über eine Leitung kommt.",
    carriers: { environment: "Umgebung", records: "Records", packet: "Paket", text: "Text", call: "Aufruf" },
    bytes: (n) => (n === 1 ? "Byte" : "Bytes"), reads: "liest nginx",
    no: { environment: "ohne Leitung: ein Programm", call: "ohne Leitung: ein Aufruf" },
  },
  break: {
    title: "HTTP, an einen uwsgi-Port geschickt",
    prompt: "Was käme bei POST heraus?",
    size: "die Größe, niederes Byte zuerst", log: "Das Log des Gateways:",
    answer: "Buchstaben, als Zahlen gelesen",
    after: "uwsgi ist eine eigene Regel. Es ist kein HTTP.",
  },
  again: {
    title: "gunicorn -w 4, 1000 Anfragen. Wie viele Worker-Prozesse?",
    prompt: "Noch einmal Hände hoch!",
    running: (n) => `Unser WSGI-Server, auch mit ${n} Workern`,
    done: (requests, workers) => `${requests} Anfragen, ${workers} Prozesse`,
    right: "Wer richtig lag", before: "erste Wahl", after: "letzte Wahl",
    of: (n, all) => `${n} von ${all}`, uncounted: "keine Hände gezählt",
    prompt2: "Und nun: die Karte.",
    label: (pid, n) => `Prozess ${pid} hat ${n} beantwortet`,
  },
  map: {
    title: "Zwei Fragen beenden die Verwirrung",
    rule: "eine Regel", program: "ein Programm",
    crosses: "zwischen Prozessen", inside: "in einem Prozess",
    cells: [
      ["CGI, FastCGI, SCGI, uwsgi, HTTP, AJP", "nginx, Apache: |davor\nphp-fpm, uWSGI, gunicorn: |halten die Worker"],
      ["WSGI, ASGI, Rack, PSGI, Servlets", "Flask, Django, Spring: |Frameworks\nmod_wsgi, mod_php: |im Webserver"],
    ],
    prompt: "Freies Spiel: P",
  },
  help: {
    title: "Tasten", card: "Die Karte für Lehrende",
    keys: [
      ["Leertaste", "weiter"], ["Rücktaste", "zurück"], ["0 … 9", "Hände für die markierte Antwort"], ["Enter ↓ ↑", "nächste, vorige Antwort"],
      ["L", "Sprache"], ["R", "dieses Bild aus der Aufzeichnung"], ["P", "freies Spiel"], ["F", "ganzer Bildschirm"], ["D", "Tag und Nacht"], ["?", "diese Liste"],
    ],
  },
};

const zh = {
  screen: (n, all) => `第 ${n} 屏，共 ${all} 屏`,
  replay: "回放",
  space: "空格",
  hands: (n) => `${n} 人举手`,
  right: "实测",
  starting: "网关正在启动……",
  broken: "已中断。按空格重新开始。",
  vote: {
    title: "40 个请求，会产生多少个 Python 进程？",
    heads: ["CGI", "FastCGI，2 个 worker"],
    prompt: "请举手！",
  },
  cgi: {
    title: "CGI：40 个请求",
    running: "一个点是一次应答，高度是应答的进程。",
    prompt: "你们看到了什么？",
    request: "请求", process: "进程", counter: "应用程序的计数器",
    label: (answers, processes) => `${answers} 次应答来自 ${processes} 个进程；每个进程的计数器都是 1`,
  },
  stay: {
    title: "同一个文件，放在常驻的进程里",
    running: "数字是应用程序的计数器。",
    prompt: "现在看到了什么？",
    born: () => "个进程",
    same: (file, hash, n) => `${file}，SHA-256 ${hash}…：${n} 次都相同`,
    label: (kind, answers, processes, top) => `${kind}：${answers} 次应答来自 ${processes} 个进程，计数器达到 ${top}`,
  },
  truth: {
    title: (cgi, fastcgi) => `CGI：${cgi} 个；FastCGI：${fastcgi} 个`,
    prompt: "和旁边的同学说说为什么。",
  },
  where: {
    title: "一个 CGI 请求的时间花在哪里？",
    prompt: "哪一部分最大？请举手！",
    measuring: "五个程序，每个比前一个多一步，正在计时……",
    measured: (ms) => `一个 CGI 请求：${ms} 毫秒`,
    after: "常驻的 worker 还要重复哪一部分？",
    process: "启动进程", python: "启动 Python", imports: "导入应用程序", answer: "应答",
    ghost: "你们的投票", bar: "实测",
    label: (name, share, votes) => `${name}：实测 ${share}%，得票 ${votes}%`,
  },
  columns: {
    title: "一个请求，五种形式",
    prompt: "nginx 会读哪几种？",
    answer: "nginx 只读线路上传来的。",
    carriers: { environment: "环境变量", records: "记录", packet: "数据包", text: "文本", call: "函数调用" },
    bytes: () => "字节", reads: "nginx 会读",
    no: { environment: "没有线路：它启动程序", call: "没有线路：它是函数调用" },
  },
  break: {
    title: "把 HTTP 发到 uwsgi 端口",
    prompt: "如果是 POST，会显示什么数？",
    size: "长度，低位字节在前", log: "网关的日志：",
    answer: "把字母当成数字来读",
    after: "uwsgi 是另一套规则，不是 HTTP。",
  },
  again: {
    title: "gunicorn -w 4，1000 个请求：多少个 worker 进程？",
    prompt: "再举一次手！",
    running: (n) => `我们自己的 WSGI 服务器，同样 ${n} 个 worker`,
    done: (requests, workers) => `${requests} 个请求，${workers} 个进程`,
    right: "答对的人", before: "第一次投票", after: "最后一次投票",
    of: (n, all) => `${n} / ${all} 人`, uncounted: "没有统计举手",
    prompt2: "接下来：全图。",
    label: (pid, n) => `进程 ${pid} 应答了 ${n} 次`,
  },
  map: {
    title: "两个问题，理清一切",
    rule: "规则", program: "程序",
    crosses: "跨越进程", inside: "同一进程内",
    cells: [
      ["CGI、FastCGI、SCGI、uwsgi、HTTP、AJP", "nginx、Apache：|前端\nphp-fpm、uWSGI、gunicorn：|管理 worker"],
      ["WSGI、ASGI、Rack、PSGI、Servlet", "Flask、Django、Spring：|框架\nmod_wsgi、mod_php：|在前端里"],
    ],
    prompt: "自由操作：P",
  },
  help: {
    title: "按键", card: "教师卡",
    keys: [
      ["空格", "下一步"], ["退格", "上一步"], ["0 … 9", "当前选项的举手人数"], ["Enter ↓ ↑", "下一个、上一个选项"],
      ["L", "语言"], ["R", "回放本屏的录像"], ["P", "自由操作"], ["F", "全屏"], ["D", "白天与黑夜"], ["?", "本列表"],
    ],
  },
};

export const WORDS = { en, de, "zh-Hans": zh };
export const LANGUAGES = Object.keys(WORDS);

/** The language that a browser asks for, of those that there are. */
export function preferred(wanted = navigator.languages ?? []) {
  for (const tag of wanted) {
    const found = LANGUAGES.find((one) => one.split("-")[0] === tag.toLowerCase().split("-")[0]);
    if (found) return found;
  }
  return LANGUAGES[0];
}
