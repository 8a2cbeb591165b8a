from lesson_kit.lessons.lesson_10 import is_whole


def relay(visitor, connect, limit):
    """Take a request of at most `limit` bytes from a visitor, have the server answer it, and give him the answer."""
    # decode: all of the request, however slowly it comes
    request = visitor.recv(4096)
    ...  # until it is whole, or too large, or he goes
    # call: only now a worker is needed
    server = connect()
    server.sendall(request)
    answer = b""
    while piece := server.recv(4096):
        answer += piece
    # release: the worker, before the visitor has read anything
    ...
    # encode
    visitor.sendall(answer)
