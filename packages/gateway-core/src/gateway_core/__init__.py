"""Pure halves of every gateway: HTTP/1.1 codec, environ, input, PEP 3333 response rules."""
