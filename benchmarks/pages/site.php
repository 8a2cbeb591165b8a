<?php
// The museum's page in PHP: the same text, the same template, the same bytes but for what the footer says.
//
//   /hello     14 constant bytes
//   /fastcgi   Markdown in a template, rendered once and kept; a footer for each request
//
// PHP forgets all variables after each request. What is to be kept goes to a file, and here that file is a program that
// returns the text: opcache has its string in memory that the processes share, as it has the templates of other PHP
// sites. Beside this file lie text.md, template.html and the parts (figures and dates) that the text asks for by name.

declare(strict_types=1);

const TEXT = __DIR__ . '/text.md';
const KEPT = __DIR__ . '/kept.php';
const SERVED = '{{served}}';

function inline(string $text): string
{
    $text = str_replace(['&', '<', '>'], ['&amp;', '&lt;', '&gt;'], $text);
    return preg_replace(
        ['/`([^`]+)`/', '/\*\*(.+?)\*\*/s', '/\[([^\]]+)\]\(([^)]+)\)/'],
        ['<code>$1</code>', '<strong>$1</strong>', '<a href="$2">$1</a>'],
        $text
    );
}

function items(string $block): string
{
    $items = preg_split('/\n(?=- )/', $block);
    $lines = array_map(fn ($item) => '<li>' . inline(substr($item, 2)) . '</li>', $items);
    return "<ul>\n" . implode("\n", $lines) . "\n</ul>";
}

function block(string $block): string
{
    if (preg_match('/^\[\[([a-z]+) ([a-z-]+)\]\]$/', $block, $name)) {
        return file_get_contents(__DIR__ . "/$name[1]-$name[2].html");
    }
    if (str_starts_with($block, '## ')) {
        $anchor = str_replace(' ', '-', preg_replace('/[^\w\- ]/', '', strtolower(substr($block, 3))));
        return "<h2 id=\"$anchor\">" . inline(substr($block, 3)) . '</h2>';
    }
    return str_starts_with($block, '- ') ? items($block) : '<p>' . inline($block) . '</p>';
}

function escaped(string $text): string
{
    return str_replace('&#039;', '&#39;', htmlspecialchars($text, ENT_QUOTES));
}

// Return the page before and after its footer.
function rendered(): array
{
    [, $front, $text] = explode("---\n", file_get_contents(TEXT), 3);
    preg_match_all('/^(\w+): (.*)$/m', $front, $said, PREG_SET_ORDER);
    $values = [];
    foreach ($said as [, $name, $value]) {
        $values['{{' . $name . '}}'] = escaped($value);
    }
    $values['{{content}}'] = implode("\n", array_map('block', preg_split('/\n\n+/', trim($text))));
    return explode(SERVED, strtr(file_get_contents(__DIR__ . '/template.html'), $values));
}

// Return the page as it is kept; render it first if the text is not the one that it was made from.
function page(): array
{
    $stamp = filemtime(TEXT);
    $kept = is_file(KEPT) ? include KEPT : null;
    if ($kept === null || $kept[0] !== $stamp) {
        $kept = [$stamp, ...rendered()];
        $new = tempnam(__DIR__, 'kept');
        file_put_contents($new, '<?php return ' . var_export($kept, true) . ';');
        rename($new, KEPT);  // nobody sees half of it
        function_exists('opcache_invalidate') && opcache_invalidate(KEPT, true);
    }
    return $kept;
}

function footer(): string
{
    $started = $_SERVER['REQUEST_TIME_FLOAT'];
    $age = microtime(true) - $started;
    $rows = [
        'Protocol' => PHP_SAPI === 'fpm-fcgi' || isset($_SERVER['FCGI_ROLE']) ? 'FastCGI' : 'CGI',
        'Server' => escaped($_SERVER['SERVER_SOFTWARE'] ?? 'not named'),
        'Process' => getmypid(),
        'Age of the process' => sprintf('%.3f s', $age),
        'Requests it has served' => 1,
        'Time in the application' => sprintf('%.3f ms', $age * 1000),
        'run_once' => 'yes',
        'multithread' => 'no',
        'multiprocess' => 'yes',
    ];
    $lines = '';
    foreach ($rows as $name => $value) {
        $lines .= "<div><dt>$name</dt><dd>$value</dd></div>\n";
    }
    return "<footer id=\"served\">\n<h2>How this page was served</h2>\n<dl>\n$lines</dl>\n</footer>";
}

function answer(string $type, string $content, int $status = 200): void
{
    http_response_code($status);
    header("Content-Type: $type");
    header('Content-Length: ' . strlen($content));
    echo $content;
}

$path = strtok($_SERVER['REQUEST_URI'], '?');
if ($path === '/hello') {
    answer('text/plain', "Hello, world!\n");
} elseif ($path === '/fastcgi') {
    header('Cache-Control: no-store');
    header("Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'");
    header('X-Content-Type-Options: nosniff');
    [, $before, $after] = page();
    answer('text/html; charset=utf-8', $before . footer() . $after);
} else {
    answer('text/plain', "There is no such page.\n", 404);
}
