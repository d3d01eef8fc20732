"""What servers say instead of a connection: soon there is one, or never."""

import socket
import struct
import threading

import pytest

from magnus.run_log_stores.sql.database import Cause, DatabaseFailure
from magnus.run_log_stores.sql.postgresql import PostgresqlDatabase
from magnus.run_log_stores.sql.url import DatabaseUrl


def refusing(sentence):
    """A listener that answers one client with the error, as a server does; and its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer():
        with listener, listener.accept()[0] as client:
            client.recv(1024)
            fields = b"SFATAL\0VFATAL\0C57P03\0M" + sentence.encode() + b"\0\0"
            client.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)

    threading.Thread(target=answer).start()
    return listener.getsockname()[1]


@pytest.mark.parametrize(
    ("sentence", "cause"),
    [
        ("the database system is starting up", Cause.BUSY),
        ("the database system is shutting down", Cause.BUSY),
        ("the database system is in recovery mode", Cause.BUSY),
        ("the database system is not yet accepting connections", Cause.BUSY),
        ("the database system is not accepting connections", Cause.BUSY),
        ("sorry, too many clients already", Cause.BUSY),
        ('database "none" does not exist', Cause.REFUSED),
        ('role "nobody" does not exist', Cause.REFUSED),
        ("das Datenbanksystem startet", Cause.UNREACHABLE),
    ],
)
def test_what_a_server_says_instead_of_a_connection(sentence, cause):
    url = f"postgresql://magnus@127.0.0.1:{refusing(sentence)}/runs?sslmode=disable&gssencmode=disable"
    with pytest.raises(DatabaseFailure, match=sentence) as failed:
        PostgresqlDatabase(DatabaseUrl(url, "the database", None, ())).connect(create=False)
    assert failed.value.cause is cause
