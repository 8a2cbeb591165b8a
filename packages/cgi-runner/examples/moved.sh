#!/bin/sh
# A local redirect (RFC 3875 section 6.2.2): the server answers as if /hello.sh had been asked for. The browser never knows.
echo "Location: /hello.sh/by/way/of/moved"
echo
