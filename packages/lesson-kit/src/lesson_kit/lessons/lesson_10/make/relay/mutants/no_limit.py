from lesson_kit.lessons.lesson_10 import is_whole


def relay(visitor, connect, limit):
    """Misconception: a request is as large as a page."""
    # decode: all of the request, however slowly it comes
    request = b""
    while not is_whole(request):
        piece = visitor.recv(4096)
        if not piece:
            return
        request += piece
    # call: only now a worker is needed
    server = connect()
    server.sendall(request)
    answer = b""
    while piece := server.recv(4096):
        answer += piece
    # release: the worker, before the visitor has read anything
    server.close()
    # encode
    visitor.sendall(answer)
