#!/usr/bin/perl
#
# A form that answers itself, as it was written in 1995: Perl, no library, no strict. It works to this day, and each
# number marks something that has cost somebody a night. form.pl does the same as one would now, under the same numbers.
#
# It is not executable, so no server runs it: it is here to be read.

print "Content-type: text/html\n\n";                        # (1) the head is out: whatever goes wrong now is a 200
print "<TITLE>A form</TITLE>\n";

read(STDIN, $buffer, $ENV{'CONTENT_LENGTH'});               # (2) as much memory as the visitor cares to name
$buffer = $ENV{'QUERY_STRING'} if $buffer eq '';            # (3) the method is not asked: a link does what a POST does
foreach $pair (split(/&/, $buffer)) {
    ($key, $value) = split(/=/, $pair);
    $value =~ tr/+/ /;
    $value =~ s/%(..)/pack("C", hex($1))/ge;                # (4) "%zz" becomes something, too
    $$key = $value;                                         # (5) the visitor sets any variable of the program: ?0=hello
}

print "<P>Hello, $name!</P>\n" if $name;                    # (6) ?name=<SCRIPT>...: his page, at your address
print "<FORM METHOD=POST><INPUT NAME=name> <INPUT TYPE=submit></FORM>\n";

# (7) Then most of them sent a letter, and a shell read "; rm -rf /" in the visitor's address:
#
#     open(MAIL, "|/usr/lib/sendmail $address");
#
# (8) And kept their guests in a file that two visitors at once tear to pieces:
#
#     open(BOOK, ">>guests.html"); print BOOK "<P>$name\n"; close(BOOK);
