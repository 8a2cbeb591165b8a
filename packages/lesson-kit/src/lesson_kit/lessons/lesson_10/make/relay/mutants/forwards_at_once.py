from lesson_kit.lessons.lesson_10 import is_whole


def relay(visitor, connect, limit):
    """Misconception: a relay is fastest when it passes every byte on at once."""
    server = connect()
    request = b""
    while not is_whole(request):
        piece = visitor.recv(4096)
        if not piece:
            return
        request += piece
        if len(request) > limit:
            visitor.sendall(b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n\r\n")
            return
        server.sendall(piece)
    answer = b""
    while piece := server.recv(4096):
        answer += piece
    server.close()
    visitor.sendall(answer)
