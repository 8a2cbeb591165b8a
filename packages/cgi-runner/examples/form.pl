#!/usr/bin/env perl
# A form that answers itself, by hand and without a library, as one would write it now. The numbers are those of
# form-1995.pl: what went wrong there, and what is done about it. form.py is the same program in Python.
use strict;                                                 # (5) names are ours; a form's fields stay in a hash
use warnings;

use constant LIMIT => 10_000;                               # (2) bytes: a form of one field is smaller

my %PLAIN = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;', "'" => '&#39;');

# (1) A status can still be chosen, since nothing is printed before everything is known. One print, then the end.
sub answer {
    my ($status, $type, $content, @fields) = @_;
    my $length = length $content;
    $content = '' if ($ENV{REQUEST_METHOD} // '') eq 'HEAD';    # the head as for GET, and no content
    print join("\r\n", "Status: $status", "Content-Type: $type; charset=utf-8", "Content-Length: $length", @fields),
        "\r\n\r\n$content";
    exit;
}

sub refuse { my ($status, $sentence, @fields) = @_; answer($status, 'text/plain', "$sentence\n", @fields) }

sub decode {                                                # (4) what is no escape is refused, not guessed
    my ($text) = @_;
    $text =~ tr/+/ /;
    refuse('400 Bad Request', 'A percent sign needs two hexadecimal digits.') if $text =~ /%(?![0-9A-Fa-f]{2})/;
    $text =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
    return $text;
}

sub content {                                               # (2) never more than LIMIT, nor than CONTENT_LENGTH
    my $length = $ENV{CONTENT_LENGTH} || 0;
    refuse('400 Bad Request', 'CONTENT_LENGTH is not a number.') if $length !~ /\A[0-9]+\z/;
    refuse('413 Content Too Large', 'That is too long.') if $length > LIMIT;
    my $type = lc(($ENV{CONTENT_TYPE} // '') =~ s/\s*;.*//sr);
    refuse('415 Unsupported Media Type', 'Send a form.') if $type !~ m{\A(?:application/x-www-form-urlencoded)?\z};
    my $text = '';
    while (length $text < $length) {
        read(STDIN, $text, $length - length $text, length $text)
            or refuse('400 Bad Request', 'The form ended early.');
    }
    return $text;
}

# (3) Who only asks changes nothing, who sends does: the method says which. Others are refused by name.
my $method = $ENV{REQUEST_METHOD} // '';
refuse('404 Not Found', 'There is nothing behind this program.') if ($ENV{PATH_INFO} // '') ne '';
refuse('405 Method Not Allowed', 'Ask with GET, or send with POST.', 'Allow: GET, HEAD, POST')
    if $method !~ /\A(?:GET|HEAD|POST)\z/;

my %field;
for my $pair (split /&/, $method eq 'POST' ? content() : $ENV{QUERY_STRING} // '') {
    my ($name, $value) = map { decode($_) } split(/=/, $pair, 2), '';
    $field{$name} //= $value;
}

my $name = $field{name} // 'stranger';
$name =~ s/([&<>"'])/$PLAIN{$1}/g;                          # (6) a visitor's text is text, wherever it is shown
answer('200 OK', 'text/html', "<!doctype html><title>A form</title><p>Hello, $name!</p>"
    . '<form method="post"><label>Your name <input name="name"></label> <button>Send</button></form>' . "\n");

# (7) A program is started with a list of words, so that no shell reads them:
#
#     open(my $mail, '|-', '/usr/sbin/sendmail', '-t', '-oi') or die "sendmail: $!";    # the address is in the letter
#
# (8) Whoever appends takes the lock first, for another process of this very program runs at the same time:
#
#     use Fcntl ':flock';
#     open(my $book, '>>', 'guests.txt') or die "guests.txt: $!";
#     flock($book, LOCK_EX) or die "guests.txt: $!";
