"""moto's server of S3, with conditional writes that are atomic: moto looks for an object and writes it without a lock.

It keeps no log of requests and lists the modules of moto once: for each request both take as long as the answer itself.

python moto_server_locked.py PORT
"""

import sys
import threading

from moto import backends
from moto.s3 import responses
from moto.server import main
from werkzeug.serving import WSGIRequestHandler

LOCK = threading.RLock()
PUT = responses.S3Response._key_response_put
MODULES = frozenset(backends.list_of_moto_modules())


def put(self, *arguments, **options):
    with LOCK:
        return PUT(self, *arguments, **options)


responses.S3Response._key_response_put = put
backends.list_of_moto_modules = lambda: MODULES
WSGIRequestHandler.log_request = lambda *_: None
if __name__ == "__main__":
    main(["-H", "127.0.0.1", "-p", sys.argv[1]])
