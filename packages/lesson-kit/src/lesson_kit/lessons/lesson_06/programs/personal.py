"""A page for each visitor, three times over. What is kept from one request to the next is the whole difference.

/nothing?user=7       opens the database, and closes it
/connection?user=7    opens it once, and keeps it open
/cache?user=7         keeps it open, and remembers what it has asked
"""

import os
import sqlite3

FOLDER = os.environ.get("PERSONAL_FOLDER", ".")
LOGIN = int(os.environ.get("PERSONAL_LOGIN", "0"))

connection = None
remembered = {}


def open_database():
    """Open it. A database with a password makes its clients compute something first: LOGIN rounds of a hash."""
    if LOGIN:
        import hashlib

        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", LOGIN)
    return sqlite3.connect(f"file:{FOLDER}/users.sqlite3?mode=ro", uri=True, check_same_thread=False)


def ask(database, user):
    """Check the password, then look the visitor up: two queries."""
    database.execute("SELECT password FROM users WHERE id = ?", (user,)).fetchone()
    return database.execute("SELECT name, town FROM users WHERE id = ?", (user,)).fetchone()


def with_nothing(user):
    """Open the database for this request alone."""
    database = open_database()
    try:
        return ask(database, user)
    finally:
        database.close()


def with_connection(user):
    """Open the database once."""
    global connection
    connection = connection or open_database()
    return ask(connection, user)


def with_cache(user):
    """Ask about each visitor once."""
    if user not in remembered:
        remembered[user] = with_connection(user)
    return remembered[user]


WAYS = {"/nothing": with_nothing, "/connection": with_connection, "/cache": with_cache}


def app(environ, start_response):
    """Look the visitor up, read a file, and fill it in."""
    look_up = WAYS[environ["PATH_INFO"]]
    name, town = look_up(int(environ["QUERY_STRING"].removeprefix("user=")))
    with open(f"{FOLDER}/page.html") as file:
        page = file.read().replace("NAME", name).replace("TOWN", town)
    start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(page)))])
    return [page.encode()]
