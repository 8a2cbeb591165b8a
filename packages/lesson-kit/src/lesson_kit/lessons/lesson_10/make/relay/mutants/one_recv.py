from lesson_kit.lessons.lesson_10 import is_whole


def relay(visitor, connect, limit):
    """Misconception: one recv gives the answer."""
    # decode: all of the request, however slowly it comes
    request = b""
    while not is_whole(request):
        piece = visitor.recv(4096)
        if not piece:
            return
        request += piece
        if len(request) > limit:
            visitor.sendall(b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n\r\n")
            return
    # call: only now a worker is needed
    server = connect()
    server.sendall(request)
    answer = server.recv(4096)
    # release: the worker, before the visitor has read anything
    server.close()
    # encode
    visitor.sendall(answer)
