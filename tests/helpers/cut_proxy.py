#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cut_proxy LISTEN SERVER CUTS: a proxy between two unix sockets that loses replies.

The first CUTS connections bring every request to the Redis server, but end when the first integer reply comes back,
which the client never sees: what it asked for has been done, and it cannot know. Later connections are left alone.
"""
import os
import select
import socket
import sys

listen_path, server_path, cuts = sys.argv[1], sys.argv[2], int(sys.argv[3])
listener = socket.socket(socket.AF_UNIX)
listener.bind(listen_path + ".new")
listener.listen(8)
os.rename(listen_path + ".new", listen_path)

while True:
    client, _ = listener.accept()
    server = socket.socket(socket.AF_UNIX)
    server.connect(server_path)
    cutting, cuts = cuts > 0, cuts - 1
    while True:
        ready, _, _ = select.select([client, server], [], [])
        if client in ready:
            data = client.recv(1 << 16)
            if not data:
                break
            server.sendall(data)
        if server in ready:
            data = server.recv(1 << 16)
            if not data:
                break
            if cutting and (data.startswith(b":") or b"\r\n:" in data):
                break
            client.sendall(data)
    client.close()
    server.close()
