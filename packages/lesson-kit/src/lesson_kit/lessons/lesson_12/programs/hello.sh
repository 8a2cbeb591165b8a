echo 'Content-Type: text/plain'
echo
echo 'Hello, world!'
