"""An MCP server on the official Python SDK that was given secrets, and tells their fingerprints: what the door is put before when a test needs to know which
value a child has got, without anybody printing it.

    keeper.py       newline-delimited JSON on stdin and stdout
"""

import hashlib
import os

from mcp.server.mcpserver import MCPServer

server = MCPServer("keeper")


@server.tool()
async def fingerprint(name: str) -> str:
    """The SHA-256 of a variable of this process, in hexadecimal digits."""
    return hashlib.sha256(os.environ[name].encode()).hexdigest()


server.run("stdio")
