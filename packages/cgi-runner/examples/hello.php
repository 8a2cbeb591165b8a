#!/usr/bin/env php-cgi
<?php
// The smallest CGI program, as hello.sh is. php-cgi (not php) reads the request and writes the head: header() is for the
// fields. It finds this file in SCRIPT_FILENAME, and runs it only for a server that sets REDIRECT_STATUS: else somebody
// could ask for /cgi-bin/php-cgi itself and name a file.
header('Content-Type: text/plain; charset=utf-8');
if ($_SERVER['REQUEST_METHOD'] === 'HEAD') {
    exit;
}
$address = $_SERVER['REMOTE_ADDR'] ?? 'visitor';
$extra = $_SERVER['PATH_INFO'] ?? '';
echo "Hello, $address!\n";
echo "You asked with {$_SERVER['REQUEST_METHOD']} for {$_SERVER['SCRIPT_NAME']}, and behind that stood '$extra'.\n";
echo 'I am process ', getmypid(), ", started for you alone, and this is my last line.\n";
