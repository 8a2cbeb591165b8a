"""What names mean: meta-variables (RFC 3875 section 4.1) and header fields (RFC 9110), each in a few words."""

from __future__ import annotations

__all__ = ["of_field", "of_variable"]

VARIABLES = {
    # RFC 3875 section 4.1, in its order
    "AUTH_TYPE": "how the user was checked (RFC 3875, 4.1.1)",
    "CONTENT_LENGTH": "bytes of content (RFC 3875, 4.1.2)",
    "CONTENT_TYPE": "type of the content (RFC 3875, 4.1.3)",
    "GATEWAY_INTERFACE": "the version of CGI (RFC 3875, 4.1.4)",
    "PATH_INFO": "the path behind the program's own (RFC 3875, 4.1.5)",
    "PATH_TRANSLATED": "PATH_INFO as a file (RFC 3875, 4.1.6)",
    "QUERY_STRING": "behind the ?, not decoded (RFC 3875, 4.1.7)",
    "REMOTE_ADDR": "the client's address (RFC 3875, 4.1.8)",
    "REMOTE_HOST": "the client's name (RFC 3875, 4.1.9)",
    "REMOTE_IDENT": "RFC 1413's idea of the user (RFC 3875, 4.1.10)",
    "REMOTE_USER": "the user, once checked (RFC 3875, 4.1.11)",
    "REQUEST_METHOD": "the method (RFC 3875, 4.1.12)",
    "SCRIPT_NAME": "the program's own path (RFC 3875, 4.1.13)",
    "SERVER_NAME": "the site that was asked (RFC 3875, 4.1.14)",
    "SERVER_PORT": "the port that was asked (RFC 3875, 4.1.15)",
    "SERVER_PROTOCOL": "what the client speaks (RFC 3875, 4.1.16)",
    "SERVER_SOFTWARE": "the front's name and version (RFC 3875, 4.1.17)",
    # what fronts add
    "DOCUMENT_ROOT": "the directory of the site's files",
    "DOCUMENT_URI": "nginx: the path, decoded, as its locations see it",
    "HTTPS": "on if the client came over TLS",
    "REDIRECT_STATUS": "php-cgi runs nothing without it",
    "REMOTE_PORT": "the client's port",
    "REQUEST_SCHEME": "http or https",
    "REQUEST_URI": "the target as the client sent it",
    "SCGI": "marks the headers as SCGI's, always 1",
    "SCRIPT_FILENAME": "the script as a file: php-fpm runs this",
    "SERVER_ADDR": "the front's address",
    "SERVER_ADMIN": "the front's administrator",
    "SERVER_SIGNATURE": "Apache's footer for error pages",
    "CONTEXT_PREFIX": "Apache: the path of an alias",
    "CONTEXT_DOCUMENT_ROOT": "Apache: the directory of an alias",
    # FastCGI
    "FCGI_DATA_LENGTH": "bytes of the file to filter (FastCGI, 6.4)",
    "FCGI_DATA_LAST_MOD": "when the file changed, Unix time (FastCGI, 6.4)",
    "FCGI_ROLE": "the role in words, as Apache and lighttpd add it",
    "FCGI_MAX_CONNS": "connections that are taken at once (FastCGI, 4.1)",
    "FCGI_MAX_REQS": "requests that are taken at once (FastCGI, 4.1)",
    "FCGI_MPXS_CONNS": "1 if requests may share a connection (FastCGI, 4.1)",
    # uWSGI
    "UWSGI_APPID": "which application uWSGI runs",
    "UWSGI_CHDIR": "the directory uWSGI goes to first",
    "UWSGI_MODULE": "the module uWSGI loads",
    "UWSGI_SCHEME": "http or https, for uWSGI",
    "UWSGI_SCRIPT": "the application uWSGI loads",
}
"""Each is short enough to stand beside its bytes."""

FIELDS = {
    "accept": "types that the client takes (RFC 9110, 12.5.1)",
    "accept-encoding": "codings that the client takes (RFC 9110, 12.5.3)",
    "accept-language": "languages that the client takes (RFC 9110, 12.5.4)",
    "authorization": "the client's credentials (RFC 9110, 11.6.2)",
    "cache-control": "what caches may do (RFC 9111, 5.2)",
    "connection": "concerns this connection only (RFC 9110, 7.6.1)",
    "content-encoding": "how the content is coded (RFC 9110, 8.4)",
    "content-length": "bytes of content (RFC 9110, 8.6)",
    "content-type": "type of the content (RFC 9110, 8.3)",
    "cookie": "what the client was given to keep (RFC 6265, 4.2)",
    "date": "when the answer was made (RFC 9110, 6.6.1)",
    "etag": "names this version (RFC 9110, 8.8.3)",
    "expect": "the client waits for a word first (RFC 9110, 10.1.1)",
    "host": "which site is meant (RFC 9110, 7.2)",
    "if-modified-since": "only if newer (RFC 9110, 13.1.3)",
    "if-none-match": "only if another version (RFC 9110, 13.1.2)",
    "last-modified": "when it changed last (RFC 9110, 8.8.2)",
    "location": "where to look instead (RFC 9110, 10.2.2)",
    "range": "a part is wanted (RFC 9110, 14.2)",
    "server": "the software that answers (RFC 9110, 10.2.4)",
    "set-cookie": "for the client to keep (RFC 6265, 4.1)",
    "te": "transfer codings that are taken (RFC 9110, 10.1.4)",
    "trailer": "fields that follow the content (RFC 9110, 6.6.2)",
    "transfer-encoding": "how the content is framed (RFC 9112, 6.1)",
    "upgrade": "another protocol is offered (RFC 9110, 7.8)",
    "user-agent": "the software that asks (RFC 9110, 10.1.5)",
    "vary": "what the answer depends on (RFC 9110, 12.5.5)",
    "x-accel-redirect": "nginx is to send this path instead",
    "x-forwarded-for": "the client, as proxies saw it",
    "x-forwarded-proto": "http or https, as a proxy saw it",
    "x-sendfile": "the front is to send this file instead",
}


def of_variable(name: str) -> str:
    """Return what a meta-variable means, "" if that is not known."""
    known = VARIABLES.get(name)
    if known is None:
        return "a field of the client's request" if name.startswith("HTTP_") else ""
    return known


def of_field(name: str) -> str:
    """Return what a header field means, "" if that is not known."""
    return FIELDS.get(name.lower(), "")
