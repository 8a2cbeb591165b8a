#!/bin/sh
# Runs for the address of the directory itself. The current directory is that of the program (RFC 3875 section 7.2).
echo "Content-Type: text/html; charset=utf-8"
echo
[ "$REQUEST_METHOD" = HEAD ] && exit
echo "<!doctype html><title>Programs</title><h1>Programs in this directory</h1><ul>"
for file in *; do
    [ -x "$file" ] && [ -f "$file" ] && echo "<li><a href=\"$file\">$file</a></li>"
done
echo "</ul>"
