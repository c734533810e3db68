"""An MCP server on the official Python SDK that speaks both eras: what the door is put before when a test needs a modern peer.

    both_eras.py http     Streamable HTTP on 127.0.0.1; the first line on stdout is the URL
    both_eras.py stdio    newline-delimited JSON on stdin and stdout

Its tools let a test see what arrives: answers asked of a person, cancellations, the header names of a call.
"""

import asyncio
import socket
import sys
from typing import Annotated

import anyio
import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.resolve import Elicit, Resolve, Sample
from mcp_types import CreateMessageResult, SamplingMessage, TextContent
from pydantic import BaseModel

NOTE = "note://counter"

server = MCPServer("both-eras")
cancelled_waits = 0
waits = 0
touched = 0


class Name(BaseModel):
    """What is asked of the person."""

    name: str


async def ask_for_name() -> Elicit[Name]:
    return Elicit("What is your name?", Name)


@server.tool()
async def echo(text: str) -> str:
    """Gives back its argument."""
    return text


@server.tool()
async def greet(name: Annotated[Name, Resolve(ask_for_name)]) -> str:
    """Asks the person behind the client for a name, in the way of the client's era."""
    return f"hello {name.name}"


async def ask_the_model() -> Sample:
    question = TextContent(type="text", text="What do you think?")
    return Sample([SamplingMessage(role="user", content=question)], max_tokens=10)


@server.tool()
async def think(thought: Annotated[CreateMessageResult, Resolve(ask_the_model)]) -> str:
    """Asks the model behind the client, in the way of the client's era."""
    return f"thought {thought.content.text}"


@server.tool()
async def count(to: int, context: Context) -> str:
    """Reports progress at each step."""
    for step in range(1, to + 1):
        await context.report_progress(step, to)
        await asyncio.sleep(0.05)
    return f"counted to {to}"


@server.tool()
async def wait() -> str:
    """Never answers; remembers whether it was cancelled."""
    global waits, cancelled_waits
    waits += 1
    try:
        await asyncio.sleep(3600)
    except anyio.get_cancelled_exc_class():
        cancelled_waits += 1
        raise
    return "waited"


@server.tool()
async def waited() -> str:
    """How many calls of `wait` began, and whether all of them were cancelled."""
    return f"{waits} waits, {'all' if waits == cancelled_waits > 0 else cancelled_waits} cancelled"


@server.tool()
async def header_names(context: Context) -> str:
    """The names of the headers that this call came with; never their values."""
    request = context.request_context.request
    return " ".join(sorted(request.headers.keys())) if request is not None else "none"


@server.tool()
async def touch(context: Context) -> str:
    """Changes the note and tells those who subscribed to it."""
    global touched
    touched += 1
    await context.notify_resource_updated(NOTE)
    return f"touched {touched} times"


@server.prompt()
def say_hello() -> str:
    """One sentence."""
    return "Say hello, please."


@server.resource(NOTE)
def note() -> str:
    """How often the note was touched."""
    return str(touched)


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
