"""moto's server of S3, with conditional writes that are atomic: moto looks for an object and writes it without a lock.

python moto_server_locked.py PORT
"""

import sys
import threading

from moto.s3 import responses
from moto.server import main

LOCK = threading.RLock()
PUT = responses.S3Response._key_response_put


def put(self, *arguments, **options):
    with LOCK:
        return PUT(self, *arguments, **options)


responses.S3Response._key_response_put = put
if __name__ == "__main__":
    main(["-H", "127.0.0.1", "-p", sys.argv[1]])
