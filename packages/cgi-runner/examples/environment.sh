#!/bin/sh
# What a program is given: RFC 3875 section 4.1. Compare it with the `env` of your shell.
echo "Content-Type: text/plain; charset=utf-8"
echo
[ "$REQUEST_METHOD" = HEAD ] && exit
env | sort
