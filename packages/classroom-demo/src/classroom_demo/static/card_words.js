/* What the teacher's card says beyond the words of the screens, in their languages.
 *
 * minutes: of each screen when it begins, and what is said and done there; `must` is a note for the teacher.
 * wrong:   by question, each option that is not the truth, with the sentence that helps; under `columns` and `break`,
 *          which are asked aloud, what somebody says, with that sentence.
 * [Space] is a key, `-w 4` is code.
 */

const en = {
  title: "What is a process per request, and why did staying win?",
  lead: "Five minutes, one key, no network. Count hands before you go on: the votes lock when the truth is shown.",
  keys: "Keys", print: "Print", five: "The five minutes", at: "at", shown: "on the screen", say: "you say, the class does",
  false: "Each wrong answer, and the sentence to say", somebody: "somebody says", you: "you say",
  minutes: {
    vote: ["0:00", "Read all four answers first. One hand each; no reasons yet."],
    cgi: ["0:40", "“What do you see?” Not yet why. Wait for: a new number each time, and always 1."],
    stay: ["1:20", "“What do you see now?” Then the votes over the truth: “Tell your neighbour why.” Twenty seconds; you say nothing."],
    where: ["2:00", "Vote, then the bill. “What of this does a worker that stays pay again?” Only the answer."],
    columns: ["2:50", "“Which of these does nginx read?” Let them point before you go on."],
    break: ["3:40", "“What would POST print?” 50 4f 53 54: 0x53 × 256 + 0x4f = 21327."],
    again: ["4:30", "The last vote, a thousand requests, who was right at first and now. Then the map."],
  },
  wrong: {
    born: {
      "1 1": "A CGI program is started anew for each request and ends with it. Which process would be the one that stays?",
      "1 2": "Two under FastCGI, yes. But CGI has nobody who waits: the process is the request.",
      "40 40": "FastCGI is no faster start, it is no start: the two that were there answer again, and their counter climbs.",
    },
    where: {
      process: "That is a millisecond or a few. Look what the new process has to do before it can answer.",
      python: "It is the second largest. After it comes everything that the application imports.",
      answer: "It is all that was asked for, and the part that you can hardly see.",
    },
    columns: {
      "CGI": "CGI is an environment and a new process. nginx starts no programs; Apache does.",
      "WSGI": "WSGI has no bytes to read. It is a call inside Python; nginx talks to whoever makes that call.",
      "uwsgi, uWSGI and WSGI are one thing": "A rule for bytes, a program, a call: three boxes of the map.",
      "it is fast because it is binary": "The bar that you have just seen has no protocol in it. The process stayed.",
    },
    break: {
      "21573 bytes came": "Four came that matter, “GET ”. The two in the middle were read as a size.",
      "20307, for POST": "“O” comes first, so it is the low byte: 0x534f is 21327, and 0x4f53 is 20307.",
    },
    again: {
      "1": "`-w 4` asks for four. One more stands behind them, the master, and answers nothing.",
      "250": "So many requests each of the four answered, more or less. Nobody was born for them.",
      "1000": "That was CGI. `-w 4` says how many there are, and requests do not change it.",
    },
  },
  trouble: "If a screen breaks off: [Space] begins it again, [R] plays it from a recording, stamped with its date. A new class: start the program anew.",
  foot: "All numbers are measured on this machine while you watch, unless a stamp says otherwise. They may differ from those here: believe the screen. Votes and numbers are saved with date and machine.",
};

const de = {
  title: "Was ist ein Prozess pro Anfrage, und warum hat das Bleiben gewonnen?",
  lead: "Fünf Minuten, eine Taste, kein Netz. Erst die Hände zählen, dann weiter: Mit der Wahrheit stehen die Stimmen fest.",
  keys: "Tasten", print: "Drucken", five: "Die fünf Minuten", at: "um", shown: "auf dem Bild", say: "was man sagt, was die Klasse tut",
  false: "Jede falsche Antwort, und der Satz dazu", somebody: "jemand sagt", you: "man sagt",
  minutes: {
    vote: ["0:00", "Erst alle vier Antworten vorlesen. Eine Hand für jeden; noch keine Gründe."],
    cgi: ["0:40", "„Was seht ihr?“ Noch nicht warum. Warten auf: jedes Mal eine neue Nummer, und immer 1."],
    stay: ["1:20", "„Was seht ihr jetzt?“ Dann die Stimmen über der Wahrheit: „Erklärt eurem Nachbarn, warum.“ Zwanzig Sekunden; man schweigt."],
    where: ["2:00", "Abstimmen, dann die Rechnung. „Was davon zahlt ein Worker, der bleibt, noch einmal?“ Nur die Antwort."],
    columns: ["2:50", "„Was davon liest nginx?“ Erst zeigen lassen, dann weiter."],
    break: ["3:40", "„Was käme bei POST heraus?“ 50 4f 53 54: 0x53 × 256 + 0x4f = 21327."],
    again: ["4:30", "Die letzte Abstimmung, tausend Anfragen, wer anfangs recht hatte und wer jetzt. Dann die Karte."],
  },
  wrong: {
    born: {
      "1 1": "Ein CGI-Programm wird für jede Anfrage neu gestartet und endet mit ihr. Welcher Prozess wäre der, der bleibt?",
      "1 2": "Zwei mit FastCGI, ja. Aber bei CGI wartet niemand: Der Prozess ist die Anfrage.",
      "40 40": "FastCGI startet nicht schneller, es startet gar nicht: Die zwei antworten wieder, und ihr Zähler steigt.",
    },
    where: {
      process: "Das ist eine Millisekunde oder ein paar. Was muss der neue Prozess alles tun, ehe er antworten kann?",
      python: "Das ist der zweitgrößte Teil. Danach kommt alles, was die Anwendung importiert.",
      answer: "Nur danach wurde gefragt, und diesen Teil sieht man kaum.",
    },
    columns: {
      "CGI": "CGI ist eine Umgebung und ein neuer Prozess. nginx startet keine Programme; Apache tut es.",
      "WSGI": "WSGI hat keine Bytes. Es ist ein Aufruf in Python; nginx spricht mit dem, der diesen Aufruf macht.",
      "uwsgi, uWSGI, WSGI: alles eins": "Eine Regel für Bytes, ein Programm, ein Aufruf: drei Felder der Karte.",
      "schnell, weil binär": "In dem Balken von eben kommt kein Protokoll vor. Der Prozess ist geblieben.",
    },
    break: {
      "21573 Bytes kamen an": "Vier zählen, „GET “. Die zwei in der Mitte wurden als Größe gelesen.",
      "20307, bei POST": "„O“ kommt zuerst, ist also das niedere Byte: 0x534f ist 21327, 0x4f53 ist 20307.",
    },
    again: {
      "1": "`-w 4` verlangt vier. Noch einer steht dahinter, der Master, und antwortet nie.",
      "250": "So viele Anfragen hat jeder der vier beantwortet, ungefähr. Geboren wurde dafür niemand.",
      "1000": "Das war CGI. `-w 4` sagt, wie viele es gibt, und Anfragen ändern daran nichts.",
    },
  },
  trouble: "Bricht ein Bild ab: [Leertaste] beginnt es neu, [R] spielt es aus einer Aufzeichnung, mit deren Datum. Eine neue Klasse: das Programm neu starten.",
  foot: "Alle Zahlen werden auf diesem Rechner gemessen, während man zusieht, wenn kein Stempel anderes sagt. Sie können von denen hier abweichen: Es gilt das Bild. Stimmen und Zahlen werden mit Datum und Rechner gespeichert.",
};

const zh = {
  title: "什么是“每个请求一个进程”，常驻进程为什么胜出？",
  lead: "五分钟，一个键，无需网络。先数举手，再往下走：答案一出现，投票就锁定。",
  keys: "按键", print: "打印", five: "五分钟", at: "时间", shown: "屏幕上", say: "老师说什么，学生做什么",
  false: "每个错误答案，以及该说的一句话", somebody: "有人说", you: "你说",
  minutes: {
    vote: ["0:00", "先把四个答案都念一遍。每人举一次手，先不讲理由。"],
    cgi: ["0:40", "“你们看到了什么？”先不问为什么。等到有人说：每次都是新的进程号，计数总是 1。"],
    stay: ["1:20", "“现在看到了什么？”然后把投票叠在答案上：“和旁边的同学说说为什么。”二十秒，你不说话。"],
    where: ["2:00", "投票，再看账单。“常驻的 worker 还要重复付出哪一部分？”只有应答。"],
    columns: ["2:50", "“nginx 会读哪几种？”先让他们指出来，再往下走。"],
    break: ["3:40", "“如果是 POST，会显示什么数？”50 4f 53 54：0x53 × 256 + 0x4f = 21327。"],
    again: ["4:30", "最后一次投票，一千个请求，起初谁答对、现在谁答对。然后是全图。"],
  },
  wrong: {
    born: {
      "1 1": "CGI 程序为每个请求重新启动，并随请求结束。哪一个进程会是留下来的那个？",
      "1 2": "FastCGI 两个，对。但 CGI 没有谁在等待：进程就是请求。",
      "40 40": "FastCGI 不是启动得更快，而是不再启动：原有的两个继续应答，计数不断上升。",
    },
    where: {
      process: "这只要一毫秒或几毫秒。看看新进程在应答之前还得做什么。",
      python: "它排第二。在它之后，还有应用程序导入的一切。",
      answer: "要的只是它，而它小得几乎看不见。",
    },
    columns: {
      "CGI": "CGI 是环境变量加一个新进程。nginx 不启动程序，Apache 才会。",
      "WSGI": "WSGI 没有字节可读，它是 Python 内部的一次调用；nginx 与发起调用的程序通信。",
      "uwsgi、uWSGI、WSGI 是一回事": "一个是字节的规则，一个是程序，一个是调用：全图中的三个格子。",
      "因为是二进制，所以快": "刚才的条形图里没有协议。快是因为进程留下来了。",
    },
    break: {
      "收到了 21573 个字节": "起作用的只有四个：“GET ”。中间两个被当成了长度。",
      "POST 是 20307": "“O”在前，所以是低位字节：0x534f 是 21327，0x4f53 才是 20307。",
    },
    again: {
      "1": "`-w 4` 要的是四个。后面还有一个 master，它不应答。",
      "250": "这大约是四个里每一个应答的请求数。没有为它们产生新进程。",
      "1000": "那是 CGI。`-w 4` 决定有多少个，请求数不改变它。",
    },
  },
  trouble: "如果某一屏中断：按 [空格] 重新开始，按 [R] 播放录像（带有日期）。换一个班：重新启动程序。",
  foot: "所有数字都是在这台机器上当场测得的，除非有回放标记。可能与这里的不同：以屏幕为准。投票和数字会连同日期和机器一起保存。",
};

export const CARD = { en, de, "zh-Hans": zh };
