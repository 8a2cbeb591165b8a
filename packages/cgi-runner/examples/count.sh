#!/bin/sh
# Content as it comes: each line is on its way to the browser while the next one is not yet thought of.
echo "Content-Type: text/plain; charset=utf-8"
echo
[ "$REQUEST_METHOD" = HEAD ] && exit
for number in 1 2 3 4 5; do
    echo "$number"
    sleep 1
done
