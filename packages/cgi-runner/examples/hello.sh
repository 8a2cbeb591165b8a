#!/bin/sh
# The smallest CGI program: a head, an empty line, the content. Everything about the request is in the environment.
# hello.py, hello.pl, hello.php and hello.c say the same in other languages.
echo "Content-Type: text/plain; charset=utf-8"
echo
[ "$REQUEST_METHOD" = HEAD ] && exit # who asks for the head gets no content (RFC 3875 section 4.3.3)
echo "Hello, ${REMOTE_ADDR:-visitor}!"
echo "You asked with $REQUEST_METHOD for $SCRIPT_NAME, and behind that stood '$PATH_INFO'."
echo "I am process $$, started for you alone, and this is my last line."
