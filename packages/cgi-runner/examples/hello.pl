#!/usr/bin/env perl
# The smallest CGI program, as hello.sh is, in the language that most of them were written in.
use strict;
use warnings;

my %given = (PATH_INFO => '', REMOTE_ADDR => 'visitor', %ENV);
print "Content-Type: text/plain; charset=utf-8\n\n";
exit if $given{REQUEST_METHOD} eq 'HEAD';
print "Hello, $given{REMOTE_ADDR}!\n";
print "You asked with $given{REQUEST_METHOD} for $given{SCRIPT_NAME}, and behind that stood '$given{PATH_INFO}'.\n";
print "I am process $$, started for you alone, and this is my last line.\n";
