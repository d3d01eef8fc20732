"""A server of S3 as far as puts and gets of whole objects go, whose answers take as long as those of a distant one.

Started with a port and the seconds of an answer. It has one thread and does little, so that it keeps no client waiting for
longer: a client that sends many requests at a time is not slowed down by the server.
"""

import asyncio
import sys
from hashlib import md5

EMPTY_LIST = (
    b'<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>'
)
MODIFIED = "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT"
REASONS = {200: "OK", 204: "No Content", 404: "Not Found", 412: "Precondition Failed"}


class Connection(asyncio.Protocol):
    """Answers the requests of one connection, one after the other."""

    def __init__(self, objects, delay):
        self.objects, self.delay = objects, delay
        self.data = bytearray()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            first, *lines = self.data[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            size = end + 4 + int(headers.get("content-length", 0))
            if len(self.data) < size:
                return
            body = bytes(self.data[end + 4 : size])
            del self.data[:size]
            method, path, _ = first.split(" ")
            answer = framed(method, *self.answer(method, path, headers, body))
            asyncio.get_running_loop().call_later(self.delay, self.transport.write, answer)

    def answer(self, method, path, headers, body):
        """The status, the content, and whether it is an object."""
        if method == "PUT":
            if path in self.objects and headers.get("if-none-match") == "*":
                return 412, b"", False
            self.objects[path] = body
            return 200, b"", False
        if method == "DELETE":
            self.objects.pop(path, None)
            return 204, b"", False
        if "list-type=" in path:
            return 200, EMPTY_LIST, False
        return (200, self.objects[path], True) if path in self.objects else (404, b"<Error/>", False)


def framed(method, status, content, is_object):
    """The answer as bytes."""
    tag = md5(content, usedforsecurity=False).hexdigest()
    lines = [f"HTTP/1.1 {status} {REASONS[status]}", f"Content-Length: {len(content)}", f'ETag: "{tag}"']
    head = "\r\n".join([*lines, *([MODIFIED] if is_object else []), "", ""]).encode()
    return head if method == "HEAD" else head + content


async def serve(port, delay):
    objects = {}
    server = await asyncio.get_running_loop().create_server(lambda: Connection(objects, delay), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
