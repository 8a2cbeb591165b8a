import sys


def run_with_cgi(app, variables, stdin, stdout):
    """Answer one CGI request by a call of a WSGI application. The two streams are of bytes."""
    # decode: the variables are the environ already; what is missing are the objects
    # encode: a head, a blank line, and the content as it is
    # call
    # release
