<%--
The museum's page in Java: the same text, the same template, the same bytes but for what the footer says.

A page of JSP becomes a class, and its class stays: so it renders Markdown once and keeps the bytes, as the museum does,
and looks at the file's time stamp for each request. Beside it lie text.md, template.html and the parts (figures and
dates) that the text asks for by name.
--%>
<%@ page session="false" contentType="text/html; charset=utf-8" trimDirectiveWhitespaces="true" %>
<%@ page import="java.io.IOException, java.nio.charset.StandardCharsets, java.nio.file.Files, java.nio.file.Path" %>
<%@ page import="java.util.ArrayList, java.util.List, java.util.concurrent.atomic.AtomicLong, java.util.regex.Pattern" %>
<%!
    static final String SERVED = "{{served}}";
    static final Pattern PART = Pattern.compile("\\[\\[([a-z]+) ([a-z-]+)\\]\\]");
    static final Pattern SAID = Pattern.compile("^(\\w+): (.*)$", Pattern.MULTILINE);
    static final long BORN = System.nanoTime();
    static final AtomicLong REQUESTS = new AtomicLong();

    /** A rendered page: its bytes before and after the footer, and the time stamp of the text that it was made from. */
    record Kept(long stamp, byte[] before, byte[] after) {}

    static volatile Kept kept;

    static String inline(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            .replaceAll("`([^`]+)`", "<code>$1</code>")
            .replaceAll("(?s)\\*\\*(.+?)\\*\\*", "<strong>$1</strong>")
            .replaceAll("\\[([^\\]]+)\\]\\(([^)]+)\\)", "<a href=\"$2\">$1</a>");
    }

    static String items(String block) {
        List<String> lines = new ArrayList<>();
        for (String item : block.split("\n(?=- )")) {
            lines.add("<li>" + inline(item.substring(2)) + "</li>");
        }
        return "<ul>\n" + String.join("\n", lines) + "\n</ul>";
    }

    static String block(String block, Path folder) throws IOException {
        var part = PART.matcher(block);
        if (part.matches()) {
            return Files.readString(folder.resolve(part.group(1) + "-" + part.group(2) + ".html"));
        }
        if (block.startsWith("## ")) {
            String anchor = block.substring(3).toLowerCase().replaceAll("[^\\w\\- ]", "").replace(' ', '-');
            return "<h2 id=\"" + anchor + "\">" + inline(block.substring(3)) + "</h2>";
        }
        return block.startsWith("- ") ? items(block) : "<p>" + inline(block) + "</p>";
    }

    static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            .replace("\"", "&#34;").replace("'", "&#39;");
    }

    static Kept rendered(Path folder, long stamp) throws IOException {
        String[] source = Files.readString(folder.resolve("text.md")).split("---\n", 3);
        List<String> blocks = new ArrayList<>();
        for (String block : source[2].strip().split("\n\n+")) {
            blocks.add(block(block, folder));
        }
        String page = Files.readString(folder.resolve("template.html"));
        for (var said = SAID.matcher(source[1]); said.find(); ) {
            page = page.replace("{{" + said.group(1) + "}}", escaped(said.group(2)));
        }
        String[] halves = page.replace("{{content}}", String.join("\n", blocks)).split(Pattern.quote(SERVED), 2);
        return new Kept(stamp, bytes(halves[0]), bytes(halves[1]));
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static final String FOOTER = """
        <footer id="served">
        <h2>How this page was served</h2>
        <dl>
        <div><dt>Protocol</dt><dd>%s</dd></div>
        <div><dt>Server</dt><dd>%s</dd></div>
        <div><dt>Process</dt><dd>%d</dd></div>
        <div><dt>Age of the process</dt><dd>%.3f s</dd></div>
        <div><dt>Requests it has served</dt><dd>%d</dd></div>
        <div><dt>Time in the application</dt><dd>%.3f ms</dd></div>
        <div><dt>run_once</dt><dd>no</dd></div>
        <div><dt>multithread</dt><dd>yes</dd></div>
        <div><dt>multiprocess</dt><dd>no</dd></div>
        </dl>
        </footer>""";

    static String footer(String server, long number, long started) {
        long now = System.nanoTime();
        return FOOTER.formatted(
            "Servlet", escaped(server), ProcessHandle.current().pid(), (now - BORN) / 1e9, number, (now - started) / 1e6);
    }
%>
<%
    long started = System.nanoTime();
    long number = REQUESTS.incrementAndGet();
    Path folder = Path.of(application.getRealPath("/WEB-INF"));
    long stamp = Files.getLastModifiedTime(folder.resolve("text.md")).toMillis();
    Kept now = kept;
    if (now == null || now.stamp() != stamp) {
        kept = now = rendered(folder, stamp);
    }
    byte[] footer = bytes(footer(application.getServerInfo(), number, started));
    response.setHeader("Cache-Control", "no-store");
    response.setHeader(
        "Content-Security-Policy",
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'");
    response.setHeader("X-Content-Type-Options", "nosniff");
    response.setContentLength(now.before().length + footer.length + now.after().length);
    var output = response.getOutputStream();
    output.write(now.before());
    output.write(footer);
    output.write(now.after());
%>
