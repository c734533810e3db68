"""An MCP server on the official Python SDK that was given a secret, and tells its fingerprint: what the door is put before when a test needs to know which value
arrived, without anybody printing it.

    keeper.py stdio    newline-delimited JSON on stdin and stdout; the secret is the variable KEPT
    keeper.py http     Streamable HTTP on 127.0.0.1; the first line on stdout is the URL; the secret is the header `Kept` of each call
"""

import asyncio
import hashlib
import os
import socket
import sys

import uvicorn
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("keeper")


@server.tool()
async def fingerprint(context: Context) -> str:
    """The SHA-256 of the secret, in hexadecimal digits."""
    request = context.request_context.request
    # Headers come as Latin-1.
    secret = os.environ["KEPT"].encode() if request is None else request.headers["kept"].encode("latin-1")
    return hashlib.sha256(secret).hexdigest()


async def serve_http() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        print(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)
        app = server.streamable_http_app(streamable_http_path="/mcp")
        await uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve(sockets=[listener])


match sys.argv[1:]:
    case ["http"]:
        asyncio.run(serve_http())
    case ["stdio"]:
        server.run("stdio")
    case _:
        sys.exit(__doc__)
