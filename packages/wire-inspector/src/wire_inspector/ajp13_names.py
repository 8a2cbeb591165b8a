"""What the numbers of AJP13 stand for (the Apache Tomcat Connectors' protocol reference), in its order."""

from __future__ import annotations

__all__ = ["ATTRIBUTES", "METHODS", "REQUEST_HEADERS", "RESPONSE_HEADERS", "TYPES"]

TYPES = {
    2: "Forward Request",
    3: "Send Body Chunk",
    4: "Send Headers",
    5: "End Response",
    6: "Get Body Chunk",
    7: "Shutdown",
    8: "Ping",
    9: "CPong Reply",
    10: "CPing",
}

_METHODS = (
    "OPTIONS GET HEAD POST PUT DELETE TRACE PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK ACL REPORT VERSION-CONTROL "
    "CHECKIN CHECKOUT UNCHECKOUT SEARCH MKWORKSPACE UPDATE LABEL MERGE BASELINE-CONTROL MKACTIVITY"
)
METHODS = {**dict(enumerate(_METHODS.split(), 1)), 0xFF: "see the attribute stored_method"}

_REQUEST_HEADERS = (
    "accept accept-charset accept-encoding accept-language authorization connection content-type content-length "
    "cookie cookie2 host pragma referer user-agent"
)
REQUEST_HEADERS = dict(enumerate(_REQUEST_HEADERS.split(), 0xA001))

_RESPONSE_HEADERS = (
    "Content-Type Content-Language Content-Length Date Last-Modified Location Set-Cookie Set-Cookie2 Servlet-Engine "
    "Status WWW-Authenticate"
)
RESPONSE_HEADERS = dict(enumerate(_RESPONSE_HEADERS.split(), 0xA001))

_ATTRIBUTES = (
    "context servlet_path remote_user auth_type query_string route ssl_cert ssl_cipher ssl_session req_attribute "
    "ssl_key_size secret stored_method"
)
ATTRIBUTES = {**dict(enumerate(_ATTRIBUTES.split(), 1)), 0xFF: "no more"}
