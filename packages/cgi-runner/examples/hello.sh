#!/bin/sh
# The smallest CGI program: a head, an empty line, the content. Everything about the request is in the environment.
echo "Content-Type: text/plain; charset=utf-8"
echo
echo "Hello, ${REMOTE_ADDR:-visitor}!"
echo "You asked with $REQUEST_METHOD for $SCRIPT_NAME, and behind that stood '$PATH_INFO'."
echo "I am process $$, started for you alone, and this is my last line."
