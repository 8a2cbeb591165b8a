from lesson_kit.lessons.lesson_10 import is_whole


def relay(visitor, connect, limit):
    """Take a request of at most `limit` bytes from a visitor, have the server answer it, and give him the answer."""
    # decode: all of the request, however slowly it comes
    # call: only now a worker is needed
    # release: the worker, before the visitor has read anything
    # encode
